#include "insight/find_rows.hpp"

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>
#include <weft/base/uuid.hpp>

#include <algorithm>
#include <array>
#include <cctype>

namespace weft::insight {

namespace {

/// Words for tables whose names an operator need not know.
constexpr std::array<std::pair<std::string_view, std::string_view>, 20> aliases{{
    {"pod", "Pod"},
    {"po", "Pod"},
    {"pods", "Pod"},
    {"node", "Node"},
    {"no", "Node"},
    {"nodes", "Node"},
    {"namespace", "Namespace"},
    {"ns", "Namespace"},
    {"link", "HostLink"},
    {"link", "LinkState"},
    {"address", "LinkAddress"},
    {"address", "HostAddress"},
    {"route", "Route"},
    {"neighbour", "Neighbour"},
    {"neighbor", "Neighbour"},
    {"sysctl", "Sysctl"},
    {"annotation", "Annotation"},
    {"condition", "NodeCondition"},
    {"cni", "PodInterface"},
    {"lease", "AddressLease"},
}};

std::string folded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c != '_' && c != '-') out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return out;
}

/// The table and the rest, for each table that `asked` may begin with: by alias, whole name, or its last part.
std::vector<RowName> candidates(const std::vector<std::string>& tables, std::string_view asked) {
    std::vector<RowName> exact, loose;
    for (std::size_t slash = asked.find('/'); slash != std::string_view::npos; slash = asked.find('/', slash + 1)) {
        const std::string_view head = asked.substr(0, slash);
        const std::string rest(asked.substr(slash + 1));
        const std::string wanted = folded(head);
        for (const auto& [alias, table] : aliases) {
            if (wanted == alias) exact.push_back({std::string(table), rest});
        }
        for (const auto& table : tables) {
            const std::string name = folded(table);
            if (name == wanted) {
                exact.push_back({table, rest});
            } else if (name.ends_with("/" + wanted) && !name.starts_with("replica/")) {
                loose.push_back({table, rest});
            }
        }
    }
    exact.insert(exact.end(), loose.begin(), loose.end());
    std::vector<RowName> out;
    for (auto& name : exact) {
        if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(std::move(name));
    }
    return out;
}

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

/// Keys of a table that end with what was asked for, or are nearly it.
std::vector<std::string> like(const engine::Engine& engine, const RowName& name) {
    constexpr std::size_t most = 5;
    constexpr std::size_t most_looked_at = 20'000;
    std::vector<std::string> ends;
    std::vector<std::pair<std::size_t, std::string>> near;
    std::size_t looked = 0;
    for (const RowPtr& row : engine.rows(name.table)) {
        if (++looked > most_looked_at) break;
        const std::string_view key = row.key();
        if (key.size() > name.key.size() && (key.ends_with("/" + name.key) || key.ends_with("_" + name.key))) {
            ends.emplace_back(key);
        } else if (key.size() <= name.key.size() + 3 && name.key.size() <= key.size() + 3 && key.size() < 80) {
            const auto apart = distance(key, name.key);
            if (apart <= 3) near.emplace_back(apart, key);
        }
    }
    std::sort(near.begin(), near.end());
    for (auto& [apart, key] : near)
        ends.push_back(std::move(key));
    if (ends.size() > most) ends.resize(most);
    return ends;
}

bool is_uuid(std::string_view text) {
    return text.size() == 36 && Uuid::parse(text).ok();
}

}  // namespace

Found find_rows(const engine::Engine& engine, const Surroundings& around, std::string_view asked) {
    Found found;
    if (Ip::parse(asked) || Mac::parse(asked)) {
        found.is_address = true;
        return found;
    }
    const auto last = asked.substr(asked.rfind('/') == std::string_view::npos ? 0 : asked.rfind('/') + 1);
    if (is_uuid(last) && around.row_with_uuid) {
        if (auto row = around.row_with_uuid(last)) {
            found.rows.push_back(*std::move(row));
            return found;
        }
    }
    std::vector<std::string> tables;
    for (const auto& table : engine.table_reports())
        tables.push_back(table.name);
    const auto names = candidates(tables, asked);
    for (const RowName& name : names) {
        if (engine.find(name.table, name.key)) found.rows.push_back(name);
    }
    if (!found.rows.empty()) return found;
    for (auto& table : engine.tables_with(asked))
        found.rows.push_back({std::move(table), std::string(asked)});
    if (!found.rows.empty()) return found;
    for (const RowName& name : names) {
        found.missing.push_back(name);
        for (const auto& key : like(engine, name))
            found.near.push_back(name.table + "/" + key);
    }
    return found;
}

Snapshot snapshot(const engine::Engine& engine) {
    Snapshot all;
    for (const auto& table : engine.table_reports()) {
        if (table.rows > 0) all.emplace_back(table.name, engine.rows(table.name));
    }
    return all;
}

std::vector<RowName> rows_with_address(const Snapshot& rows, std::string_view address) {
    const auto part_of_address = [](char c) {
        return std::isxdigit(static_cast<unsigned char>(c)) != 0 || c == '.' || c == ':';
    };
    const auto holds = [&](std::string_view text) {
        for (auto at = text.find(address); at != std::string_view::npos; at = text.find(address, at + 1)) {
            const auto end = at + address.size();
            // A colon after a quote or blank ends a word; inside of one it is part of an address.
            const bool before = at > 0 && part_of_address(text[at - 1]);
            const bool after = end < text.size() && part_of_address(text[end]);
            if (!before && !after) return true;
        }
        return false;
    };
    std::vector<RowName> found;
    for (const auto& [table, list] : rows) {
        for (const RowPtr& row : list) {
            if (holds(row.json())) found.push_back({table, std::string(row.key())});
        }
    }
    return found;
}

}  // namespace weft::insight
