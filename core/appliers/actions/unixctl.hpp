#pragma once

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>

#include <string>
#include <vector>

namespace weft::appliers::actions {

/// Asks a running Open vSwitch or OVN daemon over its control socket, as ovs-appctl does: one JSON-RPC request on a
/// connection of its own. Blocks, at most for `patience`. An error that the daemon answers is `invalid`, one of the
/// connection `again`.
Result<std::string> unixctl(const std::string& socket, const std::string& method,
                            const std::vector<std::string>& arguments, Duration patience = std::chrono::seconds(5));

/// The control socket of the daemon whose pidfile is in the folder: "ovs-vswitchd.1234.ctl".
Result<std::string> control_socket(const std::string& folder, const std::string& daemon);

}  // namespace weft::appliers::actions
