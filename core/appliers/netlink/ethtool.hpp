#pragma once

#include <weft/base/result.hpp>

#include <string>

namespace weft::netlink {

/// Whether the link leaves transmit checksums to the receiver or the hardware; in the calling thread's namespace.
Result<bool> tx_checksum_offload(const std::string& link);
/// Off for links that end in a userspace datapath, which forwards the packet as it is.
Result<void> set_tx_checksum_offload(const std::string& link, bool on);

}  // namespace weft::netlink
