#pragma once

#include <weft/base/clock.hpp>

#include <functional>
#include <map>
#include <optional>

namespace weft::kube {

/// Notices HTTP/2 connections whose peer takes everything and says nothing, as a proxy does that has lost its other
/// side: TCP has nothing to complain of there, and a watch may be quiet for minutes. As client-go does it: after 30 s
/// without a byte the peer is sent a ping, and 15 s without one later the connection is shut down.
class Heartbeat {
  public:
    static constexpr Duration quiet = std::chrono::seconds(30);
    static constexpr Duration patience = std::chrono::seconds(15);

    void opened(int fd) { pinged_.try_emplace(fd); }
    void closed(int fd) { pinged_.erase(fd); }
    /// Whether the server speaks HTTP/2; one that doesn't can't be asked.
    void can_ping(bool yes) { can_ping_ = yes; }

    /// Looks at all; `ping` pings them all. When to look again: nothing without connections.
    std::optional<TimePoint> beat(TimePoint now, const std::function<void()>& ping);

  private:
    bool can_ping_ = false;
    std::map<int, std::optional<TimePoint>> pinged_;  ///< and not answered yet
};

}  // namespace weft::kube
