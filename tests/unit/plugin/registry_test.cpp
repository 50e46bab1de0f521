#include "plugin/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::plugin {
namespace {

using testing::HasSubstr;

Registry registry(const std::string& folder) {
    AdmissionPolicy policy;
    policy.fingerprint = own_fingerprint();
    return Registry(std::string(TEST_PLUGINS) + "/" + folder, policy);
}

TEST(Registry, LoadsInOrderOfNeeds) {
    auto plugins = registry("good");
    const auto loaded = plugins.load({"beta", "alpha"});
    ASSERT_TRUE(loaded.ok()) << loaded.error().text();
    ASSERT_EQ(loaded->size(), 2U);
    EXPECT_EQ(loaded->at(0)->name(), "alpha");
    EXPECT_EQ(loaded->at(1)->name(), "beta");
    const auto& declared = loaded->at(0)->declared();
    ASSERT_EQ(declared.rules.size(), 1U);
    EXPECT_EQ(declared.rules[0].name, "label-count");
    EXPECT_EQ(declared.watches.at(0).spec.name, "Node");
    EXPECT_EQ(declared.settings.at(0).fallback, "10");
}

TEST(Registry, LoadsOnce) {
    auto plugins = registry("good");
    const auto first = plugins.load({"alpha"});
    const auto again = plugins.load({"alpha", "beta"});
    ASSERT_TRUE(first.ok() && again.ok());
    EXPECT_EQ(first->at(0), again->at(0));
}

TEST(Registry, NamesEveryPluginThatFails) {
    auto plugins = registry("good");
    const auto loaded = plugins.load({"alpha", "ghost", "spectre"});
    ASSERT_FALSE(loaded.ok());
    EXPECT_THAT(loaded.error().what, HasSubstr("\"ghost\""));
    EXPECT_THAT(loaded.error().what, HasSubstr("\"spectre\""));
    for (const auto& entry : plugins.list())
        EXPECT_FALSE(entry.loaded) << entry.name;
}

TEST(Registry, RefusesCyclesAndMissingNeeds) {
    EXPECT_THAT(registry("cycle").load({"left", "right"}).error().what, HasSubstr("circle"));
    EXPECT_THAT(registry("missing-need").load({"lonely"}).error().what, HasSubstr("\"nowhere\""));
    EXPECT_THAT(registry("good").load({"beta"}).error().what, HasSubstr("\"alpha\", which is not enabled"));
}

TEST(Registry, TurnsAThrowingDeclareIntoAnError) {
    EXPECT_THAT(registry("throws").load({"thrower"}).error().what, HasSubstr("declare() threw: no such luck"));
}

TEST(Registry, FindsPluginsBySwitch) {
    auto plugins = registry("good");
    const auto on = plugins.enabled_by({"enable-test-thing"});
    ASSERT_TRUE(on.ok());
    EXPECT_EQ(*on, (std::vector<std::string>{"alpha", "beta"}));
    EXPECT_TRUE(plugins.enabled_by({})->empty());
    EXPECT_THAT(plugins.enabled_by({"enable-other"}).error().what, HasSubstr("enable-other"));
}

TEST(Registry, ListsWhatItRefuses) {
    const auto listing = registry("wrong-fingerprint").list();
    ASSERT_EQ(listing.size(), 1U);
    EXPECT_THAT(listing[0].problem, HasSubstr("was built for"));
}

}  // namespace
}  // namespace weft::plugin
