#include "base/heap.hpp"

#include "base/row_blocks.hpp"

#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <malloc.h>

namespace weft {

namespace {

/// One for the engine's thread and one for all input and output: with one each, what a thread allocated and another
/// freed would be spread over as many heaps.
constexpr int arenas = 2;

/// Buffers of this size and more go back to the system when they are freed. By itself glibc raises the bound each time
/// one was, and from then on buffers lie between the rows that come meanwhile.
constexpr int mapped_from = 64 << 10;

#ifdef __GLIBC__

/// For each thread and each small size glibc keeps a few pieces that the thread freed, and a piece holds on to its
/// page. It gives them back when the thread ends, and only then: so they are taken out, and freed by one that ends.
void empty_thread_cache() {
    constexpr std::size_t smallest = 24;
    constexpr std::size_t step = 16;
    constexpr std::size_t largest = 1032;
    constexpr std::size_t pieces = 7;  // of each size
    std::vector<void*> kept;
    kept.reserve((largest - smallest + step) / step * pieces);
    for (std::size_t size = smallest; size <= largest; size += step) {
        for (std::size_t i = 0; i < pieces; ++i)
            kept.push_back(std::malloc(size));
    }
    const auto free_all = [&kept] { std::for_each(kept.begin(), kept.end(), std::free); };
    try {
        std::thread(free_all).join();
    } catch (const std::system_error&) {
        free_all();  // no more threads are to be had: then they stay
    }
}

#endif

}  // namespace

void HeapKeeper::set_up() {
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, arenas);
    mallopt(M_MMAP_THRESHOLD, mapped_from);
#endif
}

void HeapKeeper::give_back() {
    RowBlocks::trim();
#ifdef __GLIBC__
    empty_thread_cache();
    malloc_trim(0);
#endif
}

bool HeapKeeper::turn(std::size_t changes, TimePoint now) {
    if (std::exchange(fresh_, false)) changes += options_.worth;
    if (changes > 0) {
        if (changes_ == 0) first_ = now;
        changes_ += changes;
        last_ = now;
    }
    const auto due = next();
    if (!due || now < *due) return false;
    changes_ = 0;
    give_back();
    return true;
}

std::optional<TimePoint> HeapKeeper::next() const {
    if (changes_ < options_.worth) return std::nullopt;
    return std::min(last_ + options_.quiet, first_ + options_.longest);
}

}  // namespace weft
