#pragma once

#include "steps.hpp"

#include <weft/base/ip.hpp>
#include <weft/base/result.hpp>
#include <weft/testing/testbed/cluster.hpp>

#include <optional>
#include <string>
#include <vector>

namespace weft::demo {

/// One way through the network, in one direction.
struct Path {
    std::string from;
    std::string to;
    std::string where;  ///< "same node", "across nodes", "management port"
    const testing::NetworkNamespace* source;
    std::vector<Ip> addresses;
    std::uint16_t port;
};

/// All paths that the demo shows: each pod to each other one, and to its node's management port.
Result<std::vector<Path>> all_paths(testing::Cluster& cluster, const std::vector<testing::RunningPod>& pods);
/// Tries them all and prints who reached whom; true when all did, in both families, with all bytes of the stream.
bool show_reachability(const Steps& steps, const std::vector<Path>& paths, const std::vector<Family>& families);

/// Where the echo servers in the nodes' own namespaces listen.
inline constexpr std::uint16_t node_echo_port = 18080;

}  // namespace weft::demo
