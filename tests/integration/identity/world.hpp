#pragma once

#include "integration/daemon/node_bed.hpp"
#include "integration/manners/audit.hpp"

#include <memory>
#include <string>
#include <vector>

/// A cluster whose nodes have identities of their own: a real API server that believes a client CA, the controller that
/// signs with it, an audit log, and the kubelet's credentials.
namespace weft::testing {

inline constexpr auto* cluster_user = "system:serviceaccount:ovn-kubernetes:ovnkube-cluster-manager";
inline constexpr auto* node_user = "system:ovn-node:n1";
inline constexpr auto* kubelet_user = "system:node:n1";
inline constexpr auto* requests_path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
inline constexpr auto* pods_path = "/api/v1/namespaces/default/pods";

class World {
  public:
    static Result<std::unique_ptr<World>> make();

    Bed& bed() { return node_->bed(); }
    ControlPlane& plane() { return bed().plane(); }
    const AuditLog& audit() const { return audit_; }
    KubeClient api() { return KubeClient(plane().endpoint()); }
    /// The same as somebody else.
    KubeClient api_as(const std::string& user, const std::vector<std::string>& groups);

    /// Nothing is left of another test: objects, requests, rows, the certificate.
    Result<void> clean();

    std::filesystem::path certificate_file() { return bed().dir() / "certificates" / "ovnkube-client-current.pem"; }
    WeftdOptions options(const std::string& role);
    Result<Weftd> start(const std::string& role, Environment more = {});

    Result<void> apply(const std::string& yaml);
    Result<Output> kubectl(Argv arguments, const std::string& input = {});
    Result<void> add_node(const std::string& name, int number, const std::string& annotations = "{}");
    Result<void> add_pod(const std::string& name, const std::string& node = "n1", const std::string& more = "");
    Result<void> wait_annotated(const std::string& pod);

  private:
    Result<void> make_authority();
    Result<void> sign(const std::string& name, const std::string& subject);
    Result<void> make_identities();
    Result<void> wait_right(const std::string& user, const std::string& group, const std::string& attributes);

    std::unique_ptr<NodeBed> node_;
    AuditLog audit_;
};

class Identity : public ::testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    static World& world();
    static KubeClient api() { return world().api(); }
    /// What a user asked since the test began.
    std::vector<Audited> asked(const std::string& user);
    Result<void> wait_asked(const std::string& what, const std::function<bool(const Audited&)>& matches);
    /// Waits for what the status says of the node's identity.
    Result<void> wait_identity(bool up, const std::string& text = "");

    Weftd cluster, node;

  private:
    std::uintmax_t begin_ = 0;
    bool began_ = false;
};

}  // namespace weft::testing
