#include "ipam/number_set.hpp"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace weft::ipam {
namespace {

TEST(NumberSet, InsertsAndErases) {
    NumberSet set(100);
    EXPECT_TRUE(set.insert(0));
    EXPECT_TRUE(set.insert(99));
    EXPECT_FALSE(set.insert(99));
    EXPECT_FALSE(set.insert(100));
    EXPECT_TRUE(set.contains(99));
    EXPECT_FALSE(set.contains(100));
    EXPECT_EQ(set.size(), 2U);
    EXPECT_TRUE(set.erase(99));
    EXPECT_FALSE(set.erase(99));
    EXPECT_FALSE(set.contains(99));
}

TEST(NumberSet, FindsFreeNumbersFromAPointOnAndWraps) {
    NumberSet set(3);
    EXPECT_EQ(set.next_free(0), 0U);
    set.insert(1);
    EXPECT_EQ(set.next_free(1), 2U);
    set.insert(2);
    EXPECT_EQ(set.next_free(1), 0U);
    EXPECT_EQ(set.next_free(3), 0U);
    EXPECT_EQ(set.next_free(4000000000), 0U);
    set.insert(0);
    EXPECT_FALSE(set.next_free(0));
    EXPECT_TRUE(set.full());
}

TEST(NumberSet, HoldsAMillionAndFindsTheLastHole) {
    constexpr std::uint32_t million = 1048574;
    NumberSet set(million);
    for (std::uint32_t n = 0; n < million; ++n) {
        if (n != 777777) set.insert(n);
    }
    EXPECT_EQ(set.next_free(0), 777777U);
    EXPECT_EQ(set.next_free(777778), 777777U);
    set.insert(777777);
    EXPECT_FALSE(set.next_free(5));
}

TEST(NumberSet, EmptySetHasNothingFree) {
    EXPECT_FALSE(NumberSet(0).next_free(0));
    EXPECT_FALSE(NumberSet().next_free(7));
}

TEST(NumberSet, AgreesWithAPlainSet) {
    std::mt19937 random(7);  // fixed: a failure must come again
    for (const std::uint32_t limit : {1U, 63U, 64U, 65U, 4095U, 4096U, 4097U, 10000U}) {
        NumberSet set(limit);
        std::set<std::uint32_t> plain;
        for (int step = 0; step < 4000; ++step) {
            const std::uint32_t n = random() % limit;
            if (random() % 3 != 0) {
                ASSERT_EQ(set.insert(n), plain.insert(n).second);
            } else {
                ASSERT_EQ(set.erase(n), plain.erase(n) == 1);
            }
            ASSERT_EQ(set.size(), plain.size());
            const std::uint32_t start = random() % limit;
            std::optional<std::uint32_t> expected;
            for (std::uint32_t i = 0; i < limit && !expected; ++i) {
                if (!plain.contains((start + i) % limit)) expected = (start + i) % limit;
            }
            ASSERT_EQ(set.next_free(start), expected) << "limit " << limit << " start " << start;
        }
    }
}

}  // namespace
}  // namespace weft::ipam
