#pragma once

#include "ovsdb/scalar.hpp"

#include <weft/base/hash.hpp>
#include <weft/base/json.hpp>
#include <weft/base/result.hpp>
#include <weft/engine/row.hpp>
#include <weft/ovsdb/column.hpp>

#include <bitset>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// What libweft knows about the generated row types: enough to parse, compare and write their columns without knowing
/// the type. All of it is constant and may be used on any thread.
namespace weft::ovsdb {

struct TableInfo;

/// The key or value type of a column.
struct BaseType {
    Atom atom = Atom::none;  ///< none: no value type, so the column is no map
    std::string_view ref_table = {};
    bool weak = false;
};

inline constexpr unsigned unlimited = ~0U;

/// What the generator tells about a column beside its types.
struct ColumnFacts {
    unsigned min = 1;
    unsigned max = 1;
    bool optional = false;   ///< older servers lack it
    bool large = false;      ///< kept by a replica as a hash set beside the row
    bool ephemeral = false;  ///< not on the server's disk
    bool immutable = false;  ///< can be set by an insert only
};

/// Sees the members of a set (keys of a map): `context` is the caller's.
using VisitScalar = void (*)(void* context, Scalar&& value);
using VisitUuid = void (*)(void* context, const Uuid& uuid);

/// The functions of one C++ column type, on `Column<T>*`.
struct ColumnOps {
    /// Declares the column with this OVSDB <value>; false when it has another type.
    bool (*parse)(const JsonView& value, void* column);
    bool (*declared)(const void* column);
    /// `column` becomes what the difference that an update2 notification carries makes of it.
    void (*apply_difference)(void* column, const void* difference);
    void (*assign)(void* column, const void* from);
    /// Undeclares a column that holds its type's empty value: that is how rows from a database have it.
    void (*normalize)(void* column);
    /// Same declaredness and value.
    bool (*same)(const void* a, const void* b);
    /// Is `actual`, from a database, what `desired`, from a rule, asks for? An undeclared `actual` counts as empty.
    bool (*satisfied)(const void* desired, const void* actual, const RefResolver& resolver);
    /// The same of columns at rest, which it reads. No where references would have to be resolved.
    bool (*holds)(Unpacker& desired, Unpacker& actual);
    /// Passes over a column at rest.
    void (*skip)(Unpacker& in);
    /// The OVSDB <value>. `waiting` when a reference's row has no UUID.
    Result<void> (*write)(JsonWriter& w, const void* column, const RefResolver& resolver);
    /// Members of a set, keys of a map, or the scalar; references resolved (zero when they can't be).
    void (*each)(const void* column, const RefResolver& resolver, void* context, VisitScalar visit);
    /// The UUIDs that the column's keys and values refer to.
    void (*each_reference)(const void* column, void* context, VisitUuid visit);
    /// A map column's value under this key; null when absent or no map of strings to strings.
    const std::string* (*entry)(const void* column, std::string_view key);
};

class ColumnInfo {
  public:
    std::string_view name;
    const TableInfo* table = nullptr;
    BaseType key;
    BaseType value;
    ColumnFacts facts;
    std::size_t index = 0;        ///< position in TableInfo::columns
    std::size_t large_index = 0;  ///< position in TableInfo::large, if facts.large
    /// Where strong references to a table whose rows live by being referred to lead; null for other columns.
    const TableInfo* child_table = nullptr;

    bool is_map() const { return value.atom != Atom::none; }
    bool is_set() const { return !is_map() && facts.max != 1; }
    bool is_optional() const { return !is_map() && facts.max == 1 && facts.min == 0; }
    /// More than one member: an update2 notification carries differences of it.
    bool is_composite() const { return facts.max > 1; }

    bool declared(const void* row) const { return ops_->declared(at(row)); }
    Result<void> parse(const JsonView& json, void* row) const;
    void apply_difference(void* row, const void* patch) const { ops_->apply_difference(at(row), at(patch)); }
    void assign(void* row, const void* from) const { ops_->assign(at(row), at(from)); }
    void normalize(void* row) const { ops_->normalize(at(row)); }
    bool same(const void* a, const void* b) const { return ops_->same(at(a), at(b)); }
    bool satisfied(const void* desired, const void* actual, const RefResolver& resolver) const {
        return ops_->satisfied(at(desired), at(actual), resolver);
    }
    bool holds(Unpacker& desired, Unpacker& actual) const { return ops_->holds(desired, actual); }
    void skip(Unpacker& in) const { ops_->skip(in); }
    Result<void> write(JsonWriter& w, const void* row, const RefResolver& resolver) const;
    std::vector<Scalar> members(const void* row, const RefResolver& resolver) const;
    void each_reference(const void* row, void* context, VisitUuid visit) const {
        ops_->each_reference(at(row), context, visit);
    }
    const std::string* entry(const void* row, std::string_view map_key) const { return ops_->entry(at(row), map_key); }

    /// A text, as Member and ForeignColumn carry it, as an atom of this column's key type; `waiting` for a reference
    /// whose row has no UUID, `invalid` when the text doesn't fit.
    Result<Scalar> scalar(std::string_view text, const RefResolver& resolver) const {
        return to_scalar(key, text, resolver);
    }
    /// The same for the value type of a map.
    Result<Scalar> value_scalar(std::string_view text, const RefResolver& resolver) const {
        return to_scalar(value, text, resolver);
    }

    ColumnInfo(std::string_view column_name, BaseType key_type, BaseType value_type, ColumnFacts column_facts,
               std::size_t offset, const ColumnOps& ops)
        : name(column_name),
          key(key_type),
          value(value_type),
          facts(column_facts),
          offset_(offset),
          ops_(&ops) {}

  private:
    const void* at(const void* row) const { return static_cast<const std::byte*>(row) + offset_; }
    void* at(void* row) const { return static_cast<std::byte*>(row) + offset_; }
    Result<Scalar> to_scalar(const BaseType& type, std::string_view text, const RefResolver& resolver) const;

    std::size_t offset_;
    const ColumnOps* ops_;
};

/// Some of a table's columns, by their index.
using ColumnSet = std::bitset<64>;

struct TableInfo {
    std::string_view name;           ///< "Logical_Switch_Port"
    std::string_view table_name;     ///< "NB/Logical_Switch_Port": the table that rules put rows into
    std::string_view replica_table;  ///< "replica/NB/Logical_Switch_Port": the rows as the database has them
    std::size_t index = 0;           ///< position in DatabaseInfo::tables()
    bool is_root = false;
    bool one_row = false;
    bool required = false;  ///< a server without it is refused, whatever is asked for
    bool optional = false;  ///< older servers lack it
    std::vector<std::string_view> natural_key;
    std::vector<std::vector<std::string_view>> indexes;
    std::vector<ColumnInfo> columns;       ///< by name
    std::vector<const ColumnInfo*> large;  ///< those kept beside the row

    const RowType* type = nullptr;
    std::string (*natural_key_of)(const void* row) = nullptr;
    /// Gives a row from a database its identity: `uuid`, and as `key` the UUID's text.
    void (*identify)(void* row, const Uuid& uuid) = nullptr;
    Parent& (*parent)(void* row) = nullptr;
    Uuid& (*uuid)(void* row) = nullptr;
    const std::vector<After>& (*after_of)(const void* row) = nullptr;
    // The same of rows at rest, without laying them out.
    std::vector<After> (*after_in)(const RowPtr& row) = nullptr;
    Uuid (*uuid_in)(const RowPtr& row) = nullptr;
    bool (*hangs_on)(const RowPtr& row, const Parent& parent) = nullptr;  ///< its `parent` is that one

    const Parent& parent_of(const void* row) const { return parent(const_cast<void*>(row)); }
    const Uuid& uuid_of(const void* row) const { return uuid(const_cast<void*>(row)); }

    /// Does a row from a database hold what a rule's row asks for: its parent if it has one, and what it declares of
    /// these columns? Found without laying them out; no where references would have to be resolved.
    bool holds(const RowPtr& desired, const RowPtr& actual, const ColumnSet& of) const;

    const ColumnInfo* column(std::string_view column_name) const;
    ColumnSet all_columns() const;
    /// Set of the named columns; names that the table doesn't have are a broken invariant.
    ColumnSet columns_named(std::span<const std::string_view> names) const;
    /// The columns that make up the natural key.
    ColumnSet key_columns() const;
    /// The columns that a row declares.
    ColumnSet declared(const void* row) const;
};

class DatabaseInfo {
  public:
    DatabaseInfo(std::string_view name, std::string_view version, std::vector<std::unique_ptr<TableInfo>> tables);

    std::string_view name() const { return name_; }
    std::string_view version() const { return version_; }
    const std::vector<std::unique_ptr<TableInfo>>& tables() const { return tables_; }
    /// By OVSDB name, by table_name or by replica_table.
    const TableInfo* table(std::string_view name) const;

  private:
    std::string_view name_;
    std::string_view version_;
    std::vector<std::unique_ptr<TableInfo>> tables_;
    std::unordered_map<std::string_view, const TableInfo*, StringHash> by_name_;  ///< by each of its names
};

const DatabaseInfo& nb_database();
const DatabaseInfo& sb_database();
const DatabaseInfo& ovs_database();

/// "OVN_Northbound", "OVN_Southbound" or "Open_vSwitch".
const DatabaseInfo* find_database(std::string_view name);
const TableInfo* find_table(std::string_view database, std::string_view table);
/// The table that holds rows of this type ("NB/Logical_Switch_Port"), in whichever database.
const TableInfo* find_table(const RowType& type);
const DatabaseInfo* database_of(const RowType& type);

}  // namespace weft::ovsdb
