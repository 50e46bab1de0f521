// Two nodes with rows written by hand carry real packets, and keep doing so while daemons die.
#include "hand_rows.hpp"

#include <weft/testing/testbed/assert.hpp>
#include <weft/testing/testbed/probe.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <gtest/gtest.h>

namespace weft::testing {
namespace {

/// Two nodes with two pods each, built once for all tests of the suite.
class TwoNodes : public ::testing::Test {
  protected:
    struct World {
        std::unique_ptr<Testbed> testbed;
        Underlay underlay;
        std::vector<std::unique_ptr<OvnNode>> nodes;
        std::vector<NetworkNamespace> pods;  // 0 and 1 on the first node, 2 and 3 on the second
    };

    static void SetUpTestSuite() {
        auto made = make_world();
        if (!made) {
            failure_ = made.error().text();
            return;
        }
        world_ = std::move(*made);
    }
    static void TearDownTestSuite() { world_.reset(); }
    void SetUp() override { ASSERT_TRUE(world_) << failure_; }

    static HandNode hand_node(const World& world, std::size_t n) {
        return {*world.nodes[n], {static_cast<int>(n) + 2}};
    }

    static Result<std::unique_ptr<World>> make_world() {
        auto world = std::make_unique<World>();
        auto testbed = Testbed::create();
        if (!testbed) return testbed.error();
        world->testbed = std::move(*testbed);
        auto underlay = Underlay::create(*world->testbed);
        if (!underlay) return underlay.error();
        world->underlay = std::move(*underlay);
        for (const int n : {0, 1}) {
            auto node = OvnNode::start(*world->testbed, world->underlay,
                                       {.name = "n" + std::to_string(n + 1), .number = n, .configure_ovn = true});
            if (!node) return node.error();
            world->nodes.push_back(std::move(*node));
        }
        for (const std::size_t n : {0U, 1U}) {
            const auto local = hand_node(*world, n);
            if (auto done = write_local_rows(local); !done) return done.error();
            if (auto done = write_remote_rows(local, hand_node(*world, 1 - n)); !done) return done.error();
            if (auto done = add_management_port(local); !done) return done.error();
            for (const int pod : {0, 1}) {
                auto made = add_pod(*world->testbed, local,
                                    "p" + std::to_string(2 * n + 1 + static_cast<unsigned>(pod)), 3 + pod);
                if (!made) return made.error();
                world->pods.push_back(std::move(*made));
            }
        }
        return world;
    }

    const NetworkNamespace& pod(std::size_t n) const { return world_->pods[n]; }
    OvnNode& node(std::size_t n) const { return *world_->nodes[n]; }
    Testbed& testbed() const { return *world_->testbed; }
    static Ip address(std::size_t pod, Family family) {
        return NodeNumbers{static_cast<int>(pod / 2) + 2}.host(family, 3 + static_cast<int>(pod % 2));
    }

    static inline std::unique_ptr<World> world_;
    static inline std::string failure_;
};

TEST_F(TwoNodes, PodsReachEachOtherInBothFamilies) {
    for (const auto family : {Family::v4, Family::v6}) {
        for (std::size_t to = 1; to < 4; ++to) {
            WEFT_ASSERT_OK(wait_reachable(pod(0), address(to, family)));
            const auto result = ping(pod(0), address(to, family));
            WEFT_ASSERT_OK(result);
            EXPECT_EQ(result->lost(), 0) << "to pod " << to + 1 << " at " << address(to, family).text();
            EXPECT_GT(result->average_ms, 0);
        }
    }
}

TEST_F(TwoNodes, PodsReachManagementPorts) {
    for (const auto family : {Family::v4, Family::v6}) {
        for (const int id : {2, 3})
            WEFT_ASSERT_OK(wait_reachable(pod(0), NodeNumbers{id}.host(family, 2)));
    }
}

TEST_F(TwoNodes, TcpStreamsArriveWhole) {
    for (const std::size_t to : {1U, 2U}) {
        auto server = start_echo_server(testbed(), pod(to));
        WEFT_ASSERT_OK(server);
        for (const auto family : {Family::v4, Family::v6}) {
            const auto result = tcp_stream(pod(0), address(to, family), {.segments = 500});
            WEFT_ASSERT_OK(result);
            EXPECT_EQ(result->bytes, 500U * 1300U);
        }
    }
}

TEST_F(TwoNodes, FullSizePacketsPassAndLargerOnesDoNot) {
    WEFT_ASSERT_OK(wait_reachable(pod(0), address(2, Family::v4)));
    const auto fits = ping(pod(0), address(2, Family::v4), {.size = 1372, .dont_fragment = true});
    WEFT_ASSERT_OK(fits);
    EXPECT_EQ(fits->lost(), 0);
    const auto too_large = ping(pod(0), address(2, Family::v4), {.wait_s = 1, .size = 1373, .dont_fragment = true});
    WEFT_ASSERT_OK(too_large);
    EXPECT_EQ(too_large->received, 0);
}

TEST_F(TwoNodes, KillingOvnDaemonsLosesNothing) {
    auto loss = LossCounter::start(testbed(), pod(0), address(2, Family::v4));
    WEFT_ASSERT_OK(loss);
    for (const auto daemon : {Daemon::northd, Daemon::controller, Daemon::sb_db, Daemon::nb_db}) {
        node(0).kill(daemon);
        EXPECT_FALSE(node(0).process(daemon).running());
        WEFT_ASSERT_OK(node(0).restart(daemon));
        WEFT_ASSERT_OK(node(0).wait_connected());
    }
    const auto result = loss->finish();
    WEFT_ASSERT_OK(result);
    EXPECT_GT(result->sent, 0U);
    EXPECT_EQ(result->lost, 0U) << "longest gap " << result->longest_gap_ms << " ms";
}

TEST_F(TwoNodes, TrafficComesBackAfterTheSwitchDied) {
    auto loss = LossCounter::start(testbed(), pod(0), address(2, Family::v6));
    WEFT_ASSERT_OK(loss);
    node(0).kill(Daemon::vswitchd);
    const auto gone = ping(pod(0), address(2, Family::v6), {.count = 1, .wait_s = 1});
    WEFT_ASSERT_OK(gone);
    EXPECT_EQ(gone->received, 0);
    WEFT_ASSERT_OK(node(0).restart(Daemon::vswitchd));
    WEFT_ASSERT_OK(wait_reachable(pod(0), address(2, Family::v6)));
    const auto result = loss->finish();
    WEFT_ASSERT_OK(result);
    EXPECT_GT(result->lost, 0U) << "the counter must see the outage";
    EXPECT_LT(result->lost, result->sent);
    EXPECT_EQ(result->lost, result->lost_sequences.size());
    EXPECT_GT(result->longest_gap_ms, 0);
}

TEST_F(TwoNodes, PulledCableStopsTrafficBetweenNodesOnly) {
    WEFT_ASSERT_OK(wait_reachable(pod(0), address(2, Family::v4)));
    WEFT_ASSERT_OK(world_->underlay.set_cable("n2", false));
    const auto across = ping(pod(0), address(2, Family::v4), {.count = 1, .wait_s = 1});
    WEFT_ASSERT_OK(across);
    EXPECT_EQ(across->received, 0);
    WEFT_ASSERT_OK(wait_reachable(pod(0), address(1, Family::v4)));
    WEFT_ASSERT_OK(world_->underlay.set_cable("n2", true));
    WEFT_ASSERT_OK(wait_reachable(pod(0), address(2, Family::v4)));
}

TEST_F(TwoNodes, DaemonsAnswerThroughTheirTools) {
    for (const auto daemon : all_daemons)
        WEFT_ASSERT_OK(node(1).appctl(daemon, {"version"}));
    const auto flows = node(1).dump_flows("br-int");
    WEFT_ASSERT_OK(flows);
    EXPECT_NE(flows->find("table=0"), std::string::npos);
}

}  // namespace
}  // namespace weft::testing
