#include "appliers/netlink/decode.hpp"
#include "appliers/netlink/handle.hpp"

#include <cerrno>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

namespace weft::netlink {

namespace {

ifinfomsg link_header(int index = 0) {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = index;
    return header;
}

Result<void> check_name(const std::string& name) {
    const bool bad = name.empty() || name.size() >= IFNAMSIZ || name == "." || name == ".." ||
                     name.find_first_of(std::string_view("/: \t\n\0", 6)) != std::string::npos;
    if (bad) return invalid("\"" + name + "\" cannot be the name of a link");
    return {};
}

std::string describe(const LinkChange& change) {
    std::string out;
    const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
    if (change.name) add("rename to " + *change.name);
    if (change.mac) add("set MAC " + change.mac->text());
    if (change.mtu) add("set MTU " + std::to_string(*change.mtu));
    if (change.tx_queue_length) add("set queue length " + std::to_string(*change.tx_queue_length));
    if (change.up) add(*change.up ? "set up" : "set down");
    return out;
}

}  // namespace

Result<std::optional<Link>> Handle::get_link(Message& message, const std::string& what) {
    std::optional<Link> found;
    const auto refused = socket_.query(
        message, [&] { found.reset(); }, [&](const nlmsghdr& h) { found = decode_link(h); });
    if (refused.code == ENODEV) return std::optional<Link>();
    if (refused) return refusal_error(what + ": cannot be looked up", refused);
    return found;
}

Result<std::optional<Link>> Handle::find_link(std::string_view name) {
    if (auto good = check_name(std::string(name)); !good) return std::move(good).error();
    Message message(RTM_GETLINK, 0);
    message.header(link_header());
    message.put_text(IFLA_IFNAME, name);
    return get_link(message, "link " + std::string(name));
}

Result<std::optional<Link>> Handle::find_link(int index) {
    Message message(RTM_GETLINK, 0);
    message.header(link_header(index));
    return get_link(message, "link number " + std::to_string(index));
}

Result<std::vector<Link>> Handle::links() {
    std::vector<Link> found;
    Message message(RTM_GETLINK, NLM_F_DUMP);
    message.header(link_header());
    const auto refused = socket_.query(
        message, [&] { found.clear(); },
        [&](const nlmsghdr& h) {
            if (auto link = decode_link(h)) found.push_back(*std::move(link));
        });
    if (refused) return refusal_error("cannot list links", refused);
    return found;
}

Result<void> Handle::add_veth(const VethSpec& spec, const NetNs& peer_ns) {
    for (const auto& name : {spec.name, spec.peer_name}) {
        if (auto good = check_name(name); !good) return good;
    }
    Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    message.header(link_header());
    message.put_text(IFLA_IFNAME, spec.name);
    if (spec.mac) message.put_mac(IFLA_ADDRESS, *spec.mac);
    if (spec.mtu != 0) message.put_u32(IFLA_MTU, spec.mtu);
    message.nest(IFLA_LINKINFO, [&] {
        message.put_text(IFLA_INFO_KIND, "veth");
        message.nest(IFLA_INFO_DATA, [&] {
            message.nest(VETH_INFO_PEER, [&] {
                message.header(link_header());
                message.put_text(IFLA_IFNAME, spec.peer_name);
                if (spec.mtu != 0) message.put_u32(IFLA_MTU, spec.mtu);
                message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(peer_ns.fd()));
            });
        });
    });
    if (const auto refused = socket_.request(message)) {
        Error error = refusal_error("link " + spec.name + ": cannot create it with peer " + spec.peer_name, refused);
        if (refused.code == EEXIST) error.kind = ErrorKind::conflict;
        return error;
    }
    return {};
}

Result<void> Handle::change_link(const Link& link, const LinkChange& change) {
    if (change.name) {
        if (auto good = check_name(*change.name); !good) return good;
    }
    Message message(RTM_NEWLINK, 0);
    ifinfomsg header = link_header(link.index);
    if (change.up) {
        header.ifi_change = IFF_UP;
        header.ifi_flags = *change.up ? IFF_UP : 0;
    }
    message.header(header);
    if (change.name) message.put_text(IFLA_IFNAME, *change.name);
    if (change.mac) message.put_mac(IFLA_ADDRESS, *change.mac);
    if (change.mtu) message.put_u32(IFLA_MTU, *change.mtu);
    if (change.tx_queue_length) message.put_u32(IFLA_TXQLEN, *change.tx_queue_length);
    if (const auto refused = socket_.request(message)) {
        return refusal_error("link " + link.name + ": cannot " + describe(change), refused);
    }
    return {};
}

Result<void> Handle::delete_link(const Link& link) {
    Message message(RTM_DELLINK, 0);
    message.header(link_header(link.index));
    const auto refused = socket_.request(message);
    if (refused && refused.code != ENODEV) return refusal_error("link " + link.name + ": cannot delete it", refused);
    return {};
}

}  // namespace weft::netlink
