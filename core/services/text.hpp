#pragma once

#include <weft/base/clock.hpp>

#include <string>

namespace weft::services {

/// "2026-08-01T12:34:56Z".
std::string rfc3339(WallTime time);

}  // namespace weft::services
