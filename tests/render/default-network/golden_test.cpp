#include "plugin.hpp"

#include <weft/base/json.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>
#include <weft/testing/graph_test.hpp>
#include <weft/testing/objects.hpp>
#include <weft/testing/render.hpp>

#include <fstream>
#include <set>

#include <gtest/gtest.h>

// The rows that OVN-Kubernetes made of the same objects, less those of the gateway, of services and of the routes and
// policies by way of them.
namespace weft::default_network {
namespace {

const std::string folder = std::string(WEFT_SOURCE_DIR) + "/tests/golden/two-nodes-dual-stack";

std::string text_of(JsonView row, std::string_view member) {
    return std::string(row[member].string_or(""));
}

/// A route that the gateway part puts: of the node's own subnet by source, or to its own join address.
bool is_gateway_route(const std::string& prefix, const std::string& policy, const std::string& port) {
    return policy == "src-ip" || !port.empty() || prefix.find('/') == std::string::npos;
}

bool is_left_out(JsonView row) {
    const std::string table = text_of(row, "table");
    const std::string name = text_of(row, "name");
    static const std::set<std::string> tables{"NAT", "Static_MAC_Binding", "Logical_Router_Policy", "Load_Balancer"};
    if (tables.contains(table)) return true;
    if (name.starts_with("GR_") || name.starts_with("ext_") || name.starts_with("br-ex_")) return true;
    for (const char* part : {"rtoe-", "rtoj-GR_", "etor-", "jtor-GR_"}) {
        if (name.starts_with(part)) return true;
    }
    if (table != "Logical_Router_Static_Route") return false;
    const std::string prefix = text_of(row, "ip_prefix");
    const std::string next_hop = text_of(row, "nexthop");
    // The gateway router's routes to the cluster lead to the cluster router.
    const bool to_cluster = next_hop == "100.64.0.1" || next_hop == "fd98::1";
    return to_cluster || is_gateway_route(prefix, text_of(row, "policy"), text_of(row, "output_port"));
}

/// Is this member of `column` one of a row that is left out?
bool is_left_out_member(std::string_view column, std::string_view member) {
    if (column == "policies" || column == "load_balancer") return true;
    if (column == "ports") return member.find("jtor-GR_") != std::string_view::npos;
    if (column != "static_routes") return false;
    const bool bare = member.find("ip_prefix=\"100.64.0.2\",") != std::string_view::npos ||
                      member.find("ip_prefix=\"100.64.0.3\",") != std::string_view::npos ||
                      member.find("ip_prefix=\"fd98::2\",") != std::string_view::npos ||
                      member.find("ip_prefix=\"fd98::3\",") != std::string_view::npos;
    return bare || member.find("policy=\"src-ip\"") != std::string_view::npos;
}

/// One row, in a form in which both sides can be compared.
std::string normal(JsonView row) {
    JsonWriter w;
    w.begin_object();
    row.members([&](std::string_view name, JsonView value) {
        std::vector<std::string> members;
        if (value.is_array()) {
            value.each([&](JsonView member) {
                if (!is_left_out_member(name, member.string_or(""))) members.push_back(member.dump());
            });
        } else if (!is_left_out_member(name, value.string_or(""))) {
            members.push_back(value.dump());
        }
        if (members.empty()) return;
        w.key(name).array([&] {
            for (const auto& member : members)
                w.raw(member);
        });
    });
    w.end_object();
    return w.take();
}

std::vector<std::string> golden_rows(const std::string& path, std::size_t& left_out) {
    std::ifstream file(path);
    std::vector<std::string> rows;
    left_out = 0;
    for (std::string line; std::getline(file, line);) {
        const auto document = JsonDocument::parse(line);
        if (!document) throw std::runtime_error(document.error().text());
        if (is_left_out(document->root())) {
            ++left_out;
        } else {
            rows.push_back(normal(document->root()));
        }
    }
    return rows;
}

std::vector<std::string> normal_rows(const std::vector<std::string>& lines) {
    std::vector<std::string> rows;
    for (const auto& line : lines)
        rows.push_back(normal(JsonDocument::parse(line)->root()));
    return rows;
}

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
    std::size_t left_out = 0;
    const auto expected = golden_rows(folder + "/" + GetParam() + "-nb.rows", left_out);
    EXPECT_EQ(expected.size(), 42U);
    EXPECT_EQ(left_out, 26U);
    auto found = normal_rows(graph.database("OVN_Northbound"));
    auto wanted = expected;
    std::sort(found.begin(), found.end());
    std::sort(wanted.begin(), wanted.end());
    EXPECT_EQ(found, wanted);
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
