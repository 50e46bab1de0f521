// Sends ICMP echo requests at a steady pace until SIGTERM, waits for what is still under way and tells what was lost.
// `ping` can't say that exactly: interrupted, it counts the packets in flight as lost.
#include "socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <unistd.h>

namespace weft::netprobe {

namespace {

using Steady = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

volatile std::sig_atomic_t stopping = 0;
void on_signal(int) {
    stopping = 1;
}

struct Echo {
    std::uint8_t type;
    std::uint8_t code;
    std::uint16_t checksum;
    std::uint16_t id;
    std::uint16_t low_sequence;
    std::uint64_t sequence;  ///< whole: the protocol's 16 bits wrap
};

std::uint16_t internet_checksum(const void* data, std::size_t size) {
    std::array<std::uint16_t, sizeof(Echo) / 2> words{};
    std::memcpy(words.data(), data, size);
    std::uint32_t sum = 0;
    for (const auto word : words)
        sum += word;
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

class Pinger {
  public:
    explicit Pinger(const LossOptions& options)
        : options_(options),
          address_(Address::parse(options.to, 0)),
          v6_(address_.family() == AF_INET6),
          socket_(::socket(address_.family(), SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                           v6_ ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP})) {
        if (socket_.get() < 0) fail("can't make a raw socket");
        // Others' replies are dropped by us anyway; connecting only saves looking at them.
        if (::connect(socket_.get(), address_.get(), address_.length) != 0) fail("can't route to " + options.to);
    }

    /// The path may drop the very first packets (neighbours are being resolved): counting starts with the first reply.
    bool warm_up() {
        for (std::uint64_t attempt = 0; stopping == 0; ++attempt) {
            send(warm_up_mark | attempt);
            receive_until(Steady::now() + std::chrono::milliseconds(100), true);
            if (warm_) return true;
        }
        return false;
    }

    /// At an even pace. What was not sent while this process had no processor is not made up for: many at once would
    /// overflow a queue on the way, and be counted as lost.
    void count() {
        auto next = Steady::now();
        for (std::uint64_t sequence = 0; stopping == 0; ++sequence) {
            sent_at_.push_back(Steady::now());
            replied_.push_back(false);
            send(sequence);
            next = std::max(next + std::chrono::milliseconds(options_.interval_ms), Steady::now());
            receive_until(next, false);
        }
        const auto end = Steady::now() + std::chrono::milliseconds(options_.settle_ms);
        while (replies_ < replied_.size() && Steady::now() < end) {
            receive_until(std::min(end, Steady::now() + std::chrono::milliseconds(10)), false);
        }
    }

    void report() const {
        Milliseconds longest{0};
        std::string lost;
        for (std::size_t at = 0; at < replied_.size();) {
            std::size_t end = at;
            while (end < replied_.size() && !replied_[end])
                lost += (lost.empty() ? "" : ",") + std::to_string(end++);
            if (end > at) {
                const auto until = end < sent_at_.size() ? sent_at_[end] : sent_at_.back();
                longest = std::max(longest, Milliseconds(until - sent_at_[at]));
            }
            at = end + 1;
        }
        std::printf("{\"sent\":%zu,\"lost\":%zu,\"longest_gap_ms\":%.1f,\"lost_sequences\":[%s]}\n", replied_.size(),
                    replied_.size() - replies_, longest.count(), lost.c_str());
    }

  private:
    static constexpr std::uint64_t warm_up_mark = 1ULL << 63;

    // A request that can't be sent (no buffer, no route just now) counts as lost like any other.
    void send(std::uint64_t sequence) {
        Echo echo{static_cast<std::uint8_t>(v6_ ? ICMP6_ECHO_REQUEST : ICMP_ECHO),
                  0,
                  0,
                  id(),
                  htons(static_cast<std::uint16_t>(sequence)),
                  sequence};
        if (!v6_) echo.checksum = internet_checksum(&echo, sizeof echo);
        [[maybe_unused]] const auto sent = ::send(socket_.get(), &echo, sizeof echo, MSG_NOSIGNAL);
    }

    std::uint16_t id() const { return htons(static_cast<std::uint16_t>(::getpid())); }

    void receive_until(Steady::time_point end, bool stop_when_warm) {
        for (;;) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Steady::now()).count();
            pollfd polled{socket_.get(), POLLIN, 0};
            if (left <= 0 || (stop_when_warm && warm_)) return;
            const int ready = ::poll(&polled, 1, static_cast<int>(left));
            if (ready < 0 && stopping != 0) return;
            if (ready > 0) receive();
        }
    }

    void receive() {
        std::array<unsigned char, 2048> packet;
        const auto got = ::recv(socket_.get(), packet.data(), packet.size(), 0);
        if (got <= 0) return;
        std::size_t offset = 0;
        if (!v6_) offset = static_cast<std::size_t>(packet[0] & 0x0f) * 4;
        if (offset + sizeof(Echo) > static_cast<std::size_t>(got)) return;
        Echo echo;
        std::memcpy(&echo, packet.data() + offset, sizeof echo);
        if (echo.type != (v6_ ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) || echo.id != id()) return;
        if ((echo.sequence & warm_up_mark) != 0) {
            warm_ = true;
        } else if (echo.sequence < replied_.size() && !replied_[echo.sequence]) {
            replied_[echo.sequence] = true;
            ++replies_;
        }
    }

    const LossOptions& options_;
    Address address_;
    bool v6_;
    Socket socket_;
    bool warm_ = false;
    std::vector<Steady::time_point> sent_at_;
    std::vector<bool> replied_;
    std::size_t replies_ = 0;
};

}  // namespace

int loss(const LossOptions& options) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
    Pinger pinger(options);
    if (!pinger.warm_up()) throw Failure("stopped before there was any reply");
    std::puts("counting");
    std::fflush(stdout);
    pinger.count();
    pinger.report();
    return 0;
}

}  // namespace weft::netprobe
