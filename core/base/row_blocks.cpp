#include "base/row_blocks.hpp"

#include <array>
#include <bitset>
#include <cstdint>
#include <mutex>
#include <new>

#include <sys/mman.h>

namespace weft {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEFT_ROW_BLOCKS_PLAIN 1  // sanitizers know the heap, not what is carved from it
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define WEFT_ROW_BLOCKS_PLAIN 1
#endif
#endif

#ifdef WEFT_ROW_BLOCKS_PLAIN

void* RowBlocks::take(std::size_t size) {
    return ::operator new(size);
}
void RowBlocks::give_back(void* block, std::size_t) noexcept {
    ::operator delete(block);
}
void RowBlocks::trim() noexcept {}

#else

namespace {

constexpr std::size_t step = 16;       ///< sizes are rounded up to this
constexpr std::size_t largest = 1024;  ///< larger ones are rare and come from the heap
constexpr std::size_t slab_size = 32 << 10;
constexpr std::size_t page = 4 << 10;

struct FreeBlock {
    FreeBlock* next;
};

/// Head of a piece of memory, aligned to its size, that holds blocks of one size behind it.
struct Slab {
    Slab* previous;
    Slab* next;  ///< of those with room
    FreeBlock* free;
    std::uint32_t untouched;  ///< where the part begins that no block was taken from yet
    std::uint32_t used;       ///< number of blocks that are out
};

std::byte* start_of(Slab* slab) {
    return reinterpret_cast<std::byte*>(slab);
}

Slab* slab_of(void* block) {
    const auto behind_start = reinterpret_cast<std::uintptr_t>(block) & (slab_size - 1);
    return reinterpret_cast<Slab*>(static_cast<std::byte*>(block) - behind_start);
}

/// Maps twice as much and gives back what is not aligned.
Slab* map_slab() {
    constexpr std::size_t reserved = 2 * slab_size;
    void* memory = ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    auto* const begin = static_cast<std::byte*>(memory);
    const std::size_t before = -reinterpret_cast<std::uintptr_t>(begin) & (slab_size - 1);
    if (before > 0) ::munmap(begin, before);
    std::byte* const slab = begin + before;
    ::munmap(slab + slab_size, slab_size - before);
    return new (slab) Slab{nullptr, nullptr, nullptr, sizeof(Slab), 0};
}

/// All slabs of one block size. Only those with room are listed; the others are found through their blocks.
class SizeClass {
  public:
    void* take(std::size_t block_size) {
        const std::lock_guard lock(mutex_);
        if (roomy_ == nullptr) roomy_ = map_slab();
        Slab* slab = roomy_;
        void* block = slab->free;
        if (block != nullptr) {
            slab->free = slab->free->next;
        } else {
            block = start_of(slab) + slab->untouched;
            slab->untouched += static_cast<std::uint32_t>(block_size);
        }
        ++slab->used;
        if (is_full(*slab, block_size)) unlist(slab);
        return block;
    }

    void give_back(void* block, std::size_t block_size) noexcept {
        const std::lock_guard lock(mutex_);
        Slab* slab = slab_of(block);
        const bool was_full = is_full(*slab, block_size);
        slab->free = new (block) FreeBlock{slab->free};
        --slab->used;
        if (was_full) list(slab);
        // The only one with room is kept, so that a row that comes and goes maps nothing.
        if (slab->used == 0 && (slab->previous != nullptr || slab->next != nullptr)) unmap(slab);
    }

    void trim(std::size_t block_size) noexcept {
        const std::lock_guard lock(mutex_);
        for (Slab *slab = roomy_, *next = nullptr; slab != nullptr; slab = next) {
            next = slab->next;
            slab->used == 0 ? unmap(slab) : shorten(*slab, block_size);
        }
    }

  private:
    static bool is_full(const Slab& slab, std::size_t block_size) {
        return slab.free == nullptr && slab.untouched + block_size > slab_size;
    }
    void list(Slab* slab) {
        slab->previous = nullptr;
        slab->next = roomy_;
        if (roomy_ != nullptr) roomy_->previous = slab;
        roomy_ = slab;
    }
    void unlist(Slab* slab) {
        (slab->previous != nullptr ? slab->previous->next : roomy_) = slab->next;
        if (slab->next != nullptr) slab->next->previous = slab->previous;
        slab->previous = slab->next = nullptr;
    }

    /// Gives back the pages behind the last block that is out. What came first often stays longest.
    static void shorten(Slab& slab, std::size_t block_size) noexcept {
        std::byte* const first = start_of(&slab) + sizeof(Slab);
        std::bitset<slab_size / step> is_free;
        for (const FreeBlock* block = slab.free; block != nullptr; block = block->next)
            is_free.set(static_cast<std::size_t>(reinterpret_cast<const std::byte*>(block) - first) / block_size);
        std::size_t count = (slab.untouched - sizeof(Slab)) / block_size;
        while (count > 0 && is_free.test(count - 1))
            --count;
        slab.free = nullptr;
        for (std::size_t at = count; at-- > 0;) {
            if (is_free.test(at)) slab.free = new (first + at * block_size) FreeBlock{slab.free};
        }
        const std::size_t untouched = sizeof(Slab) + count * block_size;
        const std::size_t kept = (untouched + page - 1) / page * page;
        if (kept < slab.untouched) ::madvise(start_of(&slab) + kept, slab_size - kept, MADV_DONTNEED);
        slab.untouched = static_cast<std::uint32_t>(untouched);
    }

    void unmap(Slab* slab) {
        unlist(slab);
        ::munmap(slab, slab_size);
    }

    std::mutex mutex_;
    Slab* roomy_ = nullptr;
};

/// Never destroyed: rows that outlive main() go back to it.
auto& classes() {
    static auto& all = *new std::array<SizeClass, largest / step + 1>;
    return all;
}

SizeClass& class_of(std::size_t size) {
    return classes()[(size + step - 1) / step];
}

std::size_t rounded(std::size_t size) {
    return (size + step - 1) / step * step;
}

}  // namespace

void* RowBlocks::take(std::size_t size) {
    return size > largest ? ::operator new(size) : class_of(size).take(rounded(size));
}

void RowBlocks::give_back(void* block, std::size_t size) noexcept {
    if (size > largest) return ::operator delete(block);
    class_of(size).give_back(block, rounded(size));
}

void RowBlocks::trim() noexcept {
    for (std::size_t number = 1; number < classes().size(); ++number)
        classes()[number].trim(number * step);
}

#endif

}  // namespace weft
