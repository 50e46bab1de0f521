#include <weft/engine/rule.hpp>
#include <weft/plugin/plugin.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/ipam.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/net.hpp>
#include <weft/tables/settings.hpp>

#include <gtest/gtest.h>

namespace weft {
namespace {

tables::Pod pod() {
    tables::Pod p;
    p.key = Key<tables::Pod>{"web", "p1"};
    p.ns = "web";
    p.name = "p1";
    p.uid = "u1";
    p.labels = {{"app", "x"}};
    p.ips = {*Ip::parse("10.0.0.3")};
    return p;
}

TEST(RowPtr, SharesAndCompares) {
    const RowPtr a = RowPtr::make(pod());
    const RowPtr b = a;
    EXPECT_TRUE(a.is(b));
    EXPECT_EQ(a.key(), "web/p1");
    EXPECT_TRUE(a.equals(RowPtr::make(pod())));
    auto other = pod();
    other.ready = true;
    EXPECT_FALSE(a.equals(RowPtr::make(other)));
    EXPECT_EQ(a.object().kind, "Pod");
}

TEST(Row, PrintsItsFieldsAsJson) {
    EXPECT_EQ(
        RowPtr::make(pod()).json(),
        R"({"key":"web/p1","ns":"web","name":"p1","uid":"u1","created":0,"node":"","scheduled":0,"host_network":false,"phase":0,)"
        R"("ready":false,"terminating":false,"labels":[["app","x"]],"annotations":[],"ips":["10.0.0.3"]})");
}

TEST(Row, SchemaHashTellsTypesApart) {
    EXPECT_NE(row_type<tables::Pod>().schema, row_type<tables::Node>().schema);
    EXPECT_TRUE(row_type<tables::Pod>().same_as(row_type<tables::Pod>()));
}

struct PodsOfNode {
    using Table = tables::Pod;
    static constexpr std::string_view index_name = "node";
    static std::string of(const tables::Pod& p) { return p.node; }
};

struct CountPods {
    using Driver = tables::Node;
    using Reads = Tables<PodsOfNode, tables::Namespace>;
    using Writes = Tables<tables::Annotation>;
    static void derive(const Driver& node, const Reader<Reads>& in, Desired<Writes>& out) {
        if (!in.find<tables::Namespace>(Key<tables::Namespace>{"default"})) return out.wait("no namespace");
        out.put(tables::Annotation{.kind = "Node",
                                   .name = node.key.text,
                                   .annotation = "pods",
                                   .value = std::to_string(in.bucket<PodsOfNode>(node.key.text).size())});
    }
};

TEST(RuleSpec, ListsWhatARuleReadsAndWrites) {
    const auto spec = rule_spec<CountPods>("count-pods", Role::node);
    ASSERT_EQ(spec.reads.size(), 2U);
    EXPECT_TRUE(spec.reads[0].is_index);
    EXPECT_EQ(spec.reads[0].index.name, "node");
    EXPECT_EQ(spec.reads[1].table.name, "Namespace");
    EXPECT_EQ(spec.writes.at(0).name, "Annotation");
}

}  // namespace
}  // namespace weft
