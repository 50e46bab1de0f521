#include "ovsdb/transaction.hpp"

#include <algorithm>

namespace weft::ovsdb {

Mutations::PerColumn& Mutations::of(const ColumnInfo& column) {
    for (auto& c : columns_) {
        if (c.column == &column) return c;
    }
    return columns_.emplace_back(PerColumn{&column, {}, {}, {}});
}

void Mutations::insert(const ColumnInfo& column, Scalar member) {
    of(column).keys.push_back(std::move(member));
}

void Mutations::erase(const ColumnInfo& column, Scalar member) {
    of(column).gone.push_back(std::move(member));
}

void Mutations::set_entry(const ColumnInfo& column, Scalar key, Scalar value) {
    // A mutation inserts no key that is there already: it has to go first.
    auto& c = of(column);
    c.gone.push_back(key);
    c.keys.push_back(std::move(key));
    c.values.push_back(std::move(value));
}

namespace {

void write_set(JsonWriter& w, const std::vector<Scalar>& members) {
    w.begin_array().value("set").begin_array();
    for (const auto& member : members)
        write_scalar(w, member);
    w.end_array().end_array();
}

void write_map(JsonWriter& w, const std::vector<Scalar>& keys, const std::vector<Scalar>& values) {
    w.begin_array().value("map").begin_array();
    for (std::size_t i = 0; i < keys.size(); ++i) {
        w.begin_array();
        write_scalar(w, keys[i]);
        write_scalar(w, values[i]);
        w.end_array();
    }
    w.end_array().end_array();
}

void write_head(JsonWriter& w, std::string_view op, const TableInfo& table) {
    w.begin_object().member("op", op).member("table", table.name);
}

void write_where(JsonWriter& w, const Uuid& uuid) {
    w.key("where").begin_array().begin_array().value("_uuid").value("==");
    write_uuid(w, uuid);
    w.end_array().end_array();
}

void write_names(JsonWriter& w, const TableInfo& table, const void* row, const ColumnSet& columns) {
    w.key("columns").begin_array();
    for (const auto& column : table.columns) {
        if (columns.test(column.index) && column.declared(row)) w.value(column.name);
    }
    w.end_array();
}

}  // namespace

void Transaction::add(Operation::Kind kind, const TableInfo* table, const Uuid& uuid) {
    if (json_.empty()) {
        json_ = scratch_.take();  // mostly the only one
        scratch_.clear();
    } else {
        json_.push_back(',');
        json_.append(scratch_.text());
        scratch_.clear();
    }
    operations_.push_back({kind, group_, table, uuid});
}

Result<void> Transaction::write_columns(JsonWriter& w, const TableInfo& table, const void* row,
                                        const ColumnSet& columns, const RefResolver& resolver) {
    w.begin_object();
    for (const auto& column : table.columns) {
        if (!columns.test(column.index) || !column.declared(row)) continue;
        w.key(column.name);
        if (auto written = column.write(w, row, resolver); !written) {
            return std::move(written).error().at("table " + std::string(table.name));
        }
    }
    w.end_object();
    return {};
}

Result<void> Transaction::insert(const TableInfo& table, const Uuid& uuid, const void* row, const ColumnSet& columns,
                                 const RefResolver& resolver) {
    auto& w = scratch_;
    w.clear();
    w.reserve(400);  // a row of many
    write_head(w, "insert", table);
    w.member("uuid", std::string_view(uuid.text())).key("row");
    if (auto written = write_columns(w, table, row, columns, resolver); !written) return written;
    w.end_object();
    add(Operation::Kind::insert, &table, uuid);
    return {};
}

Result<void> Transaction::update(const TableInfo& table, const Uuid& uuid, const void* row, const ColumnSet& columns,
                                 const RefResolver& resolver) {
    if ((table.declared(row) & columns).none()) return {};
    auto& w = scratch_;
    w.clear();
    write_head(w, "update", table);
    write_where(w, uuid);
    w.key("row");
    if (auto written = write_columns(w, table, row, columns, resolver); !written) return written;
    w.end_object();
    add(Operation::Kind::update, &table, uuid);
    return {};
}

void Transaction::mutate(const TableInfo& table, const Uuid& uuid, const Mutations& mutations) {
    if (mutations.empty()) return;
    auto& w = scratch_;
    w.clear();
    write_head(w, "mutate", table);
    write_where(w, uuid);
    w.key("mutations").begin_array();
    for (const auto& c : mutations.columns_) {
        if (!c.gone.empty()) {
            w.begin_array().value(c.column->name).value("delete");
            write_set(w, c.gone);
            w.end_array();
        }
        if (c.keys.empty()) continue;
        w.begin_array().value(c.column->name).value("insert");
        c.column->is_map() ? write_map(w, c.keys, c.values) : write_set(w, c.keys);
        w.end_array();
    }
    w.end_array().end_object();
    add(Operation::Kind::mutate, &table, uuid);
}

void Transaction::set_column(const TableInfo& table, const Uuid& uuid, const ColumnInfo& column,
                             std::string_view value_json) {
    auto& w = scratch_;
    w.clear();
    write_head(w, "update", table);
    write_where(w, uuid);
    w.key("row").begin_object().key(column.name).raw(value_json).end_object().end_object();
    add(Operation::Kind::update, &table, uuid);
}

void Transaction::erase(const TableInfo& table, const Uuid& uuid) {
    auto& w = scratch_;
    w.clear();
    write_head(w, "delete", table);
    write_where(w, uuid);
    w.end_object();
    add(Operation::Kind::erase, &table, uuid);
}

void Transaction::increment(const TableInfo& table, const Uuid& uuid, const ColumnInfo& column) {
    auto& w = scratch_;
    w.clear();
    write_head(w, "mutate", table);
    write_where(w, uuid);
    w.key("mutations").begin_array().begin_array().value(column.name).value("+=").value(1).end_array().end_array();
    w.end_object();
    add(Operation::Kind::mutate, &table, uuid);
}

void Transaction::wait_row(const TableInfo& table, const Uuid& uuid, bool present) {
    auto& w = scratch_;
    w.clear();
    write_head(w, "wait", table);
    w.member("timeout", 0);
    write_where(w, uuid);
    w.key("columns").begin_array().value("_uuid").end_array();
    w.member("until", present ? "==" : "!=");
    w.key("rows").begin_array().begin_object().key("_uuid");
    write_uuid(w, uuid);
    w.end_object().end_array().end_object();
    add(Operation::Kind::wait, &table, uuid);
}

Result<void> Transaction::wait_values(const TableInfo& table, const Uuid& uuid, const void* row,
                                      const ColumnSet& columns, const RefResolver& resolver) {
    auto& w = scratch_;
    w.clear();
    write_head(w, "wait", table);
    w.member("timeout", 0);
    write_where(w, uuid);
    write_names(w, table, row, columns);
    w.member("until", "==").key("rows").begin_array();
    if (auto written = write_columns(w, table, row, columns, resolver); !written) return written;
    w.end_array().end_object();
    add(Operation::Kind::wait, &table, uuid);
    return {};
}

Result<void> Transaction::wait_absent(const TableInfo& table, const void* row, const ColumnSet& columns,
                                      const RefResolver& resolver) {
    auto& w = scratch_;
    w.clear();
    write_head(w, "wait", table);
    w.member("timeout", 0).key("where").begin_array();
    for (const auto& column : table.columns) {
        if (!columns.test(column.index) || !column.declared(row)) continue;
        w.begin_array().value(column.name).value("==");
        if (auto written = column.write(w, row, resolver); !written) return written;
        w.end_array();
    }
    w.end_array().key("columns").begin_array().value("_uuid").end_array();
    w.member("until", "==").key("rows").begin_array().end_array().end_object();
    add(Operation::Kind::wait, &table, Uuid());
    return {};
}

void Transaction::comment(std::string_view text) {
    auto& w = scratch_;
    w.clear();
    w.begin_object().member("op", "comment").member("comment", text).end_object();
    add(Operation::Kind::comment, nullptr, Uuid());
}

void Transaction::reserve(std::size_t bytes, std::size_t operations) {
    json_.reserve(bytes);
    operations_.reserve(operations);
}

void Transaction::append(const Transaction& other) {
    if (other.empty()) return;
    if (!json_.empty()) json_.push_back(',');
    json_.append(other.json_);
    operations_.insert(operations_.end(), other.operations_.begin(), other.operations_.end());
}

// ---------------------------------------------------------------------------------------------------------------------

std::string_view to_string(Outcome::Kind kind) {
    switch (kind) {
        case Outcome::Kind::success: return "success";
        case Outcome::Kind::error: return "error";
        case Outcome::Kind::again: return "again";
        case Outcome::Kind::not_locked: return "not locked";
        case Outcome::Kind::lost: return "lost";
        case Outcome::Kind::unsent: return "unsent";
    }
    return "error";
}

std::string Outcome::text() const {
    std::string out(to_string(kind));
    if (operation) out += " in operation " + std::to_string(*operation);
    if (!error.empty()) out += ": " + error;
    if (!details.empty()) out += ": " + details;
    return out;
}

namespace {

Outcome::Kind kind_of(std::string_view error) {
    if (error == "timed out" || error == "try again") return Outcome::Kind::again;
    if (error == "not owner") return Outcome::Kind::not_locked;
    // A RAFT server that lost its leader can't say whether the others kept the transaction.
    if (error == "cluster error") return Outcome::Kind::lost;
    return Outcome::Kind::error;
}

}  // namespace

Outcome Outcome::parse(const JsonView& result, const JsonView& error, std::size_t operations, std::size_t skip) {
    Outcome outcome;
    if (!result.is_array()) {
        outcome.error = error.string() ? *error.string() : error["error"].string_or("no result");
        outcome.details = error["details"].string_or("");
        outcome.kind = kind_of(outcome.error);
        return outcome;
    }
    struct {
        Outcome& outcome;
        std::size_t operations;
        std::size_t skip;
        std::size_t at = 0;
    } state{outcome, operations, skip};
    outcome.counts.reserve(operations);
    result.each([&state](JsonView answer) {
        const std::size_t at = state.at++;
        Outcome& o = state.outcome;
        if (const auto what = answer["error"].string(); what && o.ok()) {
            o.error = *what;
            o.details = answer["details"].string_or("");
            o.kind = kind_of(o.error);
            if (at >= state.skip && at - state.skip < state.operations) o.operation = at - state.skip;
        }
        if (at < state.skip || at - state.skip >= state.operations) return;
        o.counts.push_back(static_cast<std::uint32_t>(answer["count"].unsigned_integer().value_or(1)));
    });
    if (outcome.ok() && outcome.counts.size() != operations) {
        outcome.kind = Kind::error;
        outcome.error = "the answer has " + std::to_string(outcome.counts.size()) + " results for " +
                        std::to_string(operations) + " operations";
    }
    if (!outcome.ok()) outcome.counts.clear();
    return outcome;
}

std::vector<Group> suspects(const Outcome& outcome, const std::vector<Operation>& operations) {
    std::vector<Group> groups;
    if (outcome.operation && *outcome.operation < operations.size()) {
        groups.push_back(operations[*outcome.operation].group);
        return groups;
    }
    for (const auto& operation : operations) {
        if (operation.uuid.is_zero() || outcome.details.find(operation.uuid.text()) == std::string::npos) continue;
        if (std::find(groups.begin(), groups.end(), operation.group) == groups.end()) groups.push_back(operation.group);
    }
    return groups;
}

}  // namespace weft::ovsdb
