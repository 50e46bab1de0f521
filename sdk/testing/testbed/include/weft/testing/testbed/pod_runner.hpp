#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/result.hpp>
#include <weft/testing/testbed/kube_client.hpp>
#include <weft/testing/testbed/process.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace weft::testing {

struct PodRunnerOptions {
    std::string node;
    std::vector<Ip> addresses;  ///< the node's InternalIPs
    ApiEndpoint api;
    std::filesystem::path state_dir;     ///< what it remembers over a restart
    std::filesystem::path cni_conf_dir;  ///< watched; while it holds no *.conf the node isn't Ready
    std::vector<std::filesystem::path> cni_bin_dirs;
    std::string netns_prefix;              ///< of the pods' namespaces
    std::filesystem::path server_program;  ///< weft-netprobe: serves TCP echo in every pod; empty: pods run nothing
    Environment environment;               ///< of what runs in pods: a testbed's mark
    bool keep_pods = true;  ///< when it ends, pods stay for the next runner, as they do when a kubelet restarts
};

/// The kubelet's part that a network plugin sees. Registers its node; makes a network namespace for each pod bound to
/// it; calls the CNI plugin; writes the pod's status; on deletion undoes all that and removes the Pod object.
class PodRunner {
  public:
    static Result<std::unique_ptr<PodRunner>> start(PodRunnerOptions options);
    ~PodRunner();
    PodRunner(const PodRunner&) = delete;
    PodRunner& operator=(const PodRunner&) = delete;

    /// Makes the Node object again if it is gone. (A kubelet does that only when it starts.)
    void register_node();

  private:
    class Impl;
    explicit PodRunner(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace weft::testing
