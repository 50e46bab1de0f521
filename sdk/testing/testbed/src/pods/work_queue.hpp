#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace weft::testing {

/// Keys to be worked on by a few threads: a key that is added many times is worked on once, never by two threads at a
/// time, and again when it was added meanwhile. `work` gives the time after which to try again, or zero.
class WorkQueue {
  public:
    using Key = std::string;
    using Work = std::function<std::chrono::milliseconds(const Key&)>;

    WorkQueue(std::size_t threads, Work work);
    /// Waits for what is being worked on; the rest is dropped.
    ~WorkQueue();
    WorkQueue(const WorkQueue&) = delete;
    WorkQueue& operator=(const WorkQueue&) = delete;

    void add(const Key& key) { add_at(key, Clock::now()); }

  private:
    using Clock = std::chrono::steady_clock;

    void add_at(const Key& key, Clock::time_point when);
    void run();
    /// A key that is due and not being worked on.
    std::map<Key, Clock::time_point>::iterator ready();
    Clock::time_point next_due() const;

    const Work work_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<Key, Clock::time_point> due_;
    std::set<Key> busy_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace weft::testing
