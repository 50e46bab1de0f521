#include "config/config.hpp"

#ifndef WEFT_PLUGIN_DIR
#define WEFT_PLUGIN_DIR "/usr/lib/weft/plugins"
#endif

/// What the rest of weft takes from the settings.
namespace weft::config {

std::string Settings::admin_socket() const {
    if (!weft.admin_socket.empty()) return weft.admin_socket;
    return weft.run_dir + (role == Role::cluster ? "/admin-cluster.sock" : "/admin-node.sock");
}

std::string Settings::plugin_dir() const {
    return weft.plugin_dir.empty() ? WEFT_PLUGIN_DIR : weft.plugin_dir;
}

std::string Settings::cni_dir() const {
    return weft.run_dir + "/cni";
}

std::string Settings::cni_socket() const {
    return cni_dir() + "/ovn-cni-server.sock";
}

std::string Settings::lock_file() const {
    return weft.run_dir + (role == Role::cluster ? "/weftd-cluster.lock" : "/weftd-node.lock");
}

bool Settings::wants_certificate() const {
    return role == Role::node && !kubernetes.bootstrap_kubeconfig.empty() && kubernetes.kubeconfig.empty();
}

std::string Settings::leader_identity() const {
    if (!weft.leader_identity.empty()) return weft.leader_identity;
    return weft.pod_name.empty() ? node_name : weft.pod_name;
}

tables::NetworkConfig network_row(const Settings& s) {
    const auto& d = s.base;
    return {.ipv4 = s.ipv4,
            .ipv6 = s.ipv6,
            .cluster_subnets = s.cluster_subnets,
            .service_cidrs = s.service_cidrs,
            .join_v4 = s.join_v4,
            .join_v6 = s.join_v6,
            .transit_v4 = s.transit_v4,
            .transit_v6 = s.transit_v6,
            .masquerade_v4 = s.masquerade_v4,
            .masquerade_v6 = s.masquerade_v6,
            .mtu = d.mtu,
            .routable_mtu = d.routable_mtu,
            .encap_type = d.encap_type,
            .encap_ips = s.encap_ips,
            .encap_port = d.encap_port,
            .inactivity_probe_ms = d.inactivity_probe,
            .openflow_probe_s = d.openflow_probe,
            .ofctrl_wait_before_clear_ms = d.ofctrl_wait_before_clear,
            .monitor_all = d.monitor_all,
            .lflow_cache = d.enable_lflow_cache,
            .lflow_cache_limit = d.lflow_cache_limit,
            .lflow_cache_limit_kb = d.lflow_cache_limit_kb,
            .acl_logging_rate_limit = s.logging.acl_logging_rate_limit,
            .disable_requested_chassis = s.kubernetes.disable_requestedchassis,
            .multicast = s.weft.enable_multicast,
            .hybrid_overlay = s.hybrid_overlay.enabled,
            .nodeport = s.gateway.nodeport,
            .gateway_mode = s.gateway.mode,
            .ovn_southbound_remote = s.south.remote};
}

}  // namespace weft::config
