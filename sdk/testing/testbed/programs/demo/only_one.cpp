#include "only_one.hpp"

#include <weft/testing/testbed/wait.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace weft::demo {

namespace {

struct Address {
    sockaddr_un where{};
    socklen_t length = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&where); }
};

/// A name that begins with a zero byte is no file.
Address address_of(const std::string& prefix) {
    const std::string name = "weft-demo-" + prefix;
    Address address;
    address.where.sun_family = AF_UNIX;
    const auto size = std::min(name.size(), sizeof(address.where.sun_path) - 1);
    std::memcpy(address.where.sun_path + 1, name.data(), size);
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + size);
    return address;
}

Error failed(const std::string& what) {
    return again("can't see to it that only one demo runs: " + what + ": " + std::strerror(errno));
}

}  // namespace

Result<std::optional<OnlyOne>> OnlyOne::take(const std::string& prefix) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return failed("socket");
    OnlyOne one(fd);
    const auto address = address_of(prefix);
    if (::bind(fd, address.get(), address.length) != 0) {
        if (errno == EADDRINUSE) return std::optional<OnlyOne>();
        return failed("bind");
    }
    if (::listen(fd, 8) != 0) return failed("listen");
    return std::optional<OnlyOne>(std::move(one));
}

Result<OnlyOne> OnlyOne::take_over(const std::string& prefix, std::chrono::milliseconds deadline) {
    Result<std::optional<OnlyOne>> mine = take(prefix);
    const auto settled = [&] {
        mine = take(prefix);
        return !mine || *mine;
    };
    for (const int signal : {SIGTERM, SIGKILL}) {
        if (!mine) return mine.error();
        if (*mine) return std::move(**mine);
        if (const auto pid = holder(prefix)) ::kill(*pid, signal);
        testing::wait_until(settled, deadline);
    }
    if (!mine) return mine.error();
    if (!*mine) return again("another demo is running and does not end");
    return std::move(**mine);
}

std::optional<pid_t> OnlyOne::holder(const std::string& prefix) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return std::nullopt;
    const OnlyOne closes_it(fd);
    const auto address = address_of(prefix);
    ucred credentials{};
    socklen_t size = sizeof credentials;
    // The other end's credentials are those of the process that called listen().
    if (::connect(fd, address.get(), address.length) != 0 ||
        ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 || credentials.pid <= 0) {
        return std::nullopt;
    }
    return credentials.pid;
}

OnlyOne::~OnlyOne() {
    if (fd_ >= 0) ::close(fd_);
}

OnlyOne::OnlyOne(OnlyOne&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

OnlyOne& OnlyOne::operator=(OnlyOne&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

}  // namespace weft::demo
