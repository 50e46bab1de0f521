#include "services/standard_metrics.hpp"

#include <set>

namespace weft::services {

namespace {

/// The buckets of upstream's latencies: 0.1 s to 27 min.
std::vector<double> latency_buckets() {
    return exponential_buckets(.1, 2, 15);
}

std::string host_subnets_name(std::string_view what, weft::Family family) {
    return "ovnkube_clustermanager_" + std::string(what) + (family == weft::Family::v4 ? "_v4" : "_v6") +
           "_host_subnets";
}

std::string compiler() {
#ifdef __clang__
    return "clang " + std::to_string(__clang_major__);
#else
    return "gcc " + std::to_string(__GNUC__);
#endif
}

}  // namespace

StandardMetrics::StandardMetrics(Metrics& metrics, Role role, const BuildFacts& build) : metrics_(metrics) {
    const auto info = [&](const std::string& subsystem) {
        metrics
            .gauge("ovnkube_" + subsystem + "_build_info",
                   "A metric with a constant '1' value labeled by version, revision, "
                   "branch, build user, build date and compiler from which weft was built.",
                   {"version", "revision", "branch", "build_user", "build_date", "goversion"})
            .with({build.version, build.revision, build.branch, "", build.build_date, ""})
            .set(1);
    };
    if (runs_in(Role::node, role)) {
        info("controller");
        info("node");
    }
    if (runs_in(Role::cluster, role)) info("clustermanager");
    metrics.gauge("weft_build_info", "1, with what this weftd was built from.", {"version", "revision", "compiler"})
        .with({build.version, build.revision, compiler()})
        .set(1);
}

Gauge& StandardMetrics::controller_ready_duration() {
    return metrics_
        .gauge("ovnkube_controller_ready_duration_seconds", "The duration for the controller to get to ready state.")
        .only();
}

Gauge& StandardMetrics::controller_sync_duration(std::string resource) {
    return metrics_
        .gauge("ovnkube_controller_sync_duration_seconds",
               "The duration to sync and setup all handlers for a given resource.", {"resource_name"})
        .with({std::move(resource)});
}

Histogram& StandardMetrics::pod_creation_latency() {
    return metrics_
        .histogram("ovnkube_controller_pod_creation_latency_seconds",
                   "The duration between a pod being scheduled and its logical switch port being committed.",
                   latency_buckets())
        .only();
}

Gauge& StandardMetrics::egress_routing_via_host() {
    return metrics_
        .gauge("ovnkube_controller_egress_routing_via_host",
               "Whether egress gateway mode is via host networking stack (1), OVN (0) or unsupported (2).")
        .only();
}

Gauge& StandardMetrics::node_ready_duration() {
    return metrics_.gauge("ovnkube_node_ready_duration_seconds", "The duration for the node to get to ready state.")
        .only();
}

Histogram& StandardMetrics::cni_request_duration(std::string command, bool failed) {
    return metrics_
        .histogram("ovnkube_node_cni_request_duration_seconds", "The duration of CNI requests to the server.",
                   latency_buckets(), {"command", "err"})
        .with({std::move(command), failed ? "true" : "false"});
}

Histogram& StandardMetrics::cni_add_stage_duration(std::string stage) {
    return metrics_
        .histogram("weft_cni_add_stage_duration_seconds", "How long the parts of successful CNI ADDs took.",
                   exponential_buckets(.0005, 2, 18), {"stage"})
        .with({std::move(stage)});
}

Counter& StandardMetrics::cni_refused() {
    return metrics_
        .counter("weft_cni_refused_total", "Connections and requests at the CNI socket that were no valid request.")
        .only();
}

Counter& StandardMetrics::cni_scrubbed() {
    return metrics_.counter("weft_cni_scrubbed_ports_total", "Stale ports of pods that were removed.").only();
}

Gauge& StandardMetrics::leader() {
    return metrics_
        .gauge("ovnkube_clustermanager_leader", "Identifies whether this instance is a leader (1) or not (0).")
        .only();
}

Gauge& StandardMetrics::cluster_manager_ready_duration() {
    return metrics_
        .gauge("ovnkube_clustermanager_ready_duration_seconds",
               "The duration for the cluster manager to get to ready state.")
        .only();
}

Gauge& StandardMetrics::host_subnets(weft::Family family, std::string network) {
    return metrics_
        .gauge(host_subnets_name("num", family), "The total number of host subnets possible per network.",
               {"network_name"})
        .with({std::move(network)});
}

Gauge& StandardMetrics::allocated_host_subnets(weft::Family family, std::string network) {
    return metrics_
        .gauge(host_subnets_name("allocated", family),
               "The total number of host subnets currently allocated per network.", {"network_name"})
        .with({std::move(network)});
}

Counter& StandardMetrics::ticks() {
    return metrics_.counter("weft_engine_ticks_total", "Rounds of the engine.").only();
}

Histogram& StandardMetrics::tick_duration() {
    return metrics_
        .histogram("weft_engine_tick_duration_seconds", "How long a round of the engine took.",
                   exponential_buckets(.0001, 2, 18))
        .only();
}

Counter& StandardMetrics::rule_runs(std::string plugin, std::string rule) {
    return metrics_.counter("weft_rule_runs_total", "Runs of a rule.", {"plugin", "rule"})
        .with({std::move(plugin), std::move(rule)});
}

Counter& StandardMetrics::rule_cutoffs(std::string plugin, std::string rule) {
    return metrics_.counter("weft_rule_cutoffs_total", "Runs of a rule that changed nothing.", {"plugin", "rule"})
        .with({std::move(plugin), std::move(rule)});
}

Gauge& StandardMetrics::table_rows(std::string table) {
    return metrics_.gauge("weft_table_rows", "Rows of a table.", {"table"}).with({std::move(table)});
}

Gauge& StandardMetrics::plugin_info(std::string plugin, std::string version) {
    return metrics_.gauge("weft_plugin_info", "1 for each plugin that runs.", {"plugin", "version"})
        .with({std::move(plugin), std::move(version)});
}

Gauge& StandardMetrics::config_reload_ok() {
    return metrics_
        .gauge("weft_config_last_reload_successful", "Whether the last reload of the configuration was right.")
        .only();
}

Gauge& StandardMetrics::connection_up(std::string connection) {
    return metrics_.gauge("weft_connection_up", "Whether what weftd depends on is reached and in step.", {"connection"})
        .with({std::move(connection)});
}

Counter& StandardMetrics::config_reloads() {
    return metrics_.counter("weft_config_reloads_total", "Reloads of the configuration.").only();
}

void StandardMetrics::publish(const std::vector<appliers::Status>& appliers) {
    const std::vector<std::string> label{"applier"};
    auto& synced = metrics_.gauge("weft_applier_synced", "Whether the far side is as it should be.", label);
    auto& behind = metrics_.gauge("weft_applier_behind_rows", "Rows that are not yet as they should be.", label);
    auto& faults = metrics_.gauge("weft_applier_faults", "Things that could not be applied.", label);
    auto& applied = metrics_.counter("weft_applier_changes_total", "Changes made.", label);
    auto& requests =
        metrics_.counter("weft_applier_requests_total", "Transactions, API calls or messages sent.", label);
    auto& repaired =
        metrics_.counter("weft_applier_repaired_total", "Changes by others of rows that are ours, put back.", label);
    std::set<LabelValues> there;
    for (const auto& status : appliers) {
        const LabelValues name{status.name};
        there.insert(name);
        synced.with(name).set(status.state == appliers::State::synced ? 1 : 0);
        behind.with(name).set(static_cast<double>(status.behind));
        faults.with(name).set(static_cast<double>(status.faults.size()));
        applied.with(name).set_total(static_cast<double>(status.applied));
        requests.with(name).set_total(static_cast<double>(status.requests));
        repaired.with(name).set_total(static_cast<double>(status.repaired));
    }
    const auto keep = [&](const LabelValues& name) { return there.contains(name); };
    for (auto* family : {&synced, &behind, &faults})
        family->retain(keep);
    for (auto* family : {&applied, &requests, &repaired})
        family->retain(keep);
}

}  // namespace weft::services
