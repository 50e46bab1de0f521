#pragma once

#include "ovsdb/flat_table.hpp"
#include "ovsdb/scalar.hpp"

#include <weft/base/hash.hpp>

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace weft::ovsdb {

/// Members of a set column as they come from the wire: all of them, or those that came or went.
using SetValues = std::variant<std::vector<Uuid>, std::vector<std::string>>;

/// A set column that may hold many thousand members. Adding and removing cost one look-up each.
class LargeSet {
  public:
    std::size_t size() const { return uuids_.size() + texts_.size() + (has_empty_ ? 1 : 0); }
    bool contains(const Uuid& uuid) const;
    bool contains(std::string_view text) const;
    bool contains(const Scalar& value) const;

    /// True when the member was not there.
    bool insert(const Uuid& uuid);
    bool insert(const std::string& text);
    /// True when the member was there.
    bool erase(const Uuid& uuid);
    bool erase(const std::string& text);

    /// In no particular order.
    template <class Visit>
    void each_uuid(Visit&& visit) const {
        uuids_.each([&](const Uuid& uuid) { visit(uuid); });
    }
    template <class Visit>
    void each_text(Visit&& visit) const {
        texts_.each([&](const std::string& text) { visit(text); });
        if (has_empty_) visit(std::string());
    }
    std::vector<Scalar> members() const;

  private:
    struct UuidTraits {
        static std::uint64_t hash(const Uuid& uuid) { return uuid.hash(); }
        static bool is_free(const Uuid& uuid) { return uuid.is_zero(); }
    };
    struct TextTraits {
        static std::uint64_t hash(const std::string& text) { return hash_bytes(text); }
        static bool is_free(const std::string& text) { return text.empty(); }
    };

    FlatTable<Uuid, UuidTraits> uuids_;  ///< never the zero UUID: the parser refuses it
    FlatTable<std::string, TextTraits> texts_;
    bool has_empty_ = false;  ///< the empty text, which marks a free slot, is a member
};

}  // namespace weft::ovsdb
