#pragma once

#include "base/block_allocator.hpp"

#include <weft/base/hash.hpp>
#include <weft/engine/row.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

namespace weft::kube {

/// The latest that a reflector saw of one object. `row` is shared with the engine's table.
struct Known {
    std::string other_identity;  ///< "ns/name", when it is not the row's key
    // What may change without moving the object in its set:
    mutable RowPtr row;
    mutable std::uint64_t version = 0;  ///< resourceVersion, also of changes that touched no kept field
    mutable bool annotated = false;     ///< metadata.annotations is there, perhaps with none that is kept

    Known(std::string_view identity, RowPtr r, std::uint64_t v, bool a)
        : other_identity(identity == r.key() ? "" : identity),
          row(std::move(r)),
          version(v),
          annotated(a) {}
    std::string_view identity() const { return other_identity.empty() ? row.key() : std::string_view(other_identity); }
};

struct KnownHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view identity) const { return hash_bytes(identity); }
    std::size_t operator()(const Known& known) const { return hash_bytes(known.identity()); }
};

struct KnownEqual {
    using is_transparent = void;
    static std::string_view of(std::string_view identity) { return identity; }
    static std::string_view of(const Known& known) { return known.identity(); }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
        return of(a) == of(b);
    }
};

using KnownSet = std::unordered_set<Known, KnownHash, KnownEqual, BlockAllocator<Known>>;

}  // namespace weft::kube
