#pragma once

#include "record/format.hpp"

#include <weft/base/result.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace weft::record {

/// All bytes of a recording's file, which need not be one.
Result<std::string> read_file(const std::string& path);

/// Is shown bytes in which a secret may be, and overwrites what has to go with as many others. `table` is that of a
/// packed row, or null for plain text.
using Clean = std::function<void(const Table* table, char* bytes, std::size_t size)>;

/// Makes a copy that can be given away. What can't be read any more is left out.
Result<std::string> cleaned(std::string bytes, const Clean& clean);

}  // namespace weft::record
