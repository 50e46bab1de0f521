#pragma once

#include <weft/base/result.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace weft::golden {

/// The rows of a database as the golden files have them: one JSON object a line, without UUIDs, without columns that
/// hold nothing, references by the name of what they refer to.
Result<std::vector<std::string>> rows_of(const std::filesystem::path& socket, const std::string& database);

/// All rows of a database with their UUIDs and versions, sorted: equal texts mean that nothing was written.
Result<std::vector<std::string>> exact_rows_of(const std::filesystem::path& socket, const std::string& database);

}  // namespace weft::golden
