// weft-demo: what tests/demo runs once everything is built. A cluster of two nodes in network namespaces, with pods
// that talk to each other.
#include "by_kubectl.hpp"
#include "look_around.hpp"
#include "only_one.hpp"
#include "reach.hpp"
#include "steps.hpp"

#include <weft/testing/testbed/cluster.hpp>
#include <weft/testing/testbed/probe.hpp>
#include <weft/testing/testbed/testbed.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>

#include <boost/program_options.hpp>

namespace {

namespace po = boost::program_options;
using namespace weft;
using namespace weft::testing;

struct Options {
    std::string prefix;
    std::string manifests;
    std::string logs;
    int nodes = 2;
    bool kubernetes = false;
    bool keep = false;
    bool down = false;
};

Result<void> take_down(const demo::Steps& steps, const Options& options, const std::string& what) {
    return steps.run("removal of " + what, [&] { return Testbed::sweep(options.prefix); });
}

std::vector<std::string> names_of_nodes(int count) {
    std::vector<std::string> names;
    for (int n = 1; n <= count; ++n)
        names.push_back("n" + std::to_string(n));
    return names;
}

Result<std::unique_ptr<Cluster>> bring_up(const demo::Steps& steps, const Options& options, Testbed& testbed) {
    std::unique_ptr<Cluster> cluster;
    const auto* title = options.kubernetes
                            ? "Kubernetes' control plane, weftd, and OVN, containerd and kubelet on each node"
                            : "API server, weftd, and OVN on each node";
    auto started = steps.run(title, [&]() -> Result<void> {
        auto made = Cluster::start(
            testbed,
            {.nodes = names_of_nodes(options.nodes), .share_api_server = false, .kubelets = options.kubernetes});
        if (!made) return made.error();
        cluster = std::move(*made);
        return {};
    });
    if (!started) return started.error();
    for (const auto& name : cluster->node_names()) {
        auto ready = steps.run("node " + name + " Ready (its CNI configuration is written)",
                               [&] { return cluster->wait_node_ready(name); });
        if (!ready) return ready.error();
    }
    // Now that there is more than one to choose from, for what is left to the scheduler.
    auto applied = steps.run("manifests of " + options.manifests, [&] { return cluster->apply(options.manifests); });
    if (!applied) return applied.error();
    return cluster;
}

Result<std::vector<RunningPod>> wait_for_pods(const demo::Steps& steps, Cluster& cluster) {
    std::vector<RunningPod> pods;
    if (cluster.options().kubelets) {
        auto done = steps.run("all replicas of all Deployments", [&] { return demo::wait_rolled_out(cluster); });
        if (!done) return done.error();
    }
    auto running = steps.run("all pods Running", [&]() -> Result<void> {
        auto all = cluster.wait_all_pods();
        if (!all) return all.error();
        pods = std::move(*all);
        return {};
    });
    if (!running) return running.error();
    return pods;
}

/// Everywhere where somebody is tried to be reached: the pod runner starts those of its pods.
Result<std::vector<Process>> start_echo_servers(Cluster& cluster, const std::vector<RunningPod>& pods) {
    std::vector<Process> servers;
    for (const auto& name : cluster.node_names()) {
        auto server = start_echo_server(cluster.testbed(), cluster.node(name).ovn->netns(), demo::node_echo_port);
        if (!server) return server.error();
        servers.push_back(std::move(*server));
    }
    if (!cluster.options().kubelets) return servers;
    for (const auto& pod : pods) {
        auto server = start_echo_server(cluster.testbed(), pod.netns, demo::pod_echo_port);
        if (!server) return server.error();
        servers.push_back(std::move(*server));
    }
    return servers;
}

/// Whether everybody reached everybody.
Result<bool> try_network(const demo::Steps& steps, Cluster& cluster, const std::vector<RunningPod>& pods) {
    auto servers = start_echo_servers(cluster, pods);
    if (!servers) return servers.error();
    auto paths = demo::all_paths(cluster, pods);
    if (!paths) return paths.error();
    auto outcomes = demo::try_paths(steps, *paths);
    demo::show_pods(steps, pods);
    const bool by_kubectl = !cluster.options().kubelets || demo::show_by_kubectl(steps, cluster, pods);
    const bool all = demo::show_reachability(steps, *paths, outcomes);
    for (auto& server : *servers)
        server.kill();
    return all && by_kubectl;
}

/// What the user needs when it did not work, before everything is removed.
void save_logs(const Options& options, const std::filesystem::path& dir) {
    std::error_code ignored;
    std::filesystem::remove_all(options.logs, ignored);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir, ignored)) {
        const auto& path = entry.path();
        if (path.extension() != ".log" && path.extension() != ".conf") continue;
        const auto to = options.logs / std::filesystem::relative(path, dir, ignored);
        std::filesystem::create_directories(to.parent_path(), ignored);
        std::filesystem::copy_file(path, to, std::filesystem::copy_options::overwrite_existing, ignored);
    }
    std::cout << "logs are in " << options.logs << "/" << std::endl;
}

Result<bool> run_demo(const demo::Steps& steps, const Options& options, Testbed& testbed) {
    auto cluster = bring_up(steps, options, testbed);
    if (!cluster) return cluster.error();
    auto pods = wait_for_pods(steps, **cluster);
    if (!pods) return pods.error();
    auto good = try_network(steps, **cluster, *pods);
    if (good && options.keep) demo::tell_how_to_look_around(steps, **cluster, *pods);
    return good;
}

int tell(const Error& error) {
    std::cerr << error.text() << '\n';
    return 1;
}

int down(const demo::Steps& steps, const Options& options) {
    auto one = demo::OnlyOne::take_over(options.prefix, std::chrono::seconds(10));
    if (!one) return tell(one.error());
    if (Testbed::leftovers(options.prefix).empty()) {
        std::cout << "there is nothing to remove\n";
        return 0;
    }
    const auto gone = take_down(steps, options, "all processes, namespaces and files");
    return gone ? 0 : tell(gone.error());
}

int up(const demo::Steps& steps, const Options& options) {
    auto one = demo::OnlyOne::take(options.prefix);
    if (!one) return tell(one.error());
    if (!*one) {
        const auto pid = demo::OnlyOne::holder(options.prefix);
        return tell(conflict("another demo is running" + (pid ? " (process " + std::to_string(*pid) + ")" : "") +
                             "; wait for its end, or end it with tests/demo --down"));
    }
    if (!Testbed::leftovers(options.prefix).empty()) {
        if (auto gone = take_down(steps, options, "what an earlier run left"); !gone) return tell(gone.error());
    }
    // Kept in any case, so that only one thing removes it: take_down.
    auto testbed = Testbed::create({.prefix = options.prefix, .keep = true});
    if (!testbed) return tell(testbed.error());
    const auto good = run_demo(steps, options, **testbed);
    if (!good) std::cerr << steps.bad(good.error().text()) << '\n';
    const bool success = good && *good;
    if (!success) save_logs(options, (*testbed)->dir());
    if (options.keep) {
        if (!good) std::cout << "what is there stays until tests/demo --down: " << (*testbed)->dir().string() << '\n';
        return success ? 0 : 1;
    }
    const auto gone = take_down(steps, options, "all processes, namespaces and files");
    return success && gone ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    po::options_description all("weft-demo");
    auto add = all.add_options();
    add("help", "this text");
    add("prefix", po::value(&options.prefix)->default_value("weftdemo"), "tells runs apart");
    add("manifests", po::value(&options.manifests)->default_value("tests/demo.d"), "folder of what is applied");
    add("logs", po::value(&options.logs)->default_value("build/demo-logs"), "where logs are copied when it fails");
    add("nodes", po::value(&options.nodes)->default_value(2), "how many nodes");
    add("kubernetes", po::bool_switch(&options.kubernetes),
        "a real Kubernetes of the programs in the folder WEFT_KUBERNETES, with real kubelets");
    add("keep", po::bool_switch(&options.keep), "leave it running");
    add("down", po::bool_switch(&options.down), "remove what is running, also after a crash");
    try {
        po::variables_map values;
        po::store(po::parse_command_line(argc, argv, all), values);
        if (values.contains("help")) {
            std::cout << all;
            return 0;
        }
        po::notify(values);
        if (options.nodes < 1) throw po::error("--nodes: at least one");
        return options.down ? down(demo::Steps(), options) : up(demo::Steps(), options);
    } catch (const std::exception& failure) {
        std::cerr << "weft-demo: " << failure.what() << '\n';
        return 2;
    }
}
