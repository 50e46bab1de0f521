// A Deployment scaled up on two real kubelets, once with weft and once with a plugin that does nothing.
#include "cases.hpp"
#include "distribution.hpp"
#include "measure.hpp"

#include <weft/testing/testbed/cluster.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <fstream>

namespace weft::bench {

namespace {

constexpr auto* metrics_port = "9476";
constexpr auto* noop_address = "192.0.2.1";  // bench-noop-cni's
constexpr auto* sandbox_family = "kubelet_run_podsandbox_duration_seconds";
constexpr auto* deployment_path = "/apis/apps/v1/namespaces/default/deployments/burst";
constexpr std::chrono::milliseconds long_patience = std::chrono::minutes(10);

/// One kind of start: from no replicas to all of them and back.
class Burst {
  public:
    Burst(testing::Cluster& bed, std::size_t pods) : bed_(bed), pods_(pods) {}

    Result<void> make_deployment() const {
        return bed_.apply_text(
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: burst, namespace: default}, spec: {replicas: 0, "
            "selector: {matchLabels: {app: burst}}, template: {metadata: {labels: {app: burst}}, spec: "
            "{terminationGracePeriodSeconds: 1, containers: [{name: c, image: \"" +
            std::string(testing::Kubelet::image) + "\", imagePullPolicy: Never, args: [pause]}]}}}}");
    }
    /// Seconds until all replicas are available.
    Result<double> up() const {
        const TimePoint began = SteadyClock::now();
        if (auto scaled = scale(pods_); !scaled) return scaled.error();
        auto done = testing::wait_for(
            "all replicas",
            [this]() -> Result<void> {
                const auto object = bed_.api().get(deployment_path);
                if (!object) return object.error();
                const auto there = object->root()["status"]["availableReplicas"].integer().value_or(0);
                if (static_cast<std::size_t>(there) == pods_) return {};
                return waiting(std::to_string(there) + " are available");
            },
            long_patience);
        if (!done) return done.error();
        return seconds_since(began);
    }
    Result<void> down() const {
        if (auto scaled = scale(0); !scaled) return scaled;
        return testing::wait_for(
            "the end of all pods",
            [this]() -> Result<void> {
                const auto list = bed_.api().get("/api/v1/namespaces/default/pods?limit=1");
                if (!list) return list.error();
                bool any = false;
                list->root()["items"].each([&](JsonView) { any = true; });
                return any ? Result<void>(waiting("some are left")) : Result<void>();
            },
            long_patience);
    }
    /// Of both kubelets, through the API server.
    Result<MetricsPage> kubelets() const {
        MetricsPage all;
        for (const auto& node : bed_.node_names()) {
            const auto reply = bed_.api().send("GET", "/api/v1/nodes/" + node + "/proxy/metrics");
            if (!reply) return reply.error();
            if (!reply->ok()) return again("the kubelet of " + node + " tells no metrics: " + reply->body);
            all = together(std::move(all), parse_metrics(reply->body));
        }
        return all;
    }
    Result<MetricsPage> weftds() const {
        MetricsPage all;
        for (const auto& node : bed_.node_names()) {
            const testing::KubeClient server(
                {.url = "http://127.0.0.1:" + std::string(metrics_port), .netns = bed_.node(node).ovn->netns().name()});
            const auto reply = server.send("GET", "/metrics");
            if (!reply) return reply.error();
            all = together(std::move(all), parse_metrics(reply->body));
        }
        return all;
    }

    Result<void> all_have(const std::string& address) const {
        const auto list = bed_.api().get("/api/v1/namespaces/default/pods");
        if (!list) return list.error();
        Result<void> all;
        list->root()["items"].each([&](JsonView pod) {
            const auto has = pod["status"]["podIP"].string_or("");
            if (has != address) all = broken("a pod has the address " + std::string(has) + " of another CNI plugin");
        });
        return all;
    }

  private:
    Result<void> scale(std::size_t replicas) const {
        const auto reply =
            bed_.api().merge_patch(deployment_path, R"({"spec":{"replicas":)" + std::to_string(replicas) + "}}");
        return reply ? Result<void>() : Result<void>(reply.error());
    }

    testing::Cluster& bed_;
    const std::size_t pods_;
};

/// The runtime takes the first file of the folder, and follows changes. Without weftd its own file is gone, too.
Result<void> put_noop_plugin(testing::Cluster& bed, const std::filesystem::path& bin_dir) {
    for (const auto& name : bed.node_names()) {
        auto& node = bed.node(name);
        std::error_code failed;
        std::filesystem::copy_file(bin_dir / "bench-noop-cni", node.ovn->dir() / "cni" / "bin" / "bench-noop-cni",
                                   failed);
        if (failed) return again("can't install bench-noop-cni: " + failed.message());
        std::ofstream(node.cni_conf_dir / "00-noop.conf")
            << R"({"cniVersion":"1.0.0","name":"noop","type":"bench-noop-cni"})" << std::flush;
        if (auto stopped = node.weftd.stop(); !stopped) return stopped;
    }
    for (const auto& name : bed.node_names()) {
        if (auto ready = bed.wait_node_ready(name); !ready) return ready;
    }
    return {};
}

}  // namespace

Result<void> measure_kubelets(testing::Testbed& testbed, const std::filesystem::path& bin_dir, std::size_t pods,
                              Report& report) {
    testing::ClusterOptions options;
    options.bin_dir = bin_dir;
    options.kubelets = true;
    options.extra_config = "[metrics]\nbind-address = 127.0.0.1:" + std::string(metrics_port) + "\n";
    auto cluster = testing::Cluster::start(testbed, options);
    if (!cluster) return cluster.error();
    auto& bed = **cluster;
    for (const auto& name : bed.node_names()) {
        if (auto ready = bed.wait_node_ready(name); !ready) return ready;
    }
    const Burst burst(bed, pods);
    if (auto made = burst.make_deployment(); !made) return made;

    const auto before = burst.kubelets();
    if (!before) return before.error();
    const auto with_weft = burst.up();
    if (!with_weft) return with_weft.error();
    const auto after = burst.kubelets();
    const auto stages = burst.weftds();
    if (!after || !stages) return after ? stages.error() : after.error();
    if (auto gone = burst.down(); !gone) return gone;

    if (auto put = put_noop_plugin(bed, bin_dir); !put) return put;
    const auto before_noop = burst.kubelets();
    if (!before_noop) return before_noop.error();
    const auto with_noop = burst.up();
    if (!with_noop) return with_noop.error();
    const auto after_noop = burst.kubelets();
    if (!after_noop) return after_noop.error();
    if (auto used = burst.all_have(noop_address); !used) return used;

    report.section("(k) a Deployment from 0 to " + std::to_string(pods) + " on two real kubelets");
    report.add({"kubelets_available_s", "all replicas available", *with_weft, "s", "", ""});
    report.add(
        {"kubelets_noop_available_s", "the same with a plugin that does nothing, no weftd", *with_noop, "s", "", ""});
    report_distribution("kubelets_sandbox", "the kubelet's RunPodSandbox",
                        distribution_of(since(*after, *before), sandbox_family, {}), report);
    report_distribution("kubelets_noop_sandbox", "the same with that plugin: the runtime's share",
                        distribution_of(since(*after_noop, *before_noop), sandbox_family, {}), report);
    return report_cni_stages("kubelets", *stages, pods, report);
}

}  // namespace weft::bench
