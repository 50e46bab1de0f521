#pragma once

#include <weft/engine/row.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace weft::testing {

/// Prints the rows that rules want in a database as one would print the database once they are applied: a JSON object a
/// line, sorted, without UUIDs and without columns that hold their default; references as "Table/name". Rows that hang
/// on others are members of them; members and single columns for somebody else's rows give a line with just those.
///
/// `rows` are of the database's tables and of its Member and ForeignColumn tables; others are passed over.
std::vector<std::string> database_text(std::string_view database, const std::vector<RowPtr>& rows);

}  // namespace weft::testing
