#include "world.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <stdexcept>

namespace weft::testing {

namespace {

constexpr auto* accounts = "/api/v1/namespaces/ovn-kubernetes/serviceaccounts";
constexpr auto* cluster_account = "ovnkube-cluster-manager";

}  // namespace

World& Identity::world() {
    static const auto world = [] {
        auto made = World::make();
        if (!made) throw std::runtime_error(made.error().text());
        return *std::move(made);
    }();
    return *world;
}

void Identity::SetUp() {
    if (const auto why = ControlPlane::missing({.controllers = true})) GTEST_SKIP() << *why;
    WEFT_ASSERT_OK(world().clean());
    begin_ = world().audit().end();
    began_ = true;
}

/// Whatever happened: nothing that weft asked was forbidden.
void Identity::TearDown() {
    if (!began_) return;
    cluster = {};
    node = {};
    for (const char* user : {cluster_user, node_user, kubelet_user}) {
        for (const auto& a : asked(user))
            EXPECT_NE(a.code, 403) << a.text() << ": weftctl rbac prints no rule for it";
    }
}

std::vector<Audited> Identity::asked(const std::string& user) {
    auto log = world().audit().since(begin_);
    EXPECT_TRUE(log.ok()) << log.error().text();
    if (!log) return {};
    std::erase_if(*log, [&](const Audited& a) { return a.user != user; });
    return *std::move(log);
}

Result<void> Identity::wait_asked(const std::string& what, const std::function<bool(const Audited&)>& matches) {
    return wait_for(what, [&]() -> Result<void> {
        const auto log = world().audit().since(begin_);
        if (!log) return log.error();
        if (std::ranges::any_of(*log, matches)) return {};
        return waiting(std::to_string(log->size()) + " requests, none such");
    });
}

Result<void> Identity::wait_identity(bool up, const std::string& text) {
    return node.wait_status(up ? "identity" : "no identity: " + text, [&](JsonView s) {
        return NodeBed::is_up(s, "identity") == up && NodeBed::detail(s, "identity").find(text) != std::string::npos;
    });
}

Result<std::unique_ptr<World>> World::make() {
    auto world = std::make_unique<World>();
    auto bed = NodeBed::make({.kubernetes = [&](const std::filesystem::path& dir) {
        const auto file = [&](const char* name) { return (dir / name).string(); };
        write_file(file("audit-policy.yaml"), AuditLog::policy({cluster_user, node_user, kubelet_user}));
        const auto made =
            run_ok({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=clients", "-keyout", file("clients.key"), "-out", file("clients.pem")});
        if (!made) throw std::runtime_error(made.error().text());
        return ControlPlaneOptions{
            .arguments = {"--advertise-address=172.18.0.1", "--audit-policy-file=" + file("audit-policy.yaml"),
                          "--audit-log-path=" + file("audit.log"), "--client-ca-file=" + file("clients.pem"),
                          "--disable-admission-plugins=ServiceAccount"},
            .controllers = true,
            .controller_arguments = {"--controllers=certificatesigningrequest-signing-controller",
                                     "--cluster-signing-cert-file=" + file("clients.pem"),
                                     "--cluster-signing-key-file=" + file("clients.key")}};
    }});
    if (!bed) return bed.error();
    world->node_ = *std::move(bed);
    world->audit_ = AuditLog(world->bed().dir() / "audit.log");
    if (auto made = world->make_identities(); !made) return made.error();
    return world;
}

/// A kubeconfig as the kubelet has it, and roles and bindings as weftctl prints them.
Result<void> World::make_identities() {
    const auto file = [&](const char* name) { return (bed().dir() / name).string(); };
    auto asked =
        run_ok({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                "/O=system:nodes/CN=system:node:n1", "-keyout", file("kubelet.key"), "-out", file("kubelet.csr")});
    if (!asked) return asked.error();
    auto given = run_ok({"openssl", "x509", "-req", "-CA", file("clients.pem"), "-CAkey", file("clients.key"),
                         "-CAcreateserial", "-in", file("kubelet.csr"), "-out", file("kubelet.pem"), "-days", "2"});
    if (!given) return given.error();
    const auto& endpoint = plane().endpoint();
    write_file(file("kubelet.kubeconfig"),
               "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: \"" +
                   endpoint.url + "\", certificate-authority: \"" + endpoint.ca_file +
                   "\"}}]\nusers: [{name: u, user: {client-certificate: kubelet.pem, client-key: kubelet.key}}]\n"
                   "contexts: [{name: c, context: {cluster: c, user: u}}]\n");
    auto made = api().create(accounts, R"({"metadata": {"name": ")" + std::string(cluster_account) + "\"}}");
    if (!made) return made.error();
    auto rules = bed().weftctl(bed().prepare(options("cluster")), {"rbac", "--bind"});
    if (!rules) return rules.error();
    if (rules->status != 0) return broken("weftctl rbac: " + rules->err);
    if (auto applied = apply(rules->out); !applied) return applied;
    // The authorizer learns of roles and bindings by watches of its own.
    const std::string requests = R"("group": "certificates.k8s.io", "resource": "certificatesigningrequests")";
    struct Given {
        std::string user, group, attributes;
    };
    for (const auto& [user, group, attributes] :
         {Given{cluster_user, "none", requests + R"(, "subresource": "approval", "verb": "patch")"},
          Given{cluster_user, "none", R"("group": "coordination.k8s.io", "resource": "leases", "verb": "update",
                                              "namespace": "ovn-kubernetes")"},
          Given{node_user, "system:ovn-nodes", R"("group": "", "resource": "pods", "verb": "list")"},
          // Not the Node authorizer's doing: a member of the group that is no node.
          Given{"somebody", "system:nodes", requests + R"(, "verb": "create")"}}) {
        if (auto right = wait_right(user, group, attributes); !right) return right;
    }
    return {};
}

Result<void> World::wait_right(const std::string& user, const std::string& group, const std::string& attributes) {
    const std::string review = R"({"spec": {"user": ")" + user + R"(", "groups": [")" + group +
                               R"("], "resourceAttributes": {)" + attributes + "}}}";
    return wait_for("a right of " + user, [&]() -> Result<void> {
        auto answer = api().create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review);
        if (!answer) return answer.error();
        if (answer->root()["status"]["allowed"].boolean().value_or(false)) return {};
        return waiting(answer->root()["status"].dump());
    });
}

KubeClient World::api_as(const std::string& user, const std::vector<std::string>& groups) {
    auto endpoint = plane().endpoint();
    endpoint.headers.push_back("Impersonate-User: " + user);
    for (const auto& group : groups)
        endpoint.headers.push_back("Impersonate-Group: " + group);
    return KubeClient(endpoint);
}

Result<void> World::clean() {
    const KubeClient admin = api();
    for (const auto& path : {std::string(pods_path), std::string("/api/v1/nodes"), std::string(requests_path),
                             std::string("/api/v1/namespaces/default/events")}) {
        auto gone = admin.remove(path, R"({"gracePeriodSeconds": 0})");
        if (!gone) return gone;
    }
    auto free = admin.remove("/apis/coordination.k8s.io/v1/namespaces/ovn-kubernetes/leases/ovn-kubernetes-master");
    if (!free) return free;
    auto token = admin.create(std::string(accounts) + "/" + cluster_account + "/token",
                              R"({"spec": {"expirationSeconds": 7200}})");
    if (!token) return token.error();
    write_file(bed().dir() / "cluster.token", std::string(token->root()["status"]["token"].string_or("")) + "\n");
    std::filesystem::remove_all(certificate_file().parent_path());
    for (const char* database : {"nb", "sb"}) {
        node_->drop_database(database);
        if (auto started = node_->start_database(database); !started) return started;
    }
    return {};
}

WeftdOptions World::options(const std::string& role) {
    const auto& endpoint = plane().endpoint();
    WeftdOptions options{.name = role,
                         .role = role,
                         .config =
                             "[clustermgrha]\nelection-lease-duration = 12\nelection-renew-deadline = 8\n"
                             "election-retry-period = 1\n",
                         .plugins = "default-network, node-identity"};
    if (role == "node") {
        options.access = "bootstrap-kubeconfig = " + (bed().dir() / "kubelet.kubeconfig").string() +
                         "\ncert-dir = " + certificate_file().parent_path().string() + "\ncert-duration = 10m\n";
    } else {
        options.access = "apiserver = " + endpoint.url + "\ncacert = " + endpoint.ca_file +
                         "\ntokenFile = " + (bed().dir() / "cluster.token").string() + "\n";
    }
    return options;
}

Result<Weftd> World::start(const std::string& role, Environment more) {
    auto how = options(role);
    how.environment.insert(how.environment.end(), more.begin(), more.end());
    return role == "node" ? node_->start_weftd(std::move(how)) : bed().start(how);
}

Result<Output> World::kubectl(Argv arguments, const std::string& input) {
    arguments.insert(arguments.begin(), {plane().program("kubectl"), "--kubeconfig=" + plane().kubeconfig().string()});
    return run(arguments, {.netns = bed().netns(), .input = input, .deadline = 2 * patience});
}

Result<void> World::apply(const std::string& yaml) {
    auto done = kubectl({"apply", "-f", "-"}, yaml);
    if (!done) return done.error();
    return done->status == 0 ? Result<void>() : Result<void>(invalid("kubectl apply: " + done->err));
}

Result<void> World::add_node(const std::string& name, int number, const std::string& annotations) {
    const std::string n = std::to_string(number);
    auto made = api().create("/api/v1/nodes",
                             R"({"metadata": {"name": ")" + name + R"(", "annotations": )" + annotations +
                                 R"(}, "status": {"addresses": [)"
                                 R"({"type": "InternalIP", "address": "172.18.0.)" +
                                 n + R"("}, {"type": "InternalIP", "address": "fc00:f853:ccd:e793::)" + n + "\"}]}}");
    return made ? Result<void>() : Result<void>(made.error());
}

Result<void> World::add_pod(const std::string& name, const std::string& node, const std::string& more) {
    auto made = api().create(pods_path, R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": ")" + name +
                                            R"("}, "spec": {"nodeName": ")" + node + "\"" + more +
                                            R"(, "containers": [{"name": "c", "image": "i"}]}})");
    return made ? Result<void>() : Result<void>(made.error());
}

Result<void> World::wait_annotated(const std::string& pod) {
    return wait_for("the annotation of " + pod, [&]() -> Result<void> {
        auto object = api().get(std::string(pods_path) + "/" + pod);
        if (!object) return object.error();
        const auto annotations = object->root()["metadata"]["annotations"];
        if (annotations["k8s.ovn.org/pod-networks"].string_or("").find("\"ip_addresses\"") != std::string::npos) {
            return {};
        }
        return waiting("annotations: " + annotations.dump());
    });
}

}  // namespace weft::testing
