// Pods on one node and across nodes, in each family setting; the node reaches its own pods.
#include "fixture.hpp"

namespace weft::testing {
namespace {

struct Families {
    bool ipv4;
    bool ipv6;
};

class Reach : public ::testing::TestWithParam<Families> {};

TEST_P(Reach, PodsReachEachOther) {
    auto started = WeftCluster::start({.ipv4 = GetParam().ipv4, .ipv6 = GetParam().ipv6});
    WEFT_ASSERT_OK(started);
    auto& weft = **started;
    const auto a = weft.pod("red", "a", "n1");
    WEFT_ASSERT_OK(a);
    const auto b = weft.pod("red", "b", "n1");
    WEFT_ASSERT_OK(b);
    const auto c = weft.pod("blue", "c", "n2");
    WEFT_ASSERT_OK(c);
    EXPECT_EQ(a->address(Family::v4).has_value(), GetParam().ipv4);
    EXPECT_EQ(a->address(Family::v6).has_value(), GetParam().ipv6);
    expect_reach(*a, *b);
    expect_reach(*a, *c);
    expect_reach(*c, *b);
    for (const auto& address : a->addresses) {
        WEFT_ASSERT_OK(wait_reachable(weft.cluster().node("n1").ovn->netns(), address));
    }
}

INSTANTIATE_TEST_SUITE_P(Families, Reach,
                         ::testing::Values(Families{true, true}, Families{true, false}, Families{false, true}),
                         [](const auto& test) {
                             return std::string(test.param.ipv4 ? "v4" : "") + (test.param.ipv6 ? "v6" : "");
                         });

}  // namespace
}  // namespace weft::testing
