#include "config/schema_rows.hpp"

#include <weft/base/json.hpp>

/// [default], [gateway], [clustermanager], [hybridoverlay], [no-overlay], [bgp-managed]: the shape of the network.
namespace weft::config {

namespace {

Result<void> check_encap_type(std::string_view value) {
    for (std::string_view good : {"geneve", "vxlan", "gre"}) {
        if (value == good) return {};
    }
    return invalid("unknown encap-type " + json_quote(value), "use geneve, vxlan or gre");
}

Result<void> check_mtu(std::string_view value) {
    auto number = read_integer(value, 576, 65535);
    if (!number) return std::move(number).error();
    return {};
}

Result<void> check_routable_mtu(std::string_view value) {
    if (value == "0") return {};
    return check_mtu(value);
}

Result<void> check_encap_port(std::string_view value) {
    auto number = read_integer(value, 1, 65535);
    if (!number) return std::move(number).error();
    return {};
}

/// Four more zones follow this one, and a zone is 16 bits.
Result<void> check_conntrack_zone(std::string_view value) {
    auto number = read_integer(value, 1, 65531);
    if (!number) return std::move(number).error();
    return {};
}

Result<void> check_as_number(std::string_view value) {
    auto number = read_integer(value, 0, 4294967295);
    if (!number) return std::move(number).error();
    for (std::int64_t reserved : {0LL, 23456LL, 65535LL, 4294967295LL}) {
        if (*number == reserved) {
            return invalid("invalid as-number " + std::string(value) + ": it is reserved",
                           "use another, such as 64512");
        }
    }
    return {};
}

void add_default_keys(std::vector<KeySpec>& to) {
    Rows<&Settings::base> base(to, "default");
    base.add<&DefaultSection::mtu>("mtu", "1400",
                                   "MTU of pods. The encapsulation needs 58 bytes (IPv4) or 78 (IPv6) more.")
        .check(check_mtu)
        .live();
    base.add<&DefaultSection::routable_mtu>(
            "routable-mtu", "0", "MTU of pods' routes that leave the node, when smaller than mtu; 0: as mtu.")
        .check(check_routable_mtu)
        .live();
    base.add<&DefaultSection::conntrack_zone>("conntrack-zone", "64000",
                                              "Conntrack zone of the gateway; the four after it are used too.")
        .check(check_conntrack_zone);
    base.add<&DefaultSection::encap_type>("encap-type", "geneve", "Tunnel between nodes: geneve, vxlan or gre.")
        .check(check_encap_type)
        .live();
    base.add<&DefaultSection::encap_ip>(
            "encap-ip", "", "Tunnel address of this node, or several with commas; empty: its primary address.")
        .live();
    base.add<&DefaultSection::encap_port>("encap-port", "6081", "UDP port of the tunnels.")
        .check(check_encap_port)
        .live();
    base.add<&DefaultSection::inactivity_probe>(
            "inactivity-probe", "100000", "Milliseconds between probes of ovn-controller to the southbound database.")
        .live();
    base.add<&DefaultSection::openflow_probe>(
            "openflow-probe", "0", "Seconds between probes of ovn-controller to the integration bridge; 0: none.")
        .live();
    base.add<&DefaultSection::ofctrl_wait_before_clear>(
            "ofctrl-wait-before-clear", "0", "Milliseconds that a restarted ovn-controller keeps the old flows.")
        .live();
    base.add<&DefaultSection::monitor_all>(
            "monitor-all", "true", "ovn-controller monitors the whole southbound database, which is this node's own.")
        .live();
    base.add<&DefaultSection::db_txn_timeout>(
        "db-txn-timeout", "100s", "How long a database transaction may take. A bare number is nanoseconds.");
    base.add<&DefaultSection::enable_lflow_cache>("enable-lflow-cache", "true", "Logical flow cache of ovn-controller.")
        .live();
    base.add<&DefaultSection::lflow_cache_limit>("lflow-cache-limit", "0",
                                                 "Entries in that cache; 0: ovn-controller's own.")
        .live();
    base.add<&DefaultSection::lflow_cache_limit_kb>("lflow-cache-limit-kb", "0",
                                                    "KiB in that cache; 0: ovn-controller's own.")
        .live();
    base.add<&DefaultSection::cluster_subnets>(
            "cluster-subnets", "10.128.0.0/14/23",
            "Ranges that pods' addresses come from: address/length/length of a node's "
            "subnet, with commas. IPv4 nodes get /24 when the last part is missing, IPv6 "
            "nodes always /64.")
        .flag("cluster-subnets cluster-subnet");
    base.add<&DefaultSection::enable_udp_aggregation>("enable-udp-aggregation", "false",
                                                      "UDP receive aggregation on pods' veth pairs.")
        .no_flag();
    base.add<&DefaultSection::udn_allowed_default_services>(
        "udn-allowed-default-services", "default/kubernetes,kube-system/kube-dns",
        "Services of the default network that pods of user-defined networks reach: namespace/name, with commas.");
    base.add<&DefaultSection::transport>("transport", "",
                                         "no-overlay: route pods' packets without tunnels; empty: tunnels.");
    base.add<&DefaultSection::cluster_default_nad>(
        "cluster-default-nad", "",
        "NetworkAttachmentDefinition of the default network as namespace/name; "
        "empty: <ovn-config-namespace>/default.");
}

void add_gateway_keys(std::vector<KeySpec>& to) {
    Rows<&Settings::gateway> gw(to, "gateway");
    gw.add<&GatewaySection::mode>("mode", "",
                                  "How pods reach the world outside: shared, local, or empty for not at all.")
        .flag("gateway-mode");
    gw.add<&GatewaySection::interface>("interface", "",
                                       "Interface or bridge that leads outside; empty: the default route's.")
        .flag("gateway-interface");
    gw.add<&GatewaySection::accelerated_interface>("gateway-accelerated-interface", "",
                                                   "SR-IOV device that carries the gateway's traffic in hardware.");
    gw.add<&GatewaySection::dpu_host_representor_interface>("dpu-host-gateway-representor-interface", "",
                                                            "On a DPU: representor of the host's gateway interface.");
    gw.add<&GatewaySection::egw_interface>("egw-interface", "", "Second interface, for external gateways' traffic.")
        .flag("exgw-interface");
    gw.add<&GatewaySection::next_hop>("next-hop", "",
                                      "Gateway outside, one a family with a comma; empty: the default route's.")
        .flag("gateway-nexthop");
    gw.add<&GatewaySection::vlan_id>("vlan-id", "0", "VLAN of the outside network; 0: none. Only with mode = shared.")
        .flag("gateway-vlanid");
    gw.add<&GatewaySection::nodeport>("nodeport", "false", "Serve NodePort services.").live();
    gw.add<&GatewaySection::disable_snat_multiple_gws>("disable-snat-multiple-gws", "false",
                                                       "Pods with external gateways keep their own address.");
    gw.add<&GatewaySection::disable_pkt_mtu_check>("disable-pkt-mtu-check", "false",
                                                   "Don't check the size of packets that enter from outside.");
    gw.add<&GatewaySection::single_node>("single-node", "false", "The cluster has one node: simpler gateway rules.");
    gw.add<&GatewaySection::disable_forwarding>("disable-forwarding", "false",
                                                "Forward only what is the network's own on the gateway interface.");
    gw.add<&GatewaySection::allow_no_uplink>("allow-no-uplink", "false",
                                             "In local mode the gateway bridge may be without an uplink.");
    gw.add<&GatewaySection::v4_join_subnet>("v4-join-subnet", "100.64.0.0/16",
                                            "Subnet between the cluster router and gateways.")
        .flag("gateway-v4-join-subnet");
    gw.add<&GatewaySection::v6_join_subnet>("v6-join-subnet", "fd98::/64", "The same for IPv6.")
        .flag("gateway-v6-join-subnet");
    gw.add<&GatewaySection::v4_masquerade_subnet>(
          "v4-masquerade-subnet", "169.254.169.0/29",
          "Subnet between the host and its gateway router; /17 for user-defined "
          "networks.")
        .flag("gateway-v4-masquerade-subnet");
    gw.add<&GatewaySection::v6_masquerade_subnet>("v6-masquerade-subnet", "fd69::/125",
                                                  "The same for IPv6; /112 for user-defined networks.")
        .flag("gateway-v6-masquerade-subnet");
    gw.add<&GatewaySection::router_subnet>("router-subnet", "",
                                           "On a DPU: subnet of the gateway router's outside port.")
        .flag("gateway-router-subnet");
    gw.add<&GatewaySection::ephemeral_port_range>("ephemeral-port-range", "",
                                                  "Source ports of SNAT as min-max; empty: the kernel's own range.");
}

}  // namespace

void add_network_keys(std::vector<KeySpec>& to) {
    add_default_keys(to);
    add_gateway_keys(to);

    Rows<&Settings::cluster_manager> cm(to, "clustermanager");
    cm.add<&ClusterManagerSection::v4_transit_subnet>("v4-transit-subnet", "100.88.0.0/16",
                                                      "Subnet of the switch between nodes' routers.")
        .flag("cluster-manager-v4-transit-subnet");
    cm.add<&ClusterManagerSection::v6_transit_subnet>("v6-transit-subnet", "fd97::/64", "The same for IPv6.")
        .flag("cluster-manager-v6-transit-subnet");

    Rows<&Settings::hybrid_overlay> hybrid(to, "hybridoverlay");
    hybrid.add<&HybridOverlaySection::enabled>("enabled", "false", "VXLAN to nodes outside OVN, such as Windows nodes.")
        .flag("enable-hybrid-overlay");
    hybrid
        .add<&HybridOverlaySection::cluster_subnets>("cluster-subnets", "",
                                                     "Those nodes' ranges, written as [default] cluster-subnets.")
        .flag("hybrid-overlay-cluster-subnets");
    hybrid.add<&HybridOverlaySection::vxlan_port>("hybrid-overlay-vxlan-port", "4789", "UDP port of that VXLAN.");

    Rows<&Settings::no_overlay> no_overlay(to, "no-overlay");
    no_overlay
        .add<&NoOverlaySection::outbound_snat>("outbound-snat", "", "With transport = no-overlay: enabled or disabled.")
        .no_flag();
    no_overlay.add<&NoOverlaySection::routing>("routing", "", "With transport = no-overlay: managed or unmanaged.")
        .no_flag();

    Rows<&Settings::bgp_managed> bgp(to, "bgp-managed");
    bgp.add<&BgpManagedSection::as_number>("as-number", "64512", "AS number of managed routing.")
        .no_flag()
        .check(check_as_number);
    bgp.add<&BgpManagedSection::topology>("topology", "full-mesh", "Topology of managed routing.").no_flag();
    bgp.add<&BgpManagedSection::frr_namespace>("frr-namespace", "", "Namespace of FRR-K8s, for managed routing.")
        .no_flag();
}

}  // namespace weft::config
