// A cluster without weftd: nodes register, and with a CNI plugin put there by hand pods run.
#include <weft/testing/testbed/assert.hpp>
#include <weft/testing/testbed/cluster.hpp>
#include <weft/testing/testbed/manifests.hpp>
#include <weft/testing/testbed/probe.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <fstream>

#include <gtest/gtest.h>

namespace weft::testing {
namespace {

constexpr auto* pod_yaml = R"(
apiVersion: v1
kind: Namespace
metadata:
  name: web
---
apiVersion: v1
kind: Pod
metadata:
  name: p
  namespace: web
  annotations:
    number: "7"
spec:
  nodeName: n1
  containers:
    - {name: c, image: i}
)";

/// A plugin that gives every pod the same address, on no device.
void install_plugin(const ClusterNode& node) {
    const auto plugin = node.ovn->dir() / "cni" / "bin" / "fake-cni";
    std::ofstream(plugin) << "#!/bin/sh\ncat > /dev/null\n"
                             "[ $CNI_COMMAND != ADD ] || echo '{\"ips\":[{\"address\":\"10.0.0.3/24\"}]}'\n";
    std::filesystem::permissions(plugin, std::filesystem::perms::owner_all);
    std::ofstream(node.cni_conf_dir / "10-fake.conf") << R"({"cniVersion":"1.1.0","name":"x","type":"fake-cni"})";
}

TEST(Cluster, NodesJoinRunPodsAndLeave) {
    auto testbed = Testbed::create();
    WEFT_ASSERT_OK(testbed);
    auto started = Cluster::start(**testbed, {.nodes = {"n1"}, .start_weftd = false});
    WEFT_ASSERT_OK(started);
    auto& cluster = **started;
    WEFT_ASSERT_OK(cluster.add_node("n2"));
    EXPECT_EQ(cluster.node_names(), (std::vector<std::string>{"n1", "n2"}));
    EXPECT_NE(cluster.node("n1").ovn->address(Family::v4), cluster.node("n2").ovn->address(Family::v4));
    WEFT_ASSERT_OK(wait_reachable(cluster.node("n1").ovn->netns(), cluster.node("n2").ovn->address(Family::v6).ip()));

    install_plugin(cluster.node("n1"));
    WEFT_ASSERT_OK(cluster.wait_node_ready("n1"));
    WEFT_ASSERT_OK(cluster.apply_text(pod_yaml));
    const auto pod = cluster.wait_pod("web", "p");
    WEFT_ASSERT_OK(pod);
    EXPECT_EQ(pod->address(Family::v4), Ip::v4({10, 0, 0, 3}));
    EXPECT_EQ(pod->node, "n1");
    WEFT_ASSERT_OK(tcp_stream(pod->netns, Ip::v4({127, 0, 0, 1}), {.segments = 1}));
    WEFT_ASSERT_OK(cluster.api().remove("/api/v1/namespaces/web/pods/p"));
    WEFT_ASSERT_OK(cluster.wait_pod_gone("web", "p"));

    WEFT_ASSERT_OK(cluster.remove_node("n2"));
    EXPECT_FALSE(NetworkNamespace::exists((*testbed)->netns_name("n2")));
    EXPECT_FALSE(cluster.remove_node("n2").ok());
    WEFT_ASSERT_OK(wait_for("node n2 to be gone", [&]() -> Result<void> {
        auto nodes = cluster.api().get("/api/v1/nodes");
        if (!nodes) return nodes.error();
        return nodes->root()["items"].size() == 1 ? Result<void>() : Result<void>(waiting("it is still there"));
    }));

    WEFT_ASSERT_OK(cluster.add_node("n2"));
    install_plugin(cluster.node("n2"));
    WEFT_ASSERT_OK(cluster.wait_node_ready("n2"));
}

TEST(Cluster, PodsGoDownWithTheirMachine) {
    auto testbed = Testbed::create();
    WEFT_ASSERT_OK(testbed);
    auto started = Cluster::start(**testbed, {.nodes = {"n1"}, .start_weftd = false});
    WEFT_ASSERT_OK(started);
    auto& cluster = **started;
    install_plugin(cluster.node("n1"));
    WEFT_ASSERT_OK(cluster.apply_text(pod_yaml));
    const auto pod = cluster.wait_pod("web", "p");
    WEFT_ASSERT_OK(pod);
    WEFT_ASSERT_OK(cluster.remove_node("n1"));
    EXPECT_FALSE(NetworkNamespace::exists(pod->netns.name()));
}

TEST(Manifests, TypesAndPathsAreKept) {
    const auto all = parse_manifests(pod_yaml);
    WEFT_ASSERT_OK(all);
    ASSERT_EQ(all->size(), 2U);
    EXPECT_EQ(all->at(0).path(), "/api/v1/namespaces/web");
    EXPECT_EQ(all->at(1).path(), "/api/v1/namespaces/web/pods/p");
    const auto pod = JsonDocument::parse(all->at(1).json);
    WEFT_ASSERT_OK(pod);
    EXPECT_EQ(pod->root()["metadata"]["annotations"]["number"].string(), "7") << "quoted, so no number";
}

TEST(Manifests, CollectionsOfOtherKinds) {
    const auto path = [](const std::string& version, const std::string& kind) {
        const auto all = parse_manifests("{apiVersion: " + version + ", kind: " + kind + ", metadata: {name: x}}");
        return all ? all->at(0).collection() : all.error().text();
    };
    EXPECT_EQ(path("networking.k8s.io/v1", "NetworkPolicy"),
              "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies");
    EXPECT_EQ(path("v1", "Endpoints"), "/api/v1/namespaces/default/endpoints");
    EXPECT_EQ(path("k8s.ovn.org/v1", "EgressIP"), "/apis/k8s.ovn.org/v1/egressips");
    EXPECT_EQ(path("discovery.k8s.io/v1", "EndpointSlice"),
              "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices");
    EXPECT_EQ(path("k8s.ovn.org/v1", "EgressQoS"), "/apis/k8s.ovn.org/v1/namespaces/default/egressqoses");
    EXPECT_FALSE(parse_manifests("{kind: Pod}").ok());
    EXPECT_FALSE(parse_manifests("a: [").ok());
}

}  // namespace
}  // namespace weft::testing
