// weft under a real Kubernetes: two nodes with kubelet and containerd, a Deployment that is scheduled over both.
#include <weft/testing/testbed/assert.hpp>
#include <weft/testing/testbed/cluster.hpp>
#include <weft/testing/testbed/probe.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <algorithm>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::testing {
namespace {

constexpr auto* deployment = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: DoNotSchedule
        labelSelector: {matchLabels: {app: web}}
      containers:
      - name: web
        image: IMAGE
        imagePullPolicy: Never
        args: [netexec, --http-port=8080]
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1, failureThreshold: 15}
        livenessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 2, failureThreshold: 15}
)";

std::string with_image(std::string yaml) {
    return yaml.replace(yaml.find("IMAGE"), 5, Kubelet::image);
}

/// A real kubelet pulls, probes, backs off: all of that takes longer than a pod runner.
constexpr std::chrono::milliseconds kubelet_patience = std::chrono::minutes(4);

class KubeletTest : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        const auto why = why_skipped();
        if (why) return;
        auto made = Testbed::create();
        ASSERT_TRUE(made.ok()) << made.error().text();
        testbed = made->release();
        auto started = Cluster::start(*testbed, {.kubelets = true});
        ASSERT_TRUE(started.ok()) << started.error().text();
        cluster = started->release();
        for (const auto& node : cluster->node_names())
            WEFT_ASSERT_OK(cluster->wait_node_ready(node));
        WEFT_ASSERT_OK(cluster->apply_text(with_image(deployment)));
        WEFT_ASSERT_OK(wait_available());
    }
    static void TearDownTestSuite() {
        if (testbed == nullptr) return;
        const auto prefix = testbed->prefix();
        delete cluster;
        delete testbed;
        EXPECT_THAT(Testbed::leftovers(prefix), ::testing::IsEmpty());
        cluster = nullptr;
        testbed = nullptr;
    }
    void SetUp() override {
        if (const auto why = why_skipped()) GTEST_SKIP() << *why;
        ASSERT_NE(cluster, nullptr);
    }

    static std::optional<std::string> why_skipped() {
        if (auto why = ControlPlane::missing({.controllers = true, .scheduler = true})) return why;
        return Kubelet::missing();
    }

    static Result<void> wait_available() {
        return wait_for(
            "all replicas of the Deployment",
            []() -> Result<void> {
                const auto object = cluster->api().get("/apis/apps/v1/namespaces/default/deployments/web");
                if (!object) return object.error();
                const auto status = object->root()["status"];
                if (status["availableReplicas"].integer().value_or(0) == 4 &&
                    status["replicas"].integer().value_or(0) == 4)
                    return {};
                return waiting(status.dump() + "\n" + what_pods_say());
            },
            kubelet_patience);
    }

    static std::string what_pods_say() {
        const auto described = kubectl({"get", "pods,events", "-A", "-o", "wide"});
        return described ? *described : described.error().text();
    }

    static Result<std::string> kubectl(const Argv& arguments) {
        Argv argv{cluster->control_plane().program("kubectl"), "--kubeconfig",
                  cluster->control_plane().kubeconfig().string()};
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        return run_ok(argv, {.netns = cluster->underlay().netns().name()});
    }

    struct Replica {
        std::string name, uid, node;
        long restarts = 0;
        std::vector<Ip> addresses;
        auto operator<=>(const Replica& other) const { return uid <=> other.uid; }
        bool operator==(const Replica& other) const {
            return uid == other.uid && restarts == other.restarts && addresses == other.addresses;
        }
    };
    /// Sorted; without those that are being deleted.
    static std::vector<Replica> replicas() {
        std::vector<Replica> all;
        const auto list = cluster->api().get("/api/v1/namespaces/default/pods?labelSelector=app%3Dweb");
        EXPECT_TRUE(list.ok());
        if (!list) return all;
        list->root()["items"].each([&](JsonView pod) {
            if (!pod["metadata"]["deletionTimestamp"].string_or("").empty()) return;
            Replica one{.name = std::string(pod["metadata"]["name"].string_or("")),
                        .uid = std::string(pod["metadata"]["uid"].string_or("")),
                        .node = std::string(pod["spec"]["nodeName"].string_or(""))};
            pod["status"]["containerStatuses"].each(
                [&](JsonView container) { one.restarts += container["restartCount"].integer().value_or(0); });
            pod["status"]["podIPs"].each([&](JsonView ip) {
                if (const auto address = Ip::parse(ip["ip"].string_or(""))) one.addresses.push_back(*address);
            });
            all.push_back(std::move(one));
        });
        std::sort(all.begin(), all.end());
        return all;
    }

    static std::string at(const Ip& address) {
        return (address.family() == Family::v6 ? "[" + address.text() + "]" : address.text()) + ":8080";
    }

    /// By the container runtime, from within.
    static void expect_all_reach_all() {
        for (const auto& from : replicas()) {
            for (const auto& to : replicas()) {
                for (const auto& address : to.addresses) {
                    SCOPED_TRACE(from.name + " on " + from.node + " to " + to.name + " on " + to.node);
                    WEFT_EXPECT_OK(wait_for(
                        "a connection to " + at(address),
                        [&]() -> Result<void> {
                            auto done =
                                kubectl({"exec", from.name, "--", "/agnhost", "connect", "--timeout=5s", at(address)});
                            if (!done) return done.error();
                            return {};
                        },
                        kubelet_patience));
                }
            }
        }
    }

    static Result<std::string> port_of(const Replica& pod) {
        return cluster->node(pod.node).ovn->nbctl(
            {"--bare", "--columns=name", "find", "Logical_Switch_Port", "name=default_" + pod.name});
    }

    static Testbed* testbed;
    static Cluster* cluster;
};

Testbed* KubeletTest::testbed = nullptr;
Cluster* KubeletTest::cluster = nullptr;

TEST_F(KubeletTest, PodsOfADeploymentReachEachOther) {
    const auto all = replicas();
    ASSERT_EQ(all.size(), 4U);
    std::map<std::string, int> on;
    for (const auto& pod : all) {
        ++on[pod.node];
        EXPECT_EQ(pod.addresses.size(), 2U) << pod.name;
    }
    EXPECT_EQ(on, (std::map<std::string, int>{{"n1", 2}, {"n2", 2}}));
    expect_all_reach_all();
}

TEST_F(KubeletTest, NodesReachTheirOwnAndOthersPods) {
    for (const auto& node : cluster->node_names()) {
        for (const auto& pod : replicas()) {
            for (const auto& address : pod.addresses) {
                SCOPED_TRACE(node + " to " + pod.name + " on " + pod.node + " at " + address.text());
                const KubeClient web(
                    {.url = "http://" + at(address), .netns = cluster->node(node).ovn->netns().name()});
                const auto answer = web.send("GET", "/hostname");
                WEFT_ASSERT_OK(answer);
                EXPECT_EQ(answer->body, pod.name);
            }
        }
    }
}

TEST_F(KubeletTest, ADeletedPodIsGoneWithItsPortAndAnotherComes) {
    const auto before = replicas();
    ASSERT_EQ(before.size(), 4U);
    const auto victim = before.front();
    const auto port = port_of(victim);
    WEFT_ASSERT_OK(port);
    ASSERT_NE(port->find(victim.name), std::string::npos);
    WEFT_ASSERT_OK(cluster->api().remove("/api/v1/namespaces/default/pods/" + victim.name));
    WEFT_ASSERT_OK(cluster->wait_pod_gone("default", victim.name));
    WEFT_ASSERT_OK(wait_for("the end of the port", [&]() -> Result<void> {
        const auto left = port_of(victim);
        if (!left) return left.error();
        return left->find(victim.name) == std::string::npos ? Result<void>() : Result<void>(waiting(*left));
    }));
    WEFT_ASSERT_OK(wait_available());
    expect_all_reach_all();
}

TEST_F(KubeletTest, RestartsLoseNothing) {
    const auto before = replicas();
    ASSERT_EQ(before.size(), 4U);
    for (const auto& name : cluster->node_names()) {
        auto& node = cluster->node(name);
        WEFT_ASSERT_OK(node.weftd.restart());
        WEFT_ASSERT_OK(node.kubelet->restart_containerd());
        WEFT_ASSERT_OK(node.kubelet->kubelet().restart());  // it would end at once without a runtime
    }
    WEFT_ASSERT_OK(cluster->weftd_cluster().restart());
    // What is made after that goes through all that was restarted.
    for (const auto& name : cluster->node_names()) {
        const std::string pod = "later-" + name;
        WEFT_ASSERT_OK(cluster->apply_text(
            "{apiVersion: v1, kind: Pod, metadata: {name: " + pod + ", namespace: default}, spec: {nodeName: " + name +
            ", terminationGracePeriodSeconds: 1, containers: [{name: c, image: \"" + Kubelet::image +
            "\", imagePullPolicy: Never, args: [netexec, --http-port=8080]}]}}"));
        const auto runs = cluster->wait_pod("default", pod);
        ASSERT_TRUE(runs.ok()) << runs.error().text() << "\n" << what_pods_say();
        for (const auto& other : before) {
            for (const auto& address : other.addresses)
                WEFT_EXPECT_OK(wait_reachable(runs->netns, address));
        }
        WEFT_ASSERT_OK(cluster->api().remove("/api/v1/namespaces/default/pods/" + pod));
        WEFT_ASSERT_OK(cluster->wait_pod_gone("default", pod));
    }
    WEFT_ASSERT_OK(wait_available());
    EXPECT_EQ(replicas(), before) << what_pods_say();
    expect_all_reach_all();
}

}  // namespace
}  // namespace weft::testing
