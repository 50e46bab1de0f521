#include "appliers/netlink/handle.hpp"

namespace weft::netlink {

Result<Handle> Handle::open() {
    auto socket = Socket::open();
    if (!socket) return std::move(socket).error();
    return Handle(*std::move(socket));
}

}  // namespace weft::netlink
