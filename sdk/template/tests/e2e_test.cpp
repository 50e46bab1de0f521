#include <weft/testing/testbed/plugin_cluster.hpp>

#include <string>

#include <gtest/gtest.h>

namespace {

using namespace weft::testing;  // NOLINT

TEST(MyFeature, NotesComeAndGoWhilePodsTalk) {
    if (const auto why = PluginCluster::why_not(); !why.empty()) GTEST_SKIP() << why;
    auto started = PluginCluster::start();
    WEFT_ASSERT_OK(started);
    auto& weft = **started;
    const auto a = weft.pod("web", "a");
    WEFT_ASSERT_OK(a);
    const auto b = weft.pod("web", "b");
    WEFT_ASSERT_OK(b);
    WEFT_ASSERT_OK(wait_reachable(a->netns, *b->address(weft::Family::v4)));
    auto loss = LossCounter::start(weft.cluster().testbed(), a->netns, *b->address(weft::Family::v4));
    WEFT_ASSERT_OK(loss);

    const char* port = "Logical_Switch_Port";
    WEFT_ASSERT_OK(weft.cluster().apply_text(
        "{apiVersion: my-feature.example.org/v1, kind: MyFeature, metadata: {name: f, namespace: web}, "
        "spec: {note: checked}}"));
    WEFT_ASSERT_OK(weft.wait_rows("n1", port, "external_ids:my-feature=checked", "name", "web_a,web_b"));

    // Another key, by a reload of the configuration.
    WEFT_ASSERT_OK(weft.reconfigure("n1", "[plugins]", "[plugin.my-feature]\nkey = note\n\n[plugins]"));
    WEFT_ASSERT_OK(weft.wait_rows("n1", port, "external_ids:note=checked", "name", "web_a,web_b"));
    WEFT_ASSERT_OK(weft.wait_rows("n1", port, "external_ids:my-feature=checked", "name", ""));

    // A note that the API server lets through, for it counts characters, and the plugin does not: the object is told,
    // the old one stays.
    std::string long_note;
    for (int i = 0; i < 32; ++i)
        long_note += "\u00fc";
    WEFT_ASSERT_OK(weft.cluster().apply_text(
        "{apiVersion: my-feature.example.org/v1, kind: MyFeature, metadata: {name: f, namespace: web}, "
        "spec: {note: \"" +
        long_note + "\"}}"));
    WEFT_ASSERT_OK(weft.wait_event("web", "MyFeature", "f", "spec.note"));
    WEFT_ASSERT_OK(weft.wait_rows("n1", port, "external_ids:note=checked", "name", "web_a,web_b"));

    WEFT_ASSERT_OK(weft.cluster().api().remove("/apis/my-feature.example.org/v1/namespaces/web/myfeatures/f"));
    WEFT_ASSERT_OK(weft.wait_rows("n1", port, "external_ids:note=checked", "name", ""));

    const auto lost = loss->finish();
    WEFT_ASSERT_OK(lost);
    EXPECT_EQ(lost->lost, 0U);
    WEFT_EXPECT_OK(weft.rights_suffice());
}

}  // namespace
