#include "appliers/netlink/decode.hpp"
#include "appliers/netlink/handle.hpp"

#include <cerrno>

#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace weft::netlink {

namespace {

rtmsg route_header(const RouteEntry& route) {
    rtmsg header{};
    header.rtm_family = route.destination.is_v4() ? AF_INET : AF_INET6;
    header.rtm_dst_len = static_cast<unsigned char>(route.destination.length());
    header.rtm_table =
        route.table < 256 ? static_cast<unsigned char>(route.table) : static_cast<unsigned char>(RT_TABLE_UNSPEC);
    header.rtm_type = route.type;
    header.rtm_flags = route.on_link ? unsigned{RTNH_F_ONLINK} : 0U;
    return header;
}

void put_route(Message& message, const Link& link, const RouteEntry& route) {
    message.put_u32(RTA_TABLE, route.table);
    if (route.destination.length() > 0) message.put_ip(RTA_DST, route.destination.first());
    message.put_u32(RTA_OIF, static_cast<std::uint32_t>(link.index));
    if (route.gateway) message.put_ip(RTA_GATEWAY, *route.gateway);
    if (route.source) message.put_ip(RTA_PREFSRC, *route.source);
    if (route.priority != 0) message.put_u32(RTA_PRIORITY, route.priority);
}

}  // namespace

Result<std::vector<RouteEntry>> Handle::routes(std::optional<int> link) {
    std::vector<RouteEntry> found;
    for (const int family : {AF_INET, AF_INET6}) {
        std::vector<RouteEntry> of_family;
        Message message(RTM_GETROUTE, NLM_F_DUMP);
        rtmsg header{};
        header.rtm_family = static_cast<unsigned char>(family);
        message.header(header);
        if (link) message.put_u32(RTA_OIF, static_cast<std::uint32_t>(*link));
        const auto refused = socket_.query(
            message, [&] { of_family.clear(); },
            [&](const nlmsghdr& h) {
                auto route = decode_route(h);
                if (route && (!link || route->link == *link)) of_family.push_back(*std::move(route));
            });
        const bool gone = refused.code == ENODEV;
        const bool no_family = refused.code == EOPNOTSUPP || refused.code == EAFNOSUPPORT;  // no IPv6 in this kernel
        if (refused && !gone && !no_family) return refusal_error("cannot list routes", refused);
        found.insert(found.end(), of_family.begin(), of_family.end());
    }
    return found;
}

Result<void> Handle::write_route(const Link& link, const RouteEntry& route, int flags) {
    Message message(RTM_NEWROUTE, flags);
    rtmsg header = route_header(route);
    header.rtm_protocol = route.protocol != 0 ? route.protocol : static_cast<unsigned char>(RTPROT_BOOT);
    header.rtm_scope = route.gateway || route.destination.is_v6() ? static_cast<unsigned char>(RT_SCOPE_UNIVERSE)
                                                                  : static_cast<unsigned char>(RT_SCOPE_LINK);
    message.header(header);
    put_route(message, link, route);
    if (route.mtu != 0) message.nest(RTA_METRICS, [&] { message.put_u32(RTAX_MTU, route.mtu); });
    if (const auto refused = socket_.request(message)) {
        Error error = refusal_error("link " + link.name + ": cannot add route " + route.text(), refused);
        if (refused.code == EEXIST) error.kind = ErrorKind::conflict;
        return error;
    }
    return {};
}

Result<void> Handle::add_route(const Link& link, const RouteEntry& route) {
    return write_route(link, route, NLM_F_CREATE | NLM_F_EXCL);
}

Result<void> Handle::replace_route(const Link& link, const RouteEntry& route) {
    return write_route(link, route, NLM_F_CREATE | NLM_F_REPLACE);
}

Result<void> Handle::delete_route(const Link& link, const RouteEntry& route) {
    Message message(RTM_DELROUTE, 0);
    rtmsg header = route_header(route);
    header.rtm_flags = 0;
    header.rtm_scope = RT_SCOPE_NOWHERE;  // any scope
    message.header(header);
    put_route(message, link, route);
    const auto refused = socket_.request(message);
    if (refused && refused.code != ESRCH && refused.code != ENODEV) {
        return refusal_error("link " + link.name + ": cannot remove route " + route.text(), refused);
    }
    return {};
}

}  // namespace weft::netlink
