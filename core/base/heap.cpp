#include "base/heap.hpp"

#include "base/row_blocks.hpp"

#include <algorithm>
#include <utility>

#include <malloc.h>

namespace weft {

namespace {

/// One for the engine's thread and one for all input and output: with one each, what a thread allocated and another
/// freed would be spread over as many heaps.
constexpr int arenas = 2;

/// Buffers of this size and more go back to the system when they are freed. By itself glibc raises the bound each time
/// one was, and from then on buffers lie between the rows that come meanwhile.
constexpr int mapped_from = 64 << 10;

}  // namespace

void HeapKeeper::set_up() {
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, arenas);
    mallopt(M_MMAP_THRESHOLD, mapped_from);
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
    RowBlocks::trim();
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    return true;
}

std::optional<TimePoint> HeapKeeper::next() const {
    if (changes_ < options_.worth) return std::nullopt;
    return std::min(last_ + options_.quiet, first_ + options_.longest);
}

}  // namespace weft
