#include "appliers/actions/conntrack.hpp"

#include "appliers/actions/unixctl.hpp"
#include "appliers/netlink/socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

namespace weft::appliers::actions {

using netlink::Message;
using netlink::Refusal;
using netlink::Socket;

namespace {

/// One direction of a connection.
struct Tuple {
    Ip source, destination;
    std::uint8_t protocol = 0;
    std::uint16_t source_port = 0, destination_port = 0;
};

/// What is needed of a connection to remove it.
struct Entry {
    std::uint8_t family = 0;
    std::vector<unsigned char> tuple;   ///< CTA_TUPLE_ORIG as the kernel told it
    std::optional<std::uint16_t> zone;  ///< network order
    std::optional<std::uint32_t> id;    ///< network order
};

constexpr int conntrack(int message) {
    return (NFNL_SUBSYS_CTNETLINK << 8) | message;
}

template <std::size_t N>
using Attributes = std::array<const nlattr*, N + 1>;

template <std::size_t N>
Attributes<N> parse(const nlattr* first, int size) {
    Attributes<N> found{};
    int left = size;
    for (const nlattr* at = first; nla_ok(at, left); at = nla_next(at, &left)) {
        const auto type = static_cast<std::size_t>(nla_type(at));
        if (type <= N) found[type] = at;
    }
    return found;
}

template <std::size_t N>
Attributes<N> parse(const nlattr* nest) {
    if (nest == nullptr) return {};
    return parse<N>(static_cast<const nlattr*>(nla_data(nest)), nla_len(nest));
}

template <class T>
std::optional<T> value(const nlattr* attribute) {
    if (attribute == nullptr || nla_len(attribute) < static_cast<int>(sizeof(T))) return std::nullopt;
    T read;
    std::memcpy(&read, nla_data(attribute), sizeof(T));
    return read;
}

std::optional<Ip> address(const nlattr* v4, const nlattr* v6) {
    if (const auto bytes = value<std::array<std::uint8_t, 4>>(v4)) return Ip::v4(*bytes);
    if (const auto bytes = value<std::array<std::uint8_t, 16>>(v6)) return Ip::v6(*bytes);
    return std::nullopt;
}

std::optional<Tuple> tuple(const nlattr* nest) {
    const auto parts = parse<CTA_TUPLE_MAX>(nest);
    const auto ips = parse<CTA_IP_MAX>(parts[CTA_TUPLE_IP]);
    const auto protocol = parse<CTA_PROTO_MAX>(parts[CTA_TUPLE_PROTO]);
    const auto source = address(ips[CTA_IP_V4_SRC], ips[CTA_IP_V6_SRC]);
    const auto destination = address(ips[CTA_IP_V4_DST], ips[CTA_IP_V6_DST]);
    if (!source || !destination) return std::nullopt;
    return Tuple{*source, *destination, value<std::uint8_t>(protocol[CTA_PROTO_NUM]).value_or(0),
                 ntohs(value<std::uint16_t>(protocol[CTA_PROTO_SRC_PORT]).value_or(0)),
                 ntohs(value<std::uint16_t>(protocol[CTA_PROTO_DST_PORT]).value_or(0))};
}

bool matches(const Connections& which, const Tuple& tuple) {
    if (which.protocol != 0 && which.protocol != tuple.protocol) return false;
    const auto side = [&](const Ip& ip, std::uint16_t port) {
        return ip == which.ip && (!which.port || *which.port == port);
    };
    return side(tuple.source, tuple.source_port) || side(tuple.destination, tuple.destination_port);
}

/// The entry, if any of `which` wants it gone.
std::optional<Entry> wanted(const nlmsghdr& header, std::span<const Connections> which) {
    if (nlmsg_datalen(&header) < static_cast<int>(sizeof(nfgenmsg))) return std::nullopt;
    const auto* head = static_cast<const nfgenmsg*>(nlmsg_data(&header));
    const auto parts =
        parse<CTA_MAX>(nlmsg_attrdata(&header, sizeof(nfgenmsg)), nlmsg_attrlen(&header, sizeof(nfgenmsg)));
    const auto original = tuple(parts[CTA_TUPLE_ORIG]);
    const auto reply = tuple(parts[CTA_TUPLE_REPLY]);
    const auto zone = value<std::uint16_t>(parts[CTA_ZONE]);
    const bool any = std::any_of(which.begin(), which.end(), [&](const Connections& one) {
        if (one.zone && *one.zone != ntohs(zone.value_or(0))) return false;
        return (original && matches(one, *original)) || (reply && matches(one, *reply));
    });
    if (!any || !original) return std::nullopt;
    const auto* bytes = static_cast<const unsigned char*>(nla_data(parts[CTA_TUPLE_ORIG]));
    return Entry{
        head->nfgen_family, {bytes, bytes + nla_len(parts[CTA_TUPLE_ORIG])}, zone, value<std::uint32_t>(parts[CTA_ID])};
}

Refusal remove(Socket& socket, const Entry& entry) {
    Message message(conntrack(IPCTNL_MSG_CT_DELETE), NLM_F_ACK);
    message.header(nfgenmsg{entry.family, NFNETLINK_V0, 0});
    message.put(CTA_TUPLE_ORIG | NLA_F_NESTED, entry.tuple.data(), entry.tuple.size());
    if (entry.zone) message.put(CTA_ZONE, &*entry.zone, sizeof(*entry.zone));
    if (entry.id) message.put(CTA_ID, &*entry.id, sizeof(*entry.id));  // not one that was made in the meantime
    return socket.request(message);
}

}  // namespace

std::string Connections::text() const {
    return "connections of " + ip.text() + (port ? " port " + std::to_string(*port) : "") +
           (protocol != 0 ? " protocol " + std::to_string(protocol) : "") +
           (zone ? " in zone " + std::to_string(*zone) : "");
}

Result<std::size_t> flush_kernel(std::span<const Connections> which) {
    auto socket = Socket::open(NETLINK_NETFILTER);
    if (!socket) return std::size_t{0};  // a kernel without netfilter knows no connections
    std::vector<Entry> entries;
    Message dump(conntrack(IPCTNL_MSG_CT_GET), NLM_F_DUMP);
    dump.header(nfgenmsg{AF_UNSPEC, NFNETLINK_V0, 0});
    const Refusal listed = socket->query(
        dump, [&] { entries.clear(); },
        [&](const nlmsghdr& header) {
            if (auto entry = wanted(header, which)) entries.push_back(*std::move(entry));
        });
    if (listed.code == EINVAL || listed.code == EOPNOTSUPP) return std::size_t{0};  // no connection tracking in it
    if (listed) return refusal_error("list the kernel's connections", listed);
    std::size_t removed = 0;
    for (const Entry& entry : entries) {
        const Refusal refused = remove(*socket, entry);
        if (refused && refused.code != ENOENT) return refusal_error("remove a connection", refused);
        if (!refused) ++removed;
    }
    return removed;
}

// ---------------------------------------------------------------------------------------------------------------------

namespace {

std::vector<std::string> lines(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        if (!line.empty()) out.emplace_back(line);
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return out;
}

/// "ct_nw_src=10.0.0.1,ct_nw_proto=6,ct_tp_src=80"
std::string side_of(const Connections& which, bool source) {
    const std::string end = source ? "src=" : "dst=";
    std::string text = (which.ip.is_v4() ? "ct_nw_" : "ct_ipv6_") + end + which.ip.text();
    if (which.protocol != 0) text += ",ct_nw_proto=" + std::to_string(which.protocol);
    if (which.port) text += ",ct_tp_" + end + std::to_string(*which.port);
    return text;
}

}  // namespace

Result<void> flush_switch(const std::string& control_socket, const Connections& which) {
    const auto datapaths = unixctl(control_socket, "dpctl/dump-dps", {});
    if (!datapaths) return datapaths.error();
    const auto names = lines(*datapaths);
    for (const std::string& datapath : names) {
        if (!datapath.starts_with("netdev@")) continue;  // the kernel's are in the kernel's table
        for (const bool reply : {false, true}) {
            for (const bool source : {true, false}) {
                std::vector<std::string> arguments;
                // Open vSwitch 3.1 takes a name for part of the connection, so it gets one only where it has to choose.
                if (names.size() > 1) arguments.push_back(datapath);
                if (which.zone) arguments.push_back("zone=" + std::to_string(*which.zone));
                if (reply) arguments.emplace_back();
                arguments.push_back(side_of(which, source));
                const auto done = unixctl(control_socket, "dpctl/flush-conntrack", arguments);
                if (!done) return done.error();
            }
        }
    }
    return {};
}

}  // namespace weft::appliers::actions
