#pragma once

#include "audit.hpp"
#include "integration/certificates.hpp"
#include "integration/daemon/node_bed.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

/// weftd against a real Kubernetes API server, allowed nothing but what `weftctl rbac` prints, and watched by the audit
/// log: what the tests in this folder share.
namespace weft::testing {

inline constexpr auto* cluster_user = "system:serviceaccount:ovn-kubernetes:ovnkube-cluster-manager";
inline constexpr auto* node_user = "system:serviceaccount:ovn-kubernetes:ovnkube-node";

/// The API server and node n1's databases. Lives as long as the program's tests.
class World {
  public:
    static Result<std::unique_ptr<World>> make();

    Bed& bed() { return node_->bed(); }
    NodeBed& node() { return *node_; }
    ControlPlane& plane() { return node_->bed().plane(); }
    const AuditLog& audit() const { return audit_; }
    /// The server's is "apiserver" of "ca", and it believes clients of "ca"; who reads its certificate here believes
    /// "other-ca", too.
    const test::Certificates& certificates() const { return *certificates_; }
    /// What the server shows when it starts next.
    Result<void> give_server_certificate(const std::string& ca,
                                         const std::string& names = "IP:127.0.0.1,DNS:apiserver.example");
    KubeClient api() { return KubeClient(plane().endpoint()); }

    /// Nothing is left of another test: objects, rows, Events; and tokens are new.
    Result<void> clean();

    /// How a weftd of this role is started: its account's token, a short Lease.
    WeftdOptions options(const std::string& role);
    Result<Weftd> start(const std::string& role, Environment more = {});
    Result<std::string> new_token(const std::string& account);
    std::filesystem::path token_file(const std::string& role) { return bed().dir() / (role + ".token"); }

    Result<void> apply(const std::string& yaml);
    Result<Output> kubectl(Argv arguments, const std::string& input = {});
    Result<void> add_node(const std::string& name, int number, const std::string& spec = "{}");
    Result<void> add_pod(const std::string& name, const std::string& annotations = "{}");
    Result<void> remove_pod(const std::string& name);
    /// Waits for the annotation that role node gives a pod.
    Result<void> wait_annotated(const std::string& pod);
    /// What names the rows of switch n1's ports have: "default_p1".
    Result<std::vector<std::string>> port_names();
    Result<void> wait_ports(std::vector<std::string> pods);

  private:
    Result<void> make_identities();
    Result<void> make_certificates(const std::filesystem::path& dir);

    std::unique_ptr<NodeBed> node_;
    AuditLog audit_;
    std::optional<test::Certificates> certificates_;
};

/// A pod's object for n1.
std::string pod_json(const std::string& name, const std::string& annotations = "{}");

/// Each test begins with an API server that holds nothing of weft, and ends with what must be true whatever happened:
/// nothing was forbidden, nothing was written without a change, nothing was read that is not needed.
class Manners : public ::testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    /// Starts both roles and waits until they have listed all that they watch.
    void start_both();
    Result<void> wait_listed(const Weftd& weftd);
    /// Waits until everything that is to be written was.
    Result<void> wait_written(const Weftd& weftd);
    Result<void> wait_problem(const Weftd& weftd, const std::string& object, bool there);
    /// What weft's users asked since a place in the audit log.
    std::vector<Audited> asked(std::uintmax_t place);
    std::vector<Audited> asked() { return asked(begin_); }
    /// Waits until what weft's users asked since then has something.
    Result<void> wait_asked(const std::string& what, const std::function<bool(const Audited&)>& matches,
                            std::uintmax_t place = 0);
    /// Waits until, of the watches that began since then, one for each resource that the roles (or role node
    /// alone) need is open.
    Result<void> wait_one_watch_each(std::uintmax_t place, bool of_cluster = true);

    /// Made when first asked for, gone with the program. Throws when that fails.
    static World& world();
    static KubeClient api() { return world().api(); }

    /// kill -9 of the API server, and it is ready again; rolling: another one takes over. While one starts it forbids
    /// everything: it doesn't know its roles yet.
    Result<void> restart_server(bool rolling = false);

    Weftd cluster, node;

  private:
    void expect_nothing_forbidden(const std::vector<Audited>& log);
    void expect_only_needed_reads(const std::vector<Audited>& log);
    void expect_changes(const std::vector<Audited>& all);

    std::uintmax_t begin_ = 0;
    bool began_ = false;
    std::vector<std::pair<std::int64_t, std::int64_t>> server_starts_;
};

}  // namespace weft::testing
