#include "kube/client.hpp"

#include "kube/curl_easy.hpp"

#include <weft/base/log.hpp>

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include <pthread.h>

namespace weft::kube {

struct Client::Impl {
    Impl(Access a, Options o)
        : access(std::move(a)),
          options(std::move(o)),
          curl(access, options.user_agent, options.connect_timeout) {}

    void loop();
    void run_tasks();
    void run_timers();
    void begin();
    void harvest();
    void expire();
    void finish(std::unique_ptr<CurlExchange> exchange, Answer answer);
    void sweep();
    Duration wait_for();

    const Access access;
    const Options options;
    CurlEnvironment curl;

    std::thread thread;
    std::atomic<std::thread::id> own_thread{};  ///< of `thread`, once it runs
    std::atomic<bool> stopping{false};
    std::mutex mutex;  ///< guards tasks
    std::vector<Task> tasks;

    std::map<std::pair<TimePoint, std::uint64_t>, Task> timers;
    std::map<std::uint64_t, TimePoint> timer_times;
    std::uint64_t last_id = 0;

    std::map<std::uint64_t, std::unique_ptr<CurlExchange>> exchanges;  ///< added to the multi handle
    TimePoint none_expires_before{};  ///< of `exchanges`; bytes that come only put it off, so it needs no upkeep
    std::vector<std::unique_ptr<CurlExchange>> waiting;  ///< not added yet
    std::unordered_set<std::uint64_t> cancelled;         ///< of `exchanges`, removed outside callbacks
    std::atomic<std::uint64_t> requests{0}, failures{0}, connections{0}, bytes_in{0};
};

void Client::Impl::loop() {
    pthread_setname_np(pthread_self(), options.thread_name.substr(0, 15).c_str());
    own_thread.store(std::this_thread::get_id(), std::memory_order_release);
    while (!stopping.load(std::memory_order_acquire)) {
        run_tasks();
        run_timers();
        sweep();
        begin();
        curl.perform();
        harvest();
        expire();
        sweep();
        {
            const std::lock_guard lock(mutex);
            if (!tasks.empty()) continue;
        }
        curl.poll(wait_for());
    }
}

void Client::Impl::run_tasks() {
    std::vector<Task> batch;
    {
        const std::lock_guard lock(mutex);
        batch.swap(tasks);
    }
    for (auto& task : batch)
        task();
}

void Client::Impl::run_timers() {
    const TimePoint now = Clock::system().now();
    while (!timers.empty() && timers.begin()->first.first <= now) {
        auto node = timers.extract(timers.begin());
        timer_times.erase(node.key().second);
        node.mapped()();
    }
}

void Client::Impl::begin() {
    const TimePoint now = Clock::system().now();
    for (auto& exchange : std::exchange(waiting, {})) {
        exchange->started = exchange->last_byte = now;
        if (auto added = curl.add(*exchange, now); !added) {
            failures.fetch_add(1, std::memory_order_relaxed);
            Answer answer;
            answer.trouble = added.error().what;
            finish(std::move(exchange), std::move(answer));
            continue;
        }
        requests.fetch_add(1, std::memory_order_relaxed);
        none_expires_before = std::min(none_expires_before, exchange->expires());
        exchanges.emplace(exchange->id, std::move(exchange));
    }
}

/// Hands the answer over. The exchange is off the books by now, so that its callback may start others or cancel it.
void Client::Impl::finish(std::unique_ptr<CurlExchange> exchange, Answer answer) {
    if (!exchange->silenced) exchange->done(std::move(answer));
}

void Client::Impl::harvest() {
    while (const auto ended = curl.next_done()) {
        const auto at = exchanges.find(ended->exchange->id);
        auto exchange = std::move(at->second);
        exchanges.erase(at);
        Answer answer = curl.finish(*exchange, ended->code);
        connections.fetch_add(exchange->connections, std::memory_order_relaxed);
        bytes_in.fetch_add(exchange->received, std::memory_order_relaxed);
        if (!answer.trouble.empty()) failures.fetch_add(1, std::memory_order_relaxed);
        finish(std::move(exchange), std::move(answer));
    }
}

void Client::Impl::expire() {
    const TimePoint now = Clock::system().now();
    if (now < none_expires_before) return;
    none_expires_before = TimePoint::max();
    std::vector<std::uint64_t> late;
    for (const auto& [id, exchange] : exchanges) {
        const TimePoint expires = exchange->expires();
        if (expires <= now) {
            late.push_back(id);
        } else {
            none_expires_before = std::min(none_expires_before, expires);
        }
    }
    for (const auto id : late) {
        const auto at = exchanges.find(id);
        if (at == exchanges.end()) continue;
        auto exchange = std::move(at->second);
        exchanges.erase(at);
        Answer answer = curl.give_up(*exchange, now);
        bytes_in.fetch_add(exchange->received, std::memory_order_relaxed);
        failures.fetch_add(1, std::memory_order_relaxed);
        finish(std::move(exchange), std::move(answer));
    }
}

void Client::Impl::sweep() {
    for (const auto id : std::exchange(cancelled, {})) {
        const auto at = exchanges.find(id);
        if (at == exchanges.end()) continue;
        curl.drop(*at->second);
        exchanges.erase(at);
    }
}

Duration Client::Impl::wait_for() {
    const TimePoint now = Clock::system().now();
    TimePoint next = std::min(now + std::chrono::minutes(1), none_expires_before);
    if (!waiting.empty()) return Duration::zero();
    if (const auto tidy = curl.tidy(now)) next = std::min(next, *tidy);
    if (const auto look = curl.look_after(now)) next = std::min(next, *look);
    if (!timers.empty()) next = std::min(next, timers.begin()->first.first);
    return std::max(Duration::zero(), next - now);
}

// ---------------------------------------------------------------------------------------------------------------------

Client::Client(Access access, Options options) : impl_(std::make_unique<Impl>(std::move(access), std::move(options))) {}

Client::~Client() {
    stop();
}

void Client::start() {
    impl_->thread = std::thread([this] { impl_->loop(); });
}

void Client::stop() {
    if (!impl_->thread.joinable()) return;
    impl_->stopping.store(true, std::memory_order_release);
    impl_->curl.wake();
    impl_->thread.join();
    for (auto& [id, exchange] : impl_->exchanges)
        impl_->curl.drop(*exchange);
    impl_->exchanges.clear();
    impl_->waiting.clear();
    impl_->timers.clear();
    const std::lock_guard lock(impl_->mutex);
    impl_->tasks.clear();
}

void Client::credentials_changed() {
    post([this] { impl_->curl.doubt_credentials(); });
}

const Access& Client::access() const {
    return impl_->access;
}

Client::Counters Client::counters() const {
    return {impl_->requests, impl_->failures, impl_->connections, impl_->bytes_in};
}

TimePoint Client::now() const {
    return Clock::system().now();
}
WallTime Client::wall() const {
    return Clock::system().wall();
}

void Client::post(Task task) {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->tasks.push_back(std::move(task));
        if (impl_->tasks.size() > 1) return;  // the first one woke the thread
    }
    // Our own thread looks for tasks before it rests.
    if (std::this_thread::get_id() != impl_->own_thread.load(std::memory_order_acquire)) impl_->curl.wake();
}

Loop::Timer Client::at(TimePoint when, Task task) {
    const auto id = ++impl_->last_id;
    impl_->timers.emplace(std::pair{when, id}, std::move(task));
    impl_->timer_times.emplace(id, when);
    return Timer{id};
}

void Client::cancel(Timer timer) {
    const auto at = impl_->timer_times.find(static_cast<std::uint64_t>(timer));
    if (at == impl_->timer_times.end()) return;
    impl_->timers.erase({at->second, at->first});
    impl_->timer_times.erase(at);
}

void Client::run(const Task& task) {
    std::promise<void> done;
    post([&] {
        task();
        done.set_value();
    });
    done.get_future().wait();
}

Transport::Exchange Client::start(Request request, OnDone done, OnData data) {
    auto exchange = std::make_unique<CurlExchange>();
    exchange->id = ++impl_->last_id;
    exchange->request = std::move(request);
    exchange->done = std::move(done);
    exchange->data = std::move(data);
    const Exchange id{exchange->id};
    impl_->waiting.push_back(std::move(exchange));
    return id;
}

void Client::cancel(Exchange exchange) {
    const auto id = static_cast<std::uint64_t>(exchange);
    if (std::erase_if(impl_->waiting, [&](const auto& waiting) { return waiting->id == id; }) > 0) return;
    const auto at = impl_->exchanges.find(id);
    if (at == impl_->exchanges.end()) return;
    at->second->silenced = true;
    impl_->cancelled.insert(id);
}

Answer Client::call(Request request) {
    std::promise<Answer> promise;
    post([&] { start(std::move(request), [&promise](Answer answer) { promise.set_value(std::move(answer)); }); });
    return promise.get_future().get();
}

}  // namespace weft::kube
