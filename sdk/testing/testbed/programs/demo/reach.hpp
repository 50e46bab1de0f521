#pragma once

#include "steps.hpp"

#include <weft/base/ip.hpp>
#include <weft/base/result.hpp>
#include <weft/testing/testbed/cluster.hpp>
#include <weft/testing/testbed/probe.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weft::demo {

/// How far a path leads; the table has a part for each.
enum class Reach { same_node, across_nodes, management_port };

/// One way through the network, in one direction.
struct Path {
    std::string from;
    std::string to;
    Reach reach = Reach::same_node;
    const testing::NetworkNamespace* source = nullptr;
    std::map<Family, Ip> addresses;  ///< of the far end
    std::uint16_t port = 0;
};

/// What came of it in one family.
struct Outcome {
    Result<testing::PingResult> ping = waiting("not tried");
    Result<testing::StreamResult> stream = waiting("not tried");

    bool reached() const { return ping && ping->received > 0 && stream; }
};
using Outcomes = std::vector<std::map<Family, Outcome>>;  ///< in the order of the paths

/// All paths that the demo shows: each pod to each other one, and to its node's management port.
Result<std::vector<Path>> all_paths(testing::Cluster& cluster, const std::vector<testing::RunningPod>& pods);
/// Tries them all in both families.
Outcomes try_paths(const Steps& steps, const std::vector<Path>& paths);

void show_pods(const Steps& steps, const std::vector<testing::RunningPod>& pods);
/// Prints who reached whom; true when all did, with all bytes of the stream.
bool show_reachability(const Steps& steps, const std::vector<Path>& paths, const Outcomes& outcomes);

/// Where the echo servers in pods, and in the nodes' own namespaces, listen.
inline constexpr std::uint16_t pod_echo_port = 8080;
inline constexpr std::uint16_t node_echo_port = 18080;

}  // namespace weft::demo
