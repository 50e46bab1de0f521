#include "by_kubectl.hpp"

#include "table.hpp"

#include <weft/base/json.hpp>
#include <weft/testing/testbed/process.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <array>
#include <iostream>

namespace weft::demo {

namespace {

constexpr auto* web_port = "80";  // as tests/demo-kubernetes.d has it
constexpr std::array families{Family::v4, Family::v6};

testing::Argv kubectl(testing::Cluster& cluster) {
    return {cluster.control_plane().program("kubectl").string(), "--kubeconfig", cluster.kubeconfig().string()};
}

/// Empty when it could; else why not.
std::string connect(testing::Cluster& cluster, const testing::RunningPod& from, const Ip& to) {
    auto argv = kubectl(cluster);
    const auto host = to.family() == Family::v6 ? "[" + to.text() + "]" : to.text();
    argv.insert(argv.end(), {"exec", "--namespace", from.pod_namespace, from.name, "--", "/agnhost", "connect"});
    argv.insert(argv.end(), {"--timeout=10s", host + ":" + web_port});
    const auto done = testing::run_ok(argv, {.netns = cluster.underlay().netns().name()});
    return done ? "" : done.error().text();
}

std::string title(const testing::RunningPod& pod) {
    return pod.pod_namespace + "/" + pod.name + " (" + pod.node + ")";
}

}  // namespace

std::string kubectl_command(testing::Cluster& cluster) {
    std::string text = "ip netns exec " + cluster.underlay().netns().name();
    for (const auto& word : kubectl(cluster))
        text += " " + word;
    return text;
}

Result<void> wait_rolled_out(testing::Cluster& cluster) {
    constexpr auto patience = std::chrono::minutes(4);  // kubelets pull, probe, and back off
    return testing::wait_for(
        "all replicas of all Deployments",
        [&]() -> Result<void> {
            const auto list = cluster.api().get("/apis/apps/v1/deployments");
            if (!list) return list.error();
            Result<void> all;
            list->root()["items"].each([&](JsonView one) {
                const auto wanted = one["spec"]["replicas"].integer().value_or(1);
                const auto there = one["status"]["availableReplicas"].integer().value_or(0);
                if (there == wanted || !all) return;
                all = waiting(std::string(one["metadata"]["name"].string_or("")) + " has " + std::to_string(there) +
                              " of " + std::to_string(wanted));
            });
            return all;
        },
        patience);
}

bool show_by_kubectl(const Steps& steps, testing::Cluster& cluster, const std::vector<testing::RunningPod>& pods) {
    Table table({"FROM, BY KUBECTL EXEC", "TO", "IPv4", "IPv6"});
    std::vector<std::string> reasons;
    [[maybe_unused]] const auto tried =
        steps.run("kubectl exec into each pod, and from there to the web server of all others", [&]() -> Result<void> {
            for (const auto& from : pods) {
                for (const auto& to : pods) {
                    if (&from == &to) continue;
                    std::vector<std::string> cells{title(from), title(to)};
                    const auto before = reasons.size();
                    for (const auto family : families) {
                        const auto address = to.address(family);
                        auto reason = address ? connect(cluster, from, *address) : "it has no address of that family";
                        cells.emplace_back(reason.empty() ? "connected" : "failed");
                        if (!reason.empty()) reasons.push_back(title(from) + " to " + title(to) + ": " + reason);
                    }
                    table.add(std::move(cells), reasons.size() == before);
                }
            }
            return {};
        });
    steps.heading("Through the API server and the kubelets");
    table.print(steps);
    for (const auto& reason : reasons)
        std::cout << steps.bad(reason) << "\n";
    return reasons.empty();
}

}  // namespace weft::demo
