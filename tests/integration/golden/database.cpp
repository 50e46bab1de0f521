#include "database.hpp"

#include <weft/base/json.hpp>
#include <weft/testing/testbed/process.hpp>

#include <algorithm>
#include <array>
#include <map>

namespace weft::golden {

namespace {

constexpr std::array skipped{"_uuid",  "_version", "up",     "nb_cfg_timestamp", "sb_cfg_timestamp", "hv_cfg_timestamp",
                             "nb_cfg", "sb_cfg",   "hv_cfg", "connections"};
/// Columns that tell rows apart in a table whose rows have no name.
constexpr std::array telling{"ip_prefix",  "nexthop",      "output_port", "policy", "route_table",  "priority",
                             "direction",  "match",        "action",      "rate",   "type",         "external_ip",
                             "logical_ip", "logical_port", "ip",          "mac",    "chassis_name", "target"};

bool is_pair(JsonView value, std::string_view kind) {
    bool first = true;
    bool found = false;
    value.each([&](JsonView element) {
        if (std::exchange(first, false)) found = element.string_or("") == kind;
    });
    return found && value.size() == 2;
}

JsonView second(JsonView pair) {
    JsonView out;
    pair.each([&](JsonView element) { out = element; });
    return out;
}

bool holds_nothing(const std::string& json) {
    return json == "[]" || json == "{}" || json == "\"\"" || json == "false" || json == "0";
}

class Printer {
  public:
    void add(const std::string& table, JsonView row) { rows_[uuid_of(row)] = {table, row}; }

    std::vector<std::string> print() const {
        std::vector<std::string> lines;
        for (const auto& [uuid, row] : rows_)
            lines.push_back(line(row));
        std::sort(lines.begin(), lines.end());
        return lines;
    }

  private:
    struct Row {
        std::string table;
        JsonView columns;
    };

    static std::string uuid_of(JsonView row) { return std::string(second(row["_uuid"]).string_or("")); }

    std::string line(const Row& row) const {
        std::map<std::string, std::string> columns{{"table", json_quote(row.table)}};
        row.columns.members([&](std::string_view name, JsonView value) {
            if (std::find(skipped.begin(), skipped.end(), name) != skipped.end()) return;
            const auto json = value_of(value).json;
            if (!holds_nothing(json)) columns[std::string(name)] = json;
        });
        return object(columns);
    }

    static std::string object(const std::map<std::string, std::string>& members) {
        JsonWriter w;
        w.object([&] {
            for (const auto& [name, json] : members)
                w.key(name).raw(json);
        });
        return w.take();
    }

    /// A value as text, by which sets are sorted, and as JSON.
    struct Value {
        std::string text;
        std::string json;
        friend auto operator<=>(const Value&, const Value&) = default;
    };
    static Value of_text(std::string text) {
        auto json = json_quote(text);
        return {std::move(text), std::move(json)};
    }

    Value value_of(JsonView value) const {
        if (is_pair(value, "uuid")) return of_text(reference(std::string(second(value).string_or(""))));
        if (is_pair(value, "set")) {
            std::vector<Value> members;
            second(value).each([&](JsonView member) { members.push_back(value_of(member)); });
            std::sort(members.begin(), members.end());
            JsonWriter w;
            w.array([&] {
                for (const auto& member : members)
                    w.raw(member.json);
            });
            return {w.text(), w.text()};
        }
        if (is_pair(value, "map")) {
            std::map<std::string, std::string> members;
            second(value).each([&](JsonView pair) {
                std::string key;
                bool first = true;
                pair.each([&](JsonView half) {
                    if (std::exchange(first, false)) key = value_of(half).text;
                });
                members[key] = value_of(second(pair)).json;
            });
            const auto json = object(members);
            return {json, json};
        }
        if (const auto text = value.string()) return of_text(std::string(*text));
        return {value.dump(), value.dump()};
    }

    std::string reference(const std::string& uuid) const {
        const auto found = rows_.find(uuid);
        if (found == rows_.end()) return "?" + uuid;
        const auto& [table, columns] = found->second;
        if (const auto name = columns["name"].string_or(""); !name.empty()) return table + "/" + std::string(name);
        std::string id;
        second(columns["external_ids"]).each([&](JsonView pair) {
            bool first = true;
            bool is_id = false;
            pair.each([&](JsonView half) {
                if (std::exchange(first, false)) {
                    is_id = half.string_or("") == "k8s.ovn.org/id";
                } else if (is_id) {
                    id = half.string_or("");
                }
            });
        });
        if (!id.empty()) return table + "/" + id;
        std::string keys;
        for (const char* column : telling) {
            const JsonView value = columns[column];
            const auto json = value ? value.dump() : std::string();
            if (json.empty() || json == "\"\"" || json == "0" || json == R"(["set",[]])") continue;
            keys += (keys.empty() ? "" : ",") + std::string(column) + "=" + json;
        }
        return table + "/" + keys;
    }

    std::map<std::string, Row> rows_;
};

Result<JsonDocument> ask(const testing::Argv& arguments) {
    testing::Argv argv{"ovsdb-client", "--timeout=30"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    auto text = testing::run_ok(argv);
    if (!text) return text.error();
    return JsonDocument::parse(*text);
}

/// Calls `visit` with every row there is.
Result<void> each_row(const std::filesystem::path& socket, const std::string& database, JsonDocument& memory,
                      const std::function<void(const std::string& table, JsonView row)>& visit) {
    const std::string remote = "unix:" + socket.string();
    const auto schema = ask({"get-schema", remote, database});
    if (!schema) return schema.error();
    std::vector<std::string> tables;
    JsonWriter w;
    w.array([&] {
        w.value(database);
        schema->root()["tables"].members([&](std::string_view name, JsonView) {
            tables.emplace_back(name);
            w.object([&] { w.member("op", "select").member("table", name).key("where").array([] {}); });
        });
    });
    auto answer = ask({"transact", remote, w.text()});
    if (!answer) return answer.error();
    memory = std::move(*answer);
    std::size_t at = 0;
    memory.root().each([&](JsonView result) {
        const auto table = at < tables.size() ? tables[at++] : std::string();
        result["rows"].each([&](JsonView row) { visit(table, row); });
    });
    return {};
}

}  // namespace

Result<std::vector<std::string>> rows_of(const std::filesystem::path& socket, const std::string& database) {
    JsonDocument memory;
    Printer printer;
    auto read =
        each_row(socket, database, memory, [&](const std::string& table, JsonView row) { printer.add(table, row); });
    if (!read) return read.error();
    return printer.print();
}

Result<std::vector<std::string>> exact_rows_of(const std::filesystem::path& socket, const std::string& database) {
    JsonDocument memory;
    std::vector<std::string> lines;
    auto read = each_row(socket, database, memory,
                         [&](const std::string& table, JsonView row) { lines.push_back(table + " " + row.dump()); });
    if (!read) return read.error();
    std::sort(lines.begin(), lines.end());
    return lines;
}

}  // namespace weft::golden
