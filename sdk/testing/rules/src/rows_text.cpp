#include "weft/testing/rows_text.hpp"

#include "ovsdb/table.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/ovsdb/sb.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>
#include <stdexcept>

namespace weft::testing {

namespace {

using ovsdb::ColumnInfo;
using ovsdb::DatabaseInfo;
using ovsdb::Scalar;
using ovsdb::TableInfo;

/// Columns that say nothing about what was wanted.
const std::set<std::string_view> left_out{
    "up", "nb_cfg", "nb_cfg_timestamp", "sb_cfg", "sb_cfg_timestamp", "hv_cfg", "hv_cfg_timestamp", "connections"};

/// A row without a name is called by these columns.
constexpr std::array<std::string_view, 18> naming{
    "ip_prefix",  "nexthop",      "output_port", "policy", "route_table",  "priority",
    "direction",  "match",        "action",      "rate",   "type",         "external_ip",
    "logical_ip", "logical_port", "ip",          "mac",    "chassis_name", "target"};

struct Datum {
    std::vector<Scalar> set;
    std::vector<std::pair<Scalar, Scalar>> map;

    bool empty() const { return set.empty() && map.empty(); }
};

struct PrintedRow {
    const TableInfo* table = nullptr;
    std::string key;
    std::map<std::string, Datum> columns;
};

/// A member or a column of somebody else's row, whichever database it is for.
struct Part {
    std::string table, row, column, map_key, value;
    bool replaces = false;
};

template <class Db>
bool read_part(const RowPtr& row, std::vector<Part>& parts) {
    if (row.type().same_as(row_type<ovsdb::Member<Db>>())) {
        const auto& m = row.as<ovsdb::Member<Db>>();
        parts.push_back({m.table, m.row, m.column, m.map_key, m.value, false});
        return true;
    }
    if (row.type().same_as(row_type<ovsdb::ForeignColumn<Db>>())) {
        const auto& f = row.as<ovsdb::ForeignColumn<Db>>();
        parts.push_back({f.table, f.row, f.column, {}, f.value, true});
        return true;
    }
    return false;
}

/// Gives every row, also one that is only referred to, a UUID of its own.
class Names final : public ovsdb::RefResolver {
  public:
    Uuid uuid_of(std::string_view table, std::string_view key) const override {
        const auto [at, fresh] = numbers_.try_emplace({std::string(table), std::string(key)}, numbers_.size() + 1);
        std::array<std::uint8_t, 16> bytes{};
        for (std::size_t i = 0; i < 8; ++i)
            bytes[15 - i] = static_cast<std::uint8_t>(at->second >> (8 * i));
        const Uuid uuid(bytes);
        if (fresh) by_uuid_.emplace(uuid, at->first);
        return uuid;
    }
    const std::pair<std::string, std::string>& of(const Uuid& uuid) const { return by_uuid_.at(uuid); }

  private:
    mutable std::map<std::pair<std::string, std::string>, std::uint64_t> numbers_;
    mutable std::map<Uuid, std::pair<std::string, std::string>> by_uuid_;
};

Scalar scalar_of(JsonView value) {
    if (value.is_array()) {
        std::vector<JsonView> parts;
        value.each([&](JsonView part) { parts.push_back(part); });
        if (parts.size() == 2 && parts[0].string_or("") == "uuid") return *Uuid::parse(parts[1].string_or(""));
        throw std::logic_error("no atom: " + value.dump());
    }
    if (const auto text = value.string()) return std::string(*text);
    if (const auto flag = value.boolean()) return *flag;
    if (const auto number = value.integer()) return *number;
    return value.number().value_or(0);
}

Datum datum_of(JsonView value) {
    Datum datum;
    std::vector<JsonView> parts;
    value.each([&](JsonView part) { parts.push_back(part); });
    const auto kind = parts.size() == 2 ? parts[0].string_or("") : "";
    if (kind == "set") {
        parts[1].each([&](JsonView member) { datum.set.push_back(scalar_of(member)); });
    } else if (kind == "map") {
        parts[1].each([&](JsonView entry) {
            std::vector<JsonView> pair;
            entry.each([&](JsonView part) { pair.push_back(part); });
            datum.map.emplace_back(scalar_of(pair.at(0)), scalar_of(pair.at(1)));
        });
    } else {
        datum.set.push_back(scalar_of(value));
    }
    return datum;
}

class Printer {
  public:
    Printer(const DatabaseInfo& database, const std::vector<RowPtr>& rows) : database_(database) {
        std::vector<Part> parts;
        for (const auto& row : rows) {
            const auto* table = database.table(row.type().name);
            if (table && table->table_name == row.type().name) {
                add(*table, row);
            } else if (database.name() == nb::Northbound::name) {
                read_part<nb::Northbound>(row, parts);
            } else if (database.name() == sb::Southbound::name) {
                read_part<sb::Southbound>(row, parts);
            } else {
                read_part<ovs::Vswitch>(row, parts);
            }
        }
        for (const auto& row : rows) {
            const auto* table = database.table(row.type().name);
            if (table && table->table_name == row.type().name) hang(*table, row);
        }
        for (const auto& part : parts)
            apply(part);
    }

    std::vector<std::string> lines() const {
        std::vector<std::tuple<std::string, std::string, std::string>> sorted;
        for (const auto& row : rows_) {
            sorted.emplace_back(row.table->name, name_of(row.table->name, row.key), line_of(row));
        }
        std::sort(sorted.begin(), sorted.end());
        std::vector<std::string> out;
        out.reserve(sorted.size());
        for (auto& [table, name, line] : sorted)
            out.push_back(std::move(line));
        return out;
    }

  private:
    void add(const TableInfo& table, const RowPtr& row) {
        PrintedRow& printed = row_of(table, std::string(row.key()));
        const OpenRow open = row.open();
        for (const ColumnInfo& column : table.columns) {
            if (!column.declared(open.get())) continue;
            JsonWriter w;
            if (const auto written = column.write(w, open.get(), names_); !written) {
                throw std::logic_error(written.error().text());
            }
            const auto document = JsonDocument::parse("[" + w.text() + "]");
            document->root().each([&](JsonView value) { printed.columns[std::string(column.name)] = datum_of(value); });
        }
    }

    void hang(const TableInfo& table, const RowPtr& row) {
        const OpenRow open = row.open();
        const auto& parent = table.parent_of(open.get());
        if (parent.none()) return;
        const auto* on = database_.table(parent.table);
        if (!on) throw std::logic_error("no table " + std::string(parent.table));
        stub_of(*on, parent.key)
            .columns[std::string(parent.column)]
            .set.push_back(names_.uuid_of(table.name, row.key()));
    }

    void apply(const Part& part) {
        const auto* table = database_.table(part.table);
        const auto* column = table ? table->column(part.column) : nullptr;
        if (!column) throw std::logic_error("no column " + part.table + "." + part.column);
        Datum& datum = stub_of(*table, part.row).columns[part.column];
        if (part.replaces) datum = {};
        const auto key = column->scalar(column->is_map() ? part.map_key : part.value, names_);
        if (!key) throw std::logic_error(key.error().text());
        if (column->is_map()) {
            const auto value = column->value_scalar(part.value, names_);
            if (!value) throw std::logic_error(value.error().text());
            datum.map.emplace_back(*key, *value);
        } else {
            datum.set.push_back(*key);
        }
    }

    PrintedRow& row_of(const TableInfo& table, const std::string& key) {
        const auto [at, fresh] = by_key_.try_emplace({std::string(table.name), key}, rows_.size());
        if (fresh) rows_.push_back({&table, key, {}});
        return rows_[at->second];
    }

    /// A row that may be somebody else's: then all that is known of it is what it is called.
    PrintedRow& stub_of(const TableInfo& table, const std::string& key) {
        const bool known = by_key_.contains({std::string(table.name), key});
        PrintedRow& row = row_of(table, key);
        if (!known && table.natural_key.size() == 1 && table.natural_key.front() != ".") {
            row.columns[std::string(table.natural_key.front())].set.emplace_back(key);
        }
        return row;
    }

    std::string name_of(std::string_view table, const std::string& key) const {
        const auto at = by_key_.find({std::string(table), key});
        if (at == by_key_.end()) return std::string(table) + "/" + key;
        const PrintedRow& row = rows_[at->second];
        const auto text = [&](std::string_view column) -> std::string {
            const auto there = row.columns.find(std::string(column));
            if (there == row.columns.end() || there->second.set.size() != 1) return {};
            const auto* value = std::get_if<std::string>(&there->second.set.front());
            return value ? *value : std::string();
        };
        if (const auto name = text("name"); !name.empty()) return std::string(table) + "/" + name;
        if (const auto ids = row.columns.find("external_ids"); ids != row.columns.end()) {
            for (const auto& [k, v] : ids->second.map) {
                if (ovsdb::text_of(k) == "k8s.ovn.org/id") return std::string(table) + "/" + ovsdb::text_of(v);
            }
        }
        std::string name = std::string(table) + "/";
        bool first = true;
        for (const auto column : naming) {
            const auto there = row.columns.find(std::string(column));
            if (there == row.columns.end() || is_default(there->second)) continue;
            if (!std::exchange(first, false)) name += ",";
            name += std::string(column) + "=" + wire_text(there->second);
        }
        return name;
    }

    static bool is_default(const Datum& datum) {
        if (datum.empty()) return true;
        if (datum.set.size() != 1) return false;
        const Scalar& one = datum.set.front();
        if (const auto* text = std::get_if<std::string>(&one)) return text->empty();
        if (const auto* number = std::get_if<std::int64_t>(&one)) return *number == 0;
        if (const auto* flag = std::get_if<bool>(&one)) return !*flag;
        if (const auto* real = std::get_if<double>(&one)) return *real == 0;
        return false;
    }

    /// The value as the wire has it: sets of one member are the member.
    static std::string wire_text(const Datum& datum) {
        if (datum.set.size() == 1) {
            const auto* text = std::get_if<std::string>(&datum.set.front());
            return text ? json_quote(*text) : ovsdb::text_of(datum.set.front());
        }
        std::string list;
        for (const auto& member : datum.set) {
            list += (list.empty() ? "" : ", ") + json_quote(ovsdb::text_of(member));
        }
        return "[\"set\", [" + list + "]]";
    }

    std::string shown(const Scalar& value) const {
        if (const auto* uuid = std::get_if<Uuid>(&value)) {
            const auto& [table, key] = names_.of(*uuid);
            return json_quote(name_of(table, key));
        }
        if (const auto* text = std::get_if<std::string>(&value)) return json_quote(*text);
        return ovsdb::text_of(value);
    }

    std::string shown(const Datum& datum) const {
        if (!datum.map.empty()) {
            std::map<std::string, std::string> entries;
            for (const auto& [key, value] : datum.map)
                entries[json_quote(ovsdb::text_of(key))] = shown(value);
            std::string out;
            for (const auto& [key, value] : entries)
                out.append(out.empty() ? "" : ", ").append(key).append(": ").append(value);
            return "{" + out + "}";
        }
        std::vector<std::string> members;
        for (const auto& member : datum.set)
            members.push_back(shown(member));
        std::sort(members.begin(), members.end());
        members.erase(std::unique(members.begin(), members.end()), members.end());
        if (members.size() == 1) return members.front();
        std::string out;
        for (const auto& member : members)
            out += (out.empty() ? "" : ", ") + member;
        return "[" + out + "]";
    }

    std::string line_of(const PrintedRow& row) const {
        std::map<std::string, std::string> members{{"table", json_quote(row.table->name)}};
        for (const auto& [name, datum] : row.columns) {
            if (!left_out.contains(name) && !is_default(datum)) members[name] = shown(datum);
        }
        std::string out;
        for (const auto& [name, value] : members)
            out += (out.empty() ? "" : ", ") + json_quote(name) + ": " + value;
        return "{" + out + "}";
    }

    const DatabaseInfo& database_;
    Names names_;
    std::deque<PrintedRow> rows_;
    std::map<std::pair<std::string, std::string>, std::size_t> by_key_;
};

}  // namespace

std::vector<std::string> database_text(std::string_view database, const std::vector<RowPtr>& rows) {
    const auto* info = ovsdb::find_database(database);
    if (!info) throw std::logic_error("no database " + std::string(database));
    return Printer(*info, rows).lines();
}

}  // namespace weft::testing
