#pragma once

#include "appliers/ovsdb/order.hpp"
#include "ovsdb/replica.hpp"

#include <optional>
#include <string>
#include <unordered_map>

namespace weft::appliers::ovsdb {

/// What can be seen of a switch port beyond the northbound database, sooner than nb_cfg comes round: its Port_Binding,
/// where those are replicated, and for a port that an interface of this node plugs into, that ovn-controller has marked
/// the interface `ovn-installed`. Such a port is not installed before its interface is, whatever hv_cfg says.
class PortWitness {
  public:
    PortWitness(Order& order, const weft::ovsdb::DatabaseReplica& north, const weft::ovsdb::DatabaseReplica& south,
                const weft::ovsdb::DatabaseReplica& local);
    PortWitness(const PortWitness&) = delete;
    PortWitness& operator=(const PortWitness&) = delete;

    void south_changed(const weft::ovsdb::Changes& changes);
    void switch_changed(const weft::ovsdb::Changes& changes);

  private:
    std::optional<bool> ask(const Item& item, weft::ovsdb::Level level);
    void learn_interfaces();

    Order& order_;
    const weft::ovsdb::DatabaseReplica& north_;
    const weft::ovsdb::DatabaseReplica& south_;
    const weft::ovsdb::DatabaseReplica& local_;
    /// How many installed interfaces there are by iface-id; made when somebody first asks.
    std::optional<std::unordered_map<std::string, unsigned>> installed_;
};

}  // namespace weft::appliers::ovsdb
