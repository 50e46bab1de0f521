#pragma once

#include <weft/base/result.hpp>
#include <weft/testing/testbed/kube_client.hpp>
#include <weft/testing/testbed/testbed.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace weft::testing {

struct ControlPlaneOptions {
    std::filesystem::path programs;     ///< empty: the folder WEFT_KUBERNETES (ctest sets it)
    std::string address = "127.0.0.1";  ///< where the API server listens
    std::string reached_at;             ///< an address of its clients' for it; empty: where it listens
    std::string netns;                  ///< where all of it runs; empty: the caller's
    std::string service_cidrs = "10.96.0.0/16,fd00:10:96::/112";
    std::vector<std::string> arguments;  ///< more of them for kube-apiserver
    std::string ca_file;                 ///< whom its clients believe when its certificate is among the arguments
    bool controllers = false;            ///< kube-controller-manager: service accounts, namespaces that go, garbage
    std::vector<std::string> controller_arguments;  ///< more of them for kube-controller-manager
    bool scheduler = false;                         ///< kube-scheduler
};

/// A real Kubernetes control plane of the programs that tests/kubernetes/build makes: etcd (on a socket in its folder)
/// and kube-apiserver, with the controllers when wanted. Files are in <testbed>/kubernetes, logs in <testbed>/log; the
/// testbed ends and removes all of it, also after a crash. Without controllers pods need no service account.
class ControlPlane {
  public:
    /// Why there can be none here, in words for a skipped test; nothing when there can. Where WEFT_NEED_KUBERNETES is
    /// set no test may be skipped: throws.
    static std::optional<std::string> missing(const ControlPlaneOptions& options = {});
    /// Returns once the API server is ready.
    static Result<std::unique_ptr<ControlPlane>> start(Testbed& testbed, ControlPlaneOptions options = {});

    /// For an administrator (system:masters).
    const ApiEndpoint& endpoint() const { return endpoint_; }
    std::string ca_pem() const;
    std::filesystem::path kubeconfig() const { return dir_ / "kubeconfig"; }
    std::filesystem::path program(const std::string& name) const { return options_.programs / name; }

    Process& etcd() { return etcd_; }
    Process& api_server() { return api_server_; }

    /// etcd forgets all but the present. The API server still remembers some changes; restart() makes it forget, too.
    Result<void> compact();
    struct Stored {
        std::string key;   ///< "/registry/pods/default/p1"
        std::string json;  ///< the whole object, with uid and creationTimestamp
    };
    /// Puts objects into etcd, past the API server: thousands in a second, but nothing is checked and nothing
    /// defaulted. Those of one transaction share a resource version, which real objects never do: who watches them, and
    /// is cut off in the middle, misses the rest. Put one at a time where somebody watches.
    Result<void> store(const std::vector<Stored>& objects, std::size_t at_once = 100);
    /// Takes all objects under a prefix of keys out of etcd.
    Result<void> remove_stored(const std::string& prefix);
    /// kill -9 of the API server, and it is ready again.
    Result<void> restart();
    /// As an upgrade without a gap: a second API server listens on the same port, and once it is ready the first one is
    /// told to end, finishes what it has begun, and ends its watches. Wants the argument --permit-port-sharing.
    Result<void> roll();
    /// All objects that were made since it started are gone at once, whatever finalizers they have. Watchers are told.
    Result<void> empty();

  private:
    ControlPlane(Testbed& testbed, ControlPlaneOptions options);
    Result<void> write_files();
    Result<void> start_etcd();
    Result<void> start_api_server();
    Result<bool> try_port(std::uint16_t port);
    Result<void> wait_ready();
    Result<void> start_controllers();
    KubeClient etcd_client() const;
    Result<std::set<std::string>> keys() const;
    Argv api_server_arguments(std::uint16_t port) const;

    Testbed& testbed_;
    ControlPlaneOptions options_;
    std::filesystem::path dir_;
    ApiEndpoint endpoint_;
    std::set<std::string> own_keys_;  ///< what etcd had when it was ready
    Process etcd_, api_server_, controllers_, scheduler_;
};

}  // namespace weft::testing
