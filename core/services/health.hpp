#pragma once

#include <weft/base/clock.hpp>

#include <functional>
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

    /// Each probe calls `wake`, which makes the engine's loop turn: the engine counts as hanging when it has not beaten
    /// for `silence` after one has asked. A loop that has nothing to do and is asked by nobody sleeps.
    explicit Health(const Clock& clock = Clock::system(), std::function<void()> wake = {},
                    Duration silence = std::chrono::seconds(60));

    /// One thing that must be right before this weftd is ready. Until the first `set` there is none: not ready.
    void set(const std::string& check, bool good, std::string reason = {});
    void remove(const std::string& check);
    /// From the engine's loop.
    void beat();
    /// The pod is being deleted, or weftd stops: /healthz fails, so that traffic goes elsewhere.
    void set_terminating(bool terminating);

    bool is_ready() const;
    /// /livez: the engine's loop turns.
    Answer live();
    /// /readyz: all checks are good, as of the loop's last turn.
    Answer ready();
    /// /healthz: alive and not about to go.
    Answer health();

  private:
    struct Check {
        bool good = false;
        std::string reason;
    };
    void ask();
    std::optional<std::string> hang() const;
    Answer answer(const std::map<std::string, Check>& checks) const;

    const Clock& clock_;
    const std::function<void()> wake_;
    const Duration silence_;
    mutable std::mutex mutex_;
    std::map<std::string, Check> checks_;
    bool started_ = false;            ///< has beaten
    std::optional<TimePoint> asked_;  ///< the first probe that no beat has followed
    WallTime last_change_;
    bool terminating_ = false;
};

}  // namespace weft::services
