#pragma once

#include <weft/engine/table.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace weft::engine {

/// News for input tables, applied whole in one tick. Built by one thread, then posted.
class ChangeSet {
  public:
    /// Inserts or replaces. A row that equals the one that is there is no change.
    void put(std::string_view table, RowPtr row);
    void erase(std::string_view table, std::string_view key);
    /// The full list: rows that are not in it go.
    void replace_all(std::string_view table, std::vector<RowPtr> rows);
    /// From now on absence from the table means something. Stays true through reconnects.
    void complete(std::string_view table);

    template <TableTag T>
    void put(RowOf<T> row) {
        put(T::table_name, RowPtr::make(std::move(row)));
    }
    template <TableTag T>
    void erase(const Key<RowOf<T>>& key) {
        erase(T::table_name, key.text);
    }
    template <TableTag T>
    void replace_all(std::vector<RowOf<T>> rows) {
        std::vector<RowPtr> made;
        made.reserve(rows.size());
        for (auto& row : rows)
            made.push_back(RowPtr::make(std::move(row)));
        replace_all(T::table_name, std::move(made));
    }
    template <TableTag T>
    void complete() {
        complete(T::table_name);
    }

    bool empty() const { return tables_.empty(); }

  private:
    friend class InputQueue;
    struct TableChanges {
        std::string table;
        bool replaces = false;  ///< `rows` is all there is, after what came before it
        bool completes = false;
        std::vector<RowPtr> rows;  ///< in order; an erasure is a row that has only a key
    };
    TableChanges& of(std::string_view table);

    std::vector<TableChanges> tables_;
};

}  // namespace weft::engine
