#include "base/row_blocks.hpp"

#include <weft/engine/row.hpp>

#include <cstring>

namespace weft {

RowPtr RowPtr::make(const RowType& type, const void* row) {
    Packer packed;
    type.pack(packed, row);
    const std::string_view bytes = packed.bytes();
    RowPtr made;
    made.block_ =
        new (RowBlocks::take(sizeof(Block) + bytes.size())) Block{{1}, static_cast<std::uint32_t>(bytes.size()), &type};
    std::memcpy(static_cast<void*>(made.block_ + 1), bytes.data(), bytes.size());
    return made;
}

void RowPtr::free_block(Block* block) noexcept {
    RowBlocks::give_back(block, sizeof(Block) + block->size);
}

}  // namespace weft
