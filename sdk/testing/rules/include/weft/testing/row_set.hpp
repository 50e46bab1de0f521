#pragma once

#include <weft/engine/table.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::testing {

/// Rows by table and key.
class RowSet {
  public:
    /// Into the table named by its type, under its natural key when it has one and no other is given.
    template <Row T>
    RowSet& put(T row) {
        if constexpr (requires { row.settle_key(); }) row.settle_key();
        put(T::table_name, RowPtr::make(std::move(row)));
        return *this;
    }
    /// Into a table whose tag is not its row type: put_in<ovsdb::Replica<sb::Chassis>>(row).
    template <TableTag Tag>
    RowSet& put_in(RowOf<Tag> row) {
        put(Tag::table_name, RowPtr::make(std::move(row)));
        return *this;
    }
    void put(std::string_view table, RowPtr row) {
        const std::string key(row.key());
        tables_[std::string(table)][key] = std::move(row);
    }
    void erase(std::string_view table, const std::string& key) { tables_[std::string(table)].erase(key); }

    using Table = std::map<std::string, RowPtr>;
    const Table& table(std::string_view name) const {
        static const Table empty;
        const auto at = tables_.find(std::string(name));
        return at == tables_.end() ? empty : at->second;
    }
    const std::map<std::string, Table>& tables() const { return tables_; }

    template <TableTag Tag>
    std::vector<RowOf<Tag>> all() const {
        std::vector<RowOf<Tag>> rows;
        for (const auto& [key, row] : table(Tag::table_name))
            rows.push_back(row.template as<RowOf<Tag>>());
        return rows;
    }
    /// The row under a key, or nothing.
    template <TableTag Tag>
    std::optional<RowOf<Tag>> find(const std::string& key) const {
        const auto& rows = table(Tag::table_name);
        const auto at = rows.find(key);
        return at == rows.end() ? std::nullopt : std::optional(at->second.template as<RowOf<Tag>>());
    }

  private:
    std::map<std::string, Table> tables_;
};

}  // namespace weft::testing
