#pragma once

#include "appliers/ovsdb/levels.hpp"
#include "ovsdb/replica.hpp"
#include "ovsdb/transaction.hpp"

#include <optional>

/// The one row of NB_Global, where nb_cfg, sb_cfg and hv_cfg are.
namespace weft::appliers::ovsdb {

bool is_global(const weft::ovsdb::TableInfo& table);
/// Is this the northbound database?
bool has_levels(const weft::ovsdb::DatabaseInfo& database);
/// Nothing when the row isn't there.
std::optional<Levels::Numbers> levels_in(const weft::ovsdb::DatabaseReplica& replica);
/// Raises nb_cfg by one.
void add_raise(const weft::ovsdb::DatabaseReplica& replica, weft::ovsdb::Transaction& transaction);

}  // namespace weft::appliers::ovsdb
