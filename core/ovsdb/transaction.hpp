#pragma once

#include "ovsdb/table.hpp"

#include <weft/base/json.hpp>
#include <weft/base/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::ovsdb {

/// Changes of one row's sets and maps, member by member: other members stay.
class Mutations {
  public:
    void insert(const ColumnInfo& column, Scalar member);
    void erase(const ColumnInfo& column, Scalar member);
    /// Sets a map's entry, whatever it was before.
    void set_entry(const ColumnInfo& column, Scalar key, Scalar value);
    void erase_entry(const ColumnInfo& column, Scalar key) { erase(column, std::move(key)); }
    bool empty() const { return columns_.empty(); }

  private:
    friend class Transaction;
    struct PerColumn {
        const ColumnInfo* column;
        std::vector<Scalar> gone;
        std::vector<Scalar> keys;  ///< members, or a map's keys
        std::vector<Scalar> values;
    };
    PerColumn& of(const ColumnInfo& column);
    std::vector<PerColumn> columns_;
};

/// Operations that belong together: what a transaction is cut between when the database refuses it.
using Group = std::uint32_t;

/// What one operation of a transaction was about.
struct Operation {
    enum class Kind : std::uint8_t { insert, update, mutate, erase, wait, comment };
    Kind kind = Kind::comment;
    Group group = 0;
    const TableInfo* table = nullptr;
    Uuid uuid;
};

/// An OVSDB transaction being put together: all of it happens or nothing. Inserts carry UUIDs that the caller chose, so
/// that rows can refer to each other across transactions and an unknown outcome can be decided by looking.
class Transaction {
  public:
    /// The operations added from here on belong to `group`.
    void begin_group(Group group) { group_ = group; }

    /// A new row with the columns of `columns` that `row` declares. The error names the column; nothing was added then.
    Result<void> insert(const TableInfo& table, const Uuid& uuid, const void* row, const ColumnSet& columns,
                        const RefResolver& resolver);
    /// Sets whole columns. Adds nothing when none of `columns` is declared.
    Result<void> update(const TableInfo& table, const Uuid& uuid, const void* row, const ColumnSet& columns,
                        const RefResolver& resolver);
    void mutate(const TableInfo& table, const Uuid& uuid, const Mutations& mutations);
    /// Sets one column to a value given as JSON ("[\"set\",[]]" empties an optional one).
    void set_column(const TableInfo& table, const Uuid& uuid, const ColumnInfo& column, std::string_view value_json);
    void erase(const TableInfo& table, const Uuid& uuid);
    /// Adds one to an integer column.
    void increment(const TableInfo& table, const Uuid& uuid, const ColumnInfo& column);

    /// The transaction fails with Outcome::again unless the row is there (or, !present, isn't).
    void wait_row(const TableInfo& table, const Uuid& uuid, bool present);
    /// It fails with Outcome::again unless those columns of the row are what `row` declares.
    Result<void> wait_values(const TableInfo& table, const Uuid& uuid, const void* row, const ColumnSet& columns,
                             const RefResolver& resolver);
    /// It fails with Outcome::again if there is a row with these values.
    Result<void> wait_absent(const TableInfo& table, const void* row, const ColumnSet& columns,
                             const RefResolver& resolver);

    /// Appears in the database's log (ovsdb-tool show-log).
    void comment(std::string_view text);

    /// Makes room for what will be appended.
    void reserve(std::size_t bytes, std::size_t operations);
    /// Adds the operations of another transaction after these.
    void append(const Transaction& other);

    bool empty() const { return operations_.empty(); }
    /// Bytes on the wire.
    std::size_t size() const { return json_.size(); }
    const std::vector<Operation>& operations() const { return operations_; }
    /// The operations as JSON objects joined by commas.
    const std::string& json() const { return json_; }

  private:
    void add(Operation::Kind kind, const TableInfo* table, const Uuid& uuid);
    static Result<void> write_columns(JsonWriter& w, const TableInfo& table, const void* row, const ColumnSet& columns,
                                      const RefResolver& resolver);

    Group group_ = 0;
    std::vector<Operation> operations_;
    std::string json_;
    JsonWriter scratch_;
};

/// What became of a transaction.
struct Outcome {
    enum class Kind : std::uint8_t {
        success,
        error,       ///< the database refused it: nothing happened
        again,       ///< a wait did not hold, or the server asks to try again: nothing happened; look and build it anew
        not_locked,  ///< somebody else has the lock: nothing happened
        lost,        ///< the connection went before the answer came: all of it may have happened or nothing
        unsent,      ///< there was no connection: nothing happened
    };
    Kind kind = Kind::success;
    std::string error;    ///< the server's word: "constraint violation"
    std::string details;  ///< the server's sentence
    /// The operation that failed; none when the error came at commit, as broken references and indexes do.
    std::optional<std::size_t> operation;
    /// Rows that each operation found (update, mutate, erase); 0 says that the row is gone. 1 for other kinds.
    std::vector<std::uint32_t> counts;

    bool ok() const { return kind == Kind::success; }
    std::string text() const;

    static Outcome plain(Kind kind, std::string why = {}) { return {kind, std::move(why), {}, {}, {}}; }
    /// From the answer to a transact request with that many operations; `skip` of them come first and aren't the
    /// caller's (the lock's assertion).
    static Outcome parse(const JsonView& result, const JsonView& error, std::size_t operations, std::size_t skip);
};

std::string_view to_string(Outcome::Kind kind);

/// The groups that a refusal can be blamed on: the failed operation's, or at commit those of the operations whose row
/// the server's sentence names. Empty when that can't be told.
std::vector<Group> suspects(const Outcome& outcome, const std::vector<Operation>& operations);

}  // namespace weft::ovsdb
