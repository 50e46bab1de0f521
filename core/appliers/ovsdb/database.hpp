#pragma once

#include "ovsdb/table.hpp"

#include <weft/base/uuid.hpp>
#include <weft/engine/row.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::appliers::ovsdb {

/// How a transaction ended.
struct Outcome {
    enum class Kind : std::uint8_t {
        committed,
        refused,  ///< the database said no: nothing of it happened
        lost,     ///< the connection went: nobody knows
    };
    Kind kind = Kind::committed;
    std::string error;  ///< the database's words, for refused
};

/// What the applier needs of a database: its rows as they are, and a way to change them.
class Database {
  public:
    virtual ~Database() = default;
    virtual const weft::ovsdb::DatabaseInfo& info() const = 0;
    /// All rows are here, the schema is right and the lock is ours. When not, `why` says what is missing.
    virtual bool writable(std::string& why) const = 0;
    virtual bool has_column(const weft::ovsdb::TableInfo& table, const weft::ovsdb::ColumnInfo& column) const = 0;
    virtual RowPtr row(const weft::ovsdb::TableInfo& table, const Uuid& uuid) const = 0;
    /// The row with this natural key; the zero UUID when there is none.
    virtual Uuid by_natural_key(const weft::ovsdb::TableInfo& table, std::string_view key) const = 0;
    /// Is `member` in the large column of this row?
    virtual bool contains(const weft::ovsdb::TableInfo& table, const Uuid& row, const weft::ovsdb::ColumnInfo& column,
                          const weft::ovsdb::Scalar& member) const = 0;
    /// All members of a large column.
    virtual std::vector<weft::ovsdb::Scalar> members(const weft::ovsdb::TableInfo& table, const Uuid& row,
                                                     const weft::ovsdb::ColumnInfo& column) const = 0;
    virtual void each_row(const weft::ovsdb::TableInfo& table,
                          const std::function<void(const RowPtr&)>& visit) const = 0;
    /// Sends one transaction; its Outcome comes later under the number that is returned.
    virtual std::uint64_t commit(const std::vector<std::string>& operations) = 0;
};

/// One row that came, changed or went in the database, told after it has.
struct RowChange {
    const weft::ovsdb::TableInfo* table = nullptr;
    Uuid uuid;
    RowPtr before;
    RowPtr after;
    /// Large columns whose members changed, and the members that went; rows that merely gained members are not told.
    struct Lost {
        const weft::ovsdb::ColumnInfo* column = nullptr;
        std::vector<weft::ovsdb::Scalar> members;
    };
    std::vector<Lost> lost;
};

}  // namespace weft::appliers::ovsdb
