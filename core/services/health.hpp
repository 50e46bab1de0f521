#pragma once

#include <weft/base/clock.hpp>

#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace weft::services {

/// What weftd says when a probe asks. Thread-safe: parts set their checks, HTTP threads read.
class Health {
  public:
    struct Answer {
        bool good = false;
        std::string
            json;  ///< {"status":"ok","checks":[{"name":"ovn-nb","ok":true,"reason":""}],"lastUpdated":…,"currentTime":…}
    };

    /// The engine counts as hanging when it has not beaten for `silence`.
    explicit Health(const Clock& clock = Clock::system(), Duration silence = std::chrono::seconds(60));

    /// One thing that must be right before this weftd is ready. Until the first `set` there is none: not ready.
    void set(const std::string& check, bool good, std::string reason = {});
    void remove(const std::string& check);
    /// From the engine's loop.
    void beat();
    /// The pod is being deleted, or weftd stops: /healthz fails, so that traffic goes elsewhere.
    void set_terminating(bool terminating);

    bool is_ready() const;
    /// /livez: the engine's loop turns.
    Answer live() const;
    /// /readyz: all checks are good.
    Answer ready() const;
    /// /healthz: alive and not about to go.
    Answer health() const;

  private:
    struct Check {
        bool good = false;
        std::string reason;
    };
    std::optional<std::string> hang() const;
    Answer answer(const std::map<std::string, Check>& checks) const;

    const Clock& clock_;
    Duration silence_;
    mutable std::mutex mutex_;
    std::map<std::string, Check> checks_;
    std::optional<TimePoint> last_beat_;
    WallTime last_change_;
    bool terminating_ = false;
};

}  // namespace weft::services
