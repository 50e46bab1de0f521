#include "small_plugin.hpp"

#include <weft/testing/scenario.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::testing {
namespace {

using ::testing::HasSubstr;

const std::string light = R"(apply
apiVersion: v1
kind: Namespace
metadata: {name: web}
---
apiVersion: small.example.org/v1
kind: Light
metadata: {name: a, namespace: web}
spec: {watts: 40}
end
)";  // ten lines

Result<void> play(const std::string& text) {
    SmallHandle plugin;
    return run_scenario(text, "story", {&plugin, "small"});
}

std::string trouble(const std::string& text) {
    const auto done = play(text);
    return done ? "it went well" : done.error().text();
}

TEST(Scenario, AStoryGoes) {
    const auto done = play("# a comment\n\n" + light + R"(
expect row small/Lamp {"key": "web/a", "colour": "white"}
expect rows small/Lamp 1
expect no status
expect no malformed
setting colour red
expect row small/Lamp {"colour": "red", "watts": 40}
break restart
break plugin
expect nothing
mend plugin
expect row small/Lamp {"colour": "red"}
break input small/Light
expect nothing
mend input small/Light
expect row small/Lamp {"colour": "red"}
delete Light web/a
expect no rows small/Lamp
expect nothing
)");
    EXPECT_TRUE(done.ok()) << done.error().text();
}

TEST(Scenario, StatusesAndObjectsThatCantBeRead) {
    const auto done = play(light + R"(
apply
kind: Light
metadata: {name: a, namespace: web}
spec: {watts: 60}
end
expect status warning make-lamp bright
apply
kind: Light
metadata: {name: a, namespace: web}
spec: {watts: many}
end
expect malformed Light web/a spec.watts
expect row small/Lamp {"watts": 60}
apply
kind: Light
metadata: {name: a, namespace: web}
spec: {watts: 600}
end
expect no malformed
expect status failed make-lamp 100 watts
expect row small/Lamp {"watts": 60}
)");
    EXPECT_TRUE(done.ok()) << done.error().text();
}

TEST(Scenario, AnExpectationThatFailsNamesItsLineAndWhatIsThere) {
    EXPECT_THAT(trouble(light + "expect row small/Lamp {\"colour\": \"blue\"}\n"),
                ::testing::AllOf(HasSubstr("story:11: there is no such row, but"), HasSubstr("\"colour\":\"white\"")));
    EXPECT_THAT(trouble(light + "expect no row small/Lamp\n"), HasSubstr("story:11: there is such a row"));
    EXPECT_THAT(trouble(light + "\nexpect rows small/Lamp 2\n"), HasSubstr("story:12: there are 1 rows"));
    EXPECT_THAT(trouble(light + "expect nothing\n"), HasSubstr("story:11: something is wanted"));
    EXPECT_THAT(trouble(light + "expect status failed\n"), HasSubstr("story:11: there is no such status"));
    EXPECT_THAT(trouble("expect malformed Light web/a\n"), HasSubstr("story:1: there is none such"));
}

struct BadLine {
    std::string text;
    std::string says;
};
class ScenarioLine : public ::testing::TestWithParam<BadLine> {};

TEST_P(ScenarioLine, ThatMeansNothingIsRefused) {
    EXPECT_THAT(trouble(GetParam().text), ::testing::AllOf(HasSubstr("story:1"), HasSubstr(GetParam().says)));
}

INSTANTIATE_TEST_SUITE_P(
    Lines, ScenarioLine,
    ::testing::Values(BadLine{"exspect nothing", "unknown command \"exspect\""},
                      BadLine{"role boss", "cluster or node"}, BadLine{"role", "cluster or node"},
                      BadLine{"node", "the name of a node"}, BadLine{"node n1 n2", "too much: \"n2\""},
                      BadLine{"apply\nkind: Light", "\"end\""},
                      BadLine{"apply\nkind: Else\nmetadata: {name: a}\nend", "no object of a kind"},
                      BadLine{"apply\n{\nend", ""}, BadLine{"delete Light web/a", "there is no Light web/a"},
                      BadLine{"delete Light", "a name"}, BadLine{"pass soon", "no number"},
                      BadLine{"break everything", "break takes"}, BadLine{"mend input Pod", "is not broken"},
                      BadLine{"break input Elsewhere\nexpect nothing", ""}, BadLine{"expect peace", "expect takes"},
                      BadLine{"expect row X {", "no JSON"}, BadLine{"expect rows X", "a number"},
                      BadLine{"setting colour", "may not be empty"}, BadLine{"setting shape round", "not declared"},
                      BadLine{"set nothing 1", "unknown setting"}));

TEST(Scenario, AFileThatIsNotThere) {
    SmallHandle plugin;
    EXPECT_THAT(run_scenario_file("/nowhere/x.scenario", {&plugin, "small"}).error().text(), HasSubstr("/nowhere/x"));
}

}  // namespace
}  // namespace weft::testing
