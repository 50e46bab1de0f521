#pragma once

#include "ovsdb/flat_table.hpp"
#include "ovsdb/large_set.hpp"
#include "ovsdb/table.hpp"
#include "ovsdb/update.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::ovsdb {

/// A row that came, changed or went. `before` and `after` are null when there is none.
struct RowChange {
    const TableInfo* table = nullptr;
    Uuid uuid;
    RowPtr before;
    RowPtr after;
    /// `after` unpacked, where the replica had to do that anyway; mostly there when a row came.
    std::shared_ptr<const OpenRow> opened;
};

/// A member that came to or left a large column of a row that was there before and still is.
struct MemberChange {
    const TableInfo* table = nullptr;
    Uuid row;
    const ColumnInfo* column = nullptr;
    Scalar member;
    bool added = false;
};

/// What one update changed: one row once, and nothing that is as it was.
struct Changes {
    std::vector<RowChange> rows;
    std::vector<MemberChange> members;

    bool empty() const { return rows.empty() && members.empty(); }
};

/// The contents of one database as far as they are monitored. Owned by one thread; never shows part of a server's
/// transaction, because an update is applied as a whole.
///
/// Rows are immutable and shared. A row's `uuid` is set, its `key` is the UUID's text, and columns that hold their
/// type's empty value are undeclared. A row of a non-root table knows its `parent`: the row, table and column that
/// refers to it. Large set columns are not in the row: see members(). References hold UUIDs.
class DatabaseReplica {
  public:
    explicit DatabaseReplica(const DatabaseInfo& database);
    ~DatabaseReplica();
    DatabaseReplica(const DatabaseReplica&) = delete;
    DatabaseReplica& operator=(const DatabaseReplica&) = delete;

    const DatabaseInfo& database() const { return database_; }

    /// Applies one update. With `reset`, rows that it doesn't mention go, and what is equal stays untouched. The error
    /// says that the update doesn't fit to the contents (a change of a row that isn't there); the replica is then as
    /// good as unknown until the next reset.
    Result<Changes> apply(Update&& update);

    std::size_t size(const TableInfo& table) const;
    RowPtr find(const TableInfo& table, const Uuid& uuid) const;
    template <Row T>
    std::optional<T> find(const Uuid& uuid) const {
        const RowPtr row = find(*database_.table(T::ovsdb_table), uuid);
        return row ? std::optional(row.template as<T>()) : std::nullopt;
    }
    /// A copy, laid out; empty when there is no such row.
    OpenRow open(const TableInfo& table, const Uuid& uuid) const;

    /// In no particular order.
    void each(const TableInfo& table, const std::function<void(const RowPtr&)>& visit) const;

    /// Rows whose natural key is `key`; most tables allow several. In the order of their UUIDs.
    std::vector<RowPtr> find_by_key(const TableInfo& table, std::string_view key) const;
    template <Row T>
    std::optional<T> find_by_key(std::string_view key) const {
        const auto found = find_by_key(*database_.table(T::ovsdb_table), key);
        return found.empty() ? std::nullopt : std::optional(found.front().template as<T>());
    }

    /// Declares another index; rows for which `of` is empty are left out. Ask by the number it returns.
    using IndexFunction = std::function<std::string(const void* row)>;
    std::size_t add_index(const TableInfo& table, IndexFunction of);
    std::vector<RowPtr> find_by_index(const TableInfo& table, std::size_t index, std::string_view value) const;

    /// The members of a large column; null when the row or the column has none.
    const LargeSet* members(const TableInfo& table, const Uuid& row, const ColumnInfo& column) const;
    /// Is `member` in this set column (or a key of this map column), large or not?
    bool contains(const TableInfo& table, const Uuid& row, const ColumnInfo& column, const Scalar& member) const;
    /// All members of a set column (keys of a map), large or not.
    std::vector<Scalar> all_members(const TableInfo& table, const Uuid& row, const ColumnInfo& column) const;

    /// Is this column of the row what `desired` declares? False when the row isn't there.
    bool satisfied(const TableInfo& table, const Uuid& row, const ColumnInfo& column, const void* desired,
                   const RefResolver& resolver) const;

    /// The rows that refer to `uuid` through strong references to a table that isn't a root: its parents.
    std::vector<Parent> parents(const Uuid& uuid) const;

    /// Bytes of the tables themselves, without the rows.
    std::size_t overhead() const;

  private:
    struct Table;
    struct Link;
    class Applying;

    Table& of(const TableInfo& table) const;
    Parent parent_of(const Uuid& child) const;

    const DatabaseInfo& database_;
    std::vector<std::unique_ptr<Table>> tables_;  ///< as database_.tables()
    struct LinkTraits;
    std::unique_ptr<FlatTable<Link, LinkTraits>> links_;
};

}  // namespace weft::ovsdb
