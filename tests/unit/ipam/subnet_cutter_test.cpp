#include "ipam/subnet_cutter.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::ipam {
namespace {

using testing::ElementsAre;

std::vector<std::string> first(const char* range, int length, std::uint32_t n) {
    const SubnetCutter cutter(*IpPrefix::parse(range), length);
    std::vector<std::string> texts;
    for (std::uint32_t i = 0; texts.size() < n && i < cutter.count(); ++i) {
        if (!cutter.skipped(i)) texts.push_back(cutter.subnet(i).text());
    }
    return texts;
}

TEST(SubnetCutter, WalksWholeBytesFirst) {
    EXPECT_THAT(first("10.128.0.0/14", 23, 6), ElementsAre("10.128.0.0/23", "10.129.0.0/23", "10.130.0.0/23",
                                                           "10.131.0.0/23", "10.128.2.0/23", "10.129.2.0/23"));
    EXPECT_THAT(first("10.244.0.0/16", 24, 3), ElementsAre("10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"));
}

TEST(SubnetCutter, DoesNotRotateWithinOneByte) {
    EXPECT_THAT(first("10.1.0.0/22", 23, 3), ElementsAre("10.1.0.0/23", "10.1.2.0/23"));
    EXPECT_THAT(first("10.1.2.0/24", 26, 5),
                ElementsAre("10.1.2.0/26", "10.1.2.64/26", "10.1.2.128/26", "10.1.2.192/26"));
}

TEST(SubnetCutter, RotationVisitsEverySubnetOnce) {
    for (const auto& [range, length] : std::vector<std::pair<const char*, int>>{{"10.128.0.0/14", 23},
                                                                                {"10.0.0.0/8", 18},
                                                                                {"10.0.0.0/12", 22},
                                                                                {"172.16.0.0/12", 27},
                                                                                {"10.0.0.0/15", 25}}) {
        auto all = first(range, length, 1U << 24);
        const auto count = all.size();
        EXPECT_EQ(count, std::size_t{1} << (length - IpPrefix::parse(range)->length()));
        std::sort(all.begin(), all.end());
        EXPECT_EQ(std::unique(all.begin(), all.end()), all.end()) << range;
        for (const auto& text : all)
            EXPECT_TRUE(IpPrefix::parse(range)->contains(*IpPrefix::parse(text))) << text;
    }
}

TEST(SubnetCutter, SkipsZeroWordsInV6) {
    EXPECT_THAT(first("fd01::/48", 64, 2), ElementsAre("fd01:0:0:1::/64", "fd01:0:0:2::/64"));
    const SubnetCutter wide(*IpPrefix::parse("fd01::/40"), 64);
    EXPECT_TRUE(wide.skipped(0));
    EXPECT_TRUE(wide.skipped(0x10000));
    EXPECT_FALSE(wide.skipped(0x10001));
    EXPECT_EQ(wide.subnet(0x10001).text(), "fd01:0:1:1::/64");
    // Fewer than 16 bits of subnets: none is skipped.
    EXPECT_THAT(first("fd01::/56", 64, 2), ElementsAre("fd01::/64", "fd01:0:0:1::/64"));
}

TEST(SubnetCutter, RefusesWhatCannotBeCut) {
    EXPECT_EQ(SubnetCutter(*IpPrefix::parse("10.0.0.0/24"), 16).count(), 0U);
    EXPECT_EQ(SubnetCutter(*IpPrefix::parse("10.0.0.0/24"), 33).count(), 0U);
    EXPECT_EQ(SubnetCutter(*IpPrefix::parse("10.0.0.0/24"), 24).count(), 1U);
    EXPECT_EQ(SubnetCutter(*IpPrefix::parse("fd00::/8"), 64).count(), 1U << 24);
}

TEST(SubnetCutter, ClearsHostBitsOfTheRange) {
    EXPECT_THAT(first("10.244.7.9/16", 24, 1), ElementsAre("10.244.0.0/24"));
}

}  // namespace
}  // namespace weft::ipam
