#pragma once

#include "appliers/netlink/types.hpp"

#include <optional>

#include <linux/netlink.h>

/// From rtnetlink messages to values. Nothing for messages of another type, another family, or that are cut short.
namespace weft::netlink {

std::optional<Link> decode_link(const nlmsghdr& header);
std::optional<Address> decode_address(const nlmsghdr& header);
std::optional<RouteEntry> decode_route(const nlmsghdr& header);
std::optional<NeighbourEntry> decode_neighbour(const nlmsghdr& header);

}  // namespace weft::netlink
