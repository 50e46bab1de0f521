#pragma once

#include "engine/engine.hpp"
#include "insight/surroundings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace weft::insight {

/// The answer to "explain" for rows that have been found, or not: README.md describes the JSON. On the engine thread.
std::string explain_json(const engine::Engine& engine, const Surroundings& around, WallTime now, std::string_view asked,
                         const std::vector<RowName>& rows, const std::vector<RowName>& missing,
                         const std::vector<std::string>& near);

}  // namespace weft::insight
