#include "base/heap.hpp"

#include <gtest/gtest.h>

namespace weft {
namespace {

using std::chrono::seconds;

/// One whose start is over.
HeapKeeper settled(ManualClock& clock) {
    HeapKeeper heap({.worth = 100, .quiet = seconds(2), .longest = seconds(30)});
    heap.turn(0, clock.now());
    clock.advance(seconds(2));
    heap.turn(0, clock.now());
    return heap;
}

TEST(HeapKeeper, StartingIsABurst) {
    ManualClock clock;
    HeapKeeper heap({.worth = 100, .quiet = seconds(2), .longest = seconds(30)});
    EXPECT_FALSE(heap.turn(0, clock.now()));
    clock.advance(seconds(1));
    EXPECT_FALSE(heap.turn(1, clock.now()));
    clock.advance(seconds(2));
    EXPECT_TRUE(heap.turn(0, clock.now()));
    EXPECT_FALSE(heap.next());
}

TEST(HeapKeeper, GivesMemoryBackOnceABurstIsOver) {
    ManualClock clock;
    HeapKeeper heap = settled(clock);
    EXPECT_FALSE(heap.turn(60, clock.now()));
    EXPECT_FALSE(heap.next());
    EXPECT_FALSE(heap.turn(60, clock.now()));
    ASSERT_TRUE(heap.next());
    EXPECT_EQ(*heap.next(), clock.now() + seconds(2));
    clock.advance(seconds(1));
    EXPECT_FALSE(heap.turn(1, clock.now()));
    clock.advance(seconds(1));
    EXPECT_FALSE(heap.turn(0, clock.now()));  // one second of rest only
    clock.advance(seconds(1));
    EXPECT_TRUE(heap.turn(0, clock.now()));
    EXPECT_FALSE(heap.next());
    EXPECT_FALSE(heap.turn(0, clock.now()));
}

TEST(HeapKeeper, WorkThatNeverEndsIsInterrupted) {
    ManualClock clock;
    HeapKeeper heap = settled(clock);
    int given_back = 0;
    for (int second = 0; second <= 30; ++second) {
        given_back += heap.turn(50, clock.now()) ? 1 : 0;
        clock.advance(seconds(1));
    }
    EXPECT_EQ(given_back, 1);
}

TEST(HeapKeeper, ALittleWorkNowAndThenIsLeftAlone) {
    ManualClock clock;
    HeapKeeper heap = settled(clock);
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(heap.turn(9, clock.now()));
        clock.advance(seconds(10));
    }
    EXPECT_FALSE(heap.next());
}

}  // namespace
}  // namespace weft
