#pragma once

#include <weft/testing/testbed/assert.hpp>
#include <weft/testing/testbed/cluster.hpp>
#include <weft/testing/testbed/probe.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <gtest/gtest.h>

namespace weft::testing {

/// A cluster with weft and real OVN on every node.
class WeftCluster {
  public:
    static Result<std::unique_ptr<WeftCluster>> start(ClusterOptions options = {});
    /// Fails the test when weftd was forbidden what `weftctl rbac` prints no rule for.
    ~WeftCluster();

    Cluster& cluster() { return *cluster_; }
    /// A pod that runs on a node; made when it isn't there.
    Result<RunningPod> pod(const std::string& ns, const std::string& name, const std::string& node,
                           const std::string& annotations = "");
    /// The rows of a node's northbound database as `ovn-nbctl list` gives them for the tables that weft writes, UUIDs
    /// included: equal texts mean that nothing was touched.
    Result<std::string> northbound(const std::string& node);
    /// What `ovn-nbctl --bare --columns=COLUMNS find TABLE CONDITION` prints, without the newline at the end.
    Result<std::string> find(const std::string& node, const std::string& table, const std::string& columns,
                             const std::string& condition);

    /// Until the node's weftd says that it is ready.
    Result<void> wait_weftd_ready(const std::string& node);
    /// Until northd and the controllers have followed all that is in a node's northbound database.
    Result<void> wait_followed(const std::string& node);

  private:
    std::unique_ptr<Testbed> testbed_;
    std::unique_ptr<Cluster> cluster_;
};

/// Both directions, every family that both pods have, and a TCP stream.
void expect_reach(const RunningPod& from, const RunningPod& to);

}  // namespace weft::testing
