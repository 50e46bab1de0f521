#pragma once

namespace weft {

/// A hash table of the standard library keeps the room that its most entries needed. To be called after erasing:
/// gives it back when few are left. Iterators end, pointers to entries stay.
template <class Table>
void shrink(Table& table) {
    constexpr auto small = 64;
    if (table.bucket_count() > small && table.size() * 8 < table.bucket_count()) table.rehash(table.size() * 2);
}

}  // namespace weft
