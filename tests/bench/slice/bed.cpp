#include "bed.hpp"

#include "pods.hpp"

#include <weft/testing/testbed/wait.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace weft::bench {

namespace {

constexpr auto* api_address = "127.0.0.1:8080";
constexpr auto* metrics_address = "127.0.0.1:9476";
constexpr int ready_limit_ms = 120'000;

const std::string node_object = std::string(R"({"apiVersion":"v1","kind":"Node","metadata":{"name":")") + node_name +
                                R"("},"status":{"addresses":[{"type":"InternalIP","address":"172.18.0.2"},)" +
                                R"({"type":"Hostname","address":")" + node_name + R"("}]}})";

Result<void> enter(const testing::NetworkNamespace& netns) {
    const int fd = ::open(netns.path().c_str(), O_RDONLY | O_CLOEXEC);
    const bool entered = fd >= 0 && ::setns(fd, CLONE_NEWNET) == 0;
    if (fd >= 0) ::close(fd);
    if (!entered) return invalid("can't enter a network namespace", "run this as root");
    return {};
}

}  // namespace

double sum_of(const MetricsPage& page, std::string_view family, std::string_view label) {
    double sum = 0;
    for (auto at = page.lower_bound(family); at != page.end() && at->first.starts_with(family); ++at) {
        const bool same = at->first.size() == family.size() || at->first[family.size()] == '{';
        if (same && at->first.find(label) != std::string::npos) sum += at->second;
    }
    return sum;
}

double writes_of(const ApiCounts& counts) {
    double sum = 0;
    for (const auto& [what, count] : counts) {
        const bool writes = what.starts_with("create ") || what.starts_with("patch ") || what.starts_with("update ") ||
                            what.starts_with("delete");
        if (writes && what.find(" leases") == std::string::npos) sum += count;
    }
    return sum;
}

Result<std::unique_ptr<Bed>> Bed::make(testing::Testbed& testbed, Options options) {
    std::unique_ptr<Bed> bed(new Bed(testbed, std::move(options)));
    auto netns = testbed.make_namespace("node");
    if (!netns) return netns.error();
    bed->netns_ = *std::move(netns);
    if (auto entered = enter(bed->netns_); !entered) return entered.error();
    if (auto link = bed->netns_.ip_batch(
            "link add ovn-k8s-mp0 type veth peer name cable\nlink set cable up\nlink set ovn-k8s-mp0 up\n");
        !link) {
        return link.error();
    }
    if (auto done = bed->gather_plugins(); !done) return done.error();
    if (auto done = bed->start_databases(); !done) return done.error();
    if (auto done = bed->start_api_server(); !done) return done.error();
    if (auto done = bed->start_cluster(); !done) return done.error();
    if (auto done = bed->listen_for_readiness(); !done) return done.error();
    return bed;
}

/// One folder of them, as a node has it.
Result<void> Bed::gather_plugins() const {
    namespace fs = std::filesystem;
    const auto build = options_.bin_dir.parent_path();
    const auto folder = testbed_.dir() / "plugins";
    std::error_code failed;
    fs::create_directory(folder, failed);
    fs::permissions(folder, fs::perms(0755), failed);
    fs::copy_file(build / "plugins" / "default-network.so", folder / "default-network.so", failed);
    if (!failed && !options_.plugin.empty()) {
        const auto file = options_.plugin + ".so";
        fs::copy_file(build / "bench-plugins" / file, folder / file, failed);
    }
    if (failed) return invalid("can't copy the plugins: " + failed.message(), "build them; tests/bench/run does");
    return {};
}

Bed::~Bed() {
    if (ready_fd_ >= 0) ::close(ready_fd_);
}

Result<std::string> Bed::start_database(const std::string& name, const std::string& schema) {
    const auto file = (testbed_.dir() / (name + ".db")).string();
    const auto socket = (testbed_.dir() / (name + ".sock")).string();
    const auto control = (testbed_.dir() / (name + ".ctl")).string();
    if (auto made = testing::run_ok({"ovsdb-tool", "create", file, schema}); !made) return made.error();
    auto process = testbed_.start({.name = name,
                                   .argv = {"ovsdb-server", file, "--remote=punix:" + socket, "--unixctl=" + control,
                                            "--no-chdir", "-vconsole:off", "-vsyslog:off"},
                                   .netns = netns_.name()});
    if (!process) return process.error();
    (name == "nb" ? nb_ : name == "sb" ? sb_ : name == "db" ? ovs_ : other_nb_) = *std::move(process);
    const std::string remote = "unix:" + socket;
    auto answers = testing::wait_for(name + " that answers", [&]() -> Result<void> {
        auto answer = testing::run_ok({"ovsdb-client", "list-dbs", remote});
        return answer ? Result<void>() : Result<void>(answer.error());
    });
    if (!answers) return answers.error();
    return remote;
}

Result<void> Bed::start_databases() {
    for (const auto& [name, schema, remote] :
         {std::tuple{"nb", "/usr/share/ovn/ovn-nb.ovsschema", &north_},
          std::tuple{"sb", "/usr/share/ovn/ovn-sb.ovsschema", &south_},
          std::tuple{"db", "/usr/share/openvswitch/vswitch.ovsschema", &switch_}}) {
        auto started = start_database(name, schema);
        if (!started) return started.error();
        *remote = *started;
    }
    if (auto done = vsctl(
            {"init", "--", "set", "Open_vSwitch", ".", "external_ids:system-id=bench", "external_ids:hostname=bench"});
        !done) {
        return done;
    }
    return vsctl({"add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_type=netdev", "fail_mode=secure"});
}

Result<std::string> Bed::another_northbound() {
    return start_database("floor-nb-" + std::to_string(++northbounds_), "/usr/share/ovn/ovn-nb.ovsschema");
}

Result<void> Bed::vsctl(testing::Argv arguments) const {
    testing::Argv argv{"ovs-vsctl", "--no-wait", "--timeout=60", "--db=" + switch_};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    auto done = testing::run_ok(argv);
    return done ? Result<void>() : Result<void>(done.error());
}

Result<void> Bed::start_api_server() {
    if (is_kubernetes()) {
        if (auto started = start_kubernetes(); !started) return started;
    } else {
        auto process = testbed_.start(
            {.name = "apiserver",
             .argv = {(options_.bin_dir / "weft-apiserver").string(), "--listen", api_address, "--history", "200000"},
             .netns = netns_.name()});
        if (!process) return process.error();
        api_server_ = *std::move(process);
        api_ = std::make_unique<testing::KubeClient>(testing::ApiEndpoint{.url = std::string("http://") + api_address});
    }
    auto serves = testing::wait_for("API server", [this]() -> Result<void> {
        auto answer = api_->get("/api/v1/namespaces");
        return answer ? Result<void>() : Result<void>(answer.error());
    });
    if (!serves) return serves;
    if (auto made = make_first_objects(); !made) return made;
    client_ = std::make_unique<kube::Client>(access_of(way()));
    client_->start();
    return {};
}

Result<void> Bed::start_kubernetes() {
    // Its watch cache is as long as all that happens here: nobody has to list anew.
    auto plane = testing::ControlPlane::start(
        testbed_,
        {.netns = netns_.name(), .arguments = {"--advertise-address=172.18.0.1", "--default-watch-cache-size=100000"}});
    if (!plane) return plane.error();
    plane_ = *std::move(plane);
    api_ = std::make_unique<testing::KubeClient>(plane_->endpoint());
    return {};
}

std::string Bed::way() const {
    return is_kubernetes() ? plane_->kubeconfig().string() : api_->endpoint().url;
}

kube::Access access_of(const std::string& way) {
    if (way.starts_with("http://")) return {.server = way};
    auto access = kube::access_from_kubeconfig(way);
    if (!access) throw std::runtime_error(access.error().text());
    return *std::move(access);
}

Result<void> Bed::make_first_objects() {
    for (const std::string name : {"ovn-kubernetes", pod_namespace}) {
        auto made = api_->create("/api/v1/namespaces",
                                 R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":")" + name + R"("}})");
        if (!made) return made.error();
    }
    if (auto made = api_->create("/api/v1/nodes", node_object); !made) return made.error();
    // Whether creation keeps the status is the server's choice: set it as the kubelet does.
    const std::string path = std::string("/api/v1/nodes/") + node_name + "/status";
    auto set = api_->merge_patch(path, node_object);
    return set ? Result<void>() : Result<void>(set.error());
}

Result<std::filesystem::path> Bed::write_config(const std::string& role) const {
    const auto path = testbed_.dir() / ("weft-" + role + ".conf");
    std::ofstream out(path);
    out << "[weft]\nrun-dir = " << (testbed_.dir() / role).string()
        << "\nplugin-dir = " << (testbed_.dir() / "plugins").string() << "\n[kubernetes]\n"
        << (is_kubernetes() ? "kubeconfig = " : "apiserver = ") << way()
        << "\nservice-cidrs = 172.30.0.0/16\n[default]\ncluster-subnets = 10.0.0.0/8/18"
        << "\n[plugins]\nenable = default-network" << (options_.plugin.empty() ? "" : "," + options_.plugin) << "\n";
    if (role == "node") {
        out << "[ovspaths]\nrun-dir = " << testbed_.dir().string() << "\n[ovnnorth]\naddress = " << north_
            << "\n[ovnsouth]\naddress = " << south_ << "\n[cni]\nconf-dir = " << (testbed_.dir() / "cni").string()
            << "\n[metrics]\nbind-address = " << metrics_address << "\n";
        if (const char* file = std::getenv("WEFT_BENCH_RECORD")) out << "[debug]\nrecord = " << file << "\n";
    }
    out.flush();
    if (!out) return again("can't write " + path.string());
    return path;
}

Result<void> Bed::start_cluster() {
    auto config = write_config("cluster");
    if (!config) return config.error();
    auto process = testbed_.start(
        {.name = "weftd-cluster",
         .argv = {(options_.bin_dir / "weftd").string(), "--role", "cluster", "--config-file", config->string()},
         .netns = netns_.name()});
    if (!process) return process.error();
    cluster_ = *std::move(process);
    return testing::wait_for("subnet of the node", [this]() -> Result<void> {
        auto node = api_->get(std::string("/api/v1/nodes/") + node_name);
        if (!node) return node.error();
        if (!node->root()["metadata"]["annotations"]["k8s.ovn.org/node-subnets"]) return waiting("there is none yet");
        return {};
    });
}

Result<void> Bed::listen_for_readiness() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = (testbed_.dir() / "notify.sock").string();
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    ready_fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (ready_fd_ < 0 || ::bind(ready_fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return again("can't listen at " + path);
    }
    return {};
}

Result<TimePoint> Bed::wait_ready() {
    std::array<char, 4096> message{};
    while (true) {
        pollfd fd{ready_fd_, POLLIN, 0};
        if (::poll(&fd, 1, ready_limit_ms) <= 0) return again("weftd does not get ready; see its log");
        const auto now = SteadyClock::now();
        const auto size = ::recv(ready_fd_, message.data(), message.size(), 0);
        if (size <= 0) continue;
        if (std::string_view(message.data(), static_cast<std::size_t>(size)).find("READY=1") != std::string_view::npos)
            return now;
    }
}

Result<TimePoint> Bed::start_weftd() {
    auto config = write_config("node");
    if (!config) return config.error();
    started_at_ = SteadyClock::now();
    auto process = testbed_.start({.name = "weftd",
                                   .argv = {(options_.bin_dir / "weftd").string(), "--role", "node", "--node",
                                            node_name, "--config-file", config->string()},
                                   .netns = netns_.name(),
                                   .environment = {{"NOTIFY_SOCKET", (testbed_.dir() / "notify.sock").string()}}});
    if (!process) return process.error();
    weftd_ = *std::move(process);
    if (!bound_) {
        if (auto done = bind_management_port(); !done) return done.error();
        bound_ = true;
    }
    return wait_ready();
}

/// What ovs-vswitchd and ovn-controller would do.
Result<void> Bed::bind_management_port() {
    if (auto there = vsctl({"wait-until", "Interface", "ovn-k8s-mp0", "name=ovn-k8s-mp0"}); !there) return there;
    return vsctl({"set", "Interface", "ovn-k8s-mp0", "external_ids:ovn-installed=true", "ofport=1"});
}

Result<void> Bed::stop_weftd() {
    return weftd_.stop();
}

Result<MetricsPage> Bed::metrics() const {
    const testing::KubeClient page({.url = std::string("http://") + metrics_address});
    auto reply = page.send("GET", "/metrics");
    if (!reply) return reply.error();
    return parse_metrics(reply->body);
}

MetricsPage parse_metrics(const std::string& text) {
    MetricsPage out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto space = line.rfind(' ');
        if (line.starts_with('#') || space == std::string::npos) continue;
        out[line.substr(0, space)] = std::strtod(line.c_str() + space + 1, nullptr);
    }
    return out;
}

/// "patch pods/status", from what kube-apiserver counts of the resources that matter here. A watch counts as long as it
/// lasts.
Result<ApiCounts> Bed::kubernetes_counts() const {
    auto reply = api_->send("GET", "/metrics");
    if (!reply) return reply.error();
    if (!reply->ok()) return again("kube-apiserver's metrics: " + reply->body);
    const auto label = [](const std::string& sample, const std::string& name) -> std::string {
        const auto at = sample.find(name + "=\"");
        if (at == std::string::npos) return {};
        const auto begin = at + name.size() + 2;
        return sample.substr(begin, sample.find('"', begin) - begin);
    };
    ApiCounts out;
    const auto page = parse_metrics(reply->body);
    for (const auto& [sample, count] : page) {
        const bool watch = sample.starts_with("apiserver_longrunning_requests{");
        if (!watch && !sample.starts_with("apiserver_request_total{")) continue;
        const auto resource = label(sample, "resource");
        if (resource != "pods" && resource != "nodes" && resource != "events") continue;
        auto verb = label(sample, ",verb");
        if ((verb == "WATCH") != watch) continue;
        std::ranges::transform(verb, verb.begin(), [](unsigned char x) { return static_cast<char>(std::tolower(x)); });
        if (verb == "post") verb = "create";
        if (verb == "put") verb = "update";
        const auto part = label(sample, "subresource");
        out[verb + " " + resource + (part.empty() ? "" : "/" + part)] += count;
    }
    return out;
}

double Bed::server_cpu_seconds() const {
    if (!is_kubernetes()) return cpu_seconds(api_server_.pid());
    return cpu_seconds(plane_->api_server().pid()) + cpu_seconds(plane_->etcd().pid());
}

Result<void> Bed::prepare_pods(std::size_t count) {
    if (!is_kubernetes()) {
        if (auto done = stall_watches(); !done) return done;
        const auto failed = create_pods(*client_, count);
        return failed == 0 ? Result<void>() : Result<void>(again("pods could not be created"));
    }
    prepared_.clear();
    for (std::size_t i = 0; i < count; ++i) {
        const auto name = pod_name(i);
        prepared_.push_back({std::string("/registry/pods/") + pod_namespace + "/" + name, stored_pod_json(name)});
    }
    return {};
}

Result<void> Bed::release_pods() {
    return is_kubernetes() ? plane_->store(prepared_, 1) : heal();
}

Result<ApiCounts> Bed::api_counts() const {
    if (is_kubernetes()) return kubernetes_counts();
    auto stats = api_->get("/_stats");
    if (!stats) return stats.error();
    ApiCounts out;
    stats->root()["requests"].members([&](std::string_view what, JsonView count) {
        out[std::string(what)] = count["requests"].number().value_or(0);
    });
    return out;
}

Result<void> Bed::post_fault(const std::string& json) const {
    auto reply = api_->send("POST", "/_faults", json);
    if (!reply) return reply.error();
    if (!reply->ok()) return invalid("fault refused: " + reply->body);
    return {};
}

Result<void> Bed::stall_watches() const {
    return post_fault(R"({"kind":"stall","method":"WATCH","path":"/api/v1/pods"})");
}

Result<void> Bed::delay_patches(std::chrono::milliseconds delay) const {
    return post_fault(R"({"kind":"delay","method":"PATCH","path":"/api/v1/namespaces","delayMs":)" +
                      std::to_string(delay.count()) + "}");
}

Result<void> Bed::heal() const {
    auto reply = api_->send("DELETE", "/_faults");
    return reply ? Result<void>() : Result<void>(reply.error());
}

Result<void> Bed::delete_all_pods() const {
    if (is_kubernetes()) {
        for (const auto& pod : prepared_) {
            if (auto gone = plane_->remove_stored(pod.key); !gone) return gone;
        }
        return {};
    }
    auto reply = api_->send("DELETE", std::string("/api/v1/namespaces/") + pod_namespace + "/pods",
                            R"({"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0})");
    if (!reply) return reply.error();
    if (!reply->ok()) return invalid("pods can't be deleted: " + reply->body);
    return {};
}

}  // namespace weft::bench
