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
#include "insight/surroundings.hpp"

#include <array>
#include <memory>
#include <optional>
#include <set>

namespace weft::daemon {

/// What only role node has: the node's three databases, its kernel and its CNI server.
class NodePart final : private engine::Subscriber {
  public:
    /// What is told while pods come. The first two by the CNI server, on a thread of its own.
    struct PodObserver {
        std::function<void(std::string_view command, bool failed, Duration took)> request_done;
        std::function<void(std::string_view stage, Duration took)> add_stage_done;
        std::function<void(Duration since_scheduled)> port_committed;
    };

    NodePart(const config::Settings& settings, const std::vector<engine::ModuleSpec>& modules,
             const std::vector<const plugin::Loaded*>& plugins, engine::Engine& engine, Loop& loop, KubePart& kube,
             const Clock& clock, PodObserver observer);
    ~NodePart();

    Result<void> start();
    /// Leaves the data plane as it is; removes the CNI configuration file.
    void stop();
    /// Takes what the databases have brought; before each tick.
    void drain();
    /// Sends what the appliers have; after each tick.
    void flush();
    std::optional<TimePoint> next_deadline() const;
    /// Transactions are on their way to a database.
    bool writing() const;
    /// A burst is over: memory that the databases' threads keep for the next one goes back.
    void give_back_memory() {
        for (OvsdbLink* link : all())
            link->give_back_memory();
    }

    /// Also for installed plugins that are switched off: what they had put is taken away.
    void add_claims(const plugin::Loaded& plugin);
    void set_rules(std::map<std::string, std::vector<std::string>> writes) { unsettled_.set_rules(std::move(writes)); }

    std::vector<appliers::Status> appliers() const;
    std::optional<insight::FarSide> far_side(const insight::RowName& row) const;
    std::optional<insight::RowName> row_with_uuid(std::string_view uuid) const;
    std::vector<const OvsdbLink*> links() const { return {&north_, &south_, &switch_}; }
    /// A plugin that can't run and without which no pod is to be served; an empty reason: it can.
    void gate(const std::string& plugin, const std::string& reason) { server_.gate("plugin " + plugin, reason); }
    cni::ServerStatus cni() const { return server_.status(); }
    cni::CniMetrics cni_metrics() const { return server_.metrics(); }

  private:
    void changed(std::span<const Change> changes) override;
    void first_round_done() override { server_.rows_known(); }
    void node_changed(const Change& change);
    void judge_links();
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
    const std::string node_name_;
    std::set<std::string> lost_;  ///< databases that are away for so long that no pod can be served
};

}  // namespace weft::daemon
