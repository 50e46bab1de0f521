#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <httplib.h>

namespace weft::services {

/// Threads for an HTTP server, made when all others are busy: usually there is one, and a flock of peers that say
/// nothing can't keep a probe from its answer.
class WorkerQueue final : public httplib::TaskQueue {
  public:
    explicit WorkerQueue(std::size_t most) : most_(most) {}

    void enqueue(std::function<void()> task) override {
        const std::scoped_lock lock(mutex_);
        tasks_.push_back(std::move(task));
        if (tasks_.size() > idle_ && workers_.size() < most_) workers_.emplace_back([this] { work(); });
        changed_.notify_one();
    }

    /// Finishes what is queued.
    void shutdown() override {
        {
            const std::scoped_lock lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        for (auto& worker : workers_)
            worker.join();
    }

  private:
    void work() {
        std::unique_lock lock(mutex_);
        while (true) {
            ++idle_;
            changed_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
            --idle_;
            if (tasks_.empty()) return;
            auto task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            task();
            task = nullptr;
            lock.lock();
        }
    }

    std::size_t most_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_;
    std::vector<std::thread> workers_;
    std::size_t idle_ = 0;
    bool stopping_ = false;
};

}  // namespace weft::services
