#pragma once

#include <weft/base/clock.hpp>

#include <optional>
#include <string>

namespace weft::ovsdb {

struct ReconnectSettings {
    Duration min_backoff = std::chrono::milliseconds(100);
    Duration max_backoff = std::chrono::seconds(8);
    /// For the connection to come up, TLS included.
    Duration connect_timeout = std::chrono::seconds(10);
    /// A connection on which nothing came for so long is asked for an echo, and dropped when it stays silent for as
    /// long again. Zero: never.
    Duration probe_interval = std::chrono::seconds(30);
    /// That many attempts follow each other without a pause before backing off: as many as there are remotes.
    int free_attempts = 1;
};

/// When to connect, probe and give up: a state machine that knows neither sockets nor clocks. Whoever drives it tells
/// it what happened and asks run() what to do.
///
///     backoff ──connect──► connecting ──connected()──► active ──silence──► probing
///        ▲                     │ timeout                  │ failed()          │ silence
///        └─────────────────────┴──────────────────────────┴───────────────────┘
class Reconnect {
  public:
    enum class Action {
        none,
        connect,     ///< start an attempt, then say connected() or failed()
        probe,       ///< send an echo
        disconnect,  ///< drop the connection or the attempt, then say failed()
    };
    enum class State { backoff, connecting, active, probing };

    Reconnect(ReconnectSettings settings, TimePoint now) : settings_(settings), deadline_(now) {}

    Action run(TimePoint now);
    /// When run() has something new to say if nothing happens till then.
    std::optional<TimePoint> deadline() const;

    void connected(TimePoint now);
    /// Bytes came.
    void received(TimePoint now);
    /// The session does its work: the next failure starts with the shortest backoff again.
    void useful() { failures_ = 0; }
    /// The connection or the attempt is gone.
    void failed(TimePoint now);

    State state() const { return state_; }
    /// Why run() said disconnect.
    const std::string& reason() const { return reason_; }

  private:
    Duration backoff() const;

    ReconnectSettings settings_;
    State state_ = State::backoff;
    TimePoint deadline_;
    int failures_ = 0;
    std::string reason_;
};

}  // namespace weft::ovsdb
