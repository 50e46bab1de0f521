#include "containment/run_watch.hpp"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::containment {
namespace {

constexpr std::uint64_t mebi = 1 << 20;

Running running(const std::string& plugin, std::size_t slot, std::uint32_t turn) {
    return {.plugin = plugin, .part = "rule r", .key = "k", .slot = slot, .turn = turn};
}

TEST(Lookout, SeesWhoDoesNotReturn) {
    Lookout lookout(3, 0);
    const auto stuck = running("p", 4, 7);
    for (int i = 0; i < 3; ++i)
        EXPECT_FALSE(lookout.look({running("q", 1, static_cast<std::uint32_t>(2 * i + 1)), stuck}, 0).hangs);
    const auto verdict = lookout.look({running("q", 1, 99), stuck}, 0);
    ASSERT_TRUE(verdict.hangs);
    EXPECT_EQ(verdict.hangs->plugin, "p");
}

TEST(Lookout, AnotherRunOfTheSameIsAnother) {
    Lookout lookout(2, 0);
    for (std::uint32_t turn = 1; turn < 50; turn += 2)
        EXPECT_FALSE(lookout.look({running("p", 0, turn)}, 0).hangs);
    Lookout never(0, 0);
    for (int i = 0; i < 50; ++i)
        EXPECT_FALSE(never.look({running("p", 0, 1)}, 0).hangs);
    Lookout gone(2, 0);
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(gone.look({running("p", 0, 1)}, 0).hangs);
        EXPECT_FALSE(gone.look({running("p", 0, 1)}, 0).hangs);
        gone.look({}, 0);
    }
}

TEST(Lookout, BlamesWhoWasRunningWhileMemoryGrew) {
    Lookout lookout(0, 500 * mebi);
    lookout.look({}, 100 * mebi);
    EXPECT_FALSE(lookout.look({running("p", 0, 1)}, 300 * mebi).over);
    EXPECT_FALSE(lookout.look({running("q", 1, 1)}, 350 * mebi).over);
    const auto verdict = lookout.look({running("p", 0, 3)}, 600 * mebi);
    EXPECT_TRUE(verdict.over);
    ASSERT_TRUE(verdict.eats);
    EXPECT_EQ(verdict.eats->plugin, "p");
    EXPECT_EQ(verdict.eats->turn, 3U);
    EXPECT_EQ(verdict.grew, 450 * mebi);
}

TEST(Lookout, BlamesNobodyForWhatCameWithoutPlugins) {
    Lookout lookout(0, 500 * mebi);
    lookout.look({}, 100 * mebi);
    lookout.look({}, 400 * mebi);
    const auto verdict = lookout.look({running("p", 0, 1)}, 510 * mebi);
    EXPECT_TRUE(verdict.over);
    EXPECT_FALSE(verdict.eats) << "110 of 410 MiB are not the cause";
    // What was eaten and given back is forgotten.
    lookout.look({}, 90 * mebi);
    lookout.look({}, 450 * mebi);
    EXPECT_FALSE(lookout.look({running("p", 0, 3)}, 520 * mebi).eats);
}

TEST(Lookout, WhoRunsTogetherSharesTheBlame) {
    Lookout lookout(0, 500 * mebi);
    lookout.look({}, 100 * mebi);
    lookout.look({running("p", 0, 1), running("q", 1, 1)}, 400 * mebi);
    const auto verdict = lookout.look({running("p", 0, 1)}, 550 * mebi);
    ASSERT_TRUE(verdict.eats);
    EXPECT_EQ(verdict.eats->plugin, "p");
    EXPECT_EQ(verdict.grew, 300 * mebi);
}

TEST(RunWatch, TellsWhatHangs) {
    auto board = RunBoard::make({});
    ASSERT_TRUE(board);
    const RunLanes lanes(board->get(), 1);
    const RunMark mark(lanes.at(0), (*board)->label("p", "rule r"), "key");
    std::promise<Running> told;
    const RunWatch watch(**board, {.rule_timeout = std::chrono::milliseconds(200)},
                         {.hangs = [&](const Running& who) { told.set_value(who); },
                          .eats = [](const Running&, std::uint64_t) { ADD_FAILURE(); },
                          .over = [](std::uint64_t) { ADD_FAILURE(); },
                          .settled = [] { ADD_FAILURE(); }});
    auto who = told.get_future();
    ASSERT_EQ(who.wait_for(std::chrono::seconds(60)), std::future_status::ready);
    EXPECT_EQ(who.get().text(), "rule r on key");
}

TEST(RunWatch, TellsThatMemoryIsBeyondItsLimit) {
    auto board = RunBoard::make({});
    ASSERT_TRUE(board);
    std::promise<std::uint64_t> told;
    const RunWatch watch(**board, {.memory_limit = 1},
                         {.hangs = [](const Running&) { ADD_FAILURE(); },
                          .eats = [](const Running&, std::uint64_t) { ADD_FAILURE(); },
                          .over = [&](std::uint64_t resident) { told.set_value(resident); },
                          .settled = [] { ADD_FAILURE(); }});
    auto resident = told.get_future();
    ASSERT_EQ(resident.wait_for(std::chrono::seconds(60)), std::future_status::ready);
    EXPECT_GT(resident.get(), mebi);
    EXPECT_GT(default_memory_limit(), 64 * mebi);
}

}  // namespace
}  // namespace weft::containment
