#pragma once

#include <weft/base/clock.hpp>

#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace weft::daemon {

/// The engine thread's loop: sleeps until somebody posts, a signal comes or a deadline passes, then works once.
/// Posting is thread-safe; everything else belongs to the thread that runs the loop.
class Loop {
  public:
    explicit Loop(const Clock& clock);
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Runs `task` on the loop's thread, in the order of posting.
    void post(std::function<void()> task);
    /// Makes the loop work once more, without a task. Cheap; many wakes are one.
    void wake();

    /// Blocks the signals for the whole process (call before any thread starts) and hands them to `on_signal`.
    void handle_signals(const std::vector<int>& signals, std::function<void(int)> on_signal);
    /// Runs posted tasks and then `work`, which says when it wants to run again at the latest; until stop().
    void run(const std::function<std::optional<TimePoint>()>& work);
    void stop() { stopping_ = true; }

  private:
    void sleep_until(std::optional<TimePoint> deadline);
    void run_tasks();
    void read_signals();

    const Clock& clock_;
    int wake_fd_ = -1;
    int signal_fd_ = -1;
    std::function<void(int)> on_signal_;
    std::mutex mutex_;
    std::vector<std::function<void()>> tasks_;
    bool stopping_ = false;
};

}  // namespace weft::daemon
