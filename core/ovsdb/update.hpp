#pragma once

#include "ovsdb/large_set.hpp"
#include "ovsdb/monitor.hpp"
#include "ovsdb/table.hpp"

#include <weft/base/json.hpp>
#include <weft/base/result.hpp>
#include <weft/engine/row.hpp>

#include <vector>

namespace weft::ovsdb {

/// New members, or the difference, of one large column.
struct LargeUpdate {
    const ColumnInfo* column = nullptr;
    bool whole = false;  ///< all members, instead of those that came or went
    SetValues values;
};

/// What an update says about one row.
struct RowUpdate {
    enum class Kind { whole, modify, erase };
    Kind kind = Kind::whole;
    Uuid uuid;
    /// whole: the row. modify: what changed is declared; a composite column holds the difference. Not yet shared.
    RowPtr row;
    /// modify: columns that are composite to us but not to the server, and so come whole.
    ColumnSet replaced;
    std::vector<LargeUpdate> large;
};

struct TableUpdate {
    const TableInfo* table = nullptr;
    std::vector<RowUpdate> rows;
};

/// One transaction of the server, or the contents at the start of a monitor, parsed.
struct Update {
    bool reset = false;  ///< these are all the rows there are
    std::vector<TableUpdate> tables;

    bool empty() const { return !reset && tables.empty(); }
};

/// Parses <table-updates2> (monitor_cond, monitor_cond_since). Tables and columns that weren't asked for are an error.
Result<Update> parse_updates2(const JsonView& updates, const DatabaseInfo& database, const Capabilities& capabilities);
/// Parses <table-updates> (monitor).
Result<Update> parse_updates(const JsonView& updates, const DatabaseInfo& database, const Capabilities& capabilities);

}  // namespace weft::ovsdb
