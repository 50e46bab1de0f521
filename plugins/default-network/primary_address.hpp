#pragma once

#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>

#include <vector>

namespace weft::default_network {

/// Where tunnels to this node end: as configured, else the node's first internal address, else its first external one.
/// Empty while the node has none.
inline std::vector<Ip> tunnel_addresses(const tables::NetworkConfig& config, const tables::Node* node) {
    if (!config.encap_ips.empty()) return config.encap_ips;
    if (node && !node->internal_ips.empty()) return {node->internal_ips.front()};
    if (node && !node->external_ips.empty()) return {node->external_ips.front()};
    return {};
}

}  // namespace weft::default_network
