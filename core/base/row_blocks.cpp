#include "base/row_blocks.hpp"

#include "base/free_places.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

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

/// Head of a piece of memory, aligned to its size, that holds blocks of one size behind it.
struct alignas(step) Slab {
    FreePlaces<slab_size / step> places;
    Slab* previous = nullptr;
    Slab* next = nullptr;    ///< of those with room
    std::uint32_t used = 0;  ///< number of blocks that are out
};

std::byte* first_of(Slab* slab) {
    return reinterpret_cast<std::byte*>(slab + 1);
}

Slab* slab_of(void* block) {
    const auto behind_start = reinterpret_cast<std::uintptr_t>(block) & (slab_size - 1);
    return reinterpret_cast<Slab*>(static_cast<std::byte*>(block) - behind_start);
}

/// Maps twice as much and gives back what is not aligned.
void* map_slab() {
    constexpr std::size_t reserved = 2 * slab_size;
    void* memory = ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    auto* const begin = static_cast<std::byte*>(memory);
    const std::size_t before = -reinterpret_cast<std::uintptr_t>(begin) & (slab_size - 1);
    if (before > 0) ::munmap(begin, before);
    std::byte* const slab = begin + before;
    ::munmap(slab + slab_size, slab_size - before);
    return slab;
}

/// All slabs of one block size. Only those with room are listed; the others are found through their blocks.
class SizeClass {
  public:
    explicit SizeClass(std::size_t block_size)
        : block_size_(static_cast<std::uint32_t>(block_size)),
          inverse_(static_cast<std::uint32_t>((std::uint64_t{1} << 32) / block_size + 1)),
          count_(static_cast<std::uint32_t>((slab_size - sizeof(Slab)) / block_size)) {}

    void* take() {
        const std::lock_guard lock(mutex_);
        if (roomy_ == nullptr) roomy_ = new (map_slab()) Slab{FreePlaces<slab_size / step>(count_)};
        Slab& slab = *roomy_;
        const std::size_t number = slab.places.take();
        if (++slab.used == count_) unlist(&slab);
        return first_of(&slab) + number * block_size_;
    }

    void give_back(void* block) noexcept {
        const std::lock_guard lock(mutex_);
        Slab* slab = slab_of(block);
        const auto offset = static_cast<std::uint64_t>(static_cast<std::byte*>(block) - first_of(slab));
        slab->places.put_back(static_cast<std::uint32_t>(offset * inverse_ >> 32));
        if (slab->used-- == count_) list(slab);
        // The only one with room is kept, so that a row that comes and goes maps nothing.
        if (slab->used == 0 && (slab->previous != nullptr || slab->next != nullptr)) unmap(slab);
    }

    void trim() noexcept {
        const std::lock_guard lock(mutex_);
        for (Slab *slab = roomy_, *next = nullptr; slab != nullptr; slab = next) {
            next = slab->next;
            if (slab->used == 0)
                unmap(slab);
            else
                slab->places.give_back_pages<slab_size>(reinterpret_cast<std::byte*>(slab), sizeof(Slab), block_size_);
        }
    }

  private:
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

    void unmap(Slab* slab) {
        unlist(slab);
        ::munmap(slab, slab_size);
    }

    const std::uint32_t block_size_;
    const std::uint32_t inverse_;  ///< multiplied, and shifted by 32: a division by block_size_, exact within a slab
    const std::uint32_t count_;    ///< blocks of a slab
    std::mutex mutex_;
    Slab* roomy_ = nullptr;
};

/// Of step, twice step and so on up to largest.
template <std::size_t... N>
auto make_classes(std::index_sequence<N...>) {
    return new std::array<SizeClass, sizeof...(N)>{SizeClass((N + 1) * step)...};
}

/// Never destroyed: rows that outlive main() go back to it.
auto& classes() {
    static auto& all = *make_classes(std::make_index_sequence<largest / step>());
    return all;
}

SizeClass& class_of(std::size_t size) {
    return classes()[size == 0 ? 0 : (size - 1) / step];
}

}  // namespace

void* RowBlocks::take(std::size_t size) {
    return size > largest ? ::operator new(size) : class_of(size).take();
}

void RowBlocks::give_back(void* block, std::size_t size) noexcept {
    if (size > largest) return ::operator delete(block);
    class_of(size).give_back(block);
}

void RowBlocks::trim() noexcept {
    for (SizeClass& one : classes())
        one.trim();
}

#endif

}  // namespace weft
