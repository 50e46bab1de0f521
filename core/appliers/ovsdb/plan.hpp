#pragma once

#include "ovsdb/transaction.hpp"

#include <weft/base/hash.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weft::appliers::ovsdb {

/// One thing that a plan makes true: a row, a member or a foreign column, named by its desired table and key.
struct Item {
    std::string_view table;  ///< table_name of the desired table; from a constant
    std::string key;

    friend bool operator==(const Item&, const Item&) = default;
};

struct ItemHash {
    // Tables are few, and keys of one that are keys of another are fewer.
    std::size_t operator()(const Item& item) const { return hash_mix(item.table.size(), hash_bytes(item.key)); }
    std::size_t operator()(const Item* item) const { return (*this)(*item); }
};

/// For tables of pointers to items: the same item, not the same place.
struct SameItem {
    bool operator()(const Item* a, const Item* b) const { return *a == *b; }
};

/// One member that comes into or leaves a set column of a row.
struct MemberEdit {
    const weft::ovsdb::TableInfo* table;
    Uuid row;
    const weft::ovsdb::ColumnInfo* column;
    weft::ovsdb::Scalar member;
    bool insert;
};

/// Where in a transaction an operation belongs.
enum class Phase : std::uint8_t { insert, change, erase };

/// Operations that must commit together, and the items they serve.
struct Group {
    weft::ovsdb::Transaction operations;
    std::vector<MemberEdit> members;  ///< written after the operations, with those of other groups
    std::vector<Item> items;
    bool only_adds = true;  ///< rows and members: nothing that is there is changed or taken away
};

/// Collects the operations of one round by item, then joins items that depend on each other into groups: a row and the
/// rows it refers to that the same round inserts, a child and its new parent, a member and its new row. What lies in
/// different groups can commit in any order, so a refused group can be left out without harm to the others.
class Plan {
  public:
    /// Appends an operation for `item`. In a transaction inserts come first, then changes, then deletions.
    void add(const Item& item, Phase phase, weft::ovsdb::Transaction operation);
    void add(const Item& item, MemberEdit edit);
    /// `a` and `b` must commit together. Unknown items (not in this round) are ignored when groups are made.
    void join(const Item& a, const Item& b);
    /// Some operation of this plan serves `item`.
    bool has(const Item& item) const { return index_.contains(&item); }
    bool empty() const { return entries_.empty(); }
    std::size_t size() const { return entries_.size(); }

    /// The groups in the order in which their first item was planned.
    std::vector<Group> groups() &&;

  private:
    struct Entry {
        Item item;
        std::vector<std::pair<std::uint64_t, weft::ovsdb::Transaction>> operations;  ///< by position in the round
        std::vector<MemberEdit> members;
        std::uint32_t root = 0;
        bool only_adds = true;
    };
    Entry& entry_of(const Item& item);
    std::uint32_t find_root(std::uint32_t entry);

    std::deque<Entry> entries_;  ///< they stay where they are
    std::unordered_map<const Item*, std::uint32_t, ItemHash, SameItem> index_;
    std::vector<std::pair<Item, Item>> joins_;
    std::uint32_t next_operation_ = 0;
};

/// Packs whole groups into transactions of at most about `most` operations, keeping their order.
std::vector<std::vector<Group>> pack(std::vector<Group> groups, std::size_t most);

/// Appends one mutation for each row whose sets the groups edit: a server copies a set for each mutation of it, so that
/// one for each of thousands of members would cost the square of their number.
void append_members(const std::vector<Group>& groups, weft::ovsdb::Transaction& transaction);

}  // namespace weft::appliers::ovsdb
