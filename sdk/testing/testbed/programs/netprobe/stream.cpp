// Sends a stream of known bytes to an echo server, in segments, and checks every byte that comes back.
#include "socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

namespace weft::netprobe {

namespace {

using Steady = std::chrono::steady_clock;

class Stream {
  public:
    explicit Stream(const StreamOptions& options)
        : options_(options),
          total_(options.segments * options.size),
          end_(Steady::now() + std::chrono::milliseconds(options.timeout_ms)),
          segment_(options.size, '\0'),
          socket_(open()) {}

    void go() {
        while (received_ < total_) {
            wait(static_cast<short>(POLLIN | (sent_ < total_ ? POLLOUT : 0)));
            receive();
            if (sent_ < total_) send();
        }
    }

  private:
    Socket open() {
        const auto address = Address::parse(options_.to, options_.port);
        Socket socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (socket.get() < 0) fail("can't make a socket");
        const int on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (::connect(socket.get(), address.get(), address.length) != 0 && errno != EINPROGRESS) fail("can't connect");
        wait_for(socket.get(), POLLOUT);
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        errno = error;
        if (error != 0) fail("can't connect");
        return socket;
    }

    void wait(short events) { wait_for(socket_.get(), events); }

    void wait_for(int fd, short events) const {
        pollfd polled{fd, events, 0};
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end_ - Steady::now()).count();
        if (left <= 0 || ::poll(&polled, 1, static_cast<int>(left)) == 0) {
            throw Failure("timed out after " + std::to_string(received_) + " of " + std::to_string(total_) + " bytes");
        }
    }

    // One segment a call, so that each is a packet of its own as long as the receiver keeps up.
    void send() {
        const std::uint64_t begin = sent_ % options_.size;
        for (std::uint64_t at = begin; at < options_.size; ++at)
            segment_[at] = pattern(sent_ - begin + at);
        const auto done = ::send(socket_.get(), segment_.data() + begin, options_.size - begin, MSG_NOSIGNAL);
        if (done < 0 && errno != EAGAIN && errno != EINTR) fail("can't send");
        if (done > 0) sent_ += static_cast<std::uint64_t>(done);
    }

    void receive() {
        std::array<char, 65536> buffer;
        const auto got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (got == 0) throw Failure("closed after " + std::to_string(received_) + " bytes");
        if (got < 0 && errno != EAGAIN && errno != EINTR) fail("can't receive");
        for (std::size_t at = 0; got > 0 && at < static_cast<std::size_t>(got); ++at, ++received_) {
            if (buffer[at] != pattern(received_)) throw Failure("wrong byte at " + std::to_string(received_));
        }
    }

    const StreamOptions& options_;
    std::uint64_t total_;
    Steady::time_point end_;
    std::string segment_;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    Socket socket_;
};

}  // namespace

int stream(const StreamOptions& options) {
    const auto begin = Steady::now();
    Stream(options).go();
    const auto seconds = std::chrono::duration<double>(Steady::now() - begin).count();
    std::printf("{\"bytes\":%zu,\"seconds\":%.6f}\n", options.segments * options.size, seconds);
    return 0;
}

}  // namespace weft::netprobe
