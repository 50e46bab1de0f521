#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>
#include <weft/base/result.hpp>

#include <optional>
#include <string>
#include <vector>

namespace weft::appliers::actions {

/// The Ethernet frames that tell where an address is now: a gratuitous ARP request and reply, as listeners differ in
/// which they heed, or an unsolicited neighbour advertisement to all nodes that overrides what they know.
std::vector<std::vector<std::uint8_t>> announcement(const Ip& ip, const Mac& mac);

/// Sends them on a link, in the network namespace of the calling thread. Without `mac`, the link's own. `again` while
/// the link is absent or down.
Result<void> announce(const std::string& link, const Ip& ip, const std::optional<Mac>& mac);

}  // namespace weft::appliers::actions
