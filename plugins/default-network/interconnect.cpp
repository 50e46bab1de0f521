#include "conflicts.hpp"
#include "facts.hpp"
#include "subjects.hpp"

#include <weft/ovn/addressing.hpp>
#include <weft/ovn/annotations.hpp>
#include <weft/ovn/names.hpp>
#include <weft/ovsdb/nb.hpp>
#include <weft/tables/settings.hpp>

#include <algorithm>

namespace weft::default_network {

namespace {

using nb::LogicalRouterPort;
using nb::LogicalRouterStaticRoute;
using nb::LogicalSwitch;
using nb::LogicalSwitchPort;

constexpr std::string_view default_network_name = "default";
constexpr std::string_view route_of_node = "ic-node";
constexpr std::string_view port_of_node = "node";

/// The switch that all nodes' databases have, each with its own half of it.
struct TransitSwitch {
    using Driver = tables::NetworkConfig;
    using Reads = Tables<>;
    using Writes = Tables<LogicalSwitch>;

    static void derive(const Driver&, const Reader<Reads>&, Desired<Writes>& out) {
        out.put(LogicalSwitch{.name = std::string(ovn::transit_switch_name),
                              .other_config = {{"interconn-ts", std::string(ovn::transit_switch_name)},
                                               {"mcast_flood_unregistered", "true"},
                                               {"mcast_querier", "false"},
                                               {"mcast_snoop", "true"},
                                               {"requested-tnl-key", std::to_string(ovn::transit_switch_key(0))}}});
    }
};

struct OwnTransitPort {
    using Driver = OwnNode;
    using Reads = Tables<>;
    using Writes = Tables<LogicalRouterPort, LogicalSwitchPort>;

    static void derive(const Driver& node, const Reader<Reads>&, Desired<Writes>& out) {
        if (!node.id) return out.wait("this node has no node id yet");
        if (node.transit.empty()) return out.wait("this node has no address on the transit switch yet");
        ovsdb::Set<std::string> networks;
        for (const auto& address : node.transit)
            networks.insert(address.text());
        const std::string router_port = ovn::router_to_transit(node.name);
        out.put(LogicalRouterPort{.parent = ovsdb::child_of(ovn::cluster_router(), &nb::LogicalRouter::ports),
                                  .mac = Mac::of(node.transit.front().ip()).text(),
                                  .name = router_port,
                                  .networks = std::move(networks),
                                  .options = {{"mcast_flood", "true"}}});
        out.put(LogicalSwitchPort{
            .parent = ovsdb::child_of(ovn::transit_switch(), &LogicalSwitch::ports),
            .addresses = {"router"},
            .external_ids = {{std::string(port_of_node), node.name}},
            .name = ovn::transit_to_router(node.name),
            .options = {{"requested-tnl-key", std::to_string(*node.id)}, {"router-port", router_port}},
            .type = "router"});
    }
};

/// The way to the pods of another node: its stand-in on the transit switch, and routes by way of it.
struct WayToNode {
    using Driver = NodeNetwork;
    using Reads = Tables<tables::LocalNode, tables::NetworkConfig, OwnNode, NodesById, NodesByChassis, NodesBySubnetV4,
                         NodesBySubnetV6>;
    using Writes = Tables<LogicalSwitchPort, LogicalRouterStaticRoute>;

    static void derive(const Driver& node, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* local = in.find<tables::LocalNode>(only<tables::LocalNode>());
        const auto* config = in.find<tables::NetworkConfig>(only<tables::NetworkConfig>());
        if (!local || !config) return out.wait("the configuration is not known yet");
        const std::string& name = node.key.text;
        if (name == local->name) return;
        if (!node.id) return out.wait("node " + name + " has no node id yet");
        if (node.subnets.empty()) return out.wait("node " + name + " has no subnet yet");
        if (node.transit.empty()) return out.wait("node " + name + " has no address on the transit switch yet");
        if (node.chassis.empty()) return out.wait("node " + name + " has no chassis id yet");
        if (auto error = conflict_of(node, in)) return out.fail(*std::move(error));

        std::string addresses = Mac::of(node.transit.front().ip()).text();
        for (const auto& address : node.transit)
            addresses.append(" ").append(address.text());
        out.put(LogicalSwitchPort{
            .parent = ovsdb::child_of(ovn::transit_switch(), &LogicalSwitch::ports),
            .addresses = {addresses},
            .external_ids = {{std::string(port_of_node), name}},
            .name = ovn::transit_to_router(name),
            .options = {{"requested-chassis", node.chassis}, {"requested-tnl-key", std::to_string(*node.id)}},
            .type = "remote"});
        for (const auto& subnet : node.subnets)
            put_route(node, subnet.text(), subnet.family(), out);
        for (const Family family : ovn::families(*config)) {
            const auto join = ovn::nth_address(ovn::join_subnet(*config, family), *node.id);
            if (!join) {
                return out.fail({ErrorKind::invalid,
                                 "the join subnet " + ovn::join_subnet(*config, family).text() +
                                     " has no address for node id " + std::to_string(*node.id),
                                 annotation_field(ovn::annotation::node_id), "configure a larger join subnet"});
            }
            put_route(node, ovn::host_prefix_text(join->ip()), family, out);
        }
    }

    /// Two nodes with one number would share a tunnel key and two with one subnet its pods: the older is believed, and
    /// this node believes itself.
    static std::optional<Error> conflict_of(const NodeNetwork& node, const Reader<Reads>& in) {
        const auto* own = in.find<OwnNode>(only<OwnNode>());
        if (own && own->id == node.id) return same_id("this node", node);
        if (const auto* other = older_with_same(in.bucket<NodesById>(std::to_string(*node.id)), node)) {
            return same_id("node " + other->key.text, node);
        }
        if (own && own->chassis == node.chassis) return same_chassis("this node", node);
        if (const auto* other = older_with_same(in.bucket<NodesByChassis>(node.chassis), node)) {
            return same_chassis("node " + other->key.text, node);
        }
        for (const auto& subnet : node.subnets) {
            for (const auto& ours : own ? own->subnets : std::vector<IpPrefix>()) {
                if (subnet.overlaps(ours)) {
                    return conflict(ovn::annotation::node_subnets,
                                    "subnet " + subnet.text() + " overlaps this node's " + ours.text());
                }
            }
            const auto* other = subnet.is_v4() ? older_with_same(in.bucket<NodesBySubnetV4>(subnet.text()), node)
                                               : older_with_same(in.bucket<NodesBySubnetV6>(subnet.text()), node);
            if (other) {
                return conflict(ovn::annotation::node_subnets,
                                "node " + other->key.text + " has subnet " + subnet.text() + " too");
            }
        }
        return std::nullopt;
    }

    static Error conflict(std::string_view annotation, std::string what) {
        return {ErrorKind::conflict, std::move(what), annotation_field(annotation),
                "weftd of role cluster gives one of them another; if none runs, remove the annotation"};
    }
    static Error same_id(const std::string& who, const NodeNetwork& node) {
        return conflict(ovn::annotation::node_id, who + " has node id " + std::to_string(*node.id) + " too");
    }

    static void put_route(const NodeNetwork& node, const std::string& prefix, Family family, Desired<Writes>& out) {
        const auto next_hop = std::find_if(node.transit.begin(), node.transit.end(),
                                           [&](const auto& address) { return address.family() == family; });
        if (next_hop == node.transit.end()) {
            return out.wait("node " + node.key.text + " has no transit switch address to reach " + prefix + " by");
        }
        out.put(LogicalRouterStaticRoute{
            .key = Key<LogicalRouterStaticRoute>{ovn::cluster_router_name, prefix},
            .parent = ovsdb::child_of(ovn::cluster_router(), &nb::LogicalRouter::static_routes),
            .external_ids = {{std::string(route_of_node), node.key.text},
                             {std::string(ovn::network_key), std::string(default_network_name)}},
            .ip_prefix = prefix,
            .nexthop = next_hop->ip().text(),
            .policy = ovsdb::empty});
    }
};

bool on_transit_switch(const LogicalSwitchPort& port) {
    return port.parent.table == LogicalSwitch::ovsdb_table && port.parent.key == ovn::transit_switch_name;
}

/// A route to another node; those of other networks are on routers of their own.
bool is_route_to_node(const LogicalRouterStaticRoute& route) {
    return route.parent.key == ovn::cluster_router_name && !ovn::entry_of(route.external_ids, route_of_node).empty();
}

}  // namespace

void declare_interconnect(Declare& d) {
    d.rule<TransitSwitch>("transit-switch");
    d.rule<OwnTransitPort>("own-transit-port");
    d.rule<WayToNode>("way-to-node");

    d.claim<LogicalSwitch>(
        "transit-switch", [](const LogicalSwitch& r) { return r.name.get() == ovn::transit_switch_name; }, by_name);
    d.claim<LogicalSwitchPort>(
        "remote-transit-ports",
        [](const LogicalSwitchPort& r) { return on_transit_switch(r) && r.type.get() == "remote"; }, by_name,
        [](const LogicalSwitchPort& r) { return std::string(ovn::entry_of(r.external_ids, port_of_node)); });
    d.claim<LogicalSwitchPort>(
        "own-transit-port", [](const LogicalSwitchPort& r) { return on_transit_switch(r) && r.type.get() != "remote"; },
        by_name, of_the_one);
    d.claim<LogicalRouterPort>(
        "own-transit-port",
        [](const LogicalRouterPort& r) {
            return r.parent.key == ovn::cluster_router_name && r.name.get().starts_with("rtots-");
        },
        by_name);
    // One route a prefix, whoever made it: two would share the traffic.
    d.adopt<LogicalRouterStaticRoute>("routes-by-prefix", [](const LogicalRouterStaticRoute& r) {
        const bool plain = r.parent.key == ovn::cluster_router_name && r.policy.get().value_or("dst-ip") == "dst-ip" &&
                           r.route_table.get().empty();
        return plain ? Key<LogicalRouterStaticRoute>{r.parent.key, r.ip_prefix.get()}.text : std::string();
    });
    d.claim<LogicalRouterStaticRoute>(
        "routes-to-nodes", [](const LogicalRouterStaticRoute& r) { return is_route_to_node(r); },
        [](const LogicalRouterStaticRoute& r) {
            return Key<LogicalRouterStaticRoute>{r.parent.key, r.ip_prefix.get()}.text;
        },
        [](const LogicalRouterStaticRoute& r) { return std::string(ovn::entry_of(r.external_ids, route_of_node)); });
}

}  // namespace weft::default_network
