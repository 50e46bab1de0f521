#pragma once

#include <weft/base/clock.hpp>

#include <optional>
#include <string>

namespace weft::services {

/// Tells systemd how this service is doing; outside systemd it says nothing. One thread: the engine's.
class Notifier {
  public:
    explicit Notifier(const Clock& clock = Clock::system());

    void ready(const std::string& status);
    /// The line that `systemctl status weftd` shows; the same text again is not sent.
    void status(const std::string& text);
    void reloading();
    void stopping();
    /// From the engine's loop at every turn: keeps the watchdog quiet, at most a few times an interval.
    void beat();
    /// When the loop must turn again for the watchdog, also when there is nothing to do; nothing without a watchdog.
    std::optional<TimePoint> next_beat() const;

  private:
    const Clock& clock_;
    std::optional<Duration> interval_;
    std::optional<TimePoint> last_beat_;
    std::string last_status_;
};

}  // namespace weft::services
