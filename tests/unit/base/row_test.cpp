#include "base/row_fields.hpp"

#include <weft/engine/rule.hpp>
#include <weft/ovsdb/column.hpp>
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

/// Every kind of field, the key not first.
struct Motley {
    static constexpr std::string_view table_name = "Motley";
    std::string before;
    Key<Motley> key;
    std::vector<ovsdb::After> after;
    ovsdb::Parent parent;
    ovsdb::Column<ovsdb::Set<ovsdb::Ref<Motley>>> refs;
    ovsdb::Column<ovsdb::Map<std::string, std::string>> ids;
    std::vector<std::pair<std::string, IpPrefix>> ranges;
    std::optional<Mac> mac;
    std::optional<std::string> note;
    ovsdb::Column<std::optional<std::int64_t>> tag;
    ObjectRef object;
    double share = 0;
    std::int32_t small = 0;
    bool flag = false;
    Ip ip;
    Key<Motley> other;

    static constexpr auto fields() {
        return std::tuple{
            field("before", &Motley::before), field("key", &Motley::key),       field("after", &Motley::after),
            field("parent", &Motley::parent), field("refs", &Motley::refs),     field("ids", &Motley::ids),
            field("ranges", &Motley::ranges), field("mac", &Motley::mac),       field("note", &Motley::note),
            field("tag", &Motley::tag),       field("object", &Motley::object), field("share", &Motley::share),
            field("small", &Motley::small),   field("flag", &Motley::flag),     field("ip", &Motley::ip),
            field("other", &Motley::other)};
    }
};

Motley motley() {
    Motley m;
    m.before = "a text that other fields repeat";
    m.key = Key<Motley>{"the key"};
    m.after = {{"NB/Motley", "the key", ovsdb::Level::installed}, {"NB/Motley", "two", ovsdb::Level::committed}};
    m.parent = {"Motley", "refs", "a text that"};
    m.refs = ovsdb::Set<ovsdb::Ref<Motley>>{ovsdb::Ref<Motley>(Key<Motley>{"other"}),
                                            ovsdb::Ref<Motley>(*Uuid::parse("11111111-2222-3333-4444-555555555555"))};
    m.ids = {{"pod", "true"}, {"repeat", "other fields"}};
    m.ranges = {{"a", *IpPrefix::parse("10.0.0.0/8")}, {"b", *IpPrefix::parse("fd00::/64")}};
    m.mac = *Mac::parse("0a:58:0a:00:00:03");
    m.note = "a note";
    m.tag = 7;
    m.object = {"Pod", "ns", "name", "uid"};
    m.share = 0.5;
    m.small = -3;
    m.flag = true;
    m.ip = *Ip::parse("10.1.2.3");
    m.other = Key<Motley>{"the last"};
    return m;
}

TEST(RowPtr, ReadsSingleFields) {
    const Motley m = motley();
    const RowPtr row = RowPtr::make(m);
    EXPECT_EQ(row.read<&Motley::before>(), m.before);
    EXPECT_EQ(row.read<&Motley::key>(), m.key.text);
    EXPECT_EQ(row.read<&Motley::after>(), m.after);
    EXPECT_EQ(row.read<&Motley::parent>(), m.parent);
    EXPECT_EQ(row.read<&Motley::refs>(), m.refs);
    EXPECT_EQ(row.read<&Motley::ids>(), m.ids);
    EXPECT_EQ(row.read<&Motley::ranges>(), m.ranges);
    EXPECT_EQ(row.read<&Motley::mac>(), m.mac);
    EXPECT_EQ(row.read<&Motley::note>(), "a note");
    EXPECT_EQ(row.read<&Motley::tag>(), m.tag);
    EXPECT_EQ(row.read<&Motley::object>(), m.object);
    EXPECT_EQ(row.read<&Motley::share>(), m.share);
    EXPECT_EQ(row.read<&Motley::small>(), m.small);
    EXPECT_EQ(row.read<&Motley::flag>(), m.flag);
    EXPECT_EQ(row.read<&Motley::ip>(), m.ip);
    EXPECT_EQ(row.read<&Motley::other>(), "the last");
}

TEST(RowPtr, ReadsFieldsAfterEmptyOnes) {
    Motley m;
    m.other = Key<Motley>{"the last"};
    const RowPtr row = RowPtr::make(m);
    EXPECT_EQ(row.read<&Motley::before>(), "");
    EXPECT_FALSE(row.read<&Motley::ids>().declared());
    EXPECT_FALSE(row.read<&Motley::note>().has_value());
    EXPECT_EQ(row.read<&Motley::other>(), "the last");
}

TEST(RowPtr, ComparesAllFieldsButOne) {
    const Motley m = motley();
    const RowPtr row = RowPtr::make(m);
    EXPECT_TRUE(equal_but<&Motley::ids>(row, RowPtr::make(m)));
    Motley other = m;
    other.ids = {{"pod", "false"}, {"a text that other fields repeat", "no more"}};
    EXPECT_TRUE(equal_but<&Motley::ids>(row, RowPtr::make(other)));
    EXPECT_TRUE(equal_but<&Motley::ids>(RowPtr::make(other), row));
    EXPECT_FALSE(equal_but<&Motley::note>(row, RowPtr::make(other)));
    other.other = Key<Motley>{"another"};
    EXPECT_FALSE(equal_but<&Motley::ids>(row, RowPtr::make(other))) << "behind it";
    other = m;
    other.before = "else";
    EXPECT_FALSE(equal_but<&Motley::ids>(row, RowPtr::make(other))) << "before it";
    other = m;
    other.key = Key<Motley>{"else"};
    EXPECT_FALSE(equal_but<&Motley::ids>(row, RowPtr::make(other)));
    other = m;
    other.tag = std::optional<std::int64_t>();
    EXPECT_FALSE(equal_but<&Motley::ids>(row, RowPtr::make(other)));
    EXPECT_TRUE(equal_but<&Motley::tag>(row, RowPtr::make(other)));
    const auto differs = [&](auto change) {
        Motley changed = m;
        change(changed);
        return !equal_but<&Motley::note>(row, RowPtr::make(changed));
    };
    EXPECT_TRUE(differs([](Motley& r) { r.ranges.pop_back(); }));
    EXPECT_TRUE(differs([](Motley& r) { r.ranges.back().second = *IpPrefix::parse("fd01::/64"); }));
    EXPECT_TRUE(differs([](Motley& r) { r.ids = {}; }));
    EXPECT_TRUE(differs([](Motley& r) { r.mac = *Mac::parse("0a:58:0a:00:00:04"); }));
    EXPECT_TRUE(differs([](Motley& r) { r.object.uid = "another"; }));
    EXPECT_TRUE(differs([](Motley& r) { r.small = 3; }));
    EXPECT_TRUE(differs([](Motley& r) { r.flag = false; }));
    EXPECT_TRUE(differs([](Motley& r) { r.share = 0.25; }));
    EXPECT_TRUE(differs([](Motley& r) { r.ip = *Ip::parse("10.1.2.4"); }));
}

TEST(RowPtr, VisitsEntriesOfMaps) {
    std::vector<std::pair<std::string, std::string>> seen;
    const auto note = [&](std::string_view name, std::string_view value) { seen.emplace_back(name, value); };
    each_entry<&Motley::ids>(RowPtr::make(motley()), note);
    const std::vector<std::pair<std::string, std::string>> all{{"pod", "true"}, {"repeat", "other fields"}};
    EXPECT_EQ(seen, all);
    each_entry<&Motley::ids>(RowPtr::make(Motley()), note);
    EXPECT_EQ(seen, all) << "an undeclared column has none";
}

TEST(RowPtr, ReadsSingleEntriesOfMaps) {
    const RowPtr row = RowPtr::make(motley());
    EXPECT_EQ(row.entry<&Motley::ids>("pod"), "true");
    EXPECT_EQ(row.entry<&Motley::ids>("repeat"), "other fields");
    EXPECT_EQ(row.entry<&Motley::ids>("absent"), std::nullopt);
    EXPECT_EQ(RowPtr::make(Motley{}).entry<&Motley::ids>("pod"), std::nullopt);
    EXPECT_EQ(RowPtr::make(pod()).entry<&tables::Pod::labels>("app"), "x");
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
