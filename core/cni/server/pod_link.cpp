#include "cni/server/pod_link.hpp"

#include "appliers/netlink/ethtool.hpp"
#include "appliers/netlink/handle.hpp"
#include "appliers/netlink/sysctl.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/log.hpp>

#include <algorithm>

#include <linux/rtnetlink.h>
#include <poll.h>

namespace weft::cni {

namespace {

using netlink::Handle;
using netlink::Link;
using netlink::NetNs;
using netlink::RouteEntry;

Result<NetNs> pod_namespace(const PodLinkSpec& spec) {
    auto host = NetNs::current();
    if (!host) return std::move(host).error();
    auto pod = NetNs::open(spec.netns);
    if (!pod) return std::move(pod).error();
    if (pod->same_as(*host)) return invalid("\"" + spec.netns + "\" is the host's own network namespace");
    return pod;
}

/// Is this link the container's end of the pair whose host end is `host`? Indexes are of different namespaces, so that
/// both have to name each other.
bool paired(const Link& container, const std::optional<Link>& host) {
    return host && container.kind == "veth" && host->kind == "veth" && container.peer_index == host->index &&
           host->peer_index == container.index;
}

/// A userspace switch does not take packets away from the kernel: without this the node answers the pod's ARP requests
/// and neighbour solicitations itself, for its own addresses and with this link's MAC.
Result<void> make_deaf(const std::string& host_if) {
    for (const auto& [file, value] : {std::pair("net/ipv4/conf/" + host_if + "/arp_ignore", "8"),
                                      std::pair("net/ipv6/conf/" + host_if + "/disable_ipv6", "1")}) {
        auto wrote = netlink::write_sysctl(file, value);
        if (!wrote && wrote.error().kind != ErrorKind::waiting) return std::move(wrote).error();
    }
    return {};
}

Result<void> prepare_host_end(Handle& host, const std::string& host_if, bool userspace, PodLink& made) {
    auto link = host.find_link(host_if);
    if (!link) return std::move(link).error();
    if (!*link) return again("link " + host_if + ": it went away while it was set up");
    auto wrote = netlink::write_sysctl("net/ipv6/conf/" + host_if + "/accept_ra", "0");
    if (!wrote && wrote.error().kind != ErrorKind::waiting) return std::move(wrote).error();
    if (userspace) {
        if (auto done = make_deaf(host_if); !done) return done;
    }
    made.host_mac = (*link)->mac.text();
    if ((*link)->up) return {};
    return host.change_link(**link, {.up = true, .mtu = {}, .mac = {}, .name = {}, .tx_queue_length = {}});
}

/// In the pod's namespace.
Result<void> make_pair(const PodLinkSpec& spec, Handle& host, const NetNs& host_ns, PodLink& made) {
    auto pod = Handle::open();
    if (!pod) return std::move(pod).error();
    auto container_end = pod->find_link(spec.container_if);
    if (!container_end) return std::move(container_end).error();
    auto host_end = host.find_link(spec.host_if);
    if (!host_end) return std::move(host_end).error();
    if (*container_end) {
        const Link& there = **container_end;
        if (!paired(there, *host_end)) {
            return conflict("link " + spec.container_if + " is in the pod's network namespace already, and not ours");
        }
        netlink::LinkChange change;
        if (there.mac != spec.interface.mac) change.mac = spec.interface.mac;
        if (there.mtu != spec.interface.mtu) change.mtu = spec.interface.mtu;
        if (change.mac || change.mtu) return pod->change_link(there, change);
        return {};
    }
    if (*host_end) {
        // Left by an ADD of this sandbox whose namespace was another one.
        if (auto gone = delete_host_link(spec.host_if); !gone) return gone;
    }
    auto added = pod->add_veth({spec.container_if, spec.interface.mac, spec.host_if, spec.interface.mtu}, host_ns);
    if (added) made.made = true;
    return added;
}

Result<void> set_if_there(const std::string& path, std::string_view value) {
    auto wrote = netlink::write_sysctl(path, value);
    if (!wrote && wrote.error().kind != ErrorKind::waiting) return std::move(wrote).error();
    return {};
}

/// The pod's addresses are unique by construction, so duplicate detection would only delay them.
Result<void> prepare_ipv6(const std::string& link) {
    const std::string folder = "net/ipv6/conf/" + link + "/";
    for (const auto& [name, value] : {std::pair("disable_ipv6", "0"), std::pair("accept_dad", "0"),
                                      std::pair("dad_transmits", "0"), std::pair("addr_gen_mode", "0")}) {
        if (auto done = set_if_there(folder + name, value); !done) return done;
    }
    return {};
}

bool covered(const std::vector<IpPrefix>& addresses, const Ip& gateway) {
    return std::any_of(addresses.begin(), addresses.end(), [&](const IpPrefix& a) { return a.contains(gateway); });
}

std::vector<RouteEntry> wanted_routes(const tables::PodInterface& interface) {
    std::vector<RouteEntry> routes;
    const auto add = [&](IpPrefix destination, std::optional<Ip> gateway) {
        RouteEntry route;
        route.destination = destination.network();
        route.gateway = gateway;
        route.mtu = destination.length() == 0 ? interface.routable_mtu : 0;
        // An IPv6 link-local gateway is on the link as it is.
        const bool own_link = gateway && gateway->is_v6() && gateway->is_link_local();
        route.on_link = gateway && !own_link && !covered(interface.addresses, *gateway);
        routes.push_back(route);
    };
    for (const auto& gateway : interface.gateways) {
        add(IpPrefix(gateway.is_v4() ? Ip() : Ip::v6({}), 0), gateway);
    }
    for (const auto& route : interface.routes)
        add(route.destination, route.gateway);
    return routes;
}

bool is_there(const RouteEntry& wanted, const std::vector<RouteEntry>& routes) {
    return std::any_of(routes.begin(), routes.end(), [&](const RouteEntry& r) {
        return r.table == wanted.table && r.destination == wanted.destination && r.gateway == wanted.gateway &&
               r.mtu == wanted.mtu && r.type == RTN_UNICAST;
    });
}

bool settled(const std::vector<netlink::Address>& there, const std::vector<IpPrefix>& ours) {
    return std::none_of(there.begin(), there.end(), [&](const netlink::Address& a) {
        return a.tentative && std::find(ours.begin(), ours.end(), a.address) != ours.end();
    });
}

/// Waits for the kernel's word that none of the pod's addresses is tentative any more.
void settle(Handle& pod, const Link& link, const std::vector<IpPrefix>& ours) {
    constexpr auto patience = std::chrono::seconds(10);
    auto notifications = netlink::Socket::open();
    if (!notifications || !notifications->join({RTNLGRP_IPV6_IFADDR})) return;
    const auto deadline = Clock::system().now() + patience;
    while (true) {
        const auto addresses = pod.addresses(link.index);
        if (!addresses || settled(*addresses, ours)) return;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::system().now());
        pollfd wait{notifications->fd(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) == 0) break;
        if (auto read = notifications->drain([](const nlmsghdr&) {}); !read) return;
    }
    log(LogLevel::warn, "cni", "an IPv6 address of a pod is still tentative", {{"link", link.name}});
}

/// In the pod's namespace.
Result<void> configure_container_end(const PodLinkSpec& spec) {
    auto pod = Handle::open();
    if (!pod) return std::move(pod).error();
    auto found = pod->find_link(spec.container_if);
    if (!found) return std::move(found).error();
    if (!*found) return again("link " + spec.container_if + ": it went away while it was set up");
    const Link link = **found;
    const auto& interface = spec.interface;
    const bool v6 = std::any_of(interface.addresses.begin(), interface.addresses.end(),
                                [](const IpPrefix& a) { return a.is_v6(); });
    if (v6) {
        if (auto done = prepare_ipv6(link.name); !done) return done;
    }
    if (spec.whole_checksums) {
        if (auto done = netlink::set_tx_checksum_offload(link.name, false); !done) return done;
    }
    if (!link.up) {
        const netlink::LinkChange up{.up = true, .mtu = {}, .mac = {}, .name = {}, .tx_queue_length = {}};
        if (auto done = pod->change_link(link, up); !done) return done;
    }
    for (const auto& address : interface.addresses) {
        if (auto done = pod->put_address(link, {address, true, false}); !done) return done;
    }
    const auto routes = pod->routes(link.index);
    if (!routes) return routes.error();
    for (const auto& route : wanted_routes(interface)) {
        if (is_there(route, *routes)) continue;
        if (auto done = pod->replace_route(link, route); !done) return done;
    }
    if (v6) settle(*pod, link, interface.addresses);
    return {};
}

/// In the pod's namespace.
Result<void> compare_container_end(const PodLinkSpec& spec, const std::optional<Link>& host_end,
                                   std::vector<std::string>& differences) {
    auto pod = Handle::open();
    if (!pod) return std::move(pod).error();
    auto found = pod->find_link(spec.container_if);
    if (!found) return std::move(found).error();
    if (!*found) {
        differences.push_back("link " + spec.container_if + " is not in the pod's network namespace");
        return {};
    }
    const Link& link = **found;
    const auto& interface = spec.interface;
    const std::string name = "link " + link.name;
    if (host_end && !paired(link, host_end)) {
        differences.push_back(name + " is not the other end of " + spec.host_if);
    }
    if (!link.up) differences.push_back(name + " is down");
    if (link.mac != interface.mac) {
        differences.push_back(name + " has MAC " + link.mac.text() + " instead of " + interface.mac.text());
    }
    if (link.mtu != interface.mtu) {
        differences.push_back(name + " has MTU " + std::to_string(link.mtu) + " instead of " +
                              std::to_string(interface.mtu));
    }
    const auto addresses = pod->addresses(link.index);
    if (!addresses) return addresses.error();
    for (const auto& wanted : interface.addresses) {
        const bool there = std::any_of(addresses->begin(), addresses->end(),
                                       [&](const netlink::Address& a) { return a.address == wanted; });
        if (!there) differences.push_back(name + " lacks address " + wanted.text());
    }
    const auto routes = pod->routes(link.index);
    if (!routes) return routes.error();
    for (const auto& wanted : wanted_routes(interface)) {
        if (!is_there(wanted, *routes)) differences.push_back(name + " lacks route " + wanted.text());
    }
    return {};
}

}  // namespace

Result<PodLink> make_pod_link(const PodLinkSpec& spec) {
    auto pod_ns = pod_namespace(spec);
    if (!pod_ns) return std::move(pod_ns).error();
    auto host_ns = NetNs::current();
    if (!host_ns) return std::move(host_ns).error();
    auto host = Handle::open();
    if (!host) return std::move(host).error();
    PodLink made;
    auto done = netlink::inside(*pod_ns, [&] { return make_pair(spec, *host, *host_ns, made); });
    if (done) done = prepare_host_end(*host, spec.host_if, spec.whole_checksums, made);
    if (!done) {
        if (made.made) (void)delete_host_link(spec.host_if).ok();
        return std::move(done).error();
    }
    return made;
}

Result<void> configure_pod_link(const PodLinkSpec& spec) {
    auto pod_ns = pod_namespace(spec);
    if (!pod_ns) return std::move(pod_ns).error();
    return netlink::inside(*pod_ns, [&] { return configure_container_end(spec); });
}

Result<std::vector<std::string>> check_pod_link(const PodLinkSpec& spec) {
    std::vector<std::string> differences;
    auto host = Handle::open();
    if (!host) return std::move(host).error();
    auto host_end = host->find_link(spec.host_if);
    if (!host_end) return std::move(host_end).error();
    if (!*host_end) {
        differences.push_back("link " + spec.host_if + " is not on the host");
    } else if (!(*host_end)->up) {
        differences.push_back("link " + spec.host_if + " is down");
    }
    auto pod_ns = pod_namespace(spec);
    if (!pod_ns) {
        differences.push_back(pod_ns.error().what);
        return differences;
    }
    auto compared = netlink::inside(*pod_ns, [&] { return compare_container_end(spec, *host_end, differences); });
    if (!compared) return std::move(compared).error();
    return differences;
}

Result<void> delete_host_link(const std::string& host_if) {
    auto host = Handle::open();
    if (!host) return std::move(host).error();
    auto link = host->find_link(host_if);
    if (!link) return std::move(link).error();
    if (!*link) return {};
    if ((*link)->kind != "veth") return conflict("link " + host_if + " is no veth: it is not ours to delete");
    return host->delete_link(**link);
}

}  // namespace weft::cni
