#include "appliers/ovsdb/global.hpp"

#include <weft/ovsdb/nb.hpp>

namespace weft::appliers::ovsdb {

namespace {

const weft::ovsdb::TableInfo& global_table() {
    static const auto& table = *weft::ovsdb::nb_database().table(nb::NBGlobal::ovsdb_table);
    return table;
}

RowPtr global_row(const weft::ovsdb::DatabaseReplica& replica) {
    RowPtr found;
    replica.each(global_table(), [&](const RowPtr& row) { found = row; });
    return found;
}

}  // namespace

bool is_global(const weft::ovsdb::TableInfo& table) {
    return &table == &global_table();
}

bool has_levels(const weft::ovsdb::DatabaseInfo& database) {
    return &database == &weft::ovsdb::nb_database();
}

std::optional<Levels::Numbers> levels_in(const weft::ovsdb::DatabaseReplica& replica) {
    const RowPtr row = global_row(replica);
    if (!row) return std::nullopt;
    const auto global = row.as<nb::NBGlobal>();
    return Levels::Numbers{global.nb_cfg.get(), global.sb_cfg.get(), global.hv_cfg.get()};
}

void add_raise(const weft::ovsdb::DatabaseReplica& replica, weft::ovsdb::Transaction& transaction) {
    const RowPtr row = global_row(replica);
    if (!row) return;
    transaction.increment(global_table(), global_table().uuid_of(row.open().get()), *global_table().column("nb_cfg"));
}

}  // namespace weft::appliers::ovsdb
