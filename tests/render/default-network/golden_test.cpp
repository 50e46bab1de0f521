#include "golden/east_west.hpp"
#include "plugin.hpp"

#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>
#include <weft/testing/graph_test.hpp>
#include <weft/testing/objects.hpp>
#include <weft/testing/render.hpp>

#include <set>

#include <gtest/gtest.h>

// The rows that OVN-Kubernetes made of the same objects, less those of the gateway, of services and of the routes and
// policies by way of them.
namespace weft::default_network {
namespace {

const std::string folder = std::string(WEFT_SOURCE_DIR) + "/tests/golden/two-nodes-dual-stack";

testing::GraphTest graph_of(const ThePlugin& plugin, const std::string& node) {
    testing::GraphTest graph({plugin.get()}, Role::node);
    graph.put(testing::default_config());
    graph.put(tables::LocalNode{.name = node});
    graph.put(tables::OvnFeature{Key<tables::OvnFeature>{"ACL.tier"}});
    const auto objects = testing::objects_from_file(folder + "/objects.json");
    for (const auto& row : objects.all<tables::Node>())
        graph.put(row);
    for (const auto& row : objects.all<tables::Pod>()) {
        if (row.node == node) graph.put(row);
    }
    graph.run();
    return graph;
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, NorthboundRowsEqualThePeers) {
    const ThePlugin plugin;
    const auto graph = graph_of(plugin, GetParam());
    const auto expected = golden::east_west(golden::lines_of(folder + "/" + GetParam() + "-nb.rows"));
    EXPECT_EQ(expected.rows.size(), 42U);
    EXPECT_EQ(expected.left_out, 26U);
    const auto found = golden::east_west(graph.database("OVN_Northbound"));
    EXPECT_EQ(found.left_out, 0U) << "rows of a half that is not there yet";
    EXPECT_EQ(golden::difference(expected.rows, found.rows), "");
}

TEST_P(Golden, PodAnnotationsEqualThePeers) {
    const ThePlugin plugin;
    const auto graph = graph_of(plugin, GetParam());
    const auto objects = testing::objects_from_file(folder + "/objects.json");
    std::size_t pods = 0;
    for (const auto& pod : objects.all<tables::Pod>()) {
        if (pod.node != GetParam()) continue;
        ++pods;
        const auto row =
            graph.find(tables::Annotation::table_name, "Pod/" + pod.key.text + "/k8s.ovn.org/pod-networks/default");
        ASSERT_TRUE(row) << pod.key.text;
        const auto* text = tables::find_annotation(pod.annotations, "k8s.ovn.org/pod-networks");
        EXPECT_EQ("{\"default\":" + row.as<tables::Annotation>().value + "}", *text);
    }
    EXPECT_EQ(pods, 2U);
}

// What the peer allocated, from nothing: the same pods without their annotations get annotations of the same form.
TEST_P(Golden, AnnotationsMadeAnewHaveThePeersForm) {
    const ThePlugin plugin;
    testing::GraphTest graph({plugin.get()}, Role::node);
    graph.put(testing::default_config());
    graph.put(tables::LocalNode{.name = GetParam()});
    const auto objects = testing::objects_from_file(folder + "/objects.json");
    for (const auto& row : objects.all<tables::Node>())
        graph.put(row);
    std::set<std::string> expected;
    for (auto pod : objects.all<tables::Pod>()) {
        if (pod.node != GetParam()) continue;
        expected.insert(*tables::find_annotation(pod.annotations, "k8s.ovn.org/pod-networks"));
        pod.annotations.clear();
        graph.put(pod);
    }
    graph.run();
    std::set<std::string> found;
    for (const auto& row : graph.all<tables::Annotation>()) {
        if (row.kind == "Pod") found.insert("{\"default\":" + row.value + "}");
    }
    EXPECT_EQ(found, expected);
}

INSTANTIATE_TEST_SUITE_P(TwoNodesDualStack, Golden, ::testing::Values("n1", "n2"));

}  // namespace
}  // namespace weft::default_network
