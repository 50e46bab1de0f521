#pragma once

#include "appliers/netlink/fd.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace weft::cni {

using netlink::Fd;

/// One thread that owns the server's state: it runs posted tasks, timers and file descriptor callbacks, one at a time.
class Loop {
  public:
    using Task = std::function<void()>;
    using TimerId = std::uint64_t;

    ~Loop() { stop(); }
    Result<void> start();
    /// Runs what is posted already, then ends the thread. Later posts are dropped.
    void stop();
    bool is_here() const { return std::this_thread::get_id() == thread_.get_id(); }

    /// Any thread.
    void post(Task task);

    // On the loop's thread only.
    TimerId at(TimePoint when, Task task);
    TimerId after(Duration wait, Task task);
    /// Fine when it has fired or was cancelled.
    void cancel(TimerId timer);
    /// EPOLL* events of a descriptor, level-triggered. The callback may unwatch.
    void watch(int fd, std::uint32_t events, std::function<void(std::uint32_t)> ready);
    void change(int fd, std::uint32_t events);
    void unwatch(int fd);

  private:
    struct Timer {
        TimerId id = 0;
        Task task;
    };
    void run();
    bool run_posted();
    void run_timers();
    void wait_for_events();

    Fd epoll_;
    Fd wake_;
    std::mutex mutex_;
    std::vector<Task> posted_;
    bool stopping_ = false;
    bool stopped_ = false;
    std::map<TimePoint, std::vector<Timer>> timers_;
    std::map<TimerId, TimePoint> timer_times_;
    TimerId last_timer_ = 0;
    std::map<int, std::function<void(std::uint32_t)>> watched_;
    std::thread thread_;
};

/// Threads for work that blocks: namespaces and the kernel.
class Workers {
  public:
    explicit Workers(std::size_t count);
    ~Workers();
    /// Any thread. After stop() nothing is taken any more.
    void post(std::function<void()> job);
    /// Finishes what was posted.
    void stop();

  private:
    void run();
    struct Queue;
    std::unique_ptr<Queue> queue_;
    std::vector<std::thread> threads_;
};

}  // namespace weft::cni
