#pragma once

#include "steps.hpp"

#include <weft/testing/testbed/cluster.hpp>

#include <vector>

namespace weft::demo {

/// Prints commands that can be pasted as they are, for the first node.
void tell_how_to_look_around(const Steps& steps, testing::Cluster& cluster,
                             const std::vector<testing::RunningPod>& pods);

}  // namespace weft::demo
