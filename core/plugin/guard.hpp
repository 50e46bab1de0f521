#pragma once

#include "containment/run_board.hpp"
#include "plugin/declared.hpp"

#include <string>

namespace weft::plugin {

/// What a plugin declared and the host calls outside of rules: what these functions throw becomes an Error that names
/// the plugin, and what they are at is on the board meanwhile.
void guard_declared(Declared& declared, const std::string& plugin, containment::RunBoard* board);

}  // namespace weft::plugin
