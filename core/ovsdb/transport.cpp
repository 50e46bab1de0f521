#include "ovsdb/transport.hpp"

#include "ovsdb/tls.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace weft::ovsdb {

Transport::~Transport() {
    ::close(fd_);
}

namespace {

std::string error_text(int code) {
    return std::strerror(code);
}

/// unix and tcp.
class PlainTransport final : public Transport {
  public:
    explicit PlainTransport(int fd) : Transport(fd) {}

    Result<bool> establish() override {
        auto up = finish_connect(fd_);
        connecting_ = up && !*up;
        return up;
    }
    Io read(std::span<char> to) override {
        const ssize_t got = ::recv(fd_, to.data(), to.size(), MSG_DONTWAIT);
        if (got > 0) return {Io::State::done, static_cast<std::size_t>(got), {}};
        if (got == 0) return {Io::State::closed, 0, {}};
        return failed();
    }
    Io write(std::string_view bytes) override {
        const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put >= 0) return {Io::State::done, static_cast<std::size_t>(put), {}};
        return failed();
    }
    bool wants_write() const override { return connecting_; }

  private:
    static Io failed() {
        if (errno == EAGAIN || errno == EINTR) return {};
        return {Io::State::closed, 0, error_text(errno)};
    }

    bool connecting_ = true;
};

struct Socket {
    int fd = -1;
    Socket() = default;
    explicit Socket(int f) : fd(f) {}
    Socket(Socket&& other) noexcept : fd(other.release()) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(fd, other.fd);
        return *this;
    }
    ~Socket() {
        if (fd >= 0) ::close(fd);
    }
    int release() { return std::exchange(fd, -1); }
};

Result<Socket> start(int family, const sockaddr* address, socklen_t size) {
    Socket socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.fd < 0) return again(error_text(errno));
    if (family != AF_UNIX) {
        const int on = 1;
        ::setsockopt(socket.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    // A unix socket whose backlog is full says EAGAIN: an attempt that failed, not one under way.
    if (::connect(socket.fd, address, size) != 0 && errno != EINPROGRESS) return again(error_text(errno));
    return socket;
}

Result<Socket> start_unix(const Remote& remote) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (remote.path.size() >= sizeof(address.sun_path))
        return invalid("the path of " + remote.text() + " is too long for a socket");
    std::memcpy(address.sun_path, remote.path.data(), remote.path.size());
    return start(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

Result<Socket> start_inet(const Remote& remote) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    if (const int code = ::getaddrinfo(remote.host.c_str(), remote.port.c_str(), &hints, &found); code != 0) {
        return again(::gai_strerror(code));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, &::freeaddrinfo);
    return start(found->ai_family, found->ai_addr, found->ai_addrlen);
}

}  // namespace

Result<bool> finish_connect(int fd) {
    // Connected is when there is a peer; SO_ERROR alone is 0 while the attempt still runs.
    int code = 0;
    socklen_t size = sizeof(code);
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
    if (code != 0) return again(error_text(code));
    sockaddr_storage peer{};
    socklen_t peer_size = sizeof(peer);
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0) return true;
    if (errno == ENOTCONN) return false;
    return again(error_text(errno));
}

Result<std::unique_ptr<Transport>> open_transport(const Remote& remote, const TlsFiles& tls) {
    auto socket = remote.kind == Remote::Kind::unix_socket ? start_unix(remote) : start_inet(remote);
    if (!socket) return std::move(socket).error();
    if (remote.kind == Remote::Kind::ssl) return open_tls(socket->release(), tls);
    return std::unique_ptr<Transport>(std::make_unique<PlainTransport>(socket->release()));
}

}  // namespace weft::ovsdb
