#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>
#include <weft/engine/row.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The node's kernel networking: what is there (Host* tables, inputs) and what should be (Link, LinkAddress, …,
/// desired). Desired rows wait while their link is absent, and are put back when somebody removes them.
namespace weft::tables {

/// An address on a link of this node. Those that weft itself wants (a LinkAddress row) are left out: rules see what
/// others configured.
struct HostAddress {
    static constexpr std::string_view table_name = "HostAddress";
    Key<HostAddress> key;     ///< link/address
    std::string link;         ///< where it is
    IpPrefix address;         ///< with its prefix length
    bool global = true;       ///< scope global (not link, host or site)
    bool deprecated = false;  ///< not for new connections

    static constexpr auto fields() {
        return std::tuple{field("key", &HostAddress::key), field("link", &HostAddress::link),
                          field("address", &HostAddress::address), field("global", &HostAddress::global),
                          field("deprecated", &HostAddress::deprecated)};
    }
};

/// A link of this node.
struct HostLink {
    static constexpr std::string_view table_name = "HostLink";
    Key<HostLink> key;        ///< name
    std::uint32_t index = 0;  ///< the kernel's number
    Mac mac;                  ///< zero for links without
    std::uint32_t mtu = 0;    ///< in bytes
    bool up = false;          ///< is set up

    static constexpr auto fields() {
        return std::tuple{field("key", &HostLink::key), field("index", &HostLink::index), field("mac", &HostLink::mac),
                          field("mtu", &HostLink::mtu), field("up", &HostLink::up)};
    }
};

/// A link (made by somebody else, such as an OVS internal port) should be up, with this MTU.
struct LinkState {
    static constexpr std::string_view table_name = "LinkState";
    Key<LinkState> key;     ///< link
    bool up = true;         ///< should be set up
    std::uint32_t mtu = 0;  ///< 0: leave
    /// Global addresses on the link that no LinkAddress row wants are removed.
    bool sole_addresses = false;

    static constexpr auto fields() {
        return std::tuple{field("key", &LinkState::key), field("up", &LinkState::up), field("mtu", &LinkState::mtu),
                          field("sole_addresses", &LinkState::sole_addresses)};
    }
};

/// An address that should be on a link.
struct LinkAddress {
    static constexpr std::string_view table_name = "LinkAddress";
    Key<LinkAddress> key;     ///< link/address; settled by put()
    std::string link;         ///< where
    IpPrefix address;         ///< with its prefix length
    bool no_dad = true;       ///< IPv6: usable at once
    bool deprecated = false;  ///< IPv6: preferred lifetime 0

    void settle_key() { key = Key<LinkAddress>{link, address.text()}; }
    static constexpr auto fields() {
        return std::tuple{field("key", &LinkAddress::key), field("link", &LinkAddress::link),
                          field("address", &LinkAddress::address), field("no_dad", &LinkAddress::no_dad),
                          field("deprecated", &LinkAddress::deprecated)};
    }
};

/// A route that should be there.
struct Route {
    static constexpr std::string_view table_name = "Route";
    Key<Route> key;             ///< table/destination/link; settled by put()
    IpPrefix destination;       ///< where to
    std::string link;           ///< out of which link
    std::optional<Ip> gateway;  ///< absent: on the link
    std::optional<Ip> source;   ///< preferred source address
    std::uint32_t mtu = 0;      ///< 0: the link's
    std::uint32_t table = 254;  ///< main

    void settle_key() { key = Key<Route>{std::to_string(table), destination.text(), link}; }
    static constexpr auto fields() {
        return std::tuple{field("key", &Route::key),       field("destination", &Route::destination),
                          field("link", &Route::link),     field("gateway", &Route::gateway),
                          field("source", &Route::source), field("mtu", &Route::mtu),
                          field("table", &Route::table)};
    }
};

/// A permanent neighbour entry.
struct Neighbour {
    static constexpr std::string_view table_name = "Neighbour";
    Key<Neighbour> key;  ///< link/ip; settled by put()
    std::string link;    ///< on which link
    Ip ip;               ///< whose
    Mac mac;             ///< is where

    void settle_key() { key = Key<Neighbour>{link, ip.text()}; }
    static constexpr auto fields() {
        return std::tuple{field("key", &Neighbour::key), field("link", &Neighbour::link), field("ip", &Neighbour::ip),
                          field("mac", &Neighbour::mac)};
    }
};

/// A file below /proc/sys, such as "net/ipv4/conf/ovn-k8s-mp0/forwarding". Written when it differs; not put back to an
/// older value on withdrawal, as nobody knows that value any more.
struct Sysctl {
    static constexpr std::string_view table_name = "Sysctl";
    Key<Sysctl> key;  ///< path below /proc/sys
    std::string value;
    std::string link;       ///< waits while this link is absent; empty for none
    bool optional = false;  ///< a kernel without the file is fine

    static constexpr auto fields() {
        return std::tuple{field("key", &Sysctl::key), field("value", &Sysctl::value), field("link", &Sysctl::link),
                          field("optional", &Sysctl::optional)};
    }
};

}  // namespace weft::tables
