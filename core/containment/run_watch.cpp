#include "containment/run_watch.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fstream>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

namespace weft::containment {

namespace {

constexpr auto time_to_settle = std::chrono::minutes(10);
constexpr auto between_complaints = std::chrono::minutes(1);

}  // namespace

Lookout::Verdict Lookout::look(const std::vector<Running>& running, std::uint64_t resident) {
    Verdict verdict;
    std::map<std::size_t, Seen> seen;
    for (const Running& run : running) {
        const auto before = seen_.find(run.slot);
        const bool same = before != seen_.end() && before->second.turn == run.turn;
        const std::size_t looks = same ? before->second.looks + 1 : 1;
        seen.emplace(run.slot, Seen{run.turn, looks});
        if (looks_to_hang_ != 0 && looks > looks_to_hang_ && !verdict.hangs) verdict.hangs = run;
    }
    seen_ = std::move(seen);

    if (lowest_ == 0 || resident <= lowest_) {
        lowest_ = resident;
        growth_.clear();
    } else if (resident > before_) {
        const auto share = (resident - before_) / std::max<std::size_t>(running.size(), 1);
        for (const Running& run : running) {
            auto& growth = growth_[run.plugin];
            growth.bytes += share;
            growth.last = run;
        }
    }
    before_ = resident;
    if (memory_limit_ == 0 || resident <= memory_limit_) return verdict;
    verdict.over = true;
    const auto most = std::max_element(growth_.begin(), growth_.end(),
                                       [](const auto& a, const auto& b) { return a.second.bytes < b.second.bytes; });
    // Half of what came on top: less is not that plugin's doing.
    if (most != growth_.end() && most->second.bytes * 2 > resident - lowest_) {
        verdict.eats = most->second.last;
        verdict.grew = most->second.bytes;
    }
    return verdict;
}

RunWatch::RunWatch(const RunBoard& board, Limits limits, Events events)
    : board_(board),
      limits_(limits),
      events_(std::move(events)),
      thread_([this] { run(); }) {
    ::pthread_setname_np(thread_.native_handle(), "weft-watch");
}

RunWatch::~RunWatch() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    stopped_.notify_all();
    thread_.join();
}

Duration RunWatch::pause_of(const Limits& limits) {
    constexpr Duration least = std::chrono::milliseconds(20);
    constexpr Duration most = std::chrono::milliseconds(250);
    return limits.rule_timeout == Duration::zero() ? most : std::clamp(limits.rule_timeout / 10, least, most);
}

void RunWatch::run() {
    const Duration pause = pause_of(limits_);
    const auto looks = static_cast<std::size_t>(limits_.rule_timeout / pause);
    Lookout lookout(limits_.rule_timeout == Duration::zero() ? 0 : std::max<std::size_t>(looks, 1),
                    limits_.memory_limit);
    const auto start = std::chrono::steady_clock::now();
    bool settled = false;
    std::optional<std::chrono::steady_clock::time_point> complained;
    std::unique_lock lock(mutex_);
    while (!stopped_.wait_for(lock, pause, [this] { return stopping_; })) {
        const auto resident = limits_.memory_limit == 0 ? 0 : resident_bytes();
        const auto verdict = lookout.look(board_.running(), resident);
        const auto now = std::chrono::steady_clock::now();
        if (verdict.hangs) {
            events_.hangs(*verdict.hangs);
            return;
        }
        if (verdict.eats) {
            events_.eats(*verdict.eats, verdict.grew);
            return;
        }
        if (verdict.over && (!complained || now - *complained > between_complaints)) {
            complained = now;
            events_.over(resident);
        }
        if (!settled && now - start > time_to_settle) {
            settled = true;
            events_.settled();
        }
    }
}

std::uint64_t resident_bytes() {
    const int fd = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    std::array<char, 128> text{};
    const auto n = ::read(fd, text.data(), text.size());
    ::close(fd);
    if (n <= 0) return 0;
    const char* end = text.data() + n;
    const char* at = std::find(static_cast<const char*>(text.data()), end, ' ');
    std::uint64_t pages = 0;
    if (at != end) std::from_chars(at + 1, end, pages);
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t default_memory_limit() {
    std::uint64_t allowed = 0;
    for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
        if (std::ifstream(file) >> allowed && allowed > 0) break;
        allowed = 0;
    }
    const auto machine =
        static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return allowed > 0 && allowed < machine ? allowed / 10 * 9 : machine / 2;
}

}  // namespace weft::containment
