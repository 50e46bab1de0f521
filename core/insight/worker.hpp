#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace weft::insight {

/// One thread for what takes too long for the engine's: made with the first task, so that a weftd that nobody asks has
/// none.
class Worker {
  public:
    Worker() = default;
    /// Finishes the task it is at and drops the rest.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void post(std::function<void()> task);

  private:
    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace weft::insight
