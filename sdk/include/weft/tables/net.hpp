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
    Key<HostAddress> key;  ///< link/address
    std::string link;
    IpPrefix address;
    bool global = true;  ///< scope global (not link, host or site)
    bool deprecated = false;

    static constexpr auto fields() {
        return std::tuple{field("key", &HostAddress::key), field("link", &HostAddress::link),
                          field("address", &HostAddress::address), field("global", &HostAddress::global),
                          field("deprecated", &HostAddress::deprecated)};
    }
};

/// A link of this node.
struct HostLink {
    static constexpr std::string_view table_name = "HostLink";
    Key<HostLink> key;  ///< name
    std::uint32_t index = 0;
    Mac mac;
    std::uint32_t mtu = 0;
    bool up = false;

    static constexpr auto fields() {
        return std::tuple{field("key", &HostLink::key), field("index", &HostLink::index), field("mac", &HostLink::mac),
                          field("mtu", &HostLink::mtu), field("up", &HostLink::up)};
    }
};

/// A link (made by somebody else, such as an OVS internal port) should be up, with this MTU.
struct LinkState {
    static constexpr std::string_view table_name = "LinkState";
    Key<LinkState> key;  ///< link
    bool up = true;
    std::uint32_t mtu = 0;  ///< 0: leave
    /// Global addresses on the link that no LinkAddress row wants are removed.
    bool sole_addresses = false;

    static constexpr auto fields() {
        return std::tuple{field("key", &LinkState::key), field("up", &LinkState::up), field("mtu", &LinkState::mtu),
                          field("sole_addresses", &LinkState::sole_addresses)};
    }
};

struct LinkAddress {
    static constexpr std::string_view table_name = "LinkAddress";
    Key<LinkAddress> key;  ///< link/address; settled by put()
    std::string link;
    IpPrefix address;
    bool no_dad = true;       ///< IPv6: usable at once
    bool deprecated = false;  ///< IPv6: preferred lifetime 0

    void settle_key() { key = Key<LinkAddress>{link, address.text()}; }
    static constexpr auto fields() {
        return std::tuple{field("key", &LinkAddress::key), field("link", &LinkAddress::link),
                          field("address", &LinkAddress::address), field("no_dad", &LinkAddress::no_dad),
                          field("deprecated", &LinkAddress::deprecated)};
    }
};

struct Route {
    static constexpr std::string_view table_name = "Route";
    Key<Route> key;  ///< table/destination/link; settled by put()
    IpPrefix destination;
    std::string link;
    std::optional<Ip> gateway;
    std::optional<Ip> source;
    std::uint32_t mtu = 0;
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
    std::string link;
    Ip ip;
    Mac mac;

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
