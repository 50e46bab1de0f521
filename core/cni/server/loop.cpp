#include "cni/server/loop.hpp"

#include "appliers/netlink/netns.hpp"

#include <weft/base/log.hpp>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>

#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace weft::cni {

namespace {

void guarded(const std::function<void()>& task) {
    try {
        task();
    } catch (const std::exception& e) {
        log(LogLevel::error, "cni", "a task threw", {{"what", e.what()}});
    }
}

}  // namespace

Result<void> Loop::start() {
    epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!epoll_ || !wake_) return netlink::kernel_error("cannot make an epoll descriptor", errno);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = wake_.get();
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
        return netlink::kernel_error("cannot watch an eventfd", errno);
    }
    thread_ = std::thread([this] { run(); });
    return {};
}

void Loop::stop() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    const std::uint64_t one = 1;
    if (wake_) (void)!::write(wake_.get(), &one, sizeof(one));
    if (thread_.joinable()) thread_.join();
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    posted_.clear();
}

void Loop::post(Task task) {
    {
        const std::scoped_lock lock(mutex_);
        if (stopped_) return;
        posted_.push_back(std::move(task));
    }
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof(one));
}

Loop::TimerId Loop::at(TimePoint when, Task task) {
    const TimerId id = ++last_timer_;
    timers_[when].push_back({id, std::move(task)});
    timer_times_[id] = when;
    return id;
}

Loop::TimerId Loop::after(Duration wait, Task task) {
    return at(Clock::system().now() + wait, std::move(task));
}

void Loop::cancel(TimerId timer) {
    const auto time = timer_times_.find(timer);
    if (time == timer_times_.end()) return;
    if (const auto due = timers_.find(time->second); due != timers_.end()) {
        std::erase_if(due->second, [&](const Timer& t) { return t.id == timer; });
        if (due->second.empty()) timers_.erase(due);
    }
    timer_times_.erase(time);
}

void Loop::watch(int fd, std::uint32_t events, std::function<void(std::uint32_t)> ready) {
    watched_[fd] = std::move(ready);
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        log(LogLevel::error, "cni", "cannot watch a descriptor", {{"reason", netlink::errno_text(errno)}});
    }
}

void Loop::change(int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::unwatch(int fd) {
    if (watched_.erase(fd) != 0) (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

/// Until nothing is left; false when that was all, and the end.
bool Loop::run_posted() {
    while (true) {
        std::vector<Task> tasks;
        {
            const std::scoped_lock lock(mutex_);
            tasks.swap(posted_);
            if (tasks.empty()) return !stopping_;
        }
        for (const auto& task : tasks)
            guarded(task);
    }
}

void Loop::run_timers() {
    while (!timers_.empty() && timers_.begin()->first <= Clock::system().now()) {
        auto due = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        for (auto& timer : due) {
            // A timer may cancel another that is due in the same moment.
            if (timer_times_.erase(timer.id) != 0) guarded(timer.task);
        }
    }
}

void Loop::wait_for_events() {
    int timeout = -1;
    if (!timers_.empty()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::system().now());
        timeout = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
    }
    epoll_event events[64];
    const int count = ::epoll_wait(epoll_.get(), events, 64, timeout);
    for (int i = 0; i < count; ++i) {
        const int fd = events[i].data.fd;
        if (fd == wake_.get()) {
            std::uint64_t value = 0;
            (void)!::read(fd, &value, sizeof(value));
            continue;
        }
        const auto found = watched_.find(fd);
        if (found == watched_.end()) continue;
        const auto ready = found->second;  // it may unwatch itself
        const auto what = events[i].events;
        guarded([&] { ready(what); });
    }
}

void Loop::run() {
    while (run_posted()) {
        run_timers();
        wait_for_events();
    }
}

struct Workers::Queue {
    std::mutex mutex;
    std::condition_variable ready;
    std::deque<std::function<void()>> jobs;
    bool stopping = false;
};

Workers::Workers(std::size_t count) : queue_(std::make_unique<Queue>()) {
    for (std::size_t i = 0; i < count; ++i)
        threads_.emplace_back([this] { run(); });
}

Workers::~Workers() {
    stop();
}

void Workers::post(std::function<void()> job) {
    {
        const std::scoped_lock lock(queue_->mutex);
        if (queue_->stopping) return;
        queue_->jobs.push_back(std::move(job));
    }
    queue_->ready.notify_one();
}

void Workers::stop() {
    {
        const std::scoped_lock lock(queue_->mutex);
        queue_->stopping = true;
    }
    queue_->ready.notify_all();
    for (auto& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

void Workers::run() {
    while (true) {
        std::function<void()> job;
        {
            std::unique_lock lock(queue_->mutex);
            queue_->ready.wait(lock, [&] { return queue_->stopping || !queue_->jobs.empty(); });
            if (queue_->jobs.empty()) return;
            job = std::move(queue_->jobs.front());
            queue_->jobs.pop_front();
        }
        guarded(job);
    }
}

}  // namespace weft::cni
