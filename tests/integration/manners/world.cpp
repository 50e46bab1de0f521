#include "world.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <set>

namespace weft::testing {

namespace {

constexpr auto* accounts = "/api/v1/namespaces/ovn-kubernetes/serviceaccounts";
constexpr auto* pods = "/api/v1/namespaces/default/pods";

std::string account_of(const std::string& role) {
    return role == "cluster" ? "ovnkube-cluster-manager" : "ovnkube-node";
}

}  // namespace

Result<std::unique_ptr<World>> World::make() {
    auto world = std::make_unique<World>();
    Result<void> made{};
    auto bed = NodeBed::make({.kubernetes = [&](const std::filesystem::path& dir) {
        made = world->make_certificates(dir);
        write_file(dir / "audit-policy.yaml", AuditLog::policy({cluster_user, node_user}));
        // There is no default route to find an address by, and nobody who wants to know it.
        ControlPlaneOptions options{.arguments = {"--advertise-address=172.18.0.1", "--permit-port-sharing=true",
                                                  "--shutdown-watch-termination-grace-period=1s",
                                                  "--audit-policy-file=" + (dir / "audit-policy.yaml").string(),
                                                  "--audit-log-path=" + (dir / "audit.log").string()}};
        if (!made) return options;
        const auto& certificates = world->certificates();
        options.ca_file = certificates.certificate("all-cas");
        options.arguments.insert(options.arguments.end(), {"--client-ca-file=" + certificates.certificate("ca"),
                                                           "--tls-cert-file=" + certificates.certificate("apiserver"),
                                                           "--tls-private-key-file=" + certificates.key("apiserver")});
        return options;
    }});
    if (!made) return made.error();
    if (!bed) return bed.error();
    world->node_ = *std::move(bed);
    world->audit_ = AuditLog(world->bed().dir() / "audit.log");
    if (auto identities = world->make_identities(); !identities) return identities.error();
    return world;
}

Result<void> World::make_certificates(const std::filesystem::path& dir) {
    const auto folder = dir / "pki";
    std::filesystem::create_directories(folder);
    auto made = test::Certificates::make(folder);
    if (!made) return made.error();
    certificates_.emplace(*std::move(made));
    write_file(certificates_->certificate("all-cas"),
               read_file(certificates_->certificate("ca")) + read_file(certificates_->certificate("other-ca")));
    return give_server_certificate("ca");
}

Result<void> World::give_server_certificate(const std::string& ca, const std::string& names) {
    return certificates_->issue("apiserver", ca, {"/CN=apiserver", 2, names});
}

/// Service accounts with the roles that weftctl prints, as an operator makes them.
Result<void> World::make_identities() {
    for (const std::string role : {"cluster", "node"}) {
        auto made = api().create(accounts, R"({"metadata": {"name": ")" + account_of(role) + "\"}}");
        if (!made) return made.error();
    }
    const auto unstarted = bed().prepare(options("cluster"));
    auto rules = bed().weftctl(unstarted, {"rbac", "--bind"});
    if (!rules) return rules.error();
    if (rules->status != 0) return broken("weftctl rbac: " + rules->err);
    if (auto applied = apply(rules->out); !applied) return applied;
    // The authorizer learns of roles and bindings by watches of its own.
    for (const auto& [user, attributes] :
         {std::pair(cluster_user, R"("group": "", "resource": "nodes", "verb": "list")"),
          std::pair(cluster_user, R"("group": "coordination.k8s.io", "resource": "leases", "verb": "update",
                                     "namespace": "ovn-kubernetes")"),
          std::pair(node_user, R"("group": "", "resource": "pods", "verb": "list")")}) {
        const std::string review =
            std::string(R"({"spec": {"user": ")") + user + R"(", "resourceAttributes": {)" + attributes + "}}}";
        auto allowed = wait_for("a right of " + std::string(user), [&]() -> Result<void> {
            auto answer = api().create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review);
            if (!answer) return answer.error();
            if (answer->root()["status"]["allowed"].boolean().value_or(false)) return {};
            return waiting(answer->root()["status"].dump());
        });
        if (!allowed) return allowed;
    }
    return {};
}

Result<std::string> World::new_token(const std::string& account) {
    auto answer =
        api().create(std::string(accounts) + "/" + account + "/token", R"({"spec": {"expirationSeconds": 7200}})");
    if (!answer) return answer.error();
    return std::string(answer->root()["status"]["token"].string_or(""));
}

Result<void> World::clean() {
    const KubeClient admin = api();
    for (const std::string path : {pods, "/api/v1/nodes", "/api/v1/namespaces/default/events"}) {
        auto gone = admin.remove(path, R"({"gracePeriodSeconds": 0})");
        if (!gone) return gone;
    }
    auto free = admin.remove("/apis/coordination.k8s.io/v1/namespaces/ovn-kubernetes/leases/ovn-kubernetes-master");
    if (!free) return free;
    for (const std::string role : {"cluster", "node"}) {
        auto token = new_token(account_of(role));
        if (!token) return token.error();
        write_file(token_file(role), *token + "\n");
    }
    for (const char* database : {"nb", "sb"}) {
        node().drop_database(database);
        if (auto started = node().start_database(database); !started) return started;
    }
    return {};
}

WeftdOptions World::options(const std::string& role) {
    const auto& endpoint = plane().endpoint();
    return {.name = role,
            .role = role,
            .config =
                "[clustermgrha]\nelection-lease-duration = 12\nelection-renew-deadline = 8\n"
                "election-retry-period = 1\n",
            .access = "apiserver = " + endpoint.url + "\ncacert = " + endpoint.ca_file +
                      "\ntokenFile = " + token_file(role).string() + "\n",
            // What every pod finds in its environment. Nobody is there as long as nothing serves Services.
            .environment = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}, {"KUBERNETES_SERVICE_PORT", "443"}}};
}

Result<Weftd> World::start(const std::string& role, Environment more) {
    auto how = options(role);
    how.environment.insert(how.environment.end(), more.begin(), more.end());
    return role == "node" ? node().start_weftd(std::move(how)) : bed().start(how);
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

Result<void> World::add_node(const std::string& name, int number, const std::string& spec) {
    const std::string n = std::to_string(number);
    auto made = api().create("/api/v1/nodes", R"({"metadata": {"name": ")" + name + R"("}, "spec": )" + spec +
                                                  R"(, "status": {"addresses": [)"
                                                  R"({"type": "InternalIP", "address": "172.18.0.)" +
                                                  n + R"("}, {"type": "InternalIP", "address": "fc00:f853:ccd:e793::)" +
                                                  n + "\"}]}}");
    return made ? Result<void>() : Result<void>(made.error());
}

std::string pod_json(const std::string& name, const std::string& annotations) {
    return R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": ")" + name +
           R"(", "namespace": "default", "annotations": )" + annotations +
           R"(}, "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}})";
}

Result<void> World::add_pod(const std::string& name, const std::string& annotations) {
    auto made = api().create(pods, pod_json(name, annotations));
    return made ? Result<void>() : Result<void>(made.error());
}

Result<void> World::remove_pod(const std::string& name) {
    return api().remove(std::string(pods) + "/" + name, R"({"gracePeriodSeconds": 0})");
}

Result<void> World::wait_annotated(const std::string& pod) {
    return wait_for("the annotation of " + pod, [&]() -> Result<void> {
        auto object = api().get(std::string(pods) + "/" + pod);
        if (!object) return object.error();
        const auto annotations = object->root()["metadata"]["annotations"];
        if (annotations["k8s.ovn.org/pod-networks"].string_or("").find("\"ip_addresses\"") != std::string::npos) {
            return {};
        }
        return waiting("annotations: " + annotations.dump());
    });
}

Result<std::vector<std::string>> World::port_names() {
    auto found = run_ok({"ovn-nbctl", "--db=unix:" + (bed().dir() / "ovnnb_db.sock").string(), "--bare",
                         "--columns=name", "find", "Logical_Switch_Port", "external_ids:pod=true"});
    if (!found) return found.error();
    std::vector<std::string> names;
    std::istringstream lines(*found);
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty()) names.push_back(line);
    }
    std::ranges::sort(names);
    return names;
}

Result<void> World::wait_ports(std::vector<std::string> wanted) {
    for (auto& name : wanted)
        name = "default_" + name;
    std::ranges::sort(wanted);
    return wait_for("switch ports", [&]() -> Result<void> {
        const auto names = port_names();
        if (!names) return names.error();
        if (*names == wanted) return {};
        std::string list;
        for (const auto& name : *names)
            list += " " + name;
        return waiting("there are" + list);
    });
}

}  // namespace weft::testing
