#pragma once

#include "config/value.hpp"

#include <weft/base/ip.hpp>
#include <weft/engine/rule.hpp>
#include <weft/tables/settings.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// The typed settings, one struct a section. Members are filled from the schema (schema.hpp), where each key's default,
/// flag and help stand; the initialisers here are never seen.
namespace weft::config {

struct DefaultSection {
    std::uint32_t mtu = 0;
    std::uint32_t routable_mtu = 0;
    std::uint32_t conntrack_zone = 0;
    std::string encap_type;
    std::string encap_ip;
    std::uint16_t encap_port = 0;
    std::uint32_t inactivity_probe = 0;  ///< milliseconds
    std::uint32_t openflow_probe = 0;    ///< seconds
    std::uint32_t ofctrl_wait_before_clear = 0;
    bool monitor_all = false;
    Nanoseconds db_txn_timeout{};
    bool enable_lflow_cache = false;
    std::uint32_t lflow_cache_limit = 0;
    std::uint32_t lflow_cache_limit_kb = 0;
    std::string cluster_subnets;
    bool enable_udp_aggregation = false;
    std::vector<std::string> udn_allowed_default_services;
    std::string transport;
    std::string cluster_default_nad;
};

struct LoggingSection {
    std::string logfile;
    std::string cnilogfile;
    std::string libovsdblogfile;
    std::int32_t loglevel = 0;  ///< klog's scale: 4 is info, 5 is debug
    std::uint32_t logfile_maxsize = 0;
    std::uint32_t logfile_maxbackups = 0;
    std::uint32_t logfile_maxage = 0;
    std::uint32_t acl_logging_rate_limit = 0;
};

struct MonitoringSection {
    std::vector<std::string> netflow_targets, sflow_targets, ipfix_targets;
};

struct IpfixSection {
    std::uint32_t sampling = 0;
    std::uint32_t cache_active_timeout = 0;
    std::uint32_t cache_max_flows = 0;
};

struct CniSection {
    std::string conf_dir;
    std::string plugin;
    std::string version;  ///< of the configuration file: of the specification, or "auto"
};

struct KubernetesSection {
    std::string bootstrap_kubeconfig;
    std::string cert_dir;
    Nanoseconds cert_duration{};
    std::string kubeconfig;
    std::string cacert;
    std::string cacert_data;  ///< base64
    std::string apiserver;
    std::string token;
    std::string token_file;
    std::string service_cidrs;
    std::string ovn_config_namespace;
    bool ovn_empty_lb_events = false;
    std::string no_hostsubnet_nodes;
    std::string host_network_namespace;
    bool disable_requestedchassis = false;
    std::string platform_type;
    std::string healthz_bind_address;
    std::string metrics_bind_address;      ///< legacy: already copied to [metrics]
    std::string ovn_metrics_bind_address;  ///< legacy
    bool metrics_enable_pprof = false;     ///< legacy
    std::string dns_service_namespace;
    std::string dns_service_name;
};

struct MetricsSection {
    std::string bind_address;
    std::string ovn_metrics_bind_address;
    bool export_ovs_metrics = false;
    bool enable_pprof = false;
    std::string node_server_privkey;
    std::string node_server_cert;
    bool enable_config_duration = false;
    bool enable_scale_metrics = false;
};

struct TlsSection {
    std::string tls_min_version;
    std::vector<std::string> tls_cipher_suites;
};

struct FeatureSection {
    bool enable_admin_network_policy = false;
    bool enable_egress_ip = false;
    std::uint32_t egressip_reachability_total_timeout = 0;
    std::uint16_t egressip_node_healthcheck_port = 0;
    bool enable_egress_firewall = false;
    bool enable_egress_qos = false;
    bool enable_egress_service = false;
    bool enable_multi_external_gateway = false;
    bool enable_multi_network = false;
    bool enable_multi_networkpolicy = false;
    bool enable_persistent_ips = false;
    bool enable_network_segmentation = false;
    bool enable_network_connect = false;
    bool enable_uplink = false;
    bool enable_preconfigured_udn_addresses = false;
    bool enable_dynamic_udn_allocation = false;
    Nanoseconds udn_deletion_grace_period{};
    bool enable_route_advertisements = false;
    std::string advertised_udn_isolation_mode;
    bool enable_evpn = false;
    bool enable_network_qos = false;
    bool enable_dns_name_resolver = false;
    bool enable_stateless_netpol = false;
    bool allow_icmp_network_policy = false;
    bool enable_svc_template_support = false;
    bool enable_observability = false;
};

struct GatewaySection {
    std::string mode;
    std::string interface;
    std::string accelerated_interface;
    std::string dpu_host_representor_interface;
    std::string egw_interface;
    std::string next_hop;
    std::uint32_t vlan_id = 0;
    bool nodeport = false;
    bool disable_snat_multiple_gws = false;
    bool disable_pkt_mtu_check = false;
    bool single_node = false;
    bool disable_forwarding = false;
    bool allow_no_uplink = false;
    std::string v4_join_subnet, v6_join_subnet;
    std::string v4_masquerade_subnet, v6_masquerade_subnet;
    std::string router_subnet;
    std::string ephemeral_port_range;
};

struct ElectionSection {
    std::int32_t lease_duration = 0;  ///< seconds
    std::int32_t renew_deadline = 0;
    std::int32_t retry_period = 0;
};

struct HybridOverlaySection {
    bool enabled = false;
    std::string cluster_subnets;
    std::uint32_t vxlan_port = 0;
};

struct NodeSection {
    std::string mode;
    std::string mgmt_port_netdev;
    std::string mgmt_port_dp_resource_name;
    std::int32_t dpu_node_lease_renew_interval = 0;
    std::int32_t dpu_node_lease_duration = 0;
    bool simulate_dpu = false;
    std::int32_t routing_table_id_start = 0;
};

struct ClusterManagerSection {
    std::string v4_transit_subnet, v6_transit_subnet;
};

/// [ovnnorth] and [ovnsouth]: how to reach a database.
struct DatabaseSection {
    std::string run_dir;
    std::string db_location;
    std::string address;  ///< empty: the unix socket below run_dir
    std::string client_privkey;
    std::string client_cert;
    std::string client_cacert;
    std::string cert_common_name;
};

struct EgressIpTlsSection {
    std::string client_privkey;
    std::string client_cert;
    std::string client_cacert;
    std::string cert_common_name;
};

struct OvsPathsSection {
    std::string run_dir;
};

struct NoOverlaySection {
    std::string outbound_snat;
    std::string routing;
};

struct BgpManagedSection {
    std::uint32_t as_number = 0;
    std::string topology;
    std::string frr_namespace;
};

/// weft's own.
struct WeftSection {
    std::string role;
    std::string node;
    std::string run_dir;
    std::string admin_socket;
    std::string plugin_dir;
    std::string leader_identity;
    std::string pod_name;
    std::string log_level;
    std::vector<std::string> log_levels;  ///< "ovsdb=debug"
    std::uint32_t threads = 0;
    Nanoseconds rule_timeout{};
    std::string memory_limit;
    std::uint32_t flap_limit = 0;
    std::string pidfile;
    bool enable_multicast = false;
    bool unprivileged_mode = false;
};

/// For finding faults.
struct DebugSection {
    std::string record;             ///< a file; empty: none
    std::uint32_t record_size = 0;  ///< MiB
};

struct PluginsSection {
    bool listed = false;  ///< some `enable` was given: the set is `enable`; otherwise upstream's switches decide
    std::vector<std::string> enable;
    std::vector<std::string> disable;
    std::map<std::string, std::string> sha256;  ///< plugin to lower-case hex
};

/// How weft reaches one OVSDB server.
struct Endpoint {
    std::string remote;  ///< "unix:/…", "tcp:ip:port,tcp:…" or "ssl:…"
    std::string private_key, certificate, ca_certificate, common_name;

    bool tls() const { return remote.starts_with("ssl:"); }
};

enum class NodeMode { full, dpu, dpu_host };

struct Settings {
    DefaultSection base;
    LoggingSection logging;
    MonitoringSection monitoring;
    IpfixSection ipfix;
    CniSection cni;
    KubernetesSection kubernetes;
    MetricsSection metrics;
    TlsSection tls;
    FeatureSection feature;
    GatewaySection gateway;
    ElectionSection election;
    HybridOverlaySection hybrid_overlay;
    NodeSection node;
    ClusterManagerSection cluster_manager;
    DatabaseSection ovn_north, ovn_south;
    EgressIpTlsSection egress_ip_tls;
    OvsPathsSection ovs_paths;
    NoOverlaySection no_overlay;
    BgpManagedSection bgp_managed;
    WeftSection weft;
    DebugSection debug;
    PluginsSection plugins;

    // What follows is derived from the above once everything is read and checked.

    Role role = Role::node;  ///< node for dpu and dpu-host too
    NodeMode node_mode = NodeMode::full;
    std::string node_name;           ///< [weft] node, else the host's name
    bool ipv4 = true, ipv6 = false;  ///< families of the cluster and service subnets
    std::vector<tables::ClusterSubnet> cluster_subnets;
    std::vector<IpPrefix> service_cidrs;
    std::vector<tables::ClusterSubnet> hybrid_subnets;
    IpPrefix join_v4, join_v6, masquerade_v4, masquerade_v6, transit_v4, transit_v6;
    std::vector<Ip> encap_ips;
    Endpoint north, south, switch_db;

    std::string admin_socket() const;
    std::string plugin_dir() const;
    std::string cni_dir() const;     ///< <run-dir>/cni, mode 0700
    std::string cni_socket() const;  ///< <run-dir>/cni/ovn-cni-server.sock
    std::string lock_file() const;   ///< <run-dir>/weftd.lock: one weftd a run-dir
    std::string leader_identity() const;
    /// This weftd has an identity of its own, by a certificate that it asks for.
    bool wants_certificate() const;
};

}  // namespace weft::config
