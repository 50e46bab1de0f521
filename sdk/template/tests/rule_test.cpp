#include "my_feature.hpp"

#include <weft/testing/linked_plugin.hpp>

#include <gtest/gtest.h>

namespace my_feature {
namespace {

using weft::testing::LinkedPlugin;
using weft::testing::RuleTest;
namespace tables = weft::tables;

tables::Pod pod() {
    tables::Pod pod;
    pod.key = weft::Key<tables::Pod>{"web", "p1"};
    pod.ns = "web";
    pod.name = "p1";
    pod.node = "n1";
    return pod;
}

MyFeature feature() {
    return {weft::Key<MyFeature>{"web", "f"}, "web", "f", "uid-f", "checked"};
}

TEST(NotePod, PutsTheNoteOnThePort) {
    const LinkedPlugin plugin;
    RuleTest rule(plugin.rules().rule("note-pod"));
    rule.given(tables::LocalNode{.name = "n1"}).given(plugin.settings({{"key", "note"}})).given(feature());
    const auto result = rule.run(pod());
    const auto notes = result.all<weft::nb::Member>();
    ASSERT_EQ(notes.size(), 1U) << result.text();
    EXPECT_EQ(notes[0].row, "web_p1");
    EXPECT_EQ(notes[0].map_key, "note");
    EXPECT_EQ(notes[0].value, "checked");
}

TEST(NotePod, SaysNothingOfPodsElsewhere) {
    const LinkedPlugin plugin;
    RuleTest rule(plugin.rules().rule("note-pod"));
    rule.given(tables::LocalNode{.name = "n2"}).given(plugin.settings()).given(feature());
    EXPECT_TRUE(rule.run(pod()).empty());
}

TEST(MyFeature, WithoutANoteIsRefusedWithTheField) {
    const auto document = weft::JsonDocument::parse(R"({"metadata":{"name":"f","namespace":"web"},"spec":{}})");
    const auto row = parse_my_feature(document->root());
    ASSERT_FALSE(row.ok());
    EXPECT_EQ(row.error().where, "spec.note");
}

TEST(Settings, AnEmptyKeyIsRefused) {
    const LinkedPlugin plugin;
    EXPECT_THROW(plugin.settings({{"key", ""}}), std::runtime_error);
}

}  // namespace
}  // namespace my_feature
