#pragma once

#include "config/config.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/json.hpp>

#include <string>

/// weftd's answers as people read them. Members that are missing are left out: an older weftd is no error.
namespace weft::ctl {

std::string status_text(const JsonView& status, WallTime now, bool colours);
std::string plugins_text(const JsonView& plugins, bool colours);
std::string log_levels_text(const JsonView& levels, bool colours);
std::string config_text(const std::vector<config::ShownValue>& values, bool changed_only, bool colours);
std::string config_json(const std::vector<config::ShownValue>& values);

}  // namespace weft::ctl
