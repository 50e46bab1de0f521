#pragma once

#include "kube/client.hpp"
#include "measure.hpp"

#include <weft/base/result.hpp>
#include <weft/testing/testbed/control_plane.hpp>
#include <weft/testing/testbed/kube_client.hpp>
#include <weft/testing/testbed/process.hpp>
#include <weft/testing/testbed/testbed.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::bench {

/// From what Bed::way() gives.
kube::Access access_of(const std::string& way);

/// Counters of weftd's /metrics page by their whole name, labels included.
using MetricsPage = std::map<std::string, double, std::less<>>;

MetricsPage parse_metrics(const std::string& text);
/// The sum over all samples of a family, of those that mention `label` only ("applier=\"ovn-nb\"").
double sum_of(const MetricsPage& page, std::string_view family, std::string_view label = {});

/// What the API server was asked, "patch pods/status" and the like.
using ApiCounts = std::map<std::string, double, std::less<>>;
/// Requests that change something, without the Lease's.
double writes_of(const ApiCounts& counts);

/// Which API server the bed has: weft-apiserver, or kube-apiserver with etcd.
enum class Server : std::uint8_t { embedded, kubernetes };

/// A network namespace with the databases of one node, an API server, the cluster's weftd and the one that is measured.
/// There is no ovn-northd, ovn-controller or ovs-vswitchd: what they would answer (the management port is there and
/// bound) is put by hand.
class Bed {
  public:
    struct Options {
        std::filesystem::path bin_dir;
        std::string plugin;  ///< one of build/bench-plugins, enabled beside the default network; empty: none
        Server server = Server::embedded;
    };
    /// Enters the namespace: so does every thread made after.
    static Result<std::unique_ptr<Bed>> make(testing::Testbed& testbed, Options options);
    ~Bed();

    /// Starts the node's weftd; returns when it said that it is ready, and when that was.
    Result<TimePoint> start_weftd();
    Result<void> stop_weftd();
    pid_t weftd() const { return weftd_.pid(); }
    /// When the process was made.
    TimePoint started_at() const { return started_at_; }

    const std::string& north() const { return north_; }
    const std::string& south() const { return south_; }
    const testing::ApiEndpoint& endpoint() const { return api_->endpoint(); }
    /// What another process of this namespace reaches the API server with: a URL, or a kubeconfig's file.
    std::string way() const;
    const testing::KubeClient& api() const { return *api_; }
    kube::Client& client() { return *client_; }
    testing::Testbed& testbed() { return testbed_; }
    const std::string& netns() const { return netns_.name(); }
    const Options& options() const { return options_; }

    Result<MetricsPage> metrics() const;
    Result<ApiCounts> api_counts() const;
    /// CPU time of the API server, with etcd's.
    double server_cpu_seconds() const;
    bool is_kubernetes() const { return options_.server == Server::kubernetes; }
    /// Pods are made so that they come all at once when they are released: behind watches that stall, or (Kubernetes)
    /// by putting them into etcd only then.
    Result<void> prepare_pods(std::size_t count);
    Result<void> release_pods();
    /// Watches of pods fall silent until heal(): what happens meanwhile comes all at once.
    Result<void> stall_watches() const;
    Result<void> delay_patches(std::chrono::milliseconds delay) const;
    Result<void> heal() const;
    Result<void> delete_all_pods() const;

    /// Another northbound database; its remote.
    Result<std::string> another_northbound();

  private:
    Bed(testing::Testbed& testbed, Options options) : testbed_(testbed), options_(std::move(options)) {}
    Result<void> gather_plugins() const;
    Result<void> start_databases();
    Result<std::string> start_database(const std::string& name, const std::string& schema);
    Result<void> start_api_server();
    Result<void> start_kubernetes();
    Result<void> make_first_objects();
    Result<ApiCounts> kubernetes_counts() const;
    Result<void> start_cluster();
    Result<void> bind_management_port();
    Result<void> listen_for_readiness();
    Result<TimePoint> wait_ready();
    Result<std::filesystem::path> write_config(const std::string& role) const;
    Result<void> vsctl(testing::Argv arguments) const;
    Result<void> post_fault(const std::string& json) const;

    testing::Testbed& testbed_;
    Options options_;
    testing::NetworkNamespace netns_;
    testing::Process nb_, sb_, ovs_, other_nb_, api_server_, cluster_, weftd_;
    std::string north_, south_, switch_;
    std::unique_ptr<testing::ControlPlane> plane_;
    std::vector<testing::ControlPlane::Stored> prepared_;
    std::unique_ptr<testing::KubeClient> api_;
    std::unique_ptr<kube::Client> client_;
    TimePoint started_at_{};
    int ready_fd_ = -1;
    bool bound_ = false;
    int northbounds_ = 0;  ///< beside the one that weftd has
};

}  // namespace weft::bench
