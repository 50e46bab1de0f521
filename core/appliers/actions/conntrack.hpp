#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

/// Forgetting connections: the kernel's, and those of an ovs-vswitchd that forwards in userspace.
namespace weft::appliers::actions {

/// The connections that know an address (with `port`, on its side), whichever side and direction it is on.
struct Connections {
    Ip ip;
    std::uint8_t protocol = 0;
    std::optional<std::uint16_t> port;
    std::optional<std::uint16_t> zone;

    std::string text() const;
};

/// Removes what any of `which` matches, in one pass over the kernel's table, in the network namespace of the calling
/// thread. Returns how many; 0 when the kernel keeps no connections.
Result<std::size_t> flush_kernel(std::span<const Connections> which);

/// Has the ovs-vswitchd behind a control socket remove them from each of its userspace datapaths.
Result<void> flush_switch(const std::string& control_socket, const Connections& which);

}  // namespace weft::appliers::actions
