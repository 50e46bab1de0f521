#include "ipam/ipam.hpp"
#include "rig.hpp"

#include <weft/tables/ipam.hpp>

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::ipam {
namespace {

using tables::SubnetLease;
using tables::SubnetRange;
using tables::SubnetRequest;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

IpPrefix prefix(const std::string& text) {
    return *IpPrefix::parse(text);
}

class SubnetAllocatorTest : public testing::Test {
  protected:
    void range(std::vector<std::pair<const char*, int>> cuts) {
        SubnetRange row{.key = Key<SubnetRange>{"default"}};
        for (const auto& [text, length] : cuts)
            row.cuts.push_back({prefix(text), length});
        rig.put(0, row);
    }
    void ask(const std::string& node, const std::vector<std::string>& held = {}, std::int64_t precedence = 0) {
        SubnetRequest row{.key = Key<SubnetRequest>{"default", node}, .range = "default", .precedence = precedence};
        for (const auto& text : held)
            row.held.push_back(prefix(text));
        rig.put(1, row);
    }
    void leave(const std::string& node) { rig.erase(1, "default/" + node); }
    std::vector<std::string> subnets(const std::string& node) {
        std::vector<std::string> texts;
        for (const auto& s : rig.lease("default/" + node).subnets)
            texts.push_back(s.text());
        return texts;
    }
    std::string problem(const std::string& node) { return rig.lease("default/" + node).problem; }
    std::string warning(const std::string& node) { return rig.lease("default/" + node).warning; }

    Rig<SubnetLease> rig{subnet_allocator()};
};

TEST_F(SubnetAllocatorTest, HandsOutInKeyOrderOneAFamily) {
    range({{"fd00:10:244::/48", 64}, {"10.244.0.0/16", 24}});
    ask("b");
    ask("a");
    rig.run();
    EXPECT_THAT(subnets("a"), ElementsAre("10.244.0.0/24", "fd00:10:244:1::/64"));
    EXPECT_THAT(subnets("b"), ElementsAre("10.244.1.0/24", "fd00:10:244:2::/64"));
    EXPECT_EQ(problem("a") + warning("a"), "");
}

TEST_F(SubnetAllocatorTest, RotatesA23) {
    range({{"10.128.0.0/14", 23}});
    for (const char* node : {"a", "b", "c", "d", "e"})
        ask(node);
    rig.run();
    EXPECT_THAT(subnets("d"), ElementsAre("10.131.0.0/23"));
    EXPECT_THAT(subnets("e"), ElementsAre("10.128.2.0/23"));
}

TEST_F(SubnetAllocatorTest, KeepsWhatIsHeldBeforeItHandsOutNew) {
    range({{"10.244.0.0/16", 24}});
    ask("a");
    ask("z", {"10.244.0.0/24"});
    rig.run();
    EXPECT_THAT(subnets("z"), ElementsAre("10.244.0.0/24"));
    EXPECT_THAT(subnets("a"), ElementsAre("10.244.1.0/24"));
}

TEST_F(SubnetAllocatorTest, TheOlderNodeKeepsASubnetThatTwoClaim) {
    range({{"10.244.0.0/16", 24}});
    ask("a", {"10.244.7.0/24"}, 200);
    ask("b", {"10.244.7.0/24"}, 100);
    rig.run();
    EXPECT_THAT(subnets("b"), ElementsAre("10.244.7.0/24"));
    EXPECT_THAT(subnets("a"), ElementsAre("10.244.0.0/24"));
    EXPECT_EQ(warning("a"), "10.244.7.0/24 overlaps 10.244.7.0/24 of default/b");
    EXPECT_EQ(warning("b"), "");
}

TEST_F(SubnetAllocatorTest, AmongEqualsTheSmallerNameKeeps) {
    range({{"10.244.0.0/16", 24}});
    ask("b", {"10.244.7.0/24"}, 100);
    ask("a", {"10.244.7.0/24"}, 100);
    rig.run();
    EXPECT_THAT(subnets("a"), ElementsAre("10.244.7.0/24"));
}

TEST_F(SubnetAllocatorTest, TheIncumbentKeepsWhateverItsAge) {
    range({{"10.244.0.0/16", 24}});
    ask("young", {}, 900);
    rig.run();
    ask("old", {"10.244.0.0/24"}, 1);
    rig.run();
    EXPECT_THAT(subnets("young"), ElementsAre("10.244.0.0/24"));
    EXPECT_THAT(subnets("old"), ElementsAre("10.244.1.0/24"));
}

TEST_F(SubnetAllocatorTest, DropsWhatIsOutsideOrASecondOfItsFamily) {
    range({{"10.244.0.0/16", 24}});
    ask("a", {"10.9.0.0/24", "10.244.4.0/24", "10.244.5.0/24", "fd00::/64"});
    rig.run();
    EXPECT_THAT(subnets("a"), ElementsAre("10.244.4.0/24"));
    EXPECT_THAT(warning("a"), HasSubstr("10.9.0.0/24 is in none of the configured ranges"));
    EXPECT_THAT(warning("a"), HasSubstr("10.244.5.0/24 is a second subnet of its family"));
    EXPECT_THAT(warning("a"), HasSubstr("fd00::/64 is in none"));
}

TEST_F(SubnetAllocatorTest, AHeldSubnetOfAnotherLengthBlocksWhatItCovers) {
    range({{"10.244.0.0/16", 24}});
    ask("a", {"10.244.0.0/22"});
    ask("b");
    ask("c", {"10.244.2.128/25"}, 5);
    rig.run();
    EXPECT_THAT(subnets("a"), ElementsAre("10.244.0.0/22"));
    EXPECT_THAT(subnets("b"), ElementsAre("10.244.5.0/24"));
    EXPECT_THAT(subnets("c"), ElementsAre("10.244.4.0/24"));
    EXPECT_THAT(warning("c"), HasSubstr("overlaps 10.244.0.0/22 of default/a"));
}

TEST_F(SubnetAllocatorTest, BecomesDualStackAndSingleAgain) {
    range({{"10.244.0.0/16", 24}});
    ask("a");
    ask("b");
    rig.run();
    range({{"10.244.0.0/16", 24}, {"fd01::/48", 64}});
    rig.run();
    EXPECT_THAT(subnets("a"), ElementsAre("10.244.0.0/24", "fd01:0:0:1::/64"));
    EXPECT_THAT(subnets("b"), ElementsAre("10.244.1.0/24", "fd01:0:0:2::/64"));
    range({{"fd01::/48", 64}});
    rig.run();
    EXPECT_THAT(subnets("a"), ElementsAre("fd01:0:0:1::/64"));
}

TEST_F(SubnetAllocatorTest, ADualStackRestartAddsTheMissingFamilyOnly) {
    range({{"10.244.0.0/16", 24}, {"fd01::/48", 64}});
    ask("a", {"10.244.9.0/24"});
    ask("b", {"10.244.8.0/24", "fd01:0:0:1::/64"});
    rig.run();
    EXPECT_THAT(subnets("a"), ElementsAre("10.244.9.0/24", "fd01:0:0:2::/64"));
    EXPECT_EQ(warning("a"), "");
}

TEST_F(SubnetAllocatorTest, ExhaustsTellsAndRetriesByItself) {
    range({{"10.1.0.0/23", 24}});
    for (const char* node : {"a", "b", "c"})
        ask(node);
    rig.run();
    EXPECT_THAT(subnets("c"), IsEmpty());
    EXPECT_EQ(problem("c"), "no subnets available: every one of 10.1.0.0/23 (cut to /24) is taken");
    leave("a");
    rig.run();
    EXPECT_THAT(subnets("c"), ElementsAre("10.1.0.0/24"));
    EXPECT_EQ(problem("c"), "");
    EXPECT_FALSE(rig.leases.contains("default/a"));
}

TEST_F(SubnetAllocatorTest, AllOrNothingAcrossFamilies) {
    range({{"10.1.0.0/16", 24}, {"fd01::/63", 64}});
    for (const char* node : {"a", "b", "c"})
        ask(node);
    rig.run();
    EXPECT_THAT(subnets("c"), IsEmpty());
    range({{"10.1.0.0/16", 24}});
    ask("d");
    rig.run();
    // What c could not use was not lost.
    EXPECT_THAT(subnets("c"), ElementsAre("10.1.3.0/24"));
    EXPECT_THAT(subnets("d"), ElementsAre("10.1.4.0/24"));
}

TEST_F(SubnetAllocatorTest, TriesRangesInOrder) {
    range({{"10.1.0.0/24", 24}, {"10.2.0.0/16", 24}});
    for (const char* node : {"a", "b"})
        ask(node);
    rig.run();
    EXPECT_THAT(subnets("a"), ElementsAre("10.1.0.0/24"));
    EXPECT_THAT(subnets("b"), ElementsAre("10.2.0.0/24"));
}

TEST_F(SubnetAllocatorTest, GoesOnBehindTheLastAndStartsOverWhenFull) {
    range({{"10.1.0.0/22", 24}});
    ask("a");
    ask("b");
    rig.run();
    leave("a");
    ask("c");
    rig.run();
    EXPECT_THAT(subnets("c"), ElementsAre("10.1.2.0/24"));
    ask("d");
    ask("e");
    ask("f");
    rig.run();
    EXPECT_THAT(subnets("d"), ElementsAre("10.1.3.0/24"));
    EXPECT_THAT(subnets("e"), ElementsAre("10.1.0.0/24"));
    EXPECT_THAT(subnets("f"), IsEmpty());
}

TEST_F(SubnetAllocatorTest, ALeaseIsNotMovedByARequestThatChanges) {
    range({{"10.244.0.0/16", 24}});
    ask("a");
    rig.run();
    ask("a", {"10.244.0.0/24"});
    rig.run();
    EXPECT_EQ(rig.puts, 0);
    ask("a", {"10.244.50.0/24"});
    rig.run();
    EXPECT_THAT(subnets("a"), ElementsAre("10.244.0.0/24"));
}

TEST_F(SubnetAllocatorTest, WaitsForItsRange) {
    ask("a");
    rig.run();
    EXPECT_EQ(problem("a"), "there is no range \"default\" to take a subnet from");
    range({{"10.244.0.0/16", 24}});
    rig.run();
    EXPECT_THAT(subnets("a"), ElementsAre("10.244.0.0/24"));
}

TEST_F(SubnetAllocatorTest, MoreNodesThanAByteCounts) {
    range({{"10.244.0.0/14", 24}});
    for (int i = 100; i < 400; ++i)
        ask("n" + std::to_string(i));
    rig.run();
    EXPECT_THAT(subnets("n100"), ElementsAre("10.244.0.0/24"));
    EXPECT_THAT(subnets("n399"), ElementsAre("10.245.43.0/24"));
}

TEST_F(SubnetAllocatorTest, SameRequestsSameAnswersInAnyOrderOfArrival) {
    std::vector<int> order(60);
    for (int i = 0; i < 60; ++i)
        order[static_cast<std::size_t>(i)] = i;
    std::map<std::string, RowPtr> expected;
    std::mt19937 random(3);
    for (int round = 0; round < 5; ++round) {
        Rig<SubnetLease> fresh{subnet_allocator()};
        std::swap(rig, fresh);
        range({{"10.244.0.0/20", 24}, {"fd01::/48", 64}});
        for (const int i : order) {
            std::vector<std::string> held;
            if (i % 3 == 0) held.push_back("10.244." + std::to_string(i % 16) + ".0/24");
            ask("n" + std::to_string(i), held, i % 5);
        }
        rig.run();
        if (round == 0) expected = rig.leases;
        ASSERT_EQ(rig.leases.size(), expected.size());
        for (const auto& [key, row] : expected)
            ASSERT_TRUE(row.equals(rig.leases.at(key))) << key;
        std::shuffle(order.begin(), order.end(), random);
    }
}

// Random comings, goings and claims against what must always hold.
TEST_F(SubnetAllocatorTest, NeverGivesOverlappingSubnets) {
    std::mt19937 random(11);
    range({{"10.1.0.0/20", 24}, {"10.9.0.0/22", 24}, {"fd01::/60", 64}});
    std::map<std::string, std::vector<IpPrefix>> had;
    for (int step = 0; step < 3000; ++step) {
        for (unsigned i = 0; i <= random() % 3; ++i) {
            const std::string node = "n" + std::to_string(random() % 30);
            if (random() % 3 == 0) {
                leave(node);
                had.erase("default/" + node);
            } else if (random() % 2 == 0) {
                ask(node, {"10.1." + std::to_string(random() % 18) + ".0/" + std::to_string(22 + random() % 5)},
                    static_cast<std::int64_t>(random() % 3));
            } else {
                ask(node);
            }
        }
        rig.run();
        std::vector<IpPrefix> all;
        std::size_t without = 0;
        for (const auto& [key, row] : rig.leases) {
            const auto& lease = row.as<SubnetLease>();
            ASSERT_EQ(lease.problem.empty(), lease.subnets.size() == 2) << row.json();
            without += lease.problem.empty() ? 0U : 1U;
            if (const auto before = had.find(key); before != had.end() && lease.problem.empty()) {
                ASSERT_EQ(before->second, lease.subnets) << "a lease moved: " << row.json();
            }
            if (lease.problem.empty()) had[key] = lease.subnets;
            all.insert(all.end(), lease.subnets.begin(), lease.subnets.end());
        }
        for (std::size_t a = 0; a < all.size(); ++a) {
            for (std::size_t b = a + 1; b < all.size(); ++b)
                ASSERT_FALSE(all[a].overlaps(all[b])) << all[a].text();
        }
        // 16 subnets of the second family: whoever is without is so because those are taken.
        if (without > 0) {
            ASSERT_TRUE(all.size() / 2 == 16 || all.size() / 2 + without > 14) << all.size();
        }
    }
}

}  // namespace
}  // namespace weft::ipam
