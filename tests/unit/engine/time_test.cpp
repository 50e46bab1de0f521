#include "kit.hpp"

/// Time as rules see it, retries, and the statuses that tell since when.
namespace weft::engine {
namespace {

using namespace kit;
using std::chrono::hours;
using std::chrono::seconds;

TimePoint at(std::int64_t second) {
    return TimePoint(hours(24) + seconds(second));
}

/// Has the item's time come? Items with names ask for the time of the first one as well.
struct Due {
    using Driver = Item;
    using Reads = Tables<Setting>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        std::string text = in.passed(at(item.number)) ? "due" : "early";
        if (!item.names.empty()) text += in.passed(at(std::stoi(item.names[0]))) ? " due" : " early";
        if (in.find<Setting>(Key<Setting>("s"))) text += " s";
        out.put(Plain{Key<Plain>(item.key.text), text});
    }
};

TEST(Time, ATimerRunsAnInstanceOnceWhenItIsDue) {
    Bed bed;
    bed.rules<Due>();
    TickReport report = bed.put(item("a", 10), item("b", 20), item("c", -5));
    EXPECT_EQ(report.next_deadline, at(10));
    EXPECT_EQ(bed.text<Plain>("a"), "early");
    EXPECT_EQ(bed.text<Plain>("c"), "due");
    EXPECT_FALSE(bed.engine.wait(bed.clock.now()));
    bed.clock.advance(seconds(9));
    EXPECT_EQ(bed.engine.tick().runs, 0u);
    bed.clock.advance(seconds(1));
    EXPECT_TRUE(bed.engine.wait());
    report = bed.engine.tick();
    EXPECT_EQ(report.runs, 1u);
    EXPECT_EQ(bed.text<Plain>("a"), "due");
    EXPECT_EQ(report.next_deadline, at(20));
    EXPECT_EQ(bed.engine.tick().runs, 0u);
    bed.erase<Item>("b");
    EXPECT_EQ(bed.engine.next_deadline(), std::nullopt);
    bed.clock.advance(hours(1));
    EXPECT_EQ(bed.engine.tick().runs, 0u);
}

TEST(Time, TheEarliestOfSeveralTimesCountsAndEachRunSetsThemAnew) {
    Bed bed;
    bed.rules<Due>();
    bed.put(item("a", 30, "", {"10"}));
    EXPECT_EQ(bed.engine.next_deadline(), at(10));
    bed.clock.advance(seconds(10));
    EXPECT_EQ(bed.engine.tick().runs, 1u);
    EXPECT_EQ(bed.text<Plain>("a"), "early due");
    EXPECT_EQ(bed.engine.next_deadline(), at(30));
    bed.put(item("a", 15, "", {"10"}));
    EXPECT_EQ(bed.engine.next_deadline(), at(15));
    bed.clock.advance(seconds(5));
    // Input and timer at once are one run.
    EXPECT_EQ(bed.put(Setting{Key<Setting>("s")}).runs, 1u);
    EXPECT_EQ(bed.text<Plain>("a"), "due due s");
    EXPECT_EQ(bed.engine.next_deadline(), std::nullopt);
}

/// Fails as transient while the setting says so.
struct Flaky {
    using Driver = Item;
    using Reads = Tables<Setting>;
    using Writes = Tables<Plain>;
    static inline int calls = 0;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        ++calls;  // for the test only; rules have no state
        if (item.number == 1) return out.fail(again("busy"));
        if (item.number == 2) return out.fail(invalid("wrong"));
        if (in.find<Setting>(Key<Setting>("s"))) return out.fail(again("set"));
        out.put(Plain{Key<Plain>(item.key.text), "fine"});
    }
};

TEST(Time, TransientFailuresAreTriedAgainLessAndLessOften) {
    Bed bed;
    bed.rules<Flaky>();
    bed.put(item("a", 1));
    const TimePoint start = bed.clock.now();
    std::vector<std::int64_t> pauses;
    for (int i = 0; i < 9; ++i) {
        const auto next = bed.engine.next_deadline();
        ASSERT_TRUE(next);
        pauses.push_back(std::chrono::duration_cast<seconds>(*next - bed.clock.now()).count());
        bed.clock.advance(*next - bed.clock.now());
        EXPECT_EQ(bed.engine.tick().runs, 1u);
    }
    EXPECT_THAT(pauses, testing::ElementsAre(1, 2, 4, 8, 16, 32, 60, 60, 60));
    // The status is the first one all along: it says since when.
    const auto status = bed.engine.find<RuleStatus>(Key<RuleStatus>("m1/rule/a"));
    ASSERT_TRUE(status);
    EXPECT_EQ(status->since_ms,
              std::chrono::duration_cast<std::chrono::milliseconds>(start.time_since_epoch()).count());
    // Another error is not tried again, and a success forgets the pauses.
    bed.put(item("a", 2));
    EXPECT_EQ(bed.engine.next_deadline(), std::nullopt);
    bed.put(item("a", 0));
    EXPECT_EQ(bed.text<Plain>("a"), "fine");
    bed.put(Setting{Key<Setting>("s")});
    EXPECT_EQ(*bed.engine.next_deadline() - bed.clock.now(), seconds(1));
    EXPECT_EQ(bed.text<Plain>("a"), "fine");
    // Input runs it at once, retry or not.
    bed.erase<Setting>("s");
    EXPECT_EQ(bed.engine.next_deadline(), std::nullopt);
    EXPECT_EQ(bed.status("m1/rule/a"), "-");
}

TEST(Status, TellsTheObjectTheErrorAndTheWorstOfSeveral) {
    Bed bed;
    bed.rules<Flaky>();
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<RuleStatus>()}, recorder));
    bed.clock.advance(seconds(7));
    bed.put(item("a", 2, "g"));
    const auto status = bed.engine.find<RuleStatus>(Key<RuleStatus>("m1/rule/a"));
    ASSERT_TRUE(status);
    EXPECT_EQ(status->module, "m1");
    EXPECT_EQ(status->rule, "rule");
    EXPECT_EQ(status->driver, "a");
    EXPECT_EQ(status->state, RuleState::failed);
    EXPECT_EQ(status->error(), invalid("wrong"));
    EXPECT_EQ(status->on, (ObjectRef{"Item", "g", "a", "uid-a"}));
    EXPECT_EQ(RuleStatus::object(*status).name, "a");
    EXPECT_THAT(recorder.take(), testing::ElementsAre("+m1/rule/a", "done"));
    // The same again is no news.
    bed.put(item("a", 2, "g", {"name"}));
    EXPECT_THAT(recorder.take(), testing::IsEmpty());
    bed.erase<Item>("a");
    EXPECT_THAT(recorder.take(), testing::ElementsAre("-m1/rule/a"));
}

}  // namespace
}  // namespace weft::engine
