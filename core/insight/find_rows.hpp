#pragma once

#include "engine/engine.hpp"
#include "insight/surroundings.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// From what an operator writes to rows: "pod/web/p1", "nb/Logical_Switch_Port/web_p1", "10.244.0.3".
namespace weft::insight {

struct Found {
    std::vector<RowName> rows;      ///< that are there
    std::vector<RowName> missing;   ///< named without doubt and not there
    std::vector<std::string> near;  ///< what may have been meant, as it would be asked for
    bool is_address = false;        ///< an IP or MAC: to be searched in the contents of rows
};

Found find_rows(const engine::Engine& engine, const Surroundings& around, std::string_view asked);

/// All rows, by table: shares them, so that they can be looked through on another thread.
using Snapshot = std::vector<std::pair<std::string, std::vector<RowPtr>>>;
Snapshot snapshot(const engine::Engine& engine);

/// The rows that hold this address as a word of their own: "10.0.0.3" in "0a:58:… 10.0.0.3/24", not in "10.0.0.31".
std::vector<RowName> rows_with_address(const Snapshot& rows, std::string_view address);

}  // namespace weft::insight
