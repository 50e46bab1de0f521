#pragma once

#include "bed.hpp"

#include <string>
#include <vector>

namespace weft::testing {

/// What role node needs to start: the three databases of a node, in a namespace of their own, with nothing behind them.
class NodeBed {
  public:
    static Result<std::unique_ptr<NodeBed>> make(BedOptions options = {});

    Bed& bed() { return *bed_; }
    /// "nb", "sb" or "ovs"; `arguments` are added to ovsdb-server's.
    Result<void> start_database(const std::string& name, const std::vector<std::string>& arguments = {});
    void kill_database(const std::string& name) { databases_.at(name).kill(); }
    /// Ends it, and its rows are gone.
    void drop_database(const std::string& name);
    /// weftd's sections that lead to the unix sockets.
    std::string sockets() const;
    Result<Weftd> start_weftd(const std::string& config);
    Result<Weftd> start_weftd(WeftdOptions options);

    static bool is_up(JsonView status, const std::string& connection);
    static std::string detail(JsonView status, const std::string& connection);

  private:
    std::unique_ptr<Bed> bed_;
    std::map<std::string, Process> databases_;
};

}  // namespace weft::testing
