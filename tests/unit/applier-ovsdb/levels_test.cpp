#include "appliers/ovsdb/levels.hpp"

#include <gtest/gtest.h>

namespace weft::appliers::ovsdb {
namespace {

using namespace std::chrono_literals;
using weft::ovsdb::Level;

class LevelsTest : public testing::Test {
  protected:
    LevelsTest() : levels(30s) { levels.told(Levels::Numbers{}); }
    Levels::Mark raise(std::int64_t number) {
        const auto mark = levels.send(now);
        levels.committed(mark, number);
        return mark;
    }
    Levels levels;
    TimePoint now{1h};
};

TEST_F(LevelsTest, NothingIsRaisedUnlessSomebodyAsks) {
    EXPECT_FALSE(levels.needed(now));
    const auto mark = levels.next();
    EXPECT_TRUE(levels.needed(now));
    EXPECT_EQ(levels.next(), mark) << "one raise does for all who ask before it";
    EXPECT_EQ(raise(1), mark);
    EXPECT_FALSE(levels.needed(now));
}

TEST_F(LevelsTest, AMarkIsReachedWhenTheNumbersHaveFollowed) {
    const auto mark = raise(5);
    EXPECT_FALSE(levels.reached(mark, Level::southbound));
    EXPECT_TRUE(levels.told(Levels::Numbers{5, 5, 4}));
    EXPECT_TRUE(levels.reached(mark, Level::southbound));
    EXPECT_FALSE(levels.reached(mark, Level::installed));
    EXPECT_TRUE(levels.told(Levels::Numbers{5, 5, 5}));
    EXPECT_TRUE(levels.reached(mark, Level::installed));
    EXPECT_FALSE(levels.told(Levels::Numbers{6, 6, 6})) << "somebody else's numbers move nothing of ours";
}

TEST_F(LevelsTest, AnAnswerThatIsFasterThanTheReplyCounts) {
    const auto mark = levels.send(now);
    EXPECT_FALSE(levels.told(Levels::Numbers{1, 1, 1}));
    levels.committed(mark, 1);
    EXPECT_TRUE(levels.reached(mark, Level::installed));
}

TEST_F(LevelsTest, ARaiseThatFailedIsMadeUpByAnother) {
    const auto waited_for = levels.next();
    const auto lost = levels.send(now);
    levels.failed(lost);
    EXPECT_TRUE(levels.needed(now));
    raise(7);
    levels.told(Levels::Numbers{7, 7, 7});
    EXPECT_TRUE(levels.reached(waited_for, Level::installed));
}

TEST_F(LevelsTest, ARefusedOneIsNotSentAgainAtOnce) {
    levels.next();
    levels.failed(levels.send(now), now + 60s);
    EXPECT_FALSE(levels.needed(now));
    EXPECT_EQ(levels.next_deadline(now), now + 60s);
    EXPECT_TRUE(levels.needed(now + 60s));
}

TEST_F(LevelsTest, ADatabaseThatCountsFromTheStartIsAskedAgain) {
    const auto mark = raise(9);
    levels.told(Levels::Numbers{0, 0, 0});
    EXPECT_TRUE(levels.needed(now));
    raise(1);
    levels.told(Levels::Numbers{1, 1, 1});
    EXPECT_TRUE(levels.reached(mark, Level::installed));
}

TEST_F(LevelsTest, SilenceEndsWithAnAnswer) {
    raise(1);
    EXPECT_FALSE(levels.silent(now + 29s));
    EXPECT_EQ(levels.next_deadline(now), now + 30s);
    EXPECT_TRUE(levels.silent(now + 30s));
    EXPECT_FALSE(levels.next_deadline(now + 30s));
    levels.told(Levels::Numbers{1, 1, 0});
    EXPECT_TRUE(levels.silent(now + 30s)) << "northd is not enough";
    levels.told(Levels::Numbers{1, 1, 1});
    EXPECT_FALSE(levels.silent(now + 300s));
}

TEST_F(LevelsTest, WithoutTheRowNothingCanBeRaised) {
    levels.next();
    levels.told(std::nullopt);
    EXPECT_FALSE(levels.possible());
    EXPECT_FALSE(levels.needed(now));
    levels.told(Levels::Numbers{});
    EXPECT_TRUE(levels.needed(now));
}

}  // namespace
}  // namespace weft::appliers::ovsdb
