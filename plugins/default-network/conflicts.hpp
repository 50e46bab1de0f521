#pragma once

#include "annotations.hpp"
#include "facts.hpp"

#include <weft/base/result.hpp>
#include <weft/ovn/annotations.hpp>

#include <string>
#include <string_view>
#include <tuple>

/// Nodes that claim what another has: the older is believed.
namespace weft::default_network {

/// Nodes by the first address of their tunnels.
struct NodesByEncap {
    using Table = NodeNetwork;
    static constexpr std::string_view index_name = "encap";
    static std::string of(const NodeNetwork& n) { return n.encap_ips.empty() ? "" : n.encap_ips.front().text(); }
};

/// Of the nodes in a bucket one that goes before `node`; nothing when it is the first itself.
template <class Bucket>
const NodeNetwork* older_with_same(Bucket&& bucket, const NodeNetwork& node) {
    for (const NodeNetwork& other : bucket) {
        if (std::tie(other.created, other.key) < std::tie(node.created, node.key)) return &other;
    }
    return nullptr;
}

inline Error same_chassis(const std::string& who, const NodeNetwork& node) {
    return {ErrorKind::conflict, who + " has chassis id \"" + node.chassis + "\" too",
            annotation_field(ovn::annotation::chassis_id), "give each Open vSwitch its own external_ids:system-id"};
}

}  // namespace weft::default_network
