#pragma once

#include "ovsdb/limits.hpp"
#include "ovsdb/table.hpp"

#include <weft/base/json.hpp>
#include <weft/base/result.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weft::ovsdb {

/// One clause of a condition: a row is replicated when any of its table's clauses holds for it.
struct Clause {
    std::string column;
    std::string function;  ///< "==", "!=", "includes", "excludes", "<", ...
    std::string value;     ///< OVSDB <value> as JSON

    static Clause equals(std::string_view column, std::string_view text) {
        return {std::string(column), "==", json_quote(text)};
    }
    friend bool operator==(const Clause&, const Clause&) = default;
};

/// What to replicate of one table. The columns of the natural key always come along.
struct TableRequest {
    const TableInfo* table = nullptr;
    ColumnSet columns;
    std::vector<Clause> where;  ///< none: every row

    static TableRequest all(const TableInfo& table) { return {&table, table.all_columns(), {}}; }
    friend bool operator==(const TableRequest&, const TableRequest&) = default;
};

/// Which tables and columns of a database to replicate; one entry a table.
using MonitorRequest = std::vector<TableRequest>;

/// What the server at the other end can do: its tables and columns, of those that weft knows.
class Capabilities {
  public:
    /// Reads the answer to get_schema and holds it against what is asked for. The error names everything that is
    /// missing: required tables, tables and columns asked for that aren't optional, columns of another type.
    static Result<Capabilities> check(const DatabaseInfo& database, const JsonView& schema,
                                      const MonitorRequest& request);

    const std::string& version() const { return version_; }
    bool has_table(const TableInfo& table) const { return tables_.contains(&table); }
    bool has_column(const TableInfo& table, const ColumnInfo& column) const {
        return columns(table).test(column.index);
    }
    /// The columns that the server has.
    ColumnSet columns(const TableInfo& table) const;
    /// Columns whose changes the server sends as differences (what it thinks, not what our schema says).
    ColumnSet composite(const TableInfo& table) const;
    /// Does every column of `columns` that this row declares hold what the server takes there? The error names the
    /// first that doesn't, says why, and what can be done.
    Result<void> fits(const TableInfo& table, const void* row, const ColumnSet& columns) const;
    /// The same for one member of a set, key of a map, or plain value.
    Result<void> fits(const ColumnInfo& column, const Scalar& member) const;
    /// "ACL.tier", "Sample": optional columns and tables of the request that this server lacks.
    const std::vector<std::string>& absent() const { return absent_; }

    friend bool operator==(const Capabilities&, const Capabilities&) = default;

  private:
    struct Columns {
        ColumnSet present;
        ColumnSet composite;
        ColumnSet limited;  ///< those with an entry in limits_
        friend bool operator==(const Columns&, const Columns&) = default;
    };

    std::string version_;
    Error misfit(Error error) const;

    std::map<const TableInfo*, Columns> tables_;
    std::map<const ColumnInfo*, ColumnLimits> limits_;
    std::vector<std::string> absent_;
};

/// The <monitor-cond-requests> of a request, leaving out what the server lacks.
std::string monitor_requests(const MonitorRequest& request, const Capabilities& capabilities, bool conditional);

}  // namespace weft::ovsdb
