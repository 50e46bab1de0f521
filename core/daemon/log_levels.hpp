#pragma once

#include "config/settings.hpp"

#include <weft/base/log.hpp>

#include <string>
#include <vector>

namespace weft::daemon {

/// The level of all parts that have none of their own.
LogLevel log_level_of(const config::Settings& settings);
/// What a log line can name before its colon: the parts of core, and the plugins.
std::vector<std::string> log_parts(const std::vector<std::string>& plugins);
/// Sets the levels as configured, and takes back what `weftctl log-level` had set.
void apply_log_levels(const config::Settings& settings);

}  // namespace weft::daemon
