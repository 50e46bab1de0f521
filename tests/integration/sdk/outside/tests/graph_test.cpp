#include "pod_groups.hpp"

#include <weft/testing/graph_test.hpp>
#include <weft/testing/linked_plugin.hpp>

#include <gtest/gtest.h>

namespace pod_groups {
namespace {

using weft::testing::GraphTest;
using weft::testing::LinkedPlugin;
namespace tables = weft::tables;

weft::RowPtr group(const std::string& peer) {
    const auto document = weft::JsonDocument::parse(
        R"({"metadata":{"name":"g","namespace":"web","uid":"u"},"spec":{"podSelector":{},"peer":")" + peer + R"("}})");
    return *parse_group(document->root());
}

TEST(MakeGroup, WaitsForTheAdapterAndTakesItsAnswer) {
    const LinkedPlugin plugin;
    GraphTest graph({plugin.get()}, weft::Role::node);
    graph.put(plugin.settings({{"names-file", "/names"}}));
    graph.put(tables::LocalNode{.name = "n1"});
    graph.put(PodGroup::table_name, group("db"));
    graph.run();
    ASSERT_EQ(graph.statuses().size(), 1U);
    EXPECT_EQ(graph.statuses()[0].state, weft::RuleState::waiting);
    ASSERT_EQ(graph.all<NameQuestion>().size(), 1U);

    graph.put(NameAnswer{.key = weft::Key<NameAnswer>{"/names#db"}, .address = "192.0.2.7"});
    graph.run();
    EXPECT_TRUE(graph.statuses().empty());
    EXPECT_EQ(*graph.all<weft::nb::PortGroup>().at(0).external_ids->find("peer"), "192.0.2.7");

    graph.put(NameAnswer{.key = weft::Key<NameAnswer>{"/names#db"}});
    graph.run();
    ASSERT_EQ(graph.statuses().size(), 1U);
    EXPECT_EQ(graph.statuses()[0].where, "spec.peer");
    EXPECT_EQ(graph.all<weft::nb::PortGroup>().size(), 1U);
}

TEST(JoinGroups, QuietPodsOfTheExtensionPointStayOut) {
    const LinkedPlugin plugin;
    GraphTest graph({plugin.get()}, weft::Role::node);
    graph.put(plugin.settings());
    graph.put(tables::LocalNode{.name = "n1"});
    graph.put(tables::Namespace{.key = weft::Key<tables::Namespace>{"web"}});
    graph.put(tables::Pod{.key = weft::Key<tables::Pod>{"web", "a"}, .ns = "web", .name = "a", .node = "n1"});
    graph.put(PodGroup::table_name, group(""));
    graph.run();
    EXPECT_EQ(graph.all<weft::nb::Member>().size(), 1U);
}

}  // namespace
}  // namespace pod_groups
