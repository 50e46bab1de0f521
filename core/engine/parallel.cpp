#include "engine/parallel.hpp"

#include <atomic>
#include <optional>
#include <thread>

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace weft::engine {

struct Parallel::Arena {
    explicit Arena(unsigned threads) : arena(static_cast<int>(threads)) {
        // By itself TBB starts no more workers than the machine has processors; a test at 8 threads means 8.
        if (threads > std::thread::hardware_concurrency()) {
            allowed.emplace(tbb::global_control::max_allowed_parallelism, threads);
        }
    }
    std::optional<tbb::global_control> allowed;
    tbb::task_arena arena;
    // TBB orders these accesses itself; said once more where ThreadSanitizer can see it, once for each range.
    std::atomic<std::size_t> begun{0};
    std::atomic<std::size_t> ended{0};
};

Parallel::Parallel(unsigned threads) : arena_(std::make_unique<Arena>(threads)) {}
Parallel::~Parallel() = default;

void Parallel::each(std::size_t n, const std::function<void(std::size_t, std::size_t)>& body) {
    Arena& a = *arena_;
    a.begun.fetch_add(1, std::memory_order_release);
    a.arena.execute([&] {
        tbb::parallel_for(tbb::blocked_range<std::size_t>(0, n, 16), [&](const tbb::blocked_range<std::size_t>& range) {
            a.begun.load(std::memory_order_acquire);
            const auto worker = static_cast<std::size_t>(tbb::this_task_arena::current_thread_index());
            for (std::size_t i = range.begin(); i != range.end(); ++i)
                body(i, worker);
            a.ended.fetch_add(1, std::memory_order_release);
        });
    });
    a.ended.load(std::memory_order_acquire);
}

void Parallel::end_threads() {
    arena_->arena.terminate();
    tbb::task_scheduler_handle handle{tbb::attach{}};
    // In vain where somebody else in this process uses TBB, too: then they go on.
    tbb::finalize(handle, std::nothrow);
}

}  // namespace weft::engine
