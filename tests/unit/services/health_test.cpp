#include "services/health.hpp"

#include "services/posted.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::services {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(Health, NotReadyBeforeTheFirstCheckAndUntilAllAreGood) {
    ManualClock clock;
    Health health(clock);
    EXPECT_FALSE(health.is_ready());
    EXPECT_THAT(health.ready().json, HasSubstr("still starting"));
    health.set("ovn-nb", false, "no socket at /x");
    health.set("kubernetes", true);
    auto answer = health.ready();
    EXPECT_FALSE(answer.good);
    EXPECT_EQ(answer.json,
              "{\"status\":\"failed\",\"checks\":[{\"name\":\"kubernetes\",\"ok\":true,\"reason\":\"\"},"
              "{\"name\":\"ovn-nb\",\"ok\":false,\"reason\":\"no socket at /x\"}],"
              "\"lastUpdated\":\"1970-01-02T00:00:00Z\",\"currentTime\":\"1970-01-02T00:00:00Z\"}\n");
    clock.advance(10s);
    health.set("ovn-nb", true);
    clock.advance(5s);
    answer = health.ready();
    EXPECT_TRUE(answer.good);
    EXPECT_TRUE(health.is_ready());
    EXPECT_THAT(answer.json,
                HasSubstr("\"lastUpdated\":\"1970-01-02T00:00:10Z\",\"currentTime\":\"1970-01-02T00:00:15Z\""));
    health.remove("kubernetes");
    EXPECT_THAT(health.ready().json, ::testing::Not(HasSubstr("kubernetes")));
}

TEST(Health, LiveAsLongAsTheEngineTurnsWhenAsked) {
    ManualClock clock;
    int asked = 0;
    Health health(
        clock, [&] { ++asked; }, 60s);
    EXPECT_TRUE(health.live().good);
    clock.advance(100s);
    EXPECT_TRUE(health.live().good) << "starting may take its time";
    health.beat();
    clock.advance(1000s);
    asked = 0;
    EXPECT_TRUE(health.live().good) << "nobody had asked";
    EXPECT_EQ(asked, 1);
    clock.advance(60s);
    EXPECT_TRUE(health.live().good);
    clock.advance(1s);
    EXPECT_FALSE(health.live().good) << "a later question is no new chance";
    EXPECT_FALSE(health.health().good);
    EXPECT_THAT(health.live().json, HasSubstr("the engine has not turned for 61 s"));
    EXPECT_EQ(asked, 5);
    health.beat();
    EXPECT_TRUE(health.live().good);
    health.beat();
    clock.advance(61s);
    EXPECT_TRUE(health.live().good);
    EXPECT_TRUE(health.ready().json.find("\"status\":\"failed\"") != std::string::npos);
    EXPECT_EQ(asked, 8) << "readiness is that of the last turn: each question brings a new one";
}

TEST(Health, HealthzFailsWhileTerminating) {
    ManualClock clock;
    Health health(clock);
    EXPECT_TRUE(health.health().good);
    health.set_terminating(true);
    EXPECT_FALSE(health.health().good);
    EXPECT_TRUE(health.live().good);
    health.set_terminating(false);
    EXPECT_TRUE(health.health().good);
}

TEST(Posted, WaitsForTheTaskButNotForEver) {
    TaskThread engine;
    const Post post = [&](std::function<void()> task) { engine.post(std::move(task)); };
    std::thread::id ran_on;
    EXPECT_TRUE(run_posted(post, 30s, [&] { ran_on = std::this_thread::get_id(); }));
    EXPECT_NE(ran_on, std::this_thread::get_id());

    auto late = std::make_shared<std::atomic<bool>>(false);
    engine.hold();
    EXPECT_FALSE(run_posted(post, 1ms, [late] { *late = true; }));
    engine.release();
    EXPECT_TRUE(eventually([&] { return late->load(); })) << "it still runs, and owns what it touches";
}

}  // namespace
}  // namespace weft::services
