#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>

#include <cstdint>
#include <optional>
#include <string>

/// What the kernel holds, as far as weft asks.
namespace weft::netlink {

struct Link {
    int index = 0;
    std::string name;
    std::string kind;  ///< "veth", "openvswitch", …; empty for a real device
    Mac mac;
    std::uint32_t mtu = 0;
    std::uint32_t tx_queue_length = 0;
    bool up = false;
    int peer_index = 0;  ///< of a veth: the other end's index, in its own namespace
};

struct Address {
    int link = 0;
    IpPrefix address;
    bool global = true;
    bool deprecated = false;  ///< preferred lifetime is over
    bool no_dad = false;
    bool tentative = false;  ///< duplicate detection is running
    bool duplicate = false;  ///< duplicate detection failed
    bool permanent = true;

    std::string text() const { return address.text(); }
    friend bool operator==(const Address&, const Address&) = default;
};

struct RouteEntry {
    std::uint32_t table = 254;
    IpPrefix destination;
    int link = 0;
    std::optional<Ip> gateway;
    std::optional<Ip> source;
    std::uint32_t mtu = 0;
    std::uint32_t priority = 0;  ///< IPv6 turns 0 into 1024
    std::uint8_t protocol = 0;   ///< RTPROT_*
    std::uint8_t type = 1;       ///< RTN_*; unicast
    bool on_link = false;        ///< the gateway is reachable although no address covers it
    bool multipath = false;      ///< more than one next hop; `link` and `gateway` are not filled in

    /// "10.0.0.0/8 via 10.1.0.1 table 7"
    std::string text() const;
    friend bool operator==(const RouteEntry&, const RouteEntry&) = default;
};

struct NeighbourEntry {
    int link = 0;
    Ip ip;
    Mac mac;
    bool permanent = false;

    friend bool operator==(const NeighbourEntry&, const NeighbourEntry&) = default;
};

}  // namespace weft::netlink
