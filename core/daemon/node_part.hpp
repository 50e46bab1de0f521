#pragma once

#include "appliers/actions/applier.hpp"
#include "appliers/ovsdb/departures.hpp"
#include "appliers/ovsdb/port_witness.hpp"
#include "cni/server/server.hpp"
#include "config/settings.hpp"
#include "daemon/host_part.hpp"
#include "daemon/kube_part.hpp"
#include "daemon/ovsdb_link.hpp"
#include "daemon/pod_source.hpp"
#include "daemon/switch_ports.hpp"
#include "daemon/unsettled.hpp"

#include <array>
#include <memory>
#include <optional>

namespace weft::daemon {

/// What only role node has: the node's three databases, its kernel and its CNI server.
class NodePart final : private engine::Subscriber {
  public:
    NodePart(const config::Settings& settings, const std::vector<engine::ModuleSpec>& modules,
             const std::vector<const plugin::Loaded*>& plugins, engine::Engine& engine, Loop& loop, KubePart& kube,
             const Clock& clock);
    ~NodePart();

    Result<void> start();
    /// Leaves the data plane as it is; removes the CNI configuration file.
    void stop();
    /// Takes what the databases have brought; before each tick.
    void drain();
    /// Sends what the appliers have; after each tick.
    void flush();
    std::optional<TimePoint> next_deadline() const;

    /// Also for installed plugins that are switched off: what they had put is taken away.
    void add_claims(const plugin::Loaded& plugin);
    void set_rules(std::map<std::string, std::vector<std::string>> writes) { unsettled_.set_rules(std::move(writes)); }

    std::vector<appliers::Status> appliers() const;
    std::vector<const OvsdbLink*> links() const { return {&north_, &south_, &switch_}; }
    cni::ServerStatus cni() const { return server_.status(); }
    cni::CniMetrics cni_metrics() const { return server_.metrics(); }

  private:
    void changed(std::span<const Change> changes) override;
    std::vector<OvsdbLink*> all() { return {&north_, &south_, &switch_}; }

    engine::Engine& engine_;
    UnsettledInstances unsettled_;
    std::shared_ptr<appliers::ovsdb::Order> order_ = std::make_shared<appliers::ovsdb::Order>();
    OvsdbLink north_;
    OvsdbLink south_;
    OvsdbLink switch_;
    appliers::ovsdb::PortWitness witness_;
    appliers::ovsdb::Departures departures_;
    appliers::actions::Applier actions_;
    HostPart host_;
    BridgePorts ports_;
    EnginePods pods_;
    PortProgress progress_;
    cni::Server server_;
};

}  // namespace weft::daemon
