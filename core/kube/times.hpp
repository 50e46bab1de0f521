#pragma once

#include <weft/base/clock.hpp>

#include <string>

namespace weft::kube {

/// Kubernetes' Time: "2026-08-01T10:00:00Z".
std::string time_text(WallTime when);
/// Kubernetes' MicroTime: "2026-08-01T10:00:00.123456Z".
std::string micro_time_text(WallTime when);

}  // namespace weft::kube
