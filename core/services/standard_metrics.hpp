#pragma once

#include "appliers/status.hpp"
#include "services/build_facts.hpp"
#include "services/metrics.hpp"

#include <weft/base/ip.hpp>
#include <weft/engine/rule.hpp>

#include <string>
#include <vector>

/// The metrics weft has, by name. Where OVN-Kubernetes has a metric of the same meaning weft uses its name, type,
/// labels and buckets, so that dashboards and alerts go on working; what only weft has begins with weft_. README.md
/// lists them. A metric appears when it is first asked for: nothing reports a zero that nobody counts.
namespace weft::services {

class StandardMetrics {
  public:
    /// Registers build_info of the role and weft_build_info.
    StandardMetrics(Metrics& metrics, Role role, const BuildFacts& build = own_build());

    // ovnkube_controller_*, ovnkube_node_*: role node
    Gauge& controller_ready_duration();                     ///< seconds from start to ready
    Gauge& controller_sync_duration(std::string resource);  ///< "pod", "node", …: seconds of the first sync
    Histogram& pod_creation_latency();                      ///< PodScheduled to the port's commit
    Gauge& egress_routing_via_host();                       ///< 1 local, 0 shared, 2 other
    Gauge& node_ready_duration();
    Histogram& cni_request_duration(std::string command, bool failed);

    Histogram& cni_add_stage_duration(std::string stage);  ///< weft's own; cni/server/metrics.hpp names the stages
    Counter& cni_refused();                                ///< connections and requests that were no valid request
    Counter& cni_scrubbed();                               ///< stale ports removed

    // ovnkube_clustermanager_*: role cluster
    Gauge& leader();  ///< 1 while this weftd leads
    Gauge& cluster_manager_ready_duration();
    Gauge& host_subnets(weft::Family family, std::string network);
    Gauge& allocated_host_subnets(weft::Family family, std::string network);

    // weft_*
    Counter& ticks();
    Histogram& tick_duration();
    Counter& rule_runs(std::string plugin, std::string rule);
    Counter& rule_cutoffs(std::string plugin, std::string rule);
    Gauge& table_rows(std::string table);
    Gauge& plugin_info(std::string plugin, std::string version);
    Gauge& connection_up(std::string connection);  ///< "kubernetes", "ovn-nb", …: as `weftctl status` lists them
    Gauge& config_reload_ok();
    Counter& config_reloads();
    /// weft_applier_*: all of one applier's numbers.
    void publish(const std::vector<appliers::Status>& appliers);

  private:
    Metrics& metrics_;
};

/// process_*: CPU, memory, descriptors, threads and start time of this process, read from /proc at each scrape.
void add_process_metrics(Metrics& metrics);

}  // namespace weft::services
