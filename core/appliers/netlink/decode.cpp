#include "appliers/netlink/decode.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

namespace weft::netlink {

namespace {

/// The attributes behind a fixed header. Reading one that is absent or too short gives nothing.
template <class Header, int Max>
class Attributes {
  public:
    explicit Attributes(const nlmsghdr& header) {
        auto* h = const_cast<nlmsghdr*>(&header);
        if (nlmsg_valid_hdr(h, sizeof(Header)) == 0) return;
        valid_ = nlmsg_parse(h, sizeof(Header), table_.data(), Max, nullptr) >= 0;
        std::memcpy(&header_, nlmsg_data(h), sizeof(Header));
    }

    bool valid() const { return valid_; }
    const Header& header() const { return header_; }
    bool has(int attribute) const { return at(attribute) != nullptr; }
    nlattr* at(int attribute) const { return table_[static_cast<std::size_t>(attribute)]; }

    template <class T>
    std::optional<T> number(int attribute) const {
        nlattr* a = at(attribute);
        if (a == nullptr || nla_len(a) < static_cast<int>(sizeof(T))) return std::nullopt;
        T value;
        std::memcpy(&value, nla_data(a), sizeof(T));
        return value;
    }
    std::string text(int attribute) const {
        nlattr* a = at(attribute);
        if (a == nullptr) return {};
        const auto* bytes = static_cast<const char*>(nla_data(a));
        return std::string(bytes, ::strnlen(bytes, static_cast<std::size_t>(nla_len(a))));
    }
    std::optional<Ip> ip(int attribute, int family) const {
        nlattr* a = at(attribute);
        if (a == nullptr) return std::nullopt;
        const auto* bytes = static_cast<const std::uint8_t*>(nla_data(a));
        if (family == AF_INET && nla_len(a) >= 4) {
            std::array<std::uint8_t, 4> v4{};
            std::copy_n(bytes, 4, v4.begin());
            return Ip::v4(v4);
        }
        if (family == AF_INET6 && nla_len(a) >= 16) {
            std::array<std::uint8_t, 16> v6{};
            std::copy_n(bytes, 16, v6.begin());
            return Ip::v6(v6);
        }
        return std::nullopt;
    }
    Mac mac(int attribute) const {
        nlattr* a = at(attribute);
        std::array<std::uint8_t, 6> bytes{};
        if (a != nullptr && nla_len(a) == 6) std::memcpy(bytes.data(), nla_data(a), 6);
        return Mac(bytes);
    }

  private:
    bool valid_ = false;
    Header header_{};
    std::array<nlattr*, static_cast<std::size_t>(Max) + 1> table_{};
};

bool known_family(int family) {
    return family == AF_INET || family == AF_INET6;
}

/// A nested attribute as text: linkinfo's kind.
std::string nested_text(nlattr* parent, int attribute) {
    if (parent == nullptr) return {};
    nlattr* found = nla_find(static_cast<nlattr*>(nla_data(parent)), nla_len(parent), attribute);
    if (found == nullptr) return {};
    const auto* bytes = static_cast<const char*>(nla_data(found));
    return std::string(bytes, ::strnlen(bytes, static_cast<std::size_t>(nla_len(found))));
}

std::uint32_t metric(nlattr* metrics, int which) {
    if (metrics == nullptr) return 0;
    nlattr* found = nla_find(static_cast<nlattr*>(nla_data(metrics)), nla_len(metrics), which);
    return found != nullptr && nla_len(found) >= 4 ? nla_get_u32(found) : 0;
}

}  // namespace

std::optional<Link> decode_link(const nlmsghdr& header) {
    if (header.nlmsg_type != RTM_NEWLINK && header.nlmsg_type != RTM_DELLINK) return std::nullopt;
    const Attributes<ifinfomsg, IFLA_MAX> a(header);
    // Bridges announce their ports with family AF_BRIDGE; those are no links of their own.
    if (!a.valid() || a.header().ifi_family != AF_UNSPEC || !a.has(IFLA_IFNAME)) return std::nullopt;
    Link link;
    link.index = a.header().ifi_index;
    link.name = a.text(IFLA_IFNAME);
    link.kind = nested_text(a.at(IFLA_LINKINFO), IFLA_INFO_KIND);
    link.mac = a.mac(IFLA_ADDRESS);
    link.mtu = a.number<std::uint32_t>(IFLA_MTU).value_or(0);
    link.tx_queue_length = a.number<std::uint32_t>(IFLA_TXQLEN).value_or(0);
    link.up = (a.header().ifi_flags & IFF_UP) != 0;
    link.peer_index = static_cast<int>(a.number<std::uint32_t>(IFLA_LINK).value_or(0));
    return link;
}

std::optional<Address> decode_address(const nlmsghdr& header) {
    if (header.nlmsg_type != RTM_NEWADDR && header.nlmsg_type != RTM_DELADDR) return std::nullopt;
    const Attributes<ifaddrmsg, IFA_MAX> a(header);
    if (!a.valid() || !known_family(a.header().ifa_family)) return std::nullopt;
    const int family = a.header().ifa_family;
    // IFA_LOCAL is the own end; IFA_ADDRESS is the far end of a point-to-point link, or the same.
    auto ip = a.ip(IFA_LOCAL, family);
    if (!ip) ip = a.ip(IFA_ADDRESS, family);
    if (!ip || a.header().ifa_prefixlen > ip->bits()) return std::nullopt;
    const std::uint32_t flags = a.number<std::uint32_t>(IFA_FLAGS).value_or(a.header().ifa_flags);
    Address address;
    address.link = static_cast<int>(a.header().ifa_index);
    address.address = IpPrefix(*ip, a.header().ifa_prefixlen);
    address.global = a.header().ifa_scope == RT_SCOPE_UNIVERSE;
    address.deprecated = (flags & IFA_F_DEPRECATED) != 0;
    address.no_dad = (flags & IFA_F_NODAD) != 0;
    address.tentative = (flags & IFA_F_TENTATIVE) != 0;
    address.duplicate = (flags & IFA_F_DADFAILED) != 0;
    address.permanent = (flags & IFA_F_PERMANENT) != 0;
    return address;
}

std::optional<RouteEntry> decode_route(const nlmsghdr& header) {
    if (header.nlmsg_type != RTM_NEWROUTE && header.nlmsg_type != RTM_DELROUTE) return std::nullopt;
    const Attributes<rtmsg, RTA_MAX> a(header);
    if (!a.valid() || !known_family(a.header().rtm_family)) return std::nullopt;
    if ((a.header().rtm_flags & RTM_F_CLONED) != 0) return std::nullopt;  // the route cache
    const int family = a.header().rtm_family;
    const Ip any = family == AF_INET ? Ip() : Ip::v6({});
    const Ip destination = a.ip(RTA_DST, family).value_or(any);
    if (a.header().rtm_dst_len > destination.bits()) return std::nullopt;
    RouteEntry route;
    route.table = a.number<std::uint32_t>(RTA_TABLE).value_or(a.header().rtm_table);
    route.destination = IpPrefix(destination, a.header().rtm_dst_len);
    route.link = static_cast<int>(a.number<std::uint32_t>(RTA_OIF).value_or(0));
    route.gateway = a.ip(RTA_GATEWAY, family);
    route.source = a.ip(RTA_PREFSRC, family);
    route.mtu = metric(a.at(RTA_METRICS), RTAX_MTU);
    route.priority = a.number<std::uint32_t>(RTA_PRIORITY).value_or(0);
    route.protocol = a.header().rtm_protocol;
    route.type = a.header().rtm_type;
    route.on_link = (a.header().rtm_flags & RTNH_F_ONLINK) != 0;
    route.multipath = a.has(RTA_MULTIPATH);
    return route;
}

std::optional<NeighbourEntry> decode_neighbour(const nlmsghdr& header) {
    if (header.nlmsg_type != RTM_NEWNEIGH && header.nlmsg_type != RTM_DELNEIGH) return std::nullopt;
    const Attributes<ndmsg, NDA_MAX> a(header);
    if (!a.valid() || !known_family(a.header().ndm_family)) return std::nullopt;
    const auto ip = a.ip(NDA_DST, a.header().ndm_family);
    if (!ip) return std::nullopt;
    NeighbourEntry entry;
    entry.link = a.header().ndm_ifindex;
    entry.ip = *ip;
    entry.mac = a.mac(NDA_LLADDR);
    entry.permanent = (a.header().ndm_state & NUD_PERMANENT) != 0;
    return entry;
}

}  // namespace weft::netlink
