#pragma once

#include "base/block_allocator.hpp"

#include <weft/base/hash.hpp>
#include <weft/engine/row.hpp>

#include <string_view>
#include <unordered_set>

namespace weft::engine {

struct RowKeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return hash_bytes(key); }
    std::size_t operator()(const RowPtr& row) const { return hash_bytes(row.key()); }
};

struct RowKeyEqual {
    using is_transparent = void;
    static std::string_view of(std::string_view key) { return key; }
    static std::string_view of(const RowPtr& row) { return row.key(); }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
        return of(a) == of(b);
    }
};

/// Rows of one table, found by the key that they hold themselves.
using KeyedRows = std::unordered_set<RowPtr, RowKeyHash, RowKeyEqual, BlockAllocator<RowPtr>>;

/// Inserts, or takes the place of the row with this key.
inline void put(KeyedRows& rows, RowPtr row) {
    const auto [at, is_new] = rows.insert(row);
    if (is_new) return;
    auto node = rows.extract(at);
    node.value() = std::move(row);
    rows.insert(std::move(node));
}

inline void erase(KeyedRows& rows, std::string_view key) {
    if (const auto at = rows.find(key); at != rows.end()) rows.erase(at);
}

/// The row, or an empty pointer.
inline RowPtr find(const KeyedRows& rows, std::string_view key) {
    const auto at = rows.find(key);
    return at == rows.end() ? RowPtr() : *at;
}

}  // namespace weft::engine
