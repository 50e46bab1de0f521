#pragma once

#include "plugin/registry.hpp"
#include "services/rbac.hpp"

#include <string>
#include <vector>

namespace weft::daemon {

/// What weftd with these plugins may do in the API server, both roles; `ns` holds the leader's Lease.
std::vector<services::Right> rights_of(const std::vector<const plugin::Loaded*>& plugins, const std::string& ns);

}  // namespace weft::daemon
