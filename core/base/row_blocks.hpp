#pragma once

#include <cstddef>

namespace weft {

/// Memory of rows at rest, and of what tells of them (see BlockAllocator). Rows stay for hours among the parse trees,
/// texts and transactions that brought them and are gone at once: in one heap they would hold on to the pages between
/// them. Here blocks of one size lie together, and memory goes back to the system as its last row goes. Safe on any
/// thread. Shared by all of a process, as a heap is.
class RowBlocks {
  public:
    static void* take(std::size_t size);
    /// `size` as it was taken with.
    static void give_back(void* block, std::size_t size) noexcept;
    /// Gives the system what is kept for rows to come.
    static void trim() noexcept;
};

}  // namespace weft
