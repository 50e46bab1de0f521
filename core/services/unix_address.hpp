#pragma once

#include <weft/base/result.hpp>

#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>

namespace weft::services {

/// A unix socket's path as the kernel takes it.
class UnixAddress {
  public:
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
    socklen_t size() const { return sizeof(address_); }

  private:
    friend Result<UnixAddress> unix_address(const std::string& path);
    sockaddr_un address_{};
};

inline Result<UnixAddress> unix_address(const std::string& path) {
    UnixAddress made;
    made.address_.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(made.address_.sun_path)) {
        return Error{ErrorKind::invalid, "the path is no use for a unix socket: it must have 1 to 107 bytes", path,
                     "choose a shorter one"};
    }
    std::memcpy(made.address_.sun_path, path.data(), path.size());
    return made;
}

}  // namespace weft::services
