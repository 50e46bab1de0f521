#include "cases.hpp"
#include "distribution.hpp"

#include <weft/testing/testbed/cluster.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <array>
#include <fstream>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::bench {

namespace {

constexpr int shim_runs = 300;
/// From the start of the program to its end; negative when it failed.
double run_once(const std::string& program, const std::string& input, const std::array<const char*, 4>& environment) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    std::array<char*, 2> argv{const_cast<char*>(program.c_str()), nullptr};
    pid_t pid = 0;
    const TimePoint began = SteadyClock::now();
    const int failed = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(),
                                     const_cast<char* const*>(environment.data()));
    int status = 0;
    if (failed == 0) ::waitpid(pid, &status, 0);
    const double took = seconds_since(began);
    posix_spawn_file_actions_destroy(&actions);
    return failed == 0 && status == 0 ? took : -1;
}

}  // namespace

Result<void> measure_shim(const std::filesystem::path& bin_dir, Report& report) {
    const auto program = (bin_dir / "weft-cni").string();
    std::error_code failed;
    const auto size = std::filesystem::file_size(program, failed);
    if (failed) return again("can't find " + program);
    const auto input = (std::filesystem::temp_directory_path() / ("bench-cni-" + std::to_string(::getpid()))).string();
    std::ofstream(input) << R"({"cniVersion":"1.0.0","name":"ovn-kubernetes","type":"ovn-k8s-cni-overlay"})";
    std::vector<double> times;
    std::vector<double> floor;
    const std::array<const char*, 4> environment{"CNI_COMMAND=VERSION", "PATH=/usr/bin:/bin", nullptr, nullptr};
    for (int i = 0; i < shim_runs; ++i) {
        times.push_back(run_once(program, input, environment));
        floor.push_back(run_once("/bin/true", input, environment));
    }
    std::filesystem::remove(input, failed);
    if (percentile(times, 0) < 0) return again("weft-cni VERSION fails");
    report.section("(e) weft-cni");
    report.add({"shim_ms", "start to exit (VERSION): median", median(times) * 1e3, "ms", "", "<= 2 ms"});
    report.add({"shim_true_ms", "/bin/true beside it", median(floor) * 1e3, "ms", "", ""});
    report.add({"shim_mib", "size of the program", static_cast<double>(size) / (1 << 20), "MiB", "82 MB", "<= 3 MiB"});
    return {};
}

Result<void> measure_cni(testing::Testbed& testbed, const std::filesystem::path& bin_dir, std::size_t pods,
                         Report& report) {
    constexpr auto* metrics_port = "9476";
    testing::ClusterOptions options;
    options.nodes = {"n1"};
    options.ipv6 = false;
    options.bin_dir = bin_dir;
    options.extra_config = "[metrics]\nbind-address = 127.0.0.1:" + std::string(metrics_port) + "\n";
    auto cluster = testing::Cluster::start(testbed, options);
    if (!cluster) return cluster.error();
    auto& bed = **cluster;
    if (auto ready = bed.wait_node_ready("n1"); !ready) return ready;
    std::string yaml = "{apiVersion: v1, kind: Namespace, metadata: {name: burst}}\n";
    for (std::size_t i = 0; i < pods; ++i) {
        yaml += "---\n{apiVersion: v1, kind: Pod, metadata: {name: p" + std::to_string(i) +
                ", namespace: burst}, spec: {nodeName: n1, containers: [{name: c, image: i}]}}\n";
    }
    const TimePoint began = SteadyClock::now();
    if (auto applied = bed.apply_text(yaml); !applied) return applied;
    if (auto run = bed.wait_all_pods(); !run) return run.error();
    report.section("(f) CNI ADD in the testbed, " + std::to_string(pods) + " pods in a burst");
    report.add({"cni_all_running_s", "all pods run", seconds_since(began), "s", "", ""});
    const testing::KubeClient server(
        {.url = "http://127.0.0.1:" + std::string(metrics_port), .netns = bed.node("n1").ovn->netns().name()});
    const auto reply = server.send("GET", "/metrics");
    if (!reply) return reply.error();
    return report_cni_stages("cni", parse_metrics(reply->body), pods, report);
}

}  // namespace weft::bench
