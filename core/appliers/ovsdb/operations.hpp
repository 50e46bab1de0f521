#pragma once

#include "ovsdb/scalar.hpp"
#include "ovsdb/table.hpp"

#include <weft/base/uuid.hpp>

#include <string>
#include <string_view>

/// The operations of RFC 7047 section 5.2 that the applier uses, as JSON text.
namespace weft::appliers::ovsdb {

/// `row` is a JSON object of columns. The UUID is ours to choose, so that references can span transactions.
std::string insert_operation(std::string_view table, const Uuid& uuid, std::string_view row);
std::string update_operation(std::string_view table, const Uuid& uuid, std::string_view row);
std::string delete_operation(std::string_view table, const Uuid& uuid);
/// Adds a member to a set column, or takes it out.
std::string mutate_set(std::string_view table, const Uuid& row, std::string_view column, bool insert,
                       const weft::ovsdb::Scalar& member);
/// Sets an entry of a map column: an insert alone would keep an older value.
std::string mutate_map_set(std::string_view table, const Uuid& row, std::string_view column,
                           const weft::ovsdb::Scalar& key, const weft::ovsdb::Scalar& value);
std::string mutate_map_erase(std::string_view table, const Uuid& row, std::string_view column,
                             const weft::ovsdb::Scalar& key);

}  // namespace weft::appliers::ovsdb
