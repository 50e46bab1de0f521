#include "services/report.hpp"

#include <weft/base/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::services {
namespace {

TEST(Report, StatusAsJson) {
    StatusReport r;
    r.version = "0.1.0";
    r.role = "node";
    r.node = "n1";
    r.pid = 7;
    r.started = WallTime(std::chrono::seconds(60));
    r.ready = false;
    r.awaiting = {"table Pod"};
    r.revision = "v1-2-gabc";
    r.leader = StatusReport::Leader{"m1", true, "no answer"};
    r.cni = StatusReport::Cni{false, "no subnet", 4};
    r.connections = {{"ovn-nb", "unix:/x", false, "no socket"}};
    r.plugins = {{.name = "p", .version = "1", .state = "running", .rules = 3, .instances = 10, .failed = 1}};
    r.appliers = {{.name = "ovn-nb", .state = appliers::State::syncing, .detail = "waits", .behind = 2}};
    r.appliers[0].faults = {{"NB/ACL x", "refused", "mend it", WallTime(std::chrono::seconds(1))},
                            {"Route r", "no", "", {}}};
    r.counts = {{"nodes", 2}, {"pods", 10}};
    RuleStatus late;
    late.module = "p";
    late.rule = "r";
    late.driver = "ns/p1";
    late.state = RuleState::warning;
    late.what = "odd";
    RuleStatus bad = late;
    bad.state = RuleState::failed;
    bad.what = "wrong";
    bad.on = {"Pod", "ns", "p1", "u"};
    bad.since_ms = 2000;
    r.problems = {late, bad};
    auto parsed = JsonDocument::parse(to_json(r));
    ASSERT_TRUE(parsed) << to_json(r);
    const auto j = parsed->root();
    EXPECT_EQ(j["node"].string(), "n1");
    EXPECT_EQ(j["started"].string(), "1970-01-01T00:01:00Z");
    EXPECT_EQ(j["ready"].boolean(), false);
    EXPECT_EQ(j["revision"].string(), "v1-2-gabc");
    EXPECT_EQ(j["leader"].dump(), R"({"identity":"m1","self":true,"trouble":"no answer"})");
    EXPECT_EQ(j["cni"].dump(), R"({"serving":false,"reason":"no subnet","requests":4})");
    EXPECT_EQ(j["counts"].dump(), R"({"nodes":2,"pods":10})");
    EXPECT_EQ(j["connections"].dump(), R"([{"name":"ovn-nb","address":"unix:/x","up":false,"detail":"no socket"}])");
    EXPECT_EQ(j["plugins"].dump(),
              R"([{"name":"p","version":"1","state":"running","reason":"","rules":3,"instances":10,"failed":1,)"
              R"("conflicts":0,"waiting":0,"warnings":0}])");
    EXPECT_EQ(j["appliers"].dump(),
              R"([{"name":"ovn-nb","state":"syncing","detail":"waits","behind":2,"applied":0,"requests":0,)"
              R"("repaired":0,"faults":[{"object":"NB/ACL x","what":"refused","mend":"mend it",)"
              R"("since":"1970-01-01T00:00:01Z"},{"object":"Route r","what":"no","mend":"","since":""}]}])");
    EXPECT_EQ(
        j["problems"].dump(),
        R"([{"state":"failed","object":"Pod ns/p1","plugin":"p","rule":"r","what":"wrong","where":"","mend":"",)"
        R"("since":"1970-01-01T00:00:02Z"},{"state":"warning","object":"ns/p1","plugin":"p","rule":"r","what":"odd",)"
        R"("where":"","mend":"","since":"1970-01-01T00:00:00Z"}])")
        << "worst first";
    EXPECT_EQ(j["problemsOmitted"].integer(), 0);
}

TEST(Report, ProblemsAreCapped) {
    StatusReport r;
    r.problems.resize(10);
    auto parsed = JsonDocument::parse(to_json(r, 3));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->root()["problems"].size(), 3u);
    EXPECT_EQ(parsed->root()["problemsOmitted"].integer(), 7);
}

TEST(Report, Plugins) {
    EXPECT_EQ(
        to_json(std::vector<PluginReport>{{"p", "1", "/x/p.so", true, "running", "listed", {"a", "b"}}}),
        R"([{"name":"p","version":"1","enabled":true,"state":"running","file":"/x/p.so","reason":"listed","needs":["a","b"]}])");
    EXPECT_EQ(to_json(std::vector<PluginReport>{}), "[]");
}

}  // namespace
}  // namespace weft::services
