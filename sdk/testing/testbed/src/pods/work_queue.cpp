#include "work_queue.hpp"

#include <algorithm>

namespace weft::testing {

WorkQueue::WorkQueue(std::size_t threads, Work work) : work_(std::move(work)) {
    while (threads_.size() < threads)
        threads_.emplace_back([this] { run(); });
}

WorkQueue::~WorkQueue() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_)
        thread.join();
}

void WorkQueue::add_at(const Key& key, Clock::time_point when) {
    {
        const std::lock_guard lock(mutex_);
        const auto [entry, fresh] = due_.emplace(key, when);
        if (!fresh) entry->second = std::min(entry->second, when);
    }
    changed_.notify_all();
}

std::map<WorkQueue::Key, WorkQueue::Clock::time_point>::iterator WorkQueue::ready() {
    const auto now = Clock::now();
    return std::find_if(due_.begin(), due_.end(),
                        [&](const auto& entry) { return entry.second <= now && !busy_.contains(entry.first); });
}

WorkQueue::Clock::time_point WorkQueue::next_due() const {
    auto next = Clock::now() + std::chrono::hours(1);
    for (const auto& [key, when] : due_) {
        if (!busy_.contains(key)) next = std::min(next, when);
    }
    return next;
}

void WorkQueue::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const auto entry = ready();
        if (entry == due_.end()) {
            changed_.wait_until(lock, next_due());
            continue;
        }
        const auto key = entry->first;
        due_.erase(entry);
        busy_.insert(key);
        lock.unlock();
        const auto pause = work_(key);
        lock.lock();
        busy_.erase(key);
        if (pause.count() > 0) due_.emplace(key, Clock::now() + pause);
        changed_.notify_all();
    }
}

}  // namespace weft::testing
