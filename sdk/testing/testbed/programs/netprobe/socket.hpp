#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/socket.h>

namespace weft::netprobe {

/// What the program prints before it exits with 1.
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};
/// With errno's text.
[[noreturn]] void fail(const std::string& what);

class Socket {
  public:
    explicit Socket(int fd) : fd_(fd) {}
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Socket();
    int get() const { return fd_; }

  private:
    int fd_;
};

/// An IPv4 or IPv6 address with a port, from text.
struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;

    static Address parse(const std::string& ip, std::uint16_t port);
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    int family() const { return storage.ss_family; }
};

/// The byte at an offset of the stream that both ends know.
constexpr char pattern(std::uint64_t offset) {
    const std::uint64_t mixed = (offset + 1) * 0x9e3779b97f4a7c15ULL;
    return static_cast<char>(mixed >> 56);
}

struct ServeOptions {
    std::uint16_t port = 8080;
    bool daemon = false;  ///< return when it listens; a child, whose pid is printed, goes on
};
int serve(const ServeOptions& options);

struct StreamOptions {
    std::string to;
    std::uint16_t port = 8080;
    std::uint64_t segments = 100;
    std::size_t size = 1300;
    int timeout_ms = 10'000;
};
int stream(const StreamOptions& options);

struct LossOptions {
    std::string to;
    int interval_ms = 10;
    int settle_ms = 3000;  ///< how long replies are waited for after the last request
};
int loss(const LossOptions& options);

}  // namespace weft::netprobe
