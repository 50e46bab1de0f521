#pragma once

#include "base/row_blocks.hpp"

#include <cstddef>
#include <new>
#include <string>

namespace weft {

/// For containers that stay as long as the rows they tell of: nodes and short arrays lie with the rows (see RowBlocks),
/// not between the texts and transactions of the burst that brought them, whose pages they would hold on to. Long
/// arrays, such as a hash table's, come from the heap.
template <class T>
class BlockAllocator {
  public:
    using value_type = T;
    static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

    BlockAllocator() = default;
    template <class U>
    BlockAllocator(const BlockAllocator<U>&) noexcept {}

    T* allocate(std::size_t count) {
        const std::size_t size = count * each;
        return static_cast<T*>(is_block(count) ? RowBlocks::take(size) : ::operator new(size));
    }
    void deallocate(T* at, std::size_t count) noexcept {
        is_block(count) ? RowBlocks::give_back(at, count * each) : ::operator delete(at);
    }
    template <class U>
    bool operator==(const BlockAllocator<U>&) const noexcept {
        return true;
    }

  private:
    // Of a container's table T is a pointer, and its size is meant.
    static constexpr std::size_t each = sizeof(T);  // NOLINT(bugprone-sizeof-expression)
    static constexpr std::size_t longest_array = 128;
    static bool is_block(std::size_t count) { return count == 1 || count * each <= longest_array; }
};

/// A text that stays as long.
using BlockString = std::basic_string<char, std::char_traits<char>, BlockAllocator<char>>;

}  // namespace weft
