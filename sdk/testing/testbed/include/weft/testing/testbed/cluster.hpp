#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/result.hpp>
#include <weft/testing/testbed/control_plane.hpp>
#include <weft/testing/testbed/kube_client.hpp>
#include <weft/testing/testbed/kubelet.hpp>
#include <weft/testing/testbed/ovn_node.hpp>
#include <weft/testing/testbed/testbed.hpp>
#include <weft/testing/testbed/underlay.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft::testing {

class Accounts;
class ApiMachine;

enum class ApiServerKind {
    /// What the environment variable WEFT_E2E_SERVER says, "embedded" or "kubernetes". Without it: kubernetes where
    /// WEFT_KUBERNETES names a folder with its programs (ctest does), else embedded.
    environment,
    embedded,    ///< weft-apiserver, at the underlay's gateway
    kubernetes,  ///< etcd and kube-apiserver on a machine of their own
};

struct ClusterOptions {
    std::vector<std::string> nodes{"n1", "n2"};
    bool ipv4 = true;
    bool ipv6 = true;
    std::string cluster_subnets;  ///< empty: 10.244.0.0/16/24 and fd00:10:244::/48/64, as far as the families are on
    std::string service_cidrs;    ///< empty: 10.96.0.0/16 and fd00:10:96::/112, likewise
    std::string plugins = "default-network";  ///< [plugins] enable, separated by commas
    std::string extra_config;                 ///< more lines for every weftd's configuration file
    /// Where weftd, weft-cni, ... are; empty: the folder WEFT_BIN_DIR, else where the running program is. In an
    /// installation, <prefix>/bin: what is installed elsewhere is found from there.
    std::filesystem::path bin_dir;
    std::filesystem::path plugin_dir;                 ///< empty: <bin_dir>/../plugins, or what an installation has
    std::vector<std::filesystem::path> more_plugins;  ///< plugin files that are not there
    std::vector<std::filesystem::path> manifests;     ///< applied before any weftd starts: CustomResourceDefinitions
    ApiServerKind api_server_kind = ApiServerKind::environment;
    /// A real API server takes its time to start: clusters of one program use the same, one after the other, and each
    /// finds it empty. False: it belongs to the testbed, and ends with it.
    bool share_api_server = true;
    /// Gives the URL of an API server that nodes reach over the underlay. Empty: one of the above. A test that wants to
    /// break it starts one in-process, on a thread inside underlay.netns().
    std::function<Result<std::string>(const Underlay&)> api_server;
    /// On each node a real kubelet in the pod runner's place, and a real control plane of the cluster's own, with
    /// scheduler and controllers.
    bool kubelets = false;
    std::vector<ImageSpec> images;                     ///< with kubelets: on every node, besides Kubelet::image
    std::function<void(const std::string&)> progress;  ///< told what is being done
    bool start_weftd = true;
};

/// A pod as the cluster runs it.
struct RunningPod {
    std::string pod_namespace;
    std::string name;
    std::string node;
    std::vector<Ip> addresses;
    NetworkNamespace netns;  ///< not owned

    std::optional<Ip> address(Family family) const;
};

/// What belongs to one node: OVN and Open vSwitch, weftd --role node, and the pod runner or the kubelet.
struct ClusterNode {
    std::unique_ptr<OvnNode> ovn;
    std::filesystem::path config_file;  ///< weftd's
    std::filesystem::path cni_conf_dir;
    std::filesystem::path pod_state_dir;
    Process weftd;
    Process pod_runner;
    std::unique_ptr<Kubelet> kubelet;  ///< with ClusterOptions::kubelets
};

/// A whole cluster on one machine: API server, weftd --role cluster, nodes. Everything that a test may want to break is
/// a process of its own, reachable from here.
class Cluster {
  public:
    static Result<std::unique_ptr<Cluster>> start(Testbed& testbed, ClusterOptions options = {});
    ~Cluster();

    Testbed& testbed() { return testbed_; }
    const Underlay& underlay() const { return underlay_; }
    const ClusterOptions& options() const { return options_; }
    /// Requests come from the underlay.
    const KubeClient& api() const { return *api_; }
    const std::string& api_url() const { return api_->endpoint().url; }
    /// Where the API server is: a namespace, and its address on the underlay.
    const std::string& api_netns() const;
    Ip api_address() const;
    std::filesystem::path kubeconfig() const;

    ClusterNode& node(const std::string& name) { return nodes_.at(name); }
    std::vector<std::string> node_names() const;
    Process& weftd_cluster() { return weftd_cluster_; }
    Process& api_server();
    /// With ClusterOptions::kubelets.
    ControlPlane& control_plane();
    /// On a real API server weftd may do what `weftctl rbac` prints, and no more. What it was forbidden, of that which
    /// it is not allowed now either: a rule that is missing. Empty elsewhere.
    Result<std::vector<std::string>> missing_rights() const;
    /// Once it serves.
    Result<void> wait_api_server();
    /// The API server forgets what changed before now: who watches from there is told 410. Connections to it break.
    Result<void> forget_history();
    std::filesystem::path cluster_config_file() const { return testbed_.dir() / "cluster" / "weft.conf"; }

    /// A node joins: its OVN, weftd and pod runner start.
    Result<void> add_node(const std::string& name);
    /// A machine is gone for good: its processes, pods and files at once, then its Node object. It may join again.
    Result<void> remove_node(const std::string& name);

    /// Creates the objects of a YAML file, or of all in a folder in the order of their names; merges into those there
    /// are.
    Result<void> apply(const std::filesystem::path& path);
    Result<void> apply_text(const std::string& yaml);

    /// Waits until the Node is Ready, which is when its CNI configuration is there.
    Result<void> wait_node_ready(const std::string& name);
    /// Waits until the pod runs, with an address of each family.
    Result<RunningPod> wait_pod(const std::string& pod_namespace, const std::string& name);
    Result<void> wait_pod_gone(const std::string& pod_namespace, const std::string& name);
    /// All pods that the API server has, when they run.
    Result<std::vector<RunningPod>> wait_all_pods();

  private:
    Cluster(Testbed& testbed, ClusterOptions options);
    Result<void> start_api_server();
    Result<ApiEndpoint> start_embedded();
    Result<ApiEndpoint> start_kubernetes();
    Result<void> make_accounts();
    Result<void> start_cluster_weftd();
    Result<void> start_weftd(const std::string& name, ClusterNode& node);
    Result<void> install_cni(const ClusterNode& node) const;
    Result<void> start_pod_runner(const std::string& name, ClusterNode& node);
    Result<void> start_kubelet(const std::string& name, ClusterNode& node);
    std::string config_text(const ClusterNode* node, const std::filesystem::path& run_dir) const;
    std::filesystem::path program(const std::string& name) const;
    Result<void> collect_plugins();
    std::vector<Ip> addresses_of(const ClusterNode& node) const;
    Result<RunningPod> running_pod(JsonView pod) const;
    void tell(const std::string& what) const;

    Testbed& testbed_;
    ClusterOptions options_;
    int joined_ = 0;  ///< how many nodes there ever were: addresses are not used twice
    Underlay underlay_;
    Process api_server_;
    std::shared_ptr<ApiMachine> machine_;  ///< where kubernetes is used
    std::unique_ptr<KubeClient> api_;
    std::unique_ptr<Accounts> accounts_;  ///< where kubernetes is used
    std::uintmax_t audited_ = 0;          ///< where this cluster begins in the audit log
    Process weftd_cluster_;
    std::map<std::string, ClusterNode> nodes_;
};

}  // namespace weft::testing
