#include "accounts.hpp"
#include "api_machine.hpp"
#include "container_leftovers.hpp"
#include "pods/sandbox.hpp"
#include "process_table.hpp"

#include <weft/testing/testbed/cluster.hpp>
#include <weft/testing/testbed/manifests.hpp>
#include <weft/testing/testbed/probe.hpp>
#include <weft/testing/testbed/process.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>

namespace weft::testing {

namespace {

constexpr int api_port = 8080;

/// What whoever installs weft makes: the namespace of the leader's Lease.
constexpr auto* installed_objects = "{apiVersion: v1, kind: Namespace, metadata: {name: ovn-kubernetes}}";

/// What `environment` means here. Throws when WEFT_NEED_KUBERNETES is set and there is none.
Result<ApiServerKind> kind_of_environment() {
    const char* wanted = std::getenv("WEFT_E2E_SERVER");
    const std::string_view text = wanted == nullptr ? "" : wanted;
    if (text == "embedded") return ApiServerKind::embedded;
    if (text == "kubernetes") return ApiServerKind::kubernetes;
    if (!text.empty()) return invalid("WEFT_E2E_SERVER is " + std::string(text) + ": embedded or kubernetes?");
    if (std::getenv("WEFT_KUBERNETES") == nullptr) return ApiServerKind::embedded;
    const auto missing = ControlPlane::missing();
    if (!missing) return ApiServerKind::kubernetes;
    std::cout << "on the embedded API server: " << *missing << std::endl;
    return ApiServerKind::embedded;
}

/// Until the API server knows the new kinds.
Result<void> wait_established(const KubeClient& api, const std::vector<Manifest>& manifests) {
    for (const auto& manifest : manifests) {
        if (manifest.kind != "CustomResourceDefinition") continue;
        auto done = wait_for("Established condition of " + manifest.name, [&]() -> Result<void> {
            auto object = api.get(manifest.path());
            if (!object) return object.error();
            bool established = false;
            object->root()["status"]["conditions"].each([&](JsonView one) {
                established |= one["type"].string_or("") == "Established" && one["status"].string_or("") == "True";
            });
            return established ? Result<void>() : Result<void>(waiting("it is not"));
        });
        if (!done) return done;
    }
    return {};
}

/// The value itself, or the defaults of the families in use.
std::string or_default(const std::string& value, bool v4, bool v6, const std::string& v4_default,
                       const std::string& v6_default) {
    if (!value.empty()) return value;
    if (v4 && v6) return v4_default + "," + v6_default;
    return v4 ? v4_default : v6_default;
}

Result<void> write_file(const std::filesystem::path& path, const std::string& text) {
    std::error_code failed;
    std::filesystem::create_directories(path.parent_path(), failed);
    std::ofstream out(path, std::ios::binary);
    out << text << std::flush;
    if (!out) return again("can't write " + path.string());
    return {};
}

std::filesystem::path cni_bin_dir(const ClusterNode& node) {
    return node.ovn->dir() / "cni" / "bin";
}

/// Pods go down with their machine: no CNI DEL, nobody to write a status.
Result<void> remove_pods(const std::filesystem::path& state_dir) {
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(state_dir, missing)) {
        if (entry.path().extension() != ".json") continue;
        const auto sandbox = Sandbox::load(entry.path());
        if (!sandbox) return sandbox.error();
        const auto mark = pod_mark(state_dir, sandbox->pod_uid);
        if (auto killed = kill_processes_with(mark.first, mark.second, patience); !killed) return killed;
        if (sandbox->netns.empty()) continue;
        if (auto gone = NetworkNamespace::remove(sandbox->netns); !gone) return gone;
    }
    return {};
}

}  // namespace

std::optional<Ip> RunningPod::address(Family family) const {
    for (const auto& address : addresses) {
        if (address.family() == family) return address;
    }
    return std::nullopt;
}

Cluster::Cluster(Testbed& testbed, ClusterOptions options) : testbed_(testbed), options_(std::move(options)) {
    std::error_code ignored;
    const char* given = std::getenv("WEFT_BIN_DIR");
    if (options_.bin_dir.empty() && given != nullptr) options_.bin_dir = given;
    if (options_.bin_dir.empty())
        options_.bin_dir = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    if (options_.plugin_dir.empty()) {
        options_.plugin_dir = options_.bin_dir.parent_path() / "plugins";
        const auto installed = program("weft/plugins");
        if (!std::filesystem::exists(options_.plugin_dir, ignored)) options_.plugin_dir = installed;
    }
    const bool v4 = options_.ipv4;
    const bool v6 = options_.ipv6;
    options_.cluster_subnets = or_default(options_.cluster_subnets, v4, v6, "10.244.0.0/16/24", "fd00:10:244::/48/64");
    options_.service_cidrs = or_default(options_.service_cidrs, v4, v6, "10.96.0.0/16", "fd00:10:96::/112");
}

Cluster::~Cluster() = default;

/// Beside the others, or where an installation puts it.
std::filesystem::path Cluster::program(const std::string& name) const {
    std::error_code ignored;
    const auto prefix = options_.bin_dir.parent_path();
    std::vector<std::filesystem::path> places{options_.bin_dir / name, prefix / "sbin" / name, prefix / "lib" / name};
    if (name == "weft-cni") places.push_back(prefix / "libexec" / "cni" / "ovn-k8s-cni-overlay");
    for (const auto& entry : std::filesystem::directory_iterator(prefix / "lib", ignored)) {
        if (entry.path().filename().string().ends_with("-linux-gnu")) places.push_back(entry.path() / name);
    }
    for (const auto& place : places) {
        if (std::filesystem::exists(place, ignored)) return place;
    }
    return places.front();
}

/// One folder with all plugins: weftd reads one.
Result<void> Cluster::collect_plugins() {
    if (options_.more_plugins.empty()) return {};
    const auto folder = testbed_.dir() / "plugins";
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    std::vector<std::filesystem::path> files = options_.more_plugins;
    for (const auto& entry : std::filesystem::directory_iterator(options_.plugin_dir, failed)) {
        if (entry.path().extension() == ".so") files.push_back(entry.path());
    }
    for (const auto& file : files) {
        std::filesystem::copy_file(file, folder / file.filename(), std::filesystem::copy_options::skip_existing,
                                   failed);
        if (failed) return again("can't copy " + file.string() + " to " + folder.string() + ": " + failed.message());
    }
    options_.plugin_dir = folder;
    return {};
}

void Cluster::tell(const std::string& what) const {
    if (options_.progress) options_.progress(what);
}

Result<std::unique_ptr<Cluster>> Cluster::start(Testbed& testbed, ClusterOptions options) {
    std::unique_ptr<Cluster> cluster(new Cluster(testbed, std::move(options)));
    auto underlay = Underlay::create(testbed);
    if (!underlay) return underlay.error();
    cluster->underlay_ = std::move(*underlay);
    if (auto collected = cluster->collect_plugins(); !collected) return collected.error();
    if (auto started = cluster->start_api_server(); !started) return started.error();
    for (const auto& manifest : cluster->options_.manifests) {
        if (auto applied = cluster->apply(manifest); !applied) return applied.error();
    }
    if (auto made = cluster->make_accounts(); !made) return made.error();
    if (cluster->options_.start_weftd) {
        if (auto started = cluster->start_cluster_weftd(); !started) return started.error();
    }
    for (const auto& name : cluster->options_.nodes) {
        if (auto joined = cluster->add_node(name); !joined) return joined.error();
    }
    return cluster;
}

Result<void> Cluster::start_api_server() {
    tell(options_.kubelets ? "Kubernetes' control plane" : "API server");
    if (options_.kubelets) {
        options_.api_server_kind = ApiServerKind::kubernetes;
    } else if (options_.api_server_kind == ApiServerKind::environment) {
        auto kind = kind_of_environment();
        if (!kind) return kind.error();
        options_.api_server_kind = *kind;
    }
    Result<ApiEndpoint> endpoint = ApiEndpoint{};
    if (options_.api_server) {
        auto url = options_.api_server(underlay_);
        if (!url) return url.error();
        endpoint->url = *url;
    } else {
        endpoint = options_.api_server_kind == ApiServerKind::kubernetes ? start_kubernetes() : start_embedded();
    }
    if (!endpoint) return endpoint.error();
    endpoint->netns = underlay_.netns().name();
    api_ = std::make_unique<KubeClient>(*std::move(endpoint));
    if (auto serves = wait_api_server(); !serves) return serves;
    return apply_text(installed_objects);
}

Result<ApiEndpoint> Cluster::start_embedded() {
    const auto listen = underlay_.gateway(Family::v4).text() + ":" + std::to_string(api_port);
    auto server =
        testbed_.start({.name = "apiserver",
                        .argv = {program("weft-apiserver").string(), "--listen", listen, "--kubeconfig",
                                 kubeconfig().string(), "--state", (testbed_.dir() / "apiserver.state").string()},
                        .netns = underlay_.netns().name()});
    if (!server) return server.error();
    api_server_ = std::move(*server);
    return ApiEndpoint{.url = "http://" + listen};
}

Result<ApiEndpoint> Cluster::start_kubernetes() {
    const bool own = options_.kubelets || !options_.share_api_server;
    auto machine = own ? ApiMachine::start(testbed_, {.controllers = options_.kubelets, .scheduler = options_.kubelets})
                       : ApiMachine::borrow();
    if (!machine) return machine.error();
    machine_ = *std::move(machine);
    if (auto plugged = machine_->plug_into(underlay_); !plugged) return plugged.error();
    return machine_->plane().endpoint();
}

ControlPlane& Cluster::control_plane() {
    return machine_->plane();
}

Process& Cluster::api_server() {
    return machine_ ? machine_->plane().api_server() : api_server_;
}

const std::string& Cluster::api_netns() const {
    return machine_ ? machine_->netns().name() : underlay_.netns().name();
}

Ip Cluster::api_address() const {
    return machine_ ? underlay_.server_address(Family::v4).ip() : underlay_.gateway(Family::v4);
}

std::filesystem::path Cluster::kubeconfig() const {
    return machine_ ? machine_->plane().kubeconfig() : testbed_.dir() / "kubeconfig";
}

Result<void> Cluster::wait_api_server() {
    return wait_for("API server at " + api_url(), [this]() -> Result<void> {
        if (!options_.api_server && !api_server().running()) return broken("it ended; see its log");
        if (auto answer = api_->get("/api/v1/namespaces/default"); !answer) return answer.error();
        return {};
    });
}

Result<void> Cluster::forget_history() {
    if (machine_) {
        auto done = machine_->plane().compact();
        return done ? machine_->plane().restart() : done;
    }
    for (const auto* action : {"drop-connections", "compact"}) {
        auto reply = api_->send("POST", "/_faults", R"({"action":")" + std::string(action) + R"("})");
        if (!reply) return reply.error();
        if (!reply->ok()) return broken(reply->body);
    }
    return {};
}

std::string Cluster::config_text(const ClusterNode* node, const std::filesystem::path& run_dir) const {
    const auto& api = api_->endpoint();
    auto access = api.ca_file.empty() ? std::string() : "\ncacert = " + api.ca_file;
    if (accounts_) {
        access += "\ntokenFile = " + accounts_->token_file(node == nullptr ? "cluster" : "node").string();
    } else if (!api.token.empty()) {
        access += "\ntoken = " + api.token;
    }
    std::string text = "[weft]\nrun-dir = " + run_dir.string() + "\nplugin-dir = " + options_.plugin_dir.string() +
                       "\n\n[kubernetes]\napiserver = " + api_url() + "\nservice-cidrs = " + options_.service_cidrs +
                       access + "\n\n[default]\ncluster-subnets = " + options_.cluster_subnets +
                       "\n\n[plugins]\nenable = " + options_.plugins + "\n";
    if (node != nullptr) {
        text += "\n[ovspaths]\nrun-dir = " + node->ovn->ovs_dir().string() +
                "\n\n[ovnnorth]\nrun-dir = " + node->ovn->ovn_dir().string() +
                "\n\n[ovnsouth]\nrun-dir = " + node->ovn->ovn_dir().string() +
                "\n\n[cni]\nconf-dir = " + node->cni_conf_dir.string() + "\n";
    }
    return text + "\n" + options_.extra_config;
}

/// As an operator makes them: from what weftctl prints for this configuration.
Result<void> Cluster::make_accounts() {
    if (!machine_ || !options_.start_weftd) return {};
    std::error_code none;
    audited_ = std::filesystem::file_size(machine_->audit_log(), none);
    if (none) audited_ = 0;
    if (auto written = write_file(cluster_config_file(), config_text(nullptr, testbed_.dir() / "cluster")); !written)
        return written;
    auto rules = run_ok({program("weftctl").string(), "--config-file", cluster_config_file().string(), "--role",
                         "cluster", "rbac", "--bind"});
    if (!rules) return rules.error();
    if (auto applied = apply_text(*rules); !applied) return applied;
    auto made = Accounts::make(*api_, testbed_.dir() / "accounts");
    if (!made) return made.error();
    accounts_ = std::make_unique<Accounts>(*std::move(made));
    return {};
}

Result<std::vector<std::string>> Cluster::missing_rights() const {
    if (!accounts_) return std::vector<std::string>();
    return Accounts::lacks(*api_, machine_->audit_log(), audited_);
}

Result<void> Cluster::start_cluster_weftd() {
    tell("weftd --role cluster");
    if (auto written = write_file(cluster_config_file(), config_text(nullptr, testbed_.dir() / "cluster")); !written) {
        return written;
    }
    auto process = testbed_.start(
        {.name = "weftd-cluster",
         .argv = {program("weftd").string(), "--role", "cluster", "--config-file", cluster_config_file().string()},
         .netns = underlay_.netns().name()});
    if (!process) return process.error();
    weftd_cluster_ = std::move(*process);
    return {};
}

std::vector<std::string> Cluster::node_names() const {
    std::vector<std::string> names;
    for (const auto& [name, node] : nodes_)
        names.push_back(name);
    return names;
}

Result<void> Cluster::add_node(const std::string& name) {
    tell("node " + name);
    ClusterNode node;
    auto ovn =
        OvnNode::start(testbed_, underlay_, {.name = name, .number = joined_++, .restart_switch = options_.kubelets});
    if (!ovn) return ovn.error();
    node.ovn = std::move(*ovn);
    node.cni_conf_dir = node.ovn->dir() / "cni" / "conf";
    node.pod_state_dir = node.ovn->dir() / "pods";
    node.config_file = node.ovn->dir() / "weft.conf";
    if (auto installed = install_cni(node); !installed) return installed;
    auto runs_pods = options_.kubelets ? start_kubelet(name, node) : start_pod_runner(name, node);
    if (!runs_pods) return runs_pods;
    if (options_.start_weftd) {
        if (auto started = start_weftd(name, node); !started) return started;
    }
    nodes_.insert_or_assign(name, std::move(node));
    return {};
}

Result<void> Cluster::start_weftd(const std::string& name, ClusterNode& node) {
    if (auto written = write_file(node.config_file, config_text(&node, node.ovn->dir() / "weft")); !written)
        return written;
    auto process = testbed_.start({.name = "weftd-" + name,
                                   .argv = {program("weftd").string(), "--role", "node", "--node", name,
                                            "--config-file", node.config_file.string()},
                                   .netns = node.ovn->netns().name()});
    if (!process) return process.error();
    node.weftd = std::move(*process);
    return {};
}

/// The plugin under the name that the configuration file asks for, as an installation has it.
Result<void> Cluster::install_cni(const ClusterNode& node) const {
    const auto plugins = cni_bin_dir(node);
    std::error_code failed;
    for (const auto& folder : {plugins, node.cni_conf_dir}) {
        std::filesystem::create_directories(folder, failed);
        if (failed) return again("can't make " + folder.string() + ": " + failed.message());
    }
    if (const auto shim = program("weft-cni"); std::filesystem::exists(shim, failed)) {
        std::filesystem::copy_file(shim, plugins / "ovn-k8s-cni-overlay", failed);
        if (failed) return again("can't install the CNI plugin: " + failed.message());
    }
    return {};
}

std::vector<Ip> Cluster::addresses_of(const ClusterNode& node) const {
    std::vector<Ip> addresses;
    for (const auto family : {Family::v4, Family::v6}) {
        if (family == Family::v4 ? options_.ipv4 : options_.ipv6) addresses.push_back(node.ovn->address(family).ip());
    }
    return addresses;
}

Result<void> Cluster::start_kubelet(const std::string& name, ClusterNode& node) {
    tell("kubelet of " + name);
    auto kubelet = Kubelet::start(testbed_, {.node = name,
                                             .netns = node.ovn->netns().name(),
                                             .addresses = addresses_of(node),
                                             .dir = node.ovn->dir() / kubelet_folder,
                                             .kubeconfig = kubeconfig(),
                                             .cni_bin_dir = cni_bin_dir(node),
                                             .cni_conf_dir = node.cni_conf_dir,
                                             .images = options_.images});
    if (!kubelet) return kubelet.error();
    node.kubelet = *std::move(kubelet);
    return {};
}

Result<void> Cluster::start_pod_runner(const std::string& name, ClusterNode& node) {
    std::vector<std::string> argv{program("weft-podrunner").string(),
                                  "--node",
                                  name,
                                  "--api",
                                  api_url(),
                                  "--state-dir",
                                  node.pod_state_dir.string(),
                                  "--cni-conf-dir",
                                  node.cni_conf_dir.string(),
                                  "--cni-bin-dir",
                                  cni_bin_dir(node).string(),
                                  "--netns-prefix",
                                  testbed_.netns_name("")};
    if (const auto& ca = api_->endpoint().ca_file; !ca.empty()) argv.insert(argv.end(), {"--ca-file", ca});
    if (const auto& token = api_->endpoint().token; !token.empty()) argv.insert(argv.end(), {"--token", token});
    for (const auto& address : addresses_of(node))
        argv.insert(argv.end(), {"--address", address.text()});
    auto process =
        testbed_.start({.name = "podrunner-" + name, .argv = std::move(argv), .netns = node.ovn->netns().name()});
    if (!process) return process.error();
    node.pod_runner = std::move(*process);
    return {};
}

Result<void> Cluster::remove_node(const std::string& name) {
    const auto node = nodes_.find(name);
    if (node == nodes_.end()) return invalid("there is no node " + name);
    const auto dir = node->second.ovn->dir();
    const auto pods = node->second.pod_state_dir;
    nodes_.erase(node);
    if (auto gone = remove_pods(pods); !gone) return gone;
    std::error_code failed;
    std::filesystem::remove_all(dir, failed);  // a node of the same name begins with nothing
    if (failed) return again("can't remove " + dir.string() + ": " + failed.message());
    return api_->remove("/api/v1/nodes/" + name);
}

Result<void> Cluster::apply(const std::filesystem::path& path) {
    auto manifests = read_manifests(path);
    if (!manifests) return manifests.error();
    for (const auto& manifest : *manifests) {
        tell(manifest.kind + " " + manifest.name);
        if (auto applied = testing::apply(*api_, manifest); !applied) return applied;
    }
    return wait_established(*api_, *manifests);
}

Result<void> Cluster::apply_text(const std::string& yaml) {
    auto manifests = parse_manifests(yaml);
    if (!manifests) return manifests.error();
    for (const auto& manifest : *manifests) {
        if (auto applied = testing::apply(*api_, manifest); !applied) return applied;
    }
    return wait_established(*api_, *manifests);
}

Result<void> Cluster::wait_node_ready(const std::string& name) {
    return wait_for("Ready condition of node " + name, [&]() -> Result<void> {
        auto node = api_->get("/api/v1/nodes/" + name);
        if (!node) return node.error();
        std::string status, message;
        node->root()["status"]["conditions"].each([&](JsonView one) {
            if (one["type"].string_or("") != "Ready") return;
            status = one["status"].string_or("");
            message = one["message"].string_or("");
        });
        if (status != "True") return waiting(message.empty() ? "it has no Ready condition" : message);
        return {};
    });
}

Result<RunningPod> Cluster::running_pod(JsonView view) const {
    RunningPod pod{.pod_namespace = std::string(view["metadata"]["namespace"].string_or("")),
                   .name = std::string(view["metadata"]["name"].string_or("")),
                   .node = std::string(view["spec"]["nodeName"].string_or(""))};
    const auto phase = view["status"]["phase"].string_or("");
    const auto title = pod.pod_namespace + "/" + pod.name;
    if (phase != "Running") return waiting(title + " is " + std::string(phase.empty() ? "new" : phase));
    view["status"]["podIPs"].each([&](JsonView one) {
        if (auto address = Ip::parse(one["ip"].string_or(""))) pod.addresses.push_back(*address);
    });
    const auto node = nodes_.find(pod.node);
    if (node == nodes_.end()) return waiting(title + " is on node \"" + pod.node + "\", which isn't here");
    if (view["spec"]["hostNetwork"].boolean().value_or(false)) {
        pod.netns = NetworkNamespace::adopt(node->second.ovn->netns().name(), true);
        return pod;
    }
    if (node->second.kubelet) {
        auto netns = node->second.kubelet->netns_of_pod(std::string(view["metadata"]["uid"].string_or("")));
        if (!netns) return netns.error();
        pod.netns = std::move(*netns);
        return pod;
    }
    auto sandbox =
        Sandbox::load(Sandbox::file_of(node->second.pod_state_dir, std::string(view["metadata"]["uid"].string_or(""))));
    if (!sandbox) return sandbox.error();
    pod.netns = NetworkNamespace::adopt(sandbox->netns, true);
    return pod;
}

Result<RunningPod> Cluster::wait_pod(const std::string& pod_namespace, const std::string& name) {
    Result<RunningPod> pod = waiting("not asked yet");
    auto runs = wait_for("running pod " + pod_namespace + "/" + name, [&]() -> Result<void> {
        auto object = api_->get("/api/v1/namespaces/" + pod_namespace + "/pods/" + name);
        if (!object) return object.error();
        pod = running_pod(object->root());
        if (!pod) return pod.error();
        return {};
    });
    if (!runs) return runs.error();
    return pod;
}

Result<void> Cluster::wait_pod_gone(const std::string& pod_namespace, const std::string& name) {
    return wait_for("end of pod " + pod_namespace + "/" + name, [&]() -> Result<void> {
        auto reply = api_->send("GET", "/api/v1/namespaces/" + pod_namespace + "/pods/" + name);
        if (!reply) return reply.error();
        if (reply->status != 404) return waiting("it is still there");
        return {};
    });
}

Result<std::vector<RunningPod>> Cluster::wait_all_pods() {
    std::vector<RunningPod> pods;
    auto run = wait_for("running state of all pods", [&]() -> Result<void> {
        auto list = api_->get("/api/v1/pods");
        if (!list) return list.error();
        pods.clear();
        Result<void> all;
        list->root()["items"].each([&](JsonView item) {
            auto pod = running_pod(item);
            if (pod) pods.push_back(std::move(*pod));
            if (!pod && all) all = pod.error();
        });
        return all;
    });
    if (!run) return run.error();
    return pods;
}

}  // namespace weft::testing
