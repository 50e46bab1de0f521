// The pod runner against the embedded API server, with a CNI plugin that only writes down how it was called.
#include <weft/base/json.hpp>
#include <weft/testing/api_server.hpp>
#include <weft/testing/testbed/assert.hpp>
#include <weft/testing/testbed/pod_runner.hpp>
#include <weft/testing/testbed/probe.hpp>
#include <weft/testing/testbed/testbed.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace weft::testing {
namespace {

constexpr auto* conf_text = R"({"cniVersion":"1.1.0","name":"test","type":"fake-cni"})";
// Answers ADD with an address; fails while the file "refuse" is there; every call adds a line to "calls".
constexpr auto* plugin_text = R"SH(#!/bin/sh
config=$(cat)
dir=$(dirname "$0")
if [ "$CNI_COMMAND" = ADD ] && [ -e "$dir/refuse" ]; then
    echo "REFUSED $CNI_CONTAINERID $CNI_ARGS" >> "$dir/calls"
    echo '{"code":11,"msg":"no lease for this pod"}'
    exit 1
fi
echo "$CNI_COMMAND $CNI_IFNAME $CNI_NETNS $CNI_ARGS $config" >> "$dir/calls"
[ "$CNI_COMMAND" = ADD ] && [ ! -e "$CNI_NETNS" ] && exit 1
[ "$CNI_COMMAND" = ADD ] || exit 0
echo '{"cniVersion":"1.1.0","interfaces":[],"ips":[{"address":"10.0.0.3/24"},{"address":"fd00::3/64"}]}'
)SH";

class PodRunnerTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto testbed = Testbed::create();
        WEFT_ASSERT_OK(testbed);
        testbed_ = std::move(*testbed);
        auto server = ApiServer::start();
        WEFT_ASSERT_OK(server);
        server_ = std::move(*server);
        WEFT_ASSERT_OK(server_->apply_yaml("{apiVersion: v1, kind: Namespace, metadata: {name: web}}"));
        std::filesystem::create_directories(bin());
        std::filesystem::create_directories(conf());
        write(bin() / "fake-cni", plugin_text);
        std::filesystem::permissions(bin() / "fake-cni", std::filesystem::perms::owner_all);
    }

    std::filesystem::path bin() const { return testbed_->dir() / "bin"; }
    std::filesystem::path conf() const { return testbed_->dir() / "conf"; }
    std::filesystem::path state() const { return testbed_->dir() / "state"; }

    static void write(const std::filesystem::path& file, const std::string& text) { std::ofstream(file) << text; }
    void write_conf() const { write(conf() / "10-test.conf", conf_text); }

    std::unique_ptr<PodRunner> runner(bool keep_pods = false) {
        const auto netprobe = sibling_program("weft-netprobe");
        auto started = PodRunner::start({.node = "n1",
                                         .addresses = {*Ip::parse("172.18.0.11"), *Ip::parse("fd00:172::11")},
                                         .api = {.url = server_->url()},
                                         .state_dir = state(),
                                         .cni_conf_dir = conf(),
                                         .cni_bin_dirs = {bin()},
                                         .netns_prefix = testbed_->netns_name(""),
                                         .server_program = netprobe ? *netprobe : std::filesystem::path(),
                                         .environment = testbed_->marker(),
                                         .keep_pods = keep_pods});
        EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().text());
        return started ? std::move(*started) : nullptr;
    }

    void create_pod(const std::string& name, const std::string& more = "") const {
        const auto made = server_->apply_yaml("{apiVersion: v1, kind: Pod, metadata: {name: " + name +
                                              ", namespace: web}, spec: {nodeName: n1, " + more +
                                              "containers: [{name: c, image: i, ports: [{containerPort: 9000}]}]}}");
        ASSERT_TRUE(made.ok()) << made.error().text();
    }

    bool wait_phase(const std::string& name, const std::string& phase) const {
        return server_->wait_for("pods", "web", name,
                                 [&](JsonView pod) { return pod["status"]["phase"].string_or("") == phase; });
    }
    bool wait_ready(const char* status) const {
        return server_->wait_for("nodes", "", "n1", [&](JsonView node) {
            std::string found;
            node["status"]["conditions"].each([&](JsonView one) {
                if (one["type"].string_or("") == "Ready") found = one["status"].string_or("");
            });
            return found == status;
        });
    }

    std::vector<std::string> calls() const {
        std::ifstream in(bin() / "calls");
        std::vector<std::string> lines;
        for (std::string line; std::getline(in, line);)
            lines.push_back(line);
        return lines;
    }
    std::size_t calls_of(const std::string& command) const {
        const auto lines = calls();
        return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [&](const auto& line) {
            return line.compare(0, command.size() + 1, command + " ") == 0;
        }));
    }
    std::vector<std::string> pod_namespaces() const {
        auto names = NetworkNamespace::names();
        std::erase_if(names, [&](const auto& name) { return name.find(testbed_->netns_name("web-")) != 0; });
        return names;
    }

    std::unique_ptr<Testbed> testbed_;
    std::unique_ptr<ApiServer> server_;
};

TEST_F(PodRunnerTest, NodeBecomesReadyWithTheConfigurationAndNotReadyWithoutIt) {
    const auto running = runner();
    ASSERT_TRUE(running);
    ASSERT_TRUE(wait_ready("False"));
    write_conf();
    ASSERT_TRUE(wait_ready("True"));
    std::filesystem::remove(conf() / "10-test.conf");
    ASSERT_TRUE(wait_ready("False"));
    const auto node = JsonDocument::parse(*server_->get("nodes", "", "n1"));
    WEFT_ASSERT_OK(node);
    std::vector<std::string> addresses;
    node->root()["status"]["addresses"].each([&](JsonView one) {
        if (one["type"].string_or("") == "InternalIP") addresses.emplace_back(one["address"].string_or(""));
    });
    EXPECT_EQ(addresses, (std::vector<std::string>{"172.18.0.11", "fd00:172::11"}));
}

TEST_F(PodRunnerTest, PodRunsAndGoes) {
    const auto running = runner();
    ASSERT_TRUE(running);
    create_pod("p");
    ASSERT_TRUE(wait_ready("False"));
    EXPECT_EQ(calls().size(), 0U) << "no plugin is called before the configuration is there";
    write_conf();
    ASSERT_TRUE(wait_phase("p", "Running"));
    const auto pod = JsonDocument::parse(*server_->get("pods", "web", "p"));
    WEFT_ASSERT_OK(pod);
    EXPECT_EQ(pod->root()["status"]["podIP"].string_or(""), "10.0.0.3");
    EXPECT_EQ(pod->root()["status"]["podIPs"].size(), 2U);

    const auto names = pod_namespaces();
    ASSERT_EQ(names.size(), 1U);
    const auto uid = std::string(pod->root()["metadata"]["uid"].string_or(""));
    const auto call = calls().front();
    for (const auto& part :
         {"ADD eth0 " + NetworkNamespace::path_of(names.front()).string(),
          std::string("K8S_POD_NAMESPACE=web;K8S_POD_NAME=p;K8S_POD_INFRA_CONTAINER_ID="), ";K8S_POD_UID=" + uid}) {
        EXPECT_NE(call.find(part), std::string::npos) << part << " in " << call;
    }
    // The pod serves on its container port.
    WEFT_ASSERT_OK(tcp_stream(NetworkNamespace::adopt(names.front(), true), *Ip::parse("127.0.0.1"),
                              {.port = 9000, .segments = 3}));

    WEFT_ASSERT_OK(server_->remove("pods", "web", "p", 30));
    ASSERT_TRUE(server_->wait_gone("pods", "web", "p"));
    EXPECT_EQ(calls_of("DEL"), 1U);
    EXPECT_NE(calls().back().find("prevResult"), std::string::npos);
    EXPECT_TRUE(pod_namespaces().empty());
}

TEST_F(PodRunnerTest, RefusedAddIsUndoneReportedAndTriedAgain) {
    write(bin() / "refuse", "");
    write_conf();
    const auto running = runner();
    ASSERT_TRUE(running);
    create_pod("p");
    ASSERT_TRUE(wait_until([&] { return calls_of("REFUSED") >= 2; }));
    EXPECT_GE(calls_of("DEL"), 1U);
    const auto events = server_->list("events", "web");
    ASSERT_FALSE(events.empty());
    EXPECT_NE(events.front().find("no lease for this pod"), std::string::npos);
    std::filesystem::remove(bin() / "refuse");
    ASSERT_TRUE(wait_phase("p", "Running"));
    EXPECT_EQ(pod_namespaces().size(), 1U);
}

TEST_F(PodRunnerTest, RestartKeepsPodsAndCatchesUp) {
    write_conf();
    auto running = runner(true);
    ASSERT_TRUE(running);
    create_pod("stays");
    create_pod("goes");
    ASSERT_TRUE(wait_phase("stays", "Running"));
    ASSERT_TRUE(wait_phase("goes", "Running"));
    const auto before = pod_namespaces();
    running.reset();
    EXPECT_EQ(pod_namespaces(), before) << "pods outlive their runner";
    WEFT_ASSERT_OK(server_->remove("pods", "web", "goes", 30));
    create_pod("comes");

    running = runner(false);
    ASSERT_TRUE(running);
    ASSERT_TRUE(wait_phase("comes", "Running"));
    ASSERT_TRUE(server_->wait_gone("pods", "web", "goes"));
    EXPECT_EQ(calls_of("ADD"), 3U) << "a pod that runs is not added again";
    EXPECT_EQ(calls_of("DEL"), 1U);
}

TEST_F(PodRunnerTest, PodThatWasForcedAwayIsCleanedUp) {
    write_conf();
    const auto running = runner();
    ASSERT_TRUE(running);
    create_pod("p");
    ASSERT_TRUE(wait_phase("p", "Running"));
    WEFT_ASSERT_OK(server_->remove("pods", "web", "p", 0));
    ASSERT_TRUE(wait_until([&] { return pod_namespaces().empty(); }));
    EXPECT_EQ(calls_of("DEL"), 1U);
}

TEST_F(PodRunnerTest, SameNameComesBackAtOnce) {
    write_conf();
    const auto running = runner();
    ASSERT_TRUE(running);
    create_pod("p");
    ASSERT_TRUE(wait_phase("p", "Running"));
    WEFT_ASSERT_OK(server_->remove("pods", "web", "p", 0));
    create_pod("p");
    ASSERT_TRUE(wait_phase("p", "Running"));
    ASSERT_TRUE(wait_until([&] { return calls_of("DEL") == 1; }));
    EXPECT_EQ(calls_of("ADD"), 2U);
    ASSERT_TRUE(wait_until([&] { return pod_namespaces().size() == 1; }));
}

TEST_F(PodRunnerTest, HostNetworkPodNeedsNoPlugin) {
    write_conf();
    const auto running = runner();
    ASSERT_TRUE(running);
    create_pod("host", "hostNetwork: true, ");
    ASSERT_TRUE(wait_phase("host", "Running"));
    const auto pod = JsonDocument::parse(*server_->get("pods", "web", "host"));
    WEFT_ASSERT_OK(pod);
    EXPECT_EQ(pod->root()["status"]["podIP"].string_or(""), "172.18.0.11");
    EXPECT_TRUE(calls().empty());
    EXPECT_TRUE(pod_namespaces().empty());
}

TEST_F(PodRunnerTest, CompletedPodGivesItsSandboxBack) {
    write_conf();
    const auto running = runner();
    ASSERT_TRUE(running);
    create_pod("job");
    ASSERT_TRUE(wait_phase("job", "Running"));
    const auto reply = server_->request("PATCH", "/api/v1/namespaces/web/pods/job/status",
                                        R"({"status":{"phase":"Succeeded"}})", "application/merge-patch+json");
    ASSERT_TRUE(reply.ok()) << reply.body;
    ASSERT_TRUE(wait_until([&] { return calls_of("DEL") == 1 && pod_namespaces().empty(); }));
    EXPECT_TRUE(server_->get("pods", "web", "job"));
}

TEST_F(PodRunnerTest, ServerThatGoesAwayIsMissedOnlyForAWhile) {
    write_conf();
    const auto running = runner();
    ASSERT_TRUE(running);
    create_pod("a");
    ASSERT_TRUE(wait_phase("a", "Running"));
    server_->close();
    create_pod("b");
    WEFT_ASSERT_OK(server_->listen());
    ASSERT_TRUE(wait_phase("b", "Running"));
    server_->compact();
    server_->drop_connections();
    create_pod("c");
    ASSERT_TRUE(wait_phase("c", "Running"));
    EXPECT_EQ(calls_of("ADD"), 3U);
    EXPECT_EQ(calls_of("DEL"), 0U);
}

}  // namespace
}  // namespace weft::testing
