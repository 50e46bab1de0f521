#include "facts.hpp"
#include "subjects.hpp"

#include <weft/ovn/addressing.hpp>
#include <weft/ovn/names.hpp>
#include <weft/ovsdb/nb.hpp>
#include <weft/tables/ipam.hpp>
#include <weft/tables/settings.hpp>

namespace weft::default_network {

namespace {

using nb::GatewayChassis;
using nb::LogicalRouterPort;
using nb::LogicalSwitch;
using nb::LogicalSwitchPort;
using Options = ovsdb::Map<std::string, std::string>;

constexpr int from_node_priority = 1001;

/// What the gateway in front of KubeVirt machines answers ARP for: one address, the same on all nodes.
constexpr std::string_view kubevirt_gateway = "0a:58:a9:fe:01:01 169.254.1.1 fe80::1";

/// The MAC of the router's port on the node's switch: of its IPv4 address when it has one.
Mac router_mac(const OwnNode& node) {
    for (const auto& subnet : node.subnets) {
        if (subnet.is_v4()) return Mac::of(ovn::gateway_address(subnet).ip());
    }
    return Mac::of(ovn::gateway_address(node.subnets.front()).ip());
}

std::vector<IpPrefix> management_addresses(const OwnNode& node) {
    std::vector<IpPrefix> addresses;
    for (const auto& subnet : node.subnets)
        addresses.push_back(ovn::management_address(subnet));
    return addresses;
}

/// The addresses that pods of this node get.
struct Pool {
    using Driver = OwnNode;
    using Reads = Tables<tables::NetworkConfig>;
    using Writes = Tables<tables::AddressPool>;

    static void derive(const Driver& node, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* config = in.find<tables::NetworkConfig>(only<tables::NetworkConfig>());
        if (!config) return out.wait("the configuration is not known yet");
        tables::AddressPool pool{.key = address_pool(node.name), .prefixes = node.subnets, .on_switch = node.name};
        for (const auto& subnet : node.subnets) {
            pool.reserved.push_back(ovn::gateway_address(subnet).ip());
            pool.reserved.push_back(ovn::management_address(subnet).ip());
            if (config->hybrid_overlay) pool.reserved.push_back(ovn::hybrid_overlay_address(subnet).ip());
        }
        out.put(std::move(pool));
    }
};

struct Switch {
    using Driver = OwnNode;
    using Reads = Tables<tables::NetworkConfig>;
    using Writes = Tables<LogicalSwitch, LogicalSwitchPort, nb::Member>;

    static void derive(const Driver& node, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* config = in.find<tables::NetworkConfig>(only<tables::NetworkConfig>());
        if (!config) return out.wait("the configuration is not known yet");
        const auto on =
            out.put(LogicalSwitch{.external_ids = ovsdb::empty,
                                  .load_balancer_group = {ovsdb::Ref<nb::LoadBalancerGroup>(ovn::cluster_lb_group()),
                                                          ovsdb::Ref<nb::LoadBalancerGroup>(ovn::switch_lb_group())},
                                  .name = node.name,
                                  .other_config = other_config(node, *config)});

        std::string proxied(kubevirt_gateway);
        for (const auto& subnet : config->cluster_subnets)
            proxied.append(" ").append(subnet.range.text());
        const auto to_router = out.put(
            LogicalSwitchPort{.parent = ovsdb::child_of(on, &LogicalSwitch::ports),
                              .addresses = {"router"},
                              .name = ovn::switch_to_router(node.name),
                              .options = {{"arp_proxy", proxied}, {"router-port", ovn::router_to_switch(node.name)}},
                              .type = "router"});
        if (config->multicast) {
            out.put(ovsdb::add(ovn::cluster_router_port_group(), &nb::PortGroup::ports, to_router));
        }
        const auto management = out.put(
            LogicalSwitchPort{.parent = ovsdb::child_of(on, &LogicalSwitch::ports),
                              .addresses = {ovn::port_addresses(node.management_mac, management_addresses(node))},
                              .name = ovn::management_port(node.name),
                              .port_security = ovsdb::empty,
                              .type = ""});
        out.put(ovsdb::add(ovn::cluster_port_group(), &nb::PortGroup::ports, management));
    }

    static Options other_config(const OwnNode& node, const tables::NetworkConfig& config) {
        Options options;
        for (const auto& subnet : node.subnets) {
            if (subnet.is_v4()) {
                options.set("subnet", subnet.text());
            } else {
                options.set("ipv6_prefix", subnet.first().text());
            }
        }
        if (!config.multicast) return options;
        const Mac mac = router_mac(node);
        options.set("mcast_snoop", "true");
        options.set("mcast_querier", "true");
        options.set("mcast_eth_src", mac.text());
        for (const auto& subnet : node.subnets) {
            if (subnet.is_v4()) options.set("mcast_ip4_src", ovn::gateway_address(subnet).ip().text());
            if (subnet.is_v6()) options.set("mcast_ip6_src", mac.link_local().text());
        }
        return options;
    }
};

/// Whatever policies say, a pod answers its own node: health checks come from there.
struct AllowFromNode {
    using Driver = OwnNode;
    using Reads = Tables<tables::OvnFeature>;
    using Writes = Tables<nb::ACL>;

    static void derive(const Driver& node, const Reader<Reads>& in, Desired<Writes>& out) {
        const bool tiers = in.find<tables::OvnFeature>(Key<tables::OvnFeature>{"ACL.tier"}) != nullptr;
        for (const auto& address : management_addresses(node)) {
            const std::string ip = address.ip().text();
            const ovn::ObjectIds ids(ovn::default_controller, "NetpolNode", {{ovn::name_key, node.name}, {"ip", ip}});
            nb::ACL acl{.key = Key<nb::ACL>{ids.id()},
                        .parent = ovsdb::child_of(ovn::node_switch(node.name), &LogicalSwitch::acls),
                        .action = "allow-related",
                        .direction = "to-lport",
                        .external_ids = ids.external_ids(),
                        .log = false,
                        .match = (address.is_v4() ? "ip4.src==" : "ip6.src==") + ip,
                        .meter = std::string(ovn::acl_meter),
                        .name = ovsdb::empty,
                        .options = ovsdb::empty,
                        .priority = from_node_priority};
            if (tiers) acl.tier = 2;
            out.put(std::move(acl));
        }
    }
};

struct RouterPort {
    using Driver = OwnNode;
    using Reads = Tables<tables::NetworkConfig>;
    using Writes = Tables<LogicalRouterPort, GatewayChassis>;

    static void derive(const Driver& node, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* config = in.find<tables::NetworkConfig>(only<tables::NetworkConfig>());
        if (!config) return out.wait("the configuration is not known yet");
        if (node.chassis.empty()) return out.wait("this node's chassis is not known yet");
        const std::string name = ovn::router_to_switch(node.name);
        const auto chassis =
            out.put(GatewayChassis{.chassis_name = node.chassis, .name = name + "-" + node.chassis, .priority = 1});
        ovsdb::Set<std::string> networks;
        for (const auto& subnet : node.subnets)
            networks.insert(ovn::gateway_address(subnet).text());
        Options options;
        if (node.gateway_mtu) options.set("gateway_mtu", std::to_string(config->mtu));
        out.put(LogicalRouterPort{.parent = ovsdb::child_of(ovn::cluster_router(), &nb::LogicalRouter::ports),
                                  .gateway_chassis = {ovsdb::Ref<GatewayChassis>(chassis)},
                                  .mac = router_mac(node).text(),
                                  .name = name,
                                  .networks = std::move(networks),
                                  .options = std::move(options)});
    }
};

/// Is this "<prefix><switch>" on the switch of that name: a node's own port, whichever node it is?
bool is_node_port(const LogicalSwitchPort& port, std::string_view prefix) {
    return port.parent.table == LogicalSwitch::ovsdb_table && port.name.declared() && port.name->starts_with(prefix) &&
           *port.name == ovn::prefixed(prefix, port.parent.key);
}

}  // namespace

void declare_node_topology(Declare& d) {
    d.rule<Pool>("address-pool");
    d.rule<Switch>("node-switch");
    d.rule<AllowFromNode>("allow-from-node");
    d.rule<RouterPort>("router-port");

    // Switches of nodes that are not this one are left over from another life of the database.
    d.claim<LogicalSwitch>(
        "node-switches",
        [](const LogicalSwitch& r) {
            const auto name = r.name.get();
            return name != ovn::join_switch_name && name != ovn::transit_switch_name && !r.other_config.get().empty() &&
                   !r.external_ids.get().contains(ovn::network_key);
        },
        by_name);
    d.claim<LogicalSwitchPort>(
        "node-ports", [](const LogicalSwitchPort& r) { return is_node_port(r, "stor-") || is_node_port(r, "k8s-"); },
        by_name, of_the_one);
    // What somebody edited until no claim covers it any more is still the row to put right: its name is taken.
    d.adopt<LogicalSwitch>("switches-by-name", by_name);
    d.adopt<LogicalSwitchPort>("ports-by-name", by_name);
    d.adopt<LogicalRouterPort>("router-ports-by-name", by_name);
    d.claim<nb::ACL>(
        "from-node-acls",
        [](const nb::ACL& r) { return ovn::owned_by(r.external_ids, ovn::default_controller, "NetpolNode"); },
        [](const nb::ACL& r) { return std::string(ovn::entry_of(r.external_ids, ovn::id_key)); });
    d.claim<LogicalRouterPort>(
        "router-ports",
        [](const LogicalRouterPort& r) {
            return r.parent.key == ovn::cluster_router_name && r.name.get().starts_with("rtos-");
        },
        by_name);
    d.claim<GatewayChassis>(
        "gateway-chassis", [](const GatewayChassis& r) { return r.name.get().starts_with("rtos-"); }, by_name);
}

}  // namespace weft::default_network
