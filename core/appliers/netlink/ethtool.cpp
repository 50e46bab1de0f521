#include "appliers/netlink/ethtool.hpp"

#include "appliers/netlink/netns.hpp"

#include <cerrno>
#include <cstring>

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace weft::netlink {

namespace {

Result<std::uint32_t> call(const std::string& link, std::uint32_t command, std::uint32_t value,
                           const std::string& what) {
    if (link.empty() || link.size() >= IFNAMSIZ) return invalid("\"" + link + "\" cannot be the name of a link");
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return kernel_error("link " + link + ": cannot open a socket", errno);
    ethtool_value request{};
    request.cmd = command;
    request.data = value;
    ifreq interface {};
    std::memcpy(interface.ifr_name, link.data(), link.size());
    interface.ifr_data = reinterpret_cast<char*>(&request);
    if (::ioctl(socket.get(), SIOCETHTOOL, &interface) != 0) {
        return kernel_error("link " + link + ": cannot " + what, errno);
    }
    return request.data;
}

}  // namespace

Result<bool> tx_checksum_offload(const std::string& link) {
    auto value = call(link, ETHTOOL_GTXCSUM, 0, "read whether transmit checksums are offloaded");
    if (!value) return std::move(value).error();
    return *value != 0;
}

Result<void> set_tx_checksum_offload(const std::string& link, bool on) {
    auto done = call(link, ETHTOOL_STXCSUM, on ? 1 : 0,
                     on ? "turn transmit checksum offload on" : "turn transmit checksum offload off");
    if (!done) return std::move(done).error();
    return {};
}

}  // namespace weft::netlink
