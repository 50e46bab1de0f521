// A TCP echo server on all addresses of both families.
#include "socket.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

namespace weft::netprobe {

namespace {

constexpr std::size_t chunk = 65536;

struct Connection {
    Socket socket;
    std::string pending;  ///< read but not yet sent back

    /// False when the connection is done.
    bool step(short events) {
        if ((events & (POLLERR | POLLNVAL)) != 0) return false;
        if ((events & (POLLIN | POLLHUP)) != 0 && pending.empty() && !read()) return false;
        return pending.empty() || write();
    }

    bool read() {
        std::array<char, chunk> buffer;
        const auto got = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got > 0) pending.assign(buffer.data(), static_cast<std::size_t>(got));
        return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
    }

    bool write() {
        const auto sent = ::send(socket.get(), pending.data(), pending.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) pending.erase(0, static_cast<std::size_t>(sent));
        return sent > 0 || (sent < 0 && (errno == EAGAIN || errno == EINTR));
    }
};

Socket listen_on(std::uint16_t port) {
    Socket listener(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (listener.get() < 0) fail("can't make a socket");
    const int on = 1;
    const int off = 0;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    const auto any = Address::parse("::", port);
    if (::bind(listener.get(), any.get(), any.length) != 0) fail("can't bind to port " + std::to_string(port));
    if (::listen(listener.get(), 128) != 0) fail("can't listen");
    return listener;
}

void echo_forever(const Socket& listener) {
    std::map<int, Connection> connections;
    for (;;) {
        std::vector<pollfd> polled{{listener.get(), POLLIN, 0}};
        for (const auto& [fd, connection] : connections) {
            polled.push_back({fd, static_cast<short>(connection.pending.empty() ? POLLIN : POLLOUT), 0});
        }
        if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) fail("can't poll");
        for (const auto& entry : polled) {
            if (entry.revents == 0) continue;
            if (entry.fd == listener.get()) {
                Socket accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
                const int fd = accepted.get();
                if (fd >= 0) connections.insert_or_assign(fd, Connection{std::move(accepted), {}});
            } else if (!connections.at(entry.fd).step(entry.revents)) {
                connections.erase(entry.fd);
            }
        }
    }
}

/// Whoever reads our output must not wait for the daemon.
void leave_standard_files() {
    const Socket nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (nothing.get() < 0) fail("can't open /dev/null");
    for (const int standard : {0, 1, 2})
        ::dup2(nothing.get(), standard);
}

}  // namespace

int serve(const ServeOptions& options) {
    const Socket listener = listen_on(options.port);
    if (options.daemon) {
        const pid_t child = ::fork();
        if (child < 0) fail("can't fork");
        if (child > 0) {
            std::printf("%d\n", child);
            return 0;
        }
        ::setsid();
        leave_standard_files();
    }
    echo_forever(listener);
    return 0;
}

}  // namespace weft::netprobe
