#include "ovsdb/monitor.hpp"

#include <algorithm>

namespace weft::ovsdb {

namespace {

struct WireType {
    std::string_view key;
    std::string_view value;
    bool composite = false;
};

std::string_view base_type(const JsonView& base) {
    return base.string() ? *base.string() : base["type"].string_or("");
}

/// RFC 7047 <type>: an atomic type, or an object with key, value, min, max.
WireType wire_type(const JsonView& type) {
    if (type.string()) return {*type.string(), {}, false};
    WireType wire;
    wire.key = base_type(type["key"]);
    if (type["value"].present()) wire.value = base_type(type["value"]);
    wire.composite = type["max"].string_or("") == "unlimited" || type["max"].integer().value_or(1) > 1;
    return wire;
}

bool same_type(const ColumnInfo& column, const WireType& wire) {
    const std::string_view value = column.is_map() ? to_string(column.value.atom) : std::string_view();
    return wire.key == to_string(column.key.atom) && wire.value == value;
}

std::string joined(const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts)
        text += (text.empty() ? "" : ", ") + part;
    return text;
}

}  // namespace

ColumnSet Capabilities::columns(const TableInfo& table) const {
    const auto at = tables_.find(&table);
    return at == tables_.end() ? ColumnSet() : at->second.present;
}

ColumnSet Capabilities::composite(const TableInfo& table) const {
    const auto at = tables_.find(&table);
    return at == tables_.end() ? ColumnSet() : at->second.composite;
}

Error Capabilities::misfit(Error error) const {
    error.mend = "correct the object that it was made from, or update the server: its schema has version " + version_;
    return error;
}

Result<void> Capabilities::fits(const TableInfo& table, const void* row, const ColumnSet& columns) const {
    const auto known = tables_.find(&table);
    if (known == tables_.end()) return {};
    const ColumnSet looked_at = columns & known->second.limited;
    if (looked_at.none()) return {};
    for (const ColumnInfo& column : table.columns) {
        if (!looked_at.test(column.index) || !column.declared(row)) continue;
        if (auto fit = limits_.at(&column).check(column, row); !fit) return misfit(std::move(fit).error());
    }
    return {};
}

Result<void> Capabilities::fits(const ColumnInfo& column, const Scalar& member) const {
    const auto at = limits_.find(&column);
    if (at == limits_.end()) return {};
    if (auto fit = at->second.check_member(column, member); !fit) return misfit(std::move(fit).error());
    return {};
}

Result<Capabilities> Capabilities::check(const DatabaseInfo& database, const JsonView& schema,
                                         const MonitorRequest& request) {
    if (schema["name"].string_or("") != database.name() || !schema["tables"].is_object()) {
        return invalid("the answer to get_schema is no schema of " + std::string(database.name()) + ": " +
                       schema.dump().substr(0, 100));
    }
    Capabilities found;
    found.version_ = schema["version"].string_or("unknown");
    std::vector<std::string> missing;
    for (const auto& table : database.tables()) {
        const auto at =
            std::find_if(request.begin(), request.end(), [&](const auto& r) { return r.table == table.get(); });
        const bool asked = at != request.end();
        const JsonView columns = schema["tables"][table->name]["columns"];
        if (!columns.is_object()) {
            if (table->required || (asked && !table->optional)) {
                missing.push_back("table " + std::string(table->name));
            } else if (asked) {
                found.absent_.emplace_back(table->name);
            }
            continue;
        }
        auto& known = found.tables_[table.get()];
        for (const auto& column : table->columns) {
            const bool wanted = asked && at->columns.test(column.index);
            const std::string name = std::string(table->name) + "." + std::string(column.name);
            const JsonView type = columns[column.name]["type"];
            if (!type.present()) {
                if (wanted && !column.facts.optional && !table->optional) {
                    missing.push_back("column " + name);
                } else if (wanted) {
                    found.absent_.push_back(name);
                }
                continue;
            }
            const WireType wire = wire_type(type);
            if (!same_type(column, wire)) {
                if (wanted) missing.push_back("column " + name + " of the type that weft knows");
                continue;
            }
            known.present.set(column.index);
            known.composite.set(column.index, wire.composite);
            if (auto limits = ColumnLimits::parse(type); !limits.none(column)) {
                known.limited.set(column.index);
                found.limits_.emplace(&column, std::move(limits));
            }
        }
    }
    if (!missing.empty()) {
        return invalid("the database " + std::string(database.name()) + ", schema version " + found.version_ +
                           ", lacks " + joined(missing),
                       "update OVN and Open vSwitch: weft works with OVN 22.12 and newer");
    }
    return found;
}

std::string monitor_requests(const MonitorRequest& request, const Capabilities& capabilities, bool conditional) {
    JsonWriter w;
    w.begin_object();
    for (const auto& one : request) {
        if (!capabilities.has_table(*one.table)) continue;
        const ColumnSet columns = (one.columns | one.table->key_columns()) & capabilities.columns(*one.table);
        w.key(one.table->name).begin_array().begin_object();
        w.key("columns").begin_array();
        for (const auto& column : one.table->columns) {
            if (columns.test(column.index)) w.value(column.name);
        }
        w.end_array();
        if (conditional && !one.where.empty()) {
            w.key("where").begin_array();
            for (const auto& clause : one.where) {
                w.begin_array().value(clause.column).value(clause.function).raw(clause.value).end_array();
            }
            w.end_array();
        }
        w.end_object().end_array();
    }
    w.end_object();
    return w.take();
}

}  // namespace weft::ovsdb
