#pragma once

#include "ovsdb/codec.hpp"
#include "ovsdb/table.hpp"

#include <memory>
#include <utility>
#include <vector>

/// For the generated sources only: makes a TableInfo from a row type.
namespace weft::ovsdb {

struct TableFacts {
    bool is_root = false;
    bool one_row = false;
    bool required = false;
    bool optional = false;
    std::vector<std::string_view> natural_key;
    std::vector<std::vector<std::string_view>> indexes;
};

template <class T>
class TableMaker {
  public:
    explicit TableMaker(TableFacts facts) : made_(std::make_unique<TableInfo>()) {
        made_->name = T::ovsdb_table;
        made_->table_name = T::table_name;
        made_->replica_table = T::replica_table;
        made_->is_root = facts.is_root;
        made_->one_row = facts.one_row;
        made_->required = facts.required;
        made_->optional = facts.optional;
        made_->natural_key = std::move(facts.natural_key);
        made_->indexes = std::move(facts.indexes);
        made_->type = &row_type<T>();
        made_->natural_key_of = [](const void* row) { return static_cast<const T*>(row)->natural_key(); };
        made_->identify = [](void* row, const Uuid& uuid) {
            static_cast<T*>(row)->uuid = uuid;
            static_cast<T*>(row)->key.text = uuid.text();
        };
        made_->parent = [](void* row) -> Parent& { return static_cast<T*>(row)->parent; };
        made_->uuid = [](void* row) -> Uuid& { return static_cast<T*>(row)->uuid; };
        made_->after_of = [](const void* row) -> const std::vector<After>& {
            return static_cast<const T*>(row)->after;
        };
        made_->after_in = [](const RowPtr& row) { return row.read<&T::after>(); };
        made_->uuid_in = [](const RowPtr& row) { return row.read<&T::uuid>(); };
        made_->hangs_on = [](const RowPtr& row, const Parent& parent) {
            Unpacker in(row.bytes());
            weft::detail::skip_to<&T::parent>(in);
            return in.text() == parent.table && in.text() == parent.column && in.text() == parent.key;
        };
    }

    template <class C>
    TableMaker& column(Column<C> T::*member, std::string_view name, BaseType key, BaseType value, ColumnFacts facts) {
        static const T sample{};
        const auto offset =
            reinterpret_cast<const std::byte*>(&(sample.*member)) - reinterpret_cast<const std::byte*>(&sample);
        made_->columns.emplace_back(name, key, value, facts, static_cast<std::size_t>(offset), column_ops<C>());
        return *this;
    }

    std::unique_ptr<TableInfo> take() { return std::move(made_); }

  private:
    std::unique_ptr<TableInfo> made_;
};

}  // namespace weft::ovsdb
