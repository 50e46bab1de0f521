#include "socket.hpp"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

namespace weft::netprobe {

void fail(const std::string& what) {
    throw Failure(what + ": " + std::strerror(errno));
}

Socket::~Socket() {
    if (fd_ >= 0) ::close(fd_);
}

Address Address::parse(const std::string& ip, std::uint16_t port) {
    Address address;
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET, ip.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&address.storage, &v4, sizeof v4);
        address.length = sizeof v4;
    } else if (::inet_pton(AF_INET6, ip.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        std::memcpy(&address.storage, &v6, sizeof v6);
        address.length = sizeof v6;
    } else {
        throw Failure("\"" + ip + "\" is no IP address");
    }
    return address;
}

}  // namespace weft::netprobe
