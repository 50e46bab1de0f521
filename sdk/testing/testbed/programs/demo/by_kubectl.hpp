#pragma once

#include "steps.hpp"

#include <weft/base/result.hpp>
#include <weft/testing/testbed/cluster.hpp>

#include <vector>

namespace weft::demo {

/// What only a cluster with real kubelets (ClusterOptions::kubelets) can show.

/// Waits until all replicas of all Deployments are available.
Result<void> wait_rolled_out(testing::Cluster& cluster);
/// `kubectl exec` into each pod, from where it connects to the web server of each other one. Prints who could; true
/// when all could.
bool show_by_kubectl(const Steps& steps, testing::Cluster& cluster, const std::vector<testing::RunningPod>& pods);
/// kubectl with the cluster's credentials, as it can be pasted into a shell.
std::string kubectl_command(testing::Cluster& cluster);

}  // namespace weft::demo
