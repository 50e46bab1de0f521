#include "appliers/actions/announce.hpp"

#include "appliers/netlink/fd.hpp"
#include "appliers/netlink/netns.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace weft::appliers::actions {

namespace {

using Frame = std::vector<std::uint8_t>;

/// Fields in network order, one behind the other.
class Writer {
  public:
    Writer& u8(std::uint8_t value) {
        frame_.push_back(value);
        return *this;
    }
    Writer& u16(std::uint16_t value) {
        return u8(static_cast<std::uint8_t>(value >> 8)).u8(static_cast<std::uint8_t>(value));
    }
    Writer& u32(std::uint32_t value) {
        return u16(static_cast<std::uint16_t>(value >> 16)).u16(static_cast<std::uint16_t>(value));
    }
    Writer& mac(const Mac& mac) { return bytes(mac.bytes().data(), mac.bytes().size()); }
    Writer& ip(const Ip& ip) { return bytes(ip.bytes().data(), static_cast<std::size_t>(ip.bits()) / 8); }
    Writer& bytes(const std::uint8_t* first, std::size_t count) {
        frame_.insert(frame_.end(), first, first + count);
        return *this;
    }
    Frame take() { return std::move(frame_); }

  private:
    Frame frame_;
};

const std::uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
const std::uint8_t nobody[6] = {};
/// Where 33:33:… and ff02::1 reach every IPv6 node of the link.
const std::uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
const std::array<std::uint8_t, 16> all_nodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01};

Frame gratuitous_arp(const Ip& ip, const Mac& mac, std::uint16_t operation) {
    Writer w;
    w.bytes(broadcast, 6).mac(mac).u16(ETH_P_ARP);
    w.u16(1).u16(ETH_P_IP).u8(6).u8(4).u16(operation);
    w.mac(mac).ip(ip);
    return w.bytes(operation == 1 ? nobody : broadcast, 6).ip(ip).take();
}

/// The Internet checksum over the pseudo header and the message.
std::uint16_t checksum(const Ip& source, const Frame& message) {
    std::uint32_t sum = 0;
    const auto add = [&sum](const std::uint8_t* bytes, std::size_t count) {
        for (std::size_t i = 0; i < count; i += 2)
            sum += static_cast<std::uint32_t>(bytes[i]) << 8 | (i + 1 < count ? bytes[i + 1] : 0U);
    };
    add(source.bytes().data(), 16);
    add(all_nodes.data(), 16);
    sum += static_cast<std::uint32_t>(message.size()) + IPPROTO_ICMPV6;
    add(message.data(), message.size());
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

Frame unsolicited_advertisement(const Ip& ip, const Mac& mac) {
    constexpr std::uint32_t overrides = 0x20000000;
    const auto message = [&](std::uint16_t sum) {
        Writer w;
        // RFC 4861 section 4.4, with the target's link-layer address.
        return w.u8(136).u8(0).u16(sum).u32(overrides).ip(ip).u8(2).u8(1).mac(mac).take();
    };
    const Frame body = message(checksum(ip, message(0)));
    Writer w;
    w.bytes(all_nodes_mac, 6).mac(mac).u16(ETH_P_IPV6);
    w.u32(0x60000000).u16(static_cast<std::uint16_t>(body.size())).u8(IPPROTO_ICMPV6).u8(255);
    return w.ip(ip).bytes(all_nodes.data(), 16).bytes(body.data(), body.size()).take();
}

Error not_sent(const std::string& link, int code) {
    Error error = netlink::kernel_error("announce an address on " + link, code);
    error.kind = ErrorKind::again;
    return error;
}

Result<Mac> mac_of(int fd, const std::string& link) {
    ifreq request{};
    std::memcpy(request.ifr_name, link.data(), link.size());
    if (::ioctl(fd, SIOCGIFHWADDR, &request) != 0) return not_sent(link, errno);
    std::array<std::uint8_t, 6> bytes{};
    std::memcpy(bytes.data(), request.ifr_hwaddr.sa_data, bytes.size());
    return Mac(bytes);
}

}  // namespace

std::vector<Frame> announcement(const Ip& ip, const Mac& mac) {
    if (ip.is_v6()) return {unsolicited_advertisement(ip, mac)};
    return {gratuitous_arp(ip, mac, 1), gratuitous_arp(ip, mac, 2)};
}

Result<void> announce(const std::string& link, const Ip& ip, const std::optional<Mac>& mac) {
    if (link.empty() || link.size() >= IFNAMSIZ) return invalid("\"" + link + "\" is no name of a link");
    const unsigned index = ::if_nametoindex(link.c_str());
    if (index == 0) return not_sent(link, errno);
    const netlink::Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    if (!fd) return not_sent(link, errno);
    auto from = mac ? Result<Mac>(*mac) : mac_of(fd.get(), link);
    if (!from) return from.error();
    for (const Frame& frame : announcement(ip, *from)) {
        sockaddr_ll to{};
        to.sll_family = AF_PACKET;
        to.sll_protocol = htons(ip.is_v6() ? ETH_P_IPV6 : ETH_P_ARP);
        to.sll_ifindex = static_cast<int>(index);
        to.sll_halen = 6;
        std::memcpy(to.sll_addr, frame.data(), 6);
        const auto sent =
            ::sendto(fd.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
        if (sent < 0) return not_sent(link, errno);
    }
    return {};
}

}  // namespace weft::appliers::actions
