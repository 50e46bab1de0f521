#include "cases.hpp"

#include <weft/testing/testbed/cluster.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::bench {

namespace {

constexpr int shim_runs = 300;
constexpr auto* stages_family = "weft_cni_add_stage_duration_seconds";
constexpr auto* requests_family = "ovnkube_node_cni_request_duration_seconds";
/// In their order; the port and the pod's end of the link are made side by side, once the link is there.
constexpr std::array<std::pair<const char*, const char*>, 5> stages{{{"interface", "weft knows what the pod gets"},
                                                                     {"link", "veth pair"},
                                                                     {"port", "Open vSwitch takes the port"},
                                                                     {"configure", "the pod's end (beside the port)"},
                                                                     {"binding", "OVN binds it, flows installed"}}};

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

/// One series of a histogram: how many values don't exceed each bound.
struct Distribution {
    std::map<double, double> counts;  ///< by upper bound
    double sum = 0;

    double all() const { return counts.empty() ? 0 : counts.rbegin()->second; }
    double mean() const { return all() > 0 ? sum / all() : 0; }
    /// The value that a share of all doesn't exceed; inside a bucket values count as evenly spread.
    double percentile(double share) const {
        double lower = 0;
        double below = 0;
        for (const auto& [bound, count] : counts) {
            if (count >= all() * share) {
                if (std::isinf(bound) || count <= below) return lower;
                return lower + (bound - lower) * (all() * share - below) / (count - below);
            }
            lower = bound;
            below = count;
        }
        return lower;
    }
};

/// The series of a family that carry all these labels, added up.
Distribution distribution_of(const MetricsPage& page, const std::string& family,
                             const std::vector<std::string>& labels) {
    Distribution result;
    for (auto at = page.lower_bound(family); at != page.end() && at->first.starts_with(family); ++at) {
        const std::string& series = at->first;
        const double value = at->second;
        const auto carries = [&](const std::string& label) { return series.find(label) != std::string::npos; };
        if (!std::all_of(labels.begin(), labels.end(), carries)) continue;
        if (series.starts_with(family + "_sum")) result.sum += value;
        const auto le = series.find("le=\"");
        if (series.starts_with(family + "_bucket") && le != std::string::npos) {
            result.counts[std::strtod(series.c_str() + le + 4, nullptr)] += value;
        }
    }
    return result;
}

void report_distribution(const std::string& id, const std::string& title, const Distribution& times, Report& report) {
    report.add({"cni_" + id + "_mean_ms", title + ": mean", times.mean() * 1e3, "ms", "", ""});
    report.add({"cni_" + id + "_p50_ms", title + ": p50", times.percentile(0.5) * 1e3, "ms", "", ""});
    report.add({"cni_" + id + "_p99_ms", title + ": p99", times.percentile(0.99) * 1e3, "ms", "", ""});
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
    const auto page = parse_metrics(reply->body);
    for (const auto& [stage, title] : stages) {
        const auto times = distribution_of(page, stages_family, {"stage=\"" + std::string(stage) + "\""});
        if (times.all() < static_cast<double>(pods)) return again("weftd tells too few stages of CNI ADDs");
        report_distribution(stage, title, times, report);
    }
    report_distribution("add", "whole ADD",
                        distribution_of(page, requests_family, {"command=\"ADD\"", "err=\"false\""}), report);
    return {};
}

}  // namespace weft::bench
