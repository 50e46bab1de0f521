#pragma once

#include <weft/base/ip.hpp>
#include <weft/engine/row.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// What the config file says, as rules read it, and who this weftd is.
namespace weft::tables {

/// One entry of cluster-subnets: a range that nodes get subnets from.
struct ClusterSubnet {
    IpPrefix range;        ///< what is cut into subnets
    int host_length = 24;  ///< prefix length of a node's subnet

    static constexpr auto fields() {
        return std::tuple{field("range", &ClusterSubnet::range), field("host_length", &ClusterSubnet::host_length)};
    }
    WEFT_FIELDS_EQUAL(ClusterSubnet)
};

/// The network's settings; one row, key ".". Lists are v4 before v6 and hold only families in use, but for the join,
/// transit and masquerade subnets, which always hold both (v4, v6).
struct NetworkConfig {
    static constexpr std::string_view table_name = "NetworkConfig";
    Key<NetworkConfig> key{"."};
    bool ipv4 = true;                            ///< is in use
    bool ipv6 = false;                           ///< is in use
    std::vector<ClusterSubnet> cluster_subnets;  ///< [default] cluster-subnets
    std::vector<IpPrefix> service_cidrs;         ///< [kubernetes] service-cidrs
    /// [gateway] v4-join-subnet, v6-join-subnet.
    IpPrefix join_v4, join_v6;
    /// Of the transit switch.
    IpPrefix transit_v4, transit_v6;
    /// Known to hosts only.
    IpPrefix masquerade_v4, masquerade_v6;
    std::uint32_t mtu = 1400;                       ///< of pods
    std::uint32_t routable_mtu = 0;                 ///< of their routes; 0: none
    std::string encap_type = "geneve";              ///< of tunnels
    std::vector<Ip> encap_ips;                      ///< from encap-ip; empty means the node's primary address
    std::uint16_t encap_port = 6081;                ///< of tunnels
    std::uint32_t inactivity_probe_ms = 100000;     ///< of ovn-controller to its database
    std::uint32_t openflow_probe_s = 0;             ///< of ovn-controller to the switch
    std::uint32_t ofctrl_wait_before_clear_ms = 0;  ///< after ovn-controller's start
    bool monitor_all = true;                        ///< ovn-controller takes all of its database in
    bool lflow_cache = true;                        ///< of ovn-controller
    std::uint32_t lflow_cache_limit = 0;            ///< entries; 0: no limit
    std::uint32_t lflow_cache_limit_kb = 0;         ///< 0: no limit
    std::uint32_t acl_logging_rate_limit = 20;      ///< lines a second
    bool disable_requested_chassis = false;         ///< ports don't name their chassis
    bool multicast = false;                         ///< is allowed between pods
    bool hybrid_overlay = false;                    ///< is on
    bool nodeport = false;                          ///< services may have node ports
    std::string gateway_mode;                       ///< "", "shared" or "local"
    std::string ovn_southbound_remote;              ///< "unix:/var/run/ovn/ovnsb_db.sock"

    /// Is the family in use?
    bool enabled(Family family) const { return family == Family::v4 ? ipv4 : ipv6; }

    static constexpr auto fields() {
        return std::tuple{field("key", &NetworkConfig::key),
                          field("ipv4", &NetworkConfig::ipv4),
                          field("ipv6", &NetworkConfig::ipv6),
                          field("cluster_subnets", &NetworkConfig::cluster_subnets),
                          field("service_cidrs", &NetworkConfig::service_cidrs),
                          field("join_v4", &NetworkConfig::join_v4),
                          field("join_v6", &NetworkConfig::join_v6),
                          field("transit_v4", &NetworkConfig::transit_v4),
                          field("transit_v6", &NetworkConfig::transit_v6),
                          field("masquerade_v4", &NetworkConfig::masquerade_v4),
                          field("masquerade_v6", &NetworkConfig::masquerade_v6),
                          field("mtu", &NetworkConfig::mtu),
                          field("routable_mtu", &NetworkConfig::routable_mtu),
                          field("encap_type", &NetworkConfig::encap_type),
                          field("encap_ips", &NetworkConfig::encap_ips),
                          field("encap_port", &NetworkConfig::encap_port),
                          field("inactivity_probe_ms", &NetworkConfig::inactivity_probe_ms),
                          field("openflow_probe_s", &NetworkConfig::openflow_probe_s),
                          field("ofctrl_wait_before_clear_ms", &NetworkConfig::ofctrl_wait_before_clear_ms),
                          field("monitor_all", &NetworkConfig::monitor_all),
                          field("lflow_cache", &NetworkConfig::lflow_cache),
                          field("lflow_cache_limit", &NetworkConfig::lflow_cache_limit),
                          field("lflow_cache_limit_kb", &NetworkConfig::lflow_cache_limit_kb),
                          field("acl_logging_rate_limit", &NetworkConfig::acl_logging_rate_limit),
                          field("disable_requested_chassis", &NetworkConfig::disable_requested_chassis),
                          field("multicast", &NetworkConfig::multicast),
                          field("hybrid_overlay", &NetworkConfig::hybrid_overlay),
                          field("nodeport", &NetworkConfig::nodeport),
                          field("gateway_mode", &NetworkConfig::gateway_mode),
                          field("ovn_southbound_remote", &NetworkConfig::ovn_southbound_remote)};
    }
};

/// Which node this weftd is; one row, key "."; absent in role cluster.
struct LocalNode {
    static constexpr std::string_view table_name = "LocalNode";
    Key<LocalNode> key{"."};
    std::string name;

    static constexpr auto fields() {
        return std::tuple{field("key", &LocalNode::key), field("name", &LocalNode::name)};
    }
};

/// A plugin's own section of the config file: one row a key, "<plugin>/<key>", defaults filled in.
struct PluginSetting {
    static constexpr std::string_view table_name = "PluginSetting";
    Key<PluginSetting> key;
    std::string value;

    static constexpr auto fields() {
        return std::tuple{field("key", &PluginSetting::key), field("value", &PluginSetting::value)};
    }
};

/// Optional columns and behaviours of the OVN that is connected, found from its schema: "ACL.tier", "NAT.match", ….
/// A row is there when the feature is.
struct OvnFeature {
    static constexpr std::string_view table_name = "OvnFeature";
    Key<OvnFeature> key;

    static constexpr auto fields() { return std::tuple{field("key", &OvnFeature::key)}; }
};

}  // namespace weft::tables
