#include "small_plugin.hpp"

#include <weft/testing/objects.hpp>
#include <weft/testing/rule_test.hpp>

#include <gtest/gtest.h>

namespace weft::testing {
namespace {

TEST(Objects, OfAPluginsKindsAreRead) {
    SmallHandle plugin;
    const auto kinds = ObjectKinds::of({&plugin});
    const auto read = read_objects(R"(
kind: Light
metadata: {name: a, namespace: web}
spec: {watts: 40}
---
kind: Light
metadata: {name: b, namespace: web}
---
kind: Other
metadata: {name: c}
)",
                                   kinds);
    EXPECT_EQ(read.rows.all<Light>().size(), 1U);
    ASSERT_EQ(read.malformed.size(), 1U);
    EXPECT_EQ(read.malformed[0].first.name, "b");
    EXPECT_EQ(read.malformed[0].second.where, "spec.watts");
    EXPECT_EQ(read.objects.size(), 2U);
    EXPECT_THROW(objects_from_text("{kind: Light, metadata: {name: b}}", kinds), std::runtime_error);
}

TEST(Objects, KeepAnnotationsThatSomebodyDeclared) {
    SmallHandle plugin;
    const std::string text = R"({kind: Namespace, metadata: {name: web, annotations: {
        small.example.org/x: "1", k8s.ovn.org/y: "2", other.example.org/z: "3"}}})";
    const auto keys = [&](const ObjectKinds& kinds) {
        std::string all;
        const auto web = objects_from_text(text, kinds).all<tables::Namespace>().at(0);
        for (const auto& [name, value] : web.annotations)
            all += name + " ";
        return all;
    };
    EXPECT_EQ(keys(ObjectKinds::of({&plugin})), "k8s.ovn.org/y small.example.org/x ");
    EXPECT_EQ(keys({}), "k8s.ovn.org/y ");
}

TEST(Metadata, IsReadOrSaysWhatIsWrong) {
    const auto read = [](const char* text) {
        const auto document = JsonDocument::parse(text);
        return tables::read_metadata(document->root());
    };
    const auto good = read(R"({"metadata":{"name":"a","namespace":"n","uid":"u","labels":{"b":"2","a":"1"},
        "creationTimestamp":"1970-01-02T00:00:00Z","deletionTimestamp":"1970-01-03T00:00:00Z"}})");
    ASSERT_TRUE(good.ok());
    EXPECT_EQ(good->name + good->ns + good->uid, "anu");
    EXPECT_EQ(good->created, 86400);
    EXPECT_TRUE(good->terminating);
    EXPECT_EQ(good->labels, (Labels{{"a", "1"}, {"b", "2"}}));
    EXPECT_EQ(read(R"({"metadata":{}})").error().where, "metadata.name");
    EXPECT_EQ(read(R"({"metadata":{"name":1}})").error().where, "metadata.name");
    EXPECT_EQ(read(R"({})").error().where, "metadata.name");
}

TEST(Settings, DefaultsAreFilledInAndValuesChecked) {
    SmallHandle plugin;
    const PluginRules rules(plugin);
    EXPECT_EQ(rules.settings_rows("small").at(0).value, "white");
    EXPECT_EQ(rules.settings_rows("small", {{"colour", "red"}}).at(0).value, "red");
    EXPECT_THROW(rules.settings_rows("small", {{"colour", ""}}), std::runtime_error);
    EXPECT_THROW(rules.settings_rows("small", {{"shape", "round"}}), std::runtime_error);
}

}  // namespace
}  // namespace weft::testing
