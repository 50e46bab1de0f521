#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>
#include <weft/engine/row.hpp>
#include <weft/tables/ipam.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What this plugin's rules know about nodes: annotations parsed once, and the own node put together.
namespace weft::default_network {

/// A node as its annotations describe it. What is not annotated yet is empty; a node with an annotation that can't be
/// read keeps its last good row.
struct NodeNetwork {
    static constexpr std::string_view table_name = "default-network/NodeNetwork";

    Key<NodeNetwork> key;  ///< the node's name
    std::string uid;
    std::int64_t created = 0;
    std::optional<std::uint32_t> id;
    std::vector<IpPrefix> subnets;  ///< in the annotation's order
    std::vector<IpPrefix> transit;  ///< addresses on the transit switch with their prefix length, IPv4 first
    std::string chassis;
    std::vector<Ip> encap_ips;
    std::optional<Mac> management_mac;
    bool gateway_mtu = true;

    /// The text of the first subnet of a family; empty without one.
    std::string first_subnet(Family family) const {
        for (const auto& subnet : subnets) {
            if (subnet.family() == family) return subnet.text();
        }
        return {};
    }

    static ObjectRef object(const NodeNetwork& n) { return {"Node", "", n.key.text, n.uid}; }
    static std::int64_t precedence(const NodeNetwork& n) { return n.created; }
    static constexpr auto fields() {
        return std::tuple{field("key", &NodeNetwork::key),
                          field("uid", &NodeNetwork::uid),
                          field("created", &NodeNetwork::created),
                          field("id", &NodeNetwork::id),
                          field("subnets", &NodeNetwork::subnets),
                          field("transit", &NodeNetwork::transit),
                          field("chassis", &NodeNetwork::chassis),
                          field("encap_ips", &NodeNetwork::encap_ips),
                          field("management_mac", &NodeNetwork::management_mac),
                          field("gateway_mtu", &NodeNetwork::gateway_mtu)};
    }
};

/// Nodes by what must be theirs alone, to find two that have the same.
struct NodesById {
    using Table = NodeNetwork;
    static constexpr std::string_view index_name = "id";
    static std::string of(const NodeNetwork& n) { return n.id ? std::to_string(*n.id) : std::string(); }
};
struct NodesByChassis {
    using Table = NodeNetwork;
    static constexpr std::string_view index_name = "chassis";
    static std::string of(const NodeNetwork& n) { return n.chassis; }
};
/// By the first subnet of a family: the annotation of a node in order has one.
struct NodesBySubnetV4 {
    using Table = NodeNetwork;
    static constexpr std::string_view index_name = "subnet-v4";
    static std::string of(const NodeNetwork& n) { return n.first_subnet(Family::v4); }
};
struct NodesBySubnetV6 {
    using Table = NodeNetwork;
    static constexpr std::string_view index_name = "subnet-v6";
    static std::string of(const NodeNetwork& n) { return n.first_subnet(Family::v6); }
};

/// The chassis that this node's Open vSwitch is; one row, key ".".
struct OwnChassis {
    static constexpr std::string_view table_name = "default-network/OwnChassis";
    Key<OwnChassis> key{"."};
    std::string id;

    static constexpr auto fields() { return std::tuple{field("key", &OwnChassis::key), field("id", &OwnChassis::id)}; }
};

/// This node, once it has its subnets; one row, key ".".
struct OwnNode {
    static constexpr std::string_view table_name = "default-network/OwnNode";
    Key<OwnNode> key{"."};
    std::string name;
    std::string uid;
    std::optional<std::uint32_t> id;
    std::vector<IpPrefix> subnets;  ///< one for each family in use
    std::vector<IpPrefix> transit;
    std::string chassis;  ///< empty while unknown
    Mac management_mac;
    bool gateway_mtu = true;

    static ObjectRef object(const OwnNode& n) { return {"Node", "", n.name, n.uid}; }
    static constexpr auto fields() {
        return std::tuple{field("key", &OwnNode::key),
                          field("name", &OwnNode::name),
                          field("uid", &OwnNode::uid),
                          field("id", &OwnNode::id),
                          field("subnets", &OwnNode::subnets),
                          field("transit", &OwnNode::transit),
                          field("chassis", &OwnNode::chassis),
                          field("management_mac", &OwnNode::management_mac),
                          field("gateway_mtu", &OwnNode::gateway_mtu)};
    }
};

/// The pool of addresses of a node's subnets.
inline Key<tables::AddressPool> address_pool(std::string_view node) {
    return Key<tables::AddressPool>{"default", node};
}

/// The key of a table that holds one row.
template <class Row>
Key<Row> only() {
    return Key<Row>{"."};
}

}  // namespace weft::default_network
