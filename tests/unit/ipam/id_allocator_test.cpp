#include "ipam/ipam.hpp"
#include "rig.hpp"

#include <weft/tables/ipam.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::ipam {
namespace {

using tables::IdLease;
using tables::IdRange;
using tables::IdRequest;

class IdAllocatorTest : public testing::Test {
  protected:
    void range(std::uint32_t first, std::uint32_t last) { rig.put(0, IdRange{Key<IdRange>{"node"}, first, last}); }
    void ask(const std::string& name, std::vector<std::uint32_t> held = {}, std::int64_t precedence = 0) {
        rig.put(1, IdRequest{Key<IdRequest>{"node", name}, "node", std::move(held), precedence});
    }
    void leave(const std::string& name) { rig.erase(1, "node/" + name); }
    std::uint32_t id(const std::string& name) { return rig.lease("node/" + name).id; }
    std::string problem(const std::string& name) { return rig.lease("node/" + name).problem; }
    std::string warning(const std::string& name) { return rig.lease("node/" + name).warning; }

    Rig<IdLease> rig{id_allocator()};
};

TEST_F(IdAllocatorTest, StartsAtTheFirstInKeyOrder) {
    range(2, 5000);
    ask("b");
    ask("a");
    rig.run();
    EXPECT_EQ(id("a"), 2U);
    EXPECT_EQ(id("b"), 3U);
}

TEST_F(IdAllocatorTest, HeldNumbersComeFirstAndTheOlderKeeps) {
    range(2, 5000);
    ask("a");
    ask("b", {2}, 20);
    ask("c", {2}, 10);
    rig.run();
    EXPECT_EQ(id("c"), 2U);
    EXPECT_EQ(id("b"), 3U);
    EXPECT_EQ(id("a"), 4U);
    EXPECT_EQ(warning("b"), "2 belongs to node/c");
}

TEST_F(IdAllocatorTest, RefusesNumbersOutsideTheRange) {
    range(2, 5000);
    ask("a", {1});
    ask("b", {5001});
    ask("c", {5000});
    rig.run();
    EXPECT_EQ(id("a"), 2U);
    EXPECT_EQ(warning("a"), "1 is not between 2 and 5000");
    EXPECT_EQ(id("b"), 3U);
    EXPECT_EQ(id("c"), 5000U);
    EXPECT_EQ(warning("c"), "");
}

TEST_F(IdAllocatorTest, GoesRoundAndReservationsDoNotMoveThePointer) {
    range(2, 5);
    ask("a");
    rig.run();
    ask("h", {4});
    rig.run();
    ask("b");
    rig.run();
    EXPECT_EQ(id("b"), 3U);
    leave("a");
    ask("c");
    rig.run();
    EXPECT_EQ(id("c"), 5U);
    ask("d");
    rig.run();
    EXPECT_EQ(id("d"), 2U);
}

TEST_F(IdAllocatorTest, ExhaustsTellsAndRetries) {
    range(2, 3);
    for (const char* name : {"a", "b", "c"})
        ask(name);
    rig.run();
    EXPECT_EQ(id("c"), 0U);
    EXPECT_EQ(problem("c"), "no number available: all of 2 to 3 are taken");
    leave("b");
    rig.run();
    EXPECT_EQ(id("c"), 3U);
    EXPECT_EQ(problem("c"), "");
}

TEST_F(IdAllocatorTest, KeepsWhatItGave) {
    range(2, 5000);
    ask("a");
    rig.run();
    ask("a", {2});
    rig.run();
    EXPECT_EQ(rig.puts, 0);
    ask("a", {77});
    rig.run();
    EXPECT_EQ(id("a"), 2U);
    EXPECT_EQ(rig.puts, 0);
}

TEST_F(IdAllocatorTest, ARangeThatGrowsOrShrinksKeepsWhatStillFits) {
    range(2, 3);
    for (const char* name : {"a", "b", "c"})
        ask(name);
    rig.run();
    range(2, 10);
    rig.run();
    EXPECT_EQ(id("a"), 2U);
    EXPECT_EQ(id("c"), 4U);
    range(3, 10);
    rig.run();
    EXPECT_EQ(id("b"), 3U);
    EXPECT_EQ(id("c"), 4U);
    EXPECT_EQ(id("a"), 5U);
}

TEST_F(IdAllocatorTest, WaitsForItsRange) {
    ask("a", {9});
    rig.run();
    EXPECT_EQ(problem("a"), "there is no range \"node\" to take a number from");
    range(2, 5000);
    rig.run();
    EXPECT_EQ(id("a"), 9U);
}

TEST_F(IdAllocatorTest, MoreNodesThanAByteCounts) {
    range(2, 5000);
    for (int i = 0; i < 4999; ++i)
        ask("n" + std::to_string(10000 + i));
    ask("z");
    rig.run();
    EXPECT_EQ(id("n14998"), 5000U);
    EXPECT_NE(problem("z"), "");
}

}  // namespace
}  // namespace weft::ipam
