#include "kube/heartbeat.hpp"

#include <weft/base/log.hpp>

#include <algorithm>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace weft::kube {

namespace {

/// For how long nothing has come; nothing when the kernel does not say.
std::optional<Duration> silence_of(int fd) {
    tcp_info info{};
    socklen_t size = sizeof(info);
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
    return std::chrono::milliseconds(info.tcpi_last_data_recv);
}

}  // namespace

std::optional<TimePoint> Heartbeat::beat(TimePoint now, const std::function<void()>& ping) {
    std::optional<TimePoint> next;
    if (!can_ping_) return next;
    const auto look_at = [&](TimePoint when) { next = std::min(next.value_or(when), when); };
    bool ask = false;
    for (auto at = pinged_.begin(); at != pinged_.end();) {
        auto& [fd, pinged] = *at;
        const auto silence = silence_of(fd);
        if (!silence) {
            at = pinged_.erase(at);
            continue;
        }
        if (pinged && now - *pinged > *silence) pinged.reset();
        if (pinged && now - *pinged >= patience) {
            log(LogLevel::warn, "kube", "the API server, or what is before it, has gone silent: connecting anew",
                {{"seconds", std::to_string(std::chrono::duration_cast<std::chrono::seconds>(*silence).count())}});
            ::shutdown(fd, SHUT_RDWR);
            at = pinged_.erase(at);
            continue;
        }
        if (!pinged && *silence >= quiet) {
            pinged = now;
            ask = true;
        }
        look_at(pinged ? *pinged + patience : now + (quiet - *silence));
        ++at;
    }
    if (ask) ping();
    return next;
}

}  // namespace weft::kube
