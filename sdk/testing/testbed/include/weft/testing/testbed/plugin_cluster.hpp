#pragma once

#include <weft/testing/testbed/assert.hpp>
#include <weft/testing/testbed/cluster.hpp>
#include <weft/testing/testbed/probe.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <memory>
#include <string>

namespace weft::testing {

/// A cluster that runs default-network and the plugin that is being tested: what weft_add_plugin_tests() tells an e2e
/// test by its environment (WEFT_BIN_DIR, WEFT_PLUGIN_FILE, WEFT_PLUGIN_MANIFESTS).
class PluginCluster {
  public:
    /// With `options.nodes` as they are, one node by default, and Ready when this returns.
    static Result<std::unique_ptr<PluginCluster>> start(ClusterOptions options = {.nodes = {"n1"}});
    /// Empty when such a test can run here; else why not: it needs root and Open vSwitch.
    static std::string why_not();

    Cluster& cluster() { return *cluster_; }
    /// A pod that runs on a node, made when it isn't there, in a namespace made likewise.
    Result<RunningPod> pod(const std::string& ns, const std::string& name, const std::string& node = "n1");
    /// Until `ovn-nbctl --bare --columns=COLUMNS find TABLE CONDITION` of a node prints this, lines sorted and joined
    /// by
    /// ','. An empty condition takes all rows.
    Result<void> wait_rows(const std::string& node, const std::string& table, const std::string& condition,
                           const std::string& columns, const std::string& expected);
    /// Until the text of an object has this in it, such as a status.
    Result<void> wait_object(const std::string& path, const std::string& text);
    /// Until northd and the controller have followed all that is in a node's northbound database.
    Result<void> wait_followed(const std::string& node);
    /// The metrics of a node's weftd.
    Result<std::string> metrics(const std::string& node);
    /// Until an Event of that object says this.
    Result<void> wait_event(const std::string& ns, const std::string& kind, const std::string& name,
                            const std::string& text);
    /// An error that names what the API server forbade to weftd until now: what a plugin watches or writes without
    /// having asked for it. Always good on the embedded API server, which has no RBAC.
    Result<void> rights_suffice() const;
    /// Replaces a text in the configuration of a node's weftd and has it read again.
    Result<void> reconfigure(const std::string& node, const std::string& from, const std::string& to);

  private:
    std::unique_ptr<Testbed> testbed_;
    std::unique_ptr<Cluster> cluster_;
};

}  // namespace weft::testing
