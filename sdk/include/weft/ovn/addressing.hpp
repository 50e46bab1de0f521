#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>
#include <weft/tables/settings.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Addresses that follow from others. Every node computes them for itself and for all others, so none may change.
namespace weft::ovn {

/// The address `n` behind the first of a prefix, with the prefix's length; nothing when that is outside.
inline std::optional<IpPrefix> nth_address(const IpPrefix& prefix, std::int64_t n) {
    const auto ip = prefix.first().plus(n);
    if (!ip || !prefix.contains(*ip)) return std::nullopt;
    return IpPrefix(*ip, prefix.length());
}

/// What a node's subnet begins with. Subnets are long enough for these (config checks it); a shorter one, which only an
/// annotation written by hand can hold, gives addresses outside itself.
inline IpPrefix node_address(const IpPrefix& subnet, std::int64_t n) {
    return {subnet.first().plus(n).value_or(subnet.first()), subnet.length()};
}
/// The cluster router's address in a node's subnet.
inline IpPrefix gateway_address(const IpPrefix& subnet) {
    return node_address(subnet, 1);
}
/// The node's own address in its subnet.
inline IpPrefix management_address(const IpPrefix& subnet) {
    return node_address(subnet, 2);
}
/// The address that the hybrid overlay takes.
inline IpPrefix hybrid_overlay_address(const IpPrefix& subnet) {
    return node_address(subnet, 3);
}

/// The subnet of the join switch.
inline const IpPrefix& join_subnet(const tables::NetworkConfig& config, Family family) {
    return family == Family::v4 ? config.join_v4 : config.join_v6;
}
/// The subnet of the transit switch.
inline const IpPrefix& transit_subnet(const tables::NetworkConfig& config, Family family) {
    return family == Family::v4 ? config.transit_v4 : config.transit_v6;
}
/// The subnet of addresses that only hosts and their gateways know.
inline const IpPrefix& masquerade_subnet(const tables::NetworkConfig& config, Family family) {
    return family == Family::v4 ? config.masquerade_v4 : config.masquerade_v6;
}

/// The masquerade addresses, counted from the subnet's base.
enum class Masquerade : std::uint8_t { ovn = 1, host = 2, host_etp_local = 3, dummy_next_hop = 4, service_hairpin = 5 };

/// One of them.
inline Ip masquerade_address(const tables::NetworkConfig& config, Family family, Masquerade which) {
    return node_address(masquerade_subnet(config, family), static_cast<std::int64_t>(which)).ip();
}

/// The families in use, IPv4 first.
inline std::vector<Family> families(const tables::NetworkConfig& config) {
    std::vector<Family> used;
    if (config.ipv4) used.push_back(Family::v4);
    if (config.ipv6) used.push_back(Family::v6);
    return used;
}

/// Datapath key of a network's transit switch; 0 is the default network.
inline std::uint32_t transit_switch_key(std::uint32_t network_id) {
    return 16711683U + network_id;
}

/// "0a:58:0a:f4:02:03 10.244.2.3 fd00::3": a switch port's address line.
inline std::string port_addresses(const Mac& mac, const std::vector<IpPrefix>& ips) {
    std::string line = mac.text();
    for (const auto& ip : ips)
        line.append(" ").append(ip.ip().text());
    return line;
}

/// A mask that says "just this address": /32 or /128 as text.
inline std::string host_prefix_text(const Ip& ip) {
    return IpPrefix::host(ip).text();
}

}  // namespace weft::ovn
