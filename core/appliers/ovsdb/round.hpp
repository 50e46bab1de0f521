#pragma once

#include "appliers/ovsdb/applier.hpp"
#include "appliers/ovsdb/plan.hpp"

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace weft::appliers::ovsdb {

/// One planning pass: compares items with the database and collects the operations that make them true. Lives for one
/// flush(); resolves references to rows that are there, and to rows that this pass inserts.
class Applier::Round final : public weft::ovsdb::RefResolver {
  public:
    explicit Round(Applier& applier) : applier_(applier) {}

    /// Adds what `item` needs. An item that can't be planned yet is left blocked on what it waits for.
    void plan(const Item& which);
    /// What was planned, at the end of the pass.
    std::vector<Group> groups();
    /// Counts and logs what was found changed by others, once it is sure that it is put back now.
    void tell_repairs() const;
    /// Something is to be written for it.
    bool has(const Item& item) const { return plan_.has(item); }

    /// For columns that are being written; notes what is missing or inserted in this pass. Not really const: it plans.
    Uuid uuid_of(std::string_view table, std::string_view key) const override;

  private:
    using TableInfo = weft::ovsdb::TableInfo;
    using ColumnInfo = weft::ovsdb::ColumnInfo;
    using Scalar = weft::ovsdb::Scalar;

    /// What writing the references of one item came upon.
    struct Trail {
        std::vector<Item> missing;
        std::vector<Item> joined;
    };

    Uuid find(const Item& row);
    bool waits_for_others(const Item& item, std::span<const weft::ovsdb::After> after, bool is_new);
    bool is_held(const Item& item);
    bool misfits(const Item& item, const TableInfo& table, const OpenRow& desired,
                 const weft::ovsdb::ColumnSet& columns);
    void note_move(const Item& item, Move how);
    void block(const Item& item, const std::vector<Item>& missing);
    void count_repair(const Item& item);
    void as_it_should_be(const Item& item);

    void plan_row(const Item& item, Ledger& of);
    void insert_row(const Item& item, const TableInfo& table, const OpenRow& desired);
    void update_row(const Item& item, const TableInfo& table, const OpenRow& desired, const OpenRow& actual);
    void erase_row(const Item& item, const Ledger& of, const OpenRow& actual);
    void move_row(const Item& item, const TableInfo& table, const OpenRow& desired, const OpenRow& actual);
    MemberEdit hang(const weft::ovsdb::Parent& parent, const Uuid& on, const Uuid& child, bool insert);
    void update_column(const Item& item, const TableInfo& table, const ColumnInfo& column, const OpenRow& desired,
                       const OpenRow& actual, weft::ovsdb::Transaction& update);
    bool write_merged(JsonWriter& w, const ColumnInfo& column, const std::vector<MemberView>& extras,
                      const OpenRow& desired, const OpenRow& actual);
    void join_dropped_references(const Item& item, const ColumnInfo& column, const OpenRow& actual);
    void update_large(const Item& item, const TableInfo& table, const ColumnInfo& column, const OpenRow& desired,
                      const Uuid& row);

    RowPtr wanted_or_withdrawn(const Item& item, bool& wanted) const;
    void plan_extra(const Item& item, MemberView (*view_of)(const void* row), bool foreign_column);
    /// The member, key or value that the view tells; nothing when it has to wait or doesn't fit, which is noted.
    std::optional<Scalar> member_of(const Item& item, const ColumnInfo& column, const MemberView& view, bool wanted);
    void set_entry(const Item& item, const TableInfo& table, const ColumnInfo& column, const Uuid& on,
                   const MemberView& view, bool wanted);
    void set_foreign(const Item& item, const TableInfo& table, const ColumnInfo& column, const Uuid& on,
                     const Scalar& value, bool wanted);
    /// Members of the row are on their way: how its columns are by then is not known here.
    bool waits_for_members(const Item& row);
    /// The members that Member rows add to a column of a row.
    std::vector<MemberView> members_on(const Item& row, const ColumnInfo& column) const;
    void erase_doubles();

    Applier& applier_;
    Plan plan_;
    std::unordered_map<const Item*, Uuid, ItemHash, SameItem> pending_;  ///< rows that are being inserted
    std::vector<Item> repairs_;
    Trail* trail_ = nullptr;
};

}  // namespace weft::appliers::ovsdb
