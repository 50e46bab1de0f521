#include "ovsdb/table.hpp"

#include "ovsdb/codec.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace weft::ovsdb {

Result<void> ColumnInfo::parse(const JsonView& json, void* row) const {
    if (ops_->parse(json, at(row))) return {};
    return invalid("column " + std::string(name) + ": not a value of its type: " + json.dump().substr(0, 100));
}

Result<void> ColumnInfo::write(JsonWriter& w, const void* row, const RefResolver& resolver) const {
    auto written = ops_->write(w, at(row), resolver);
    if (!written) return std::move(written).error().at("column " + std::string(name));
    return written;
}

std::vector<Scalar> ColumnInfo::members(const void* row, const RefResolver& resolver) const {
    std::vector<Scalar> found;
    ops_->each(at(row), resolver, &found, [](void* context, Scalar&& member) {
        static_cast<std::vector<Scalar>*>(context)->push_back(std::move(member));
    });
    return found;
}

namespace {

template <class T>
Result<Scalar> number(std::string_view text, std::string_view what) {
    T parsed{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (code != std::errc() || end != text.data() + text.size())
        return invalid(json_quote(text) + " is no " + std::string(what));
    return Scalar(parsed);
}

}  // namespace

Result<Scalar> ColumnInfo::to_scalar(const BaseType& type, std::string_view text, const RefResolver& resolver) const {
    switch (type.atom) {
        case Atom::integer: return number<std::int64_t>(text, "integer");
        case Atom::real: return number<double>(text, "real number");
        case Atom::boolean:
            if (text == "true" || text == "false") return Scalar(text == "true");
            return invalid(json_quote(text) + " is neither true nor false");
        case Atom::string: return Scalar(std::string(text));
        case Atom::uuid: {
            if (!type.ref_table.empty()) {
                const Uuid uuid = resolver.uuid_of(type.ref_table, text);
                if (!uuid.is_zero()) return Scalar(uuid);
            }
            if (auto uuid = Uuid::parse(text)) return Scalar(*uuid);
            return unresolved(type.ref_table, text);
        }
        case Atom::none: break;
    }
    return broken("column " + std::string(name) + " is no map");
}

const ColumnInfo* TableInfo::column(std::string_view column_name) const {
    const auto at = std::lower_bound(columns.begin(), columns.end(), column_name,
                                     [](const ColumnInfo& c, std::string_view n) { return c.name < n; });
    return at != columns.end() && at->name == column_name ? &*at : nullptr;
}

ColumnSet TableInfo::all_columns() const {
    ColumnSet all;
    for (const auto& c : columns)
        all.set(c.index);
    return all;
}

ColumnSet TableInfo::columns_named(std::span<const std::string_view> names) const {
    ColumnSet set;
    for (const auto n : names) {
        const ColumnInfo* found = column(n);
        if (!found) throw std::logic_error("table " + std::string(name) + " has no column " + std::string(n));
        set.set(found->index);
    }
    return set;
}

ColumnSet TableInfo::key_columns() const {
    ColumnSet set;
    for (const auto n : natural_key) {
        if (const ColumnInfo* found = column(n)) set.set(found->index);
    }
    return set;
}

ColumnSet TableInfo::declared(const void* row) const {
    ColumnSet set;
    for (const auto& c : columns)
        set.set(c.index, c.declared(row));
    return set;
}

bool TableInfo::holds(const RowPtr& desired, const RowPtr& actual, const ColumnSet& of) const {
    Unpacker wanted(desired.bytes());
    Unpacker there(actual.bytes());
    for (Unpacker* in : {&wanted, &there})
        in->skip_text();  // the key
    const std::string_view parent_table = wanted.text();
    if (parent_table.empty()) {
        wanted.skip_text();
        wanted.skip_text();
        Parent::skip(there);
    } else if (parent_table != there.text() || wanted.text() != there.text() || wanted.text() != there.text()) {
        return false;
    }
    for (Unpacker* in : {&wanted, &there}) {
        skip_value<std::vector<After>>(*in);
        in->skip_raw();  // the UUID
    }
    for (const ColumnInfo& column : columns) {
        if (of.test(column.index)) {
            if (!column.holds(wanted, there)) return false;
        } else {
            column.skip(wanted);
            column.skip(there);
        }
    }
    return true;
}

DatabaseInfo::DatabaseInfo(std::string_view name, std::string_view version,
                           std::vector<std::unique_ptr<TableInfo>> tables)
    : name_(name),
      version_(version),
      tables_(std::move(tables)) {
    for (const auto& t : tables_) {
        for (const auto known : {t->name, t->table_name, t->replica_table})
            by_name_.emplace(known, t.get());
    }
    for (std::size_t n = 0; n < tables_.size(); ++n) {
        auto& t = tables_[n];
        t->index = n;
        if (t->columns.size() > ColumnSet().size())
            throw std::logic_error(std::string(t->name) + " has too many columns");
        for (std::size_t i = 0; i < t->columns.size(); ++i) {
            auto& c = t->columns[i];
            c.index = i;
            c.table = t.get();
            if (c.facts.large) {
                c.large_index = t->large.size();
                t->large.push_back(&c);
            }
            for (const BaseType& base : {c.key, c.value}) {
                if (base.ref_table.empty() || base.weak) continue;
                const TableInfo* to = table(base.ref_table);
                if (!to->is_root) c.child_table = to;
            }
        }
    }
}

const TableInfo* DatabaseInfo::table(std::string_view name) const {
    const auto at = by_name_.find(name);
    return at == by_name_.end() ? nullptr : at->second;
}

const DatabaseInfo* find_database(std::string_view name) {
    for (const DatabaseInfo* db : {&nb_database(), &sb_database(), &ovs_database()}) {
        if (db->name() == name) return db;
    }
    return nullptr;
}

const TableInfo* find_table(std::string_view database, std::string_view table) {
    const DatabaseInfo* db = find_database(database);
    return db ? db->table(table) : nullptr;
}

const DatabaseInfo* database_of(const RowType& type) {
    const std::string_view prefix = type.name.substr(0, type.name.find('/'));
    if (prefix == "NB") return &nb_database();
    if (prefix == "SB") return &sb_database();
    if (prefix == "OVS") return &ovs_database();
    return nullptr;
}

const TableInfo* find_table(const RowType& type) {
    const DatabaseInfo* db = database_of(type);
    return db ? db->table(type.name) : nullptr;
}

}  // namespace weft::ovsdb
