#include "appliers/netlink/decode.hpp"
#include "appliers/netlink/handle.hpp"

#include <cerrno>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace weft::netlink {

namespace {

ndmsg neighbour_header(int link, const Ip& ip) {
    ndmsg header{};
    header.ndm_family = ip.is_v4() ? AF_INET : AF_INET6;
    header.ndm_ifindex = link;
    return header;
}

}  // namespace

Result<std::vector<NeighbourEntry>> Handle::neighbours(int link) {
    std::vector<NeighbourEntry> found;
    Message message(RTM_GETNEIGH, NLM_F_DUMP);
    message.header(ndmsg{});
    message.put_u32(NDA_IFINDEX, static_cast<std::uint32_t>(link));
    const auto refused = socket_.query(
        message, [&] { found.clear(); },
        [&](const nlmsghdr& h) {
            auto entry = decode_neighbour(h);
            if (entry && entry->link == link) found.push_back(*std::move(entry));
        });
    if (refused && refused.code != ENODEV) return refusal_error("cannot list neighbours", refused);
    return found;
}

Result<void> Handle::put_neighbour(const Link& link, const Ip& ip, const Mac& mac) {
    Message message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
    ndmsg header = neighbour_header(link.index, ip);
    header.ndm_state = NUD_PERMANENT;
    message.header(header);
    message.put_ip(NDA_DST, ip);
    message.put_mac(NDA_LLADDR, mac);
    if (const auto refused = socket_.request(message)) {
        return refusal_error("link " + link.name + ": cannot set neighbour " + ip.text() + " to " + mac.text(),
                             refused);
    }
    return {};
}

Result<void> Handle::delete_neighbour(const Link& link, const Ip& ip) {
    Message message(RTM_DELNEIGH, 0);
    message.header(neighbour_header(link.index, ip));
    message.put_ip(NDA_DST, ip);
    const auto refused = socket_.request(message);
    if (refused && refused.code != ENOENT && refused.code != ENODEV) {
        return refusal_error("link " + link.name + ": cannot remove neighbour " + ip.text(), refused);
    }
    return {};
}

}  // namespace weft::netlink
