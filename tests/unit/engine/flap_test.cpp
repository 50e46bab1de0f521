// Rules that go round and round through the outside: they are found, named and slowed; the others are not.
#include "kit.hpp"

#include <chrono>

namespace weft::engine {
namespace {

using kit::Item;
using kit::Plain;
using kit::Setting;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto step = std::chrono::milliseconds(2);

struct Echo {
    using Driver = Item;
    using Reads = Tables<Setting>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* setting = in.find<Setting>(Key<Setting>(item.key.text));
        out.put(
            Plain{.key = Key<Plain>(item.key.text), .text = std::to_string(setting == nullptr ? 0 : setting->number)});
    }
};

/// Asks for the time again and again, whatever it is.
struct Ticker {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<Plain>;
    static inline const Clock* clock = nullptr;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        (void)in.passed(clock->now() + step);
        out.put(Plain{.key = Key<Plain>(item.key.text), .text = "same"});
    }
};

struct FlapBed : kit::Bed {
    FlapBed()
        : Bed([] {
              EngineOptions options;
              options.flap_limit = 100;
              return options;
          }()) {}

    /// Two milliseconds in which what was put for `key` comes back, one higher.
    void feed_back(const std::string& key) {
        clock.advance(step);
        const std::string text_now = text<Plain>(key);
        if (text_now == "-") return;
        put(Setting{.key = Key<Setting>(key), .number = std::stoll(text_now) + 1});
    }
    std::uint64_t runs_in(Duration time, const std::function<void()>& each) {
        const auto before = report("m1").runs;
        for (Duration passed{}; passed < time; passed += step)
            each();
        return report("m1").runs - before;
    }
};

TEST(Flaps, WhatFeedsOnItselfIsNamedAndRunsAfterPauses) {
    FlapBed bed;
    bed.rules<Echo>();
    bed.put(kit::item("loop"), kit::item("calm"));
    const auto turn = [&] { bed.feed_back("loop"); };
    bed.runs_in(std::chrono::seconds(25), turn);
    EXPECT_THAT(bed.status("m1/rule/loop"), StartsWith("warning: its rows change without end"));
    EXPECT_EQ(bed.status("m1/rule/calm"), "-");

    // Bounded: a handful a minute in place of 30,000.
    EXPECT_LE(bed.runs_in(std::chrono::seconds(60), turn), 15U);
    // The one beside it runs at once.
    bed.put(Setting{.key = Key<Setting>("calm"), .number = 5});
    EXPECT_EQ(bed.text<Plain>("calm"), "5");

    // Its rows go with its driver at once, pause or not.
    bed.put(Setting{.key = Key<Setting>("loop"), .number = 1});
    bed.erase<Item>("loop");
    EXPECT_EQ(bed.text<Plain>("loop"), "-");
    EXPECT_EQ(bed.status("m1/rule/loop"), "-");
}

TEST(Flaps, WhoComesToRestIsFree) {
    FlapBed bed;
    bed.rules<Echo>();
    bed.put(kit::item("loop"));
    bed.runs_in(std::chrono::seconds(25), [&] { bed.feed_back("loop"); });
    ASSERT_THAT(bed.status("m1/rule/loop"), HasSubstr("without end"));
    // The last word is not lost, only late; then it is as good as any.
    bed.put(Setting{.key = Key<Setting>("loop"), .number = 7});
    for (int i = 0; i < 25; ++i) {
        bed.clock.advance(std::chrono::seconds(1));
        bed.engine.tick();
    }
    EXPECT_EQ(bed.text<Plain>("loop"), "7");
    EXPECT_EQ(bed.status("m1/rule/loop"), "-");
    bed.put(Setting{.key = Key<Setting>("loop"), .number = 8});
    EXPECT_EQ(bed.text<Plain>("loop"), "8");
}

TEST(Flaps, ManyChangesOfManyInstancesOrOverALongTimeAreNone) {
    FlapBed bed;
    bed.rules<Echo>();
    ChangeSet changes;
    for (int i = 0; i < 100; ++i)
        changes.put<Item>(kit::item("k" + std::to_string(i)));
    bed.engine.post(std::move(changes));
    bed.put();
    for (int round = 0; round < 6000; ++round) {
        bed.clock.advance(std::chrono::milliseconds(round < 1900 ? 1 : 11));
        bed.put(Setting{.key = Key<Setting>("k1"), .number = round});
        ASSERT_EQ(bed.text<Plain>("k1"), std::to_string(round));
    }
    EXPECT_EQ(bed.status("m1/rule/k1"), "-");
}

TEST(Flaps, ATimerWithoutEndCounts) {
    FlapBed bed;
    Ticker::clock = &bed.clock;
    bed.rules<Ticker>();
    bed.put(kit::item("t"));
    const auto turn = [&] {
        bed.clock.advance(step);
        bed.engine.tick();
    };
    bed.runs_in(std::chrono::seconds(25), turn);
    EXPECT_THAT(bed.status("m1/rule/t"), HasSubstr("without end"));
    EXPECT_LE(bed.runs_in(std::chrono::seconds(60), turn), 15U);
}

TEST(Flaps, AModuleThatGoesTakesItsPausesAlong) {
    FlapBed bed;
    bed.rules<Echo>();
    bed.put(kit::item("loop"));
    bed.runs_in(std::chrono::seconds(25), [&] { bed.feed_back("loop"); });
    ASSERT_TRUE(bed.engine.remove("m1"));
    bed.engine.tick();
    EXPECT_EQ(bed.text<Plain>("loop"), "-");
    bed.rules<Echo>();
    bed.put(Setting{.key = Key<Setting>("loop"), .number = 3});
    EXPECT_EQ(bed.text<Plain>("loop"), "3");
    EXPECT_EQ(bed.status("m1/rule/loop"), "-");
}

}  // namespace
}  // namespace weft::engine
