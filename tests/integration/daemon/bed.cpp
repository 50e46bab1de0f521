#include "bed.hpp"

#include "services/admin_client.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace weft::testing {

std::string read_file(const std::filesystem::path& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
}

void write_file(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

std::string program_path(const char* variable) {
    const char* path = std::getenv(variable);
    if (!path) throw std::runtime_error(std::string(variable) + " is not set: run this with ctest");
    return path;
}

Result<JsonDocument> Weftd::call(std::string_view name, std::string_view args) const {
    return services::admin_call(socket(), name, args);
}

Result<void> Weftd::wait_log(const std::string& text) const {
    return wait_for("\"" + text + "\" in the log", [&]() -> Result<void> {
        if (log().find(text) != std::string::npos) return {};
        return waiting("the log is:\n" + log());
    });
}

Result<void> Weftd::wait_status(const std::string& what, const std::function<bool(JsonView)>& holds) const {
    return wait_for(what, [&]() -> Result<void> {
        const auto answer = call("status");
        if (!answer) return waiting(answer.error().text() + "; the log is:\n" + log());
        const auto status = answer->root()["result"];
        if (holds(status)) return {};
        return waiting("status is " + status.dump());
    });
}

Result<std::unique_ptr<Bed>> Bed::make(const BedOptions& options) {
    auto bed = std::make_unique<Bed>();
    auto testbed = Testbed::create();
    if (!testbed) return testbed.error();
    bed->testbed_ = *std::move(testbed);
    bed->namespaced_ = options.namespaced;
    if (options.namespaced) {
        auto netns = bed->testbed_->make_namespace("bed");
        if (!netns) return netns.error();
        bed->netns_ = *std::move(netns);
    }
    if (options.kubernetes) {
        auto wanted = options.kubernetes(bed->dir());
        wanted.netns = bed->netns();
        auto plane = ControlPlane::start(*bed->testbed_, std::move(wanted));
        if (!plane) return plane.error();
        bed->plane_ = *std::move(plane);
        auto made = KubeClient(bed->plane_->endpoint())
                        .create("/api/v1/namespaces", R"({"metadata": {"name": "ovn-kubernetes"}})");
        if (!made) return made.error();
        return bed;
    }
    const auto start = [&]() -> Result<void> {
        auto api = ApiServer::start();
        if (!api) return api.error();
        bed->api_ = *std::move(api);
        return bed->api_->apply_yaml("{apiVersion: v1, kind: Namespace, metadata: {name: ovn-kubernetes}}");
    };
    auto started = options.namespaced ? bed->netns_.inside(start) : start();
    if (!started) return started.error();
    return bed;
}

Bed::~Bed() {
    api_.reset();
    plane_.reset();
}

std::string Bed::config_text(const WeftdOptions& options) const {
    const auto access = [&]() -> std::string {
        if (!options.access.empty()) return options.access;
        if (!options.api_url.empty()) return "apiserver = " + options.api_url + "\n";
        if (!plane_) return "apiserver = " + api_->url() + "\n";
        const auto& endpoint = plane_->endpoint();
        return "apiserver = " + endpoint.url + "\ncacert = " + endpoint.ca_file + "\ntoken = " + endpoint.token + "\n";
    };
    return "[weft]\nrun-dir = " + (dir() / options.name).string() + "\nplugin-dir = " + program_path("WEFT_PLUGINS") +
           "\nleader-identity = " + options.name + "\n[kubernetes]\n" + access() +
           "service-cidrs = 10.96.0.0/16,fd00:10:96::/112\n[default]\ncluster-subnets = " + options.cluster_subnets +
           "\n[plugins]\nenable = " + options.plugins + "\n" + options.config;
}

Weftd Bed::prepare(const WeftdOptions& options) const {
    Weftd weftd;
    weftd.role = options.role;
    weftd.dir = dir() / options.name;
    weftd.config_file = weftd.dir / "weft.conf";
    write_file(weftd.config_file, config_text(options));
    return weftd;
}

Result<Weftd> Bed::start(const WeftdOptions& options) {
    Weftd weftd = prepare(options);
    std::vector<std::string> argv{program_path("WEFTD"), "--role", options.role, "--config-file",
                                  weftd.config_file.string()};
    if (options.role == "node") argv.insert(argv.end(), {"--node", "n1"});
    auto process = testbed_->start({.name = options.name,
                                    .argv = std::move(argv),
                                    .netns = netns(),
                                    .environment = options.environment,
                                    .log = weftd.dir / "log"});
    if (!process) return process.error();
    weftd.process = *std::move(process);
    return weftd;
}

Result<Output> Bed::weftctl(const Weftd& weftd, std::vector<std::string> arguments, Environment environment) {
    arguments.insert(arguments.begin(),
                     {program_path("WEFTCTL"), "--config-file", weftd.config_file.string(), "--role", weftd.role});
    return run(arguments, {.netns = netns(), .environment = std::move(environment)});
}

Result<KubeClient::Reply> Bed::get(const std::string& address, const std::string& path) const {
    return KubeClient(ApiEndpoint{.url = "http://" + address, .netns = netns()}).send("GET", path);
}

std::string node_yaml(const std::string& name, int number) {
    const std::string n = std::to_string(number);
    return "{apiVersion: v1, kind: Node, metadata: {name: " + name +
           "}, status: {addresses: [{type: InternalIP, address: 172.18.0." + n +
           "}, {type: InternalIP, address: \"fc00:f853:ccd:e793::" + n + "\"}]}}\n";
}

}  // namespace weft::testing
