#pragma once

#include <weft/testing/testbed/control_plane.hpp>

#include <optional>
#include <string>

namespace weft::testing {

/// Why there is no real API server here, in words for a skipped test; nothing when there is one.
std::optional<std::string> no_real_server();

/// The real API server of this test program: started when first asked for, gone with the program. It has no
/// controllers, so nothing happens there that a test doesn't do. Throws when it does not start.
ControlPlane& real_server();

}  // namespace weft::testing
