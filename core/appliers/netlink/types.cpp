#include "appliers/netlink/types.hpp"

namespace weft::netlink {

std::string RouteEntry::text() const {
    std::string out = destination.text();
    if (gateway) out += " via " + gateway->text();
    if (source) out += " src " + source->text();
    if (mtu != 0) out += " mtu " + std::to_string(mtu);
    if (table != 254) out += " table " + std::to_string(table);
    return out;
}

}  // namespace weft::netlink
