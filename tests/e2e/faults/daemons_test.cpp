// kill -9 of each program, and its restart, while pods talk and a node leaves and another joins.
#include "world.hpp"

#include <chrono>
#include <cmath>

namespace weft::testing {
namespace {

/// A process that dies and is started again.
Fault kill_of(const std::string& name, Process& process) {
    return {.name = "kill -9 " + name,
            .strike = [&process]() -> Result<void> {
                process.kill();
                return {};
            },
            .mend = [&process] { return process.restart(); }};
}

Fault kill_of(OvnNode& node, Daemon daemon) {
    return {.name = "kill -9 " + std::string(to_string(daemon)),
            .strike = [&node, daemon]() -> Result<void> {
                node.kill(daemon);
                return {};
            },
            .mend = [&node, daemon] { return node.restart(daemon); },
            .settle = [&node] { return node.wait_connected(); }};
}

TEST_F(Faults, NothingBreaks) {
    expect_unharmed(world->suffer({.name = "none", .note = "a node leaves, another joins: so in every row with weft"}));
}

TEST_F(Faults, WeftdOfANode) {
    expect_unharmed(world->suffer(kill_of("weftd node", world->weftd("n1"))));
}

TEST_F(Faults, WeftdOfTheCluster) {
    WEFT_ASSERT_OK(world->wait_leader());
    const auto first = world->leader();
    WEFT_ASSERT_OK(first);
    auto fault = kill_of("weftd cluster, leader", **first);
    double seconds = 0;
    fault.meanwhile = [&] {
        const auto began = std::chrono::steady_clock::now();
        auto led = world->wait_leader();
        seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
        return led;
    };
    expect_unharmed(world->suffer(fault));
    world->note("two copies, a Lease of 6 s: the other led after " + std::to_string(std::lround(seconds)) + " s");
    const auto second = world->leader();
    WEFT_ASSERT_OK(second);
    EXPECT_NE(*second, *first);
}

TEST_F(Faults, ApiServer) {
    auto fault = kill_of("API server", world->cluster().api_server());
    fault.api_is_there = false;
    fault.mend = [mend = fault.mend]() -> Result<void> {
        if (auto started = mend(); !started) return started;
        return world->cluster().wait_api_server();
    };
    expect_unharmed(world->suffer(fault));
}

TEST_F(Faults, Northbound) {
    expect_unharmed(world->suffer(kill_of(world->ovn("n1"), Daemon::nb_db)));
}

TEST_F(Faults, Southbound) {
    expect_unharmed(world->suffer(kill_of(world->ovn("n1"), Daemon::sb_db)));
}

TEST_F(Faults, SwitchDatabase) {
    expect_as_without_weft(kill_of(world->ovn("n1"), Daemon::ovs_db));
}

TEST_F(Faults, Northd) {
    expect_unharmed(world->suffer(kill_of(world->ovn("n1"), Daemon::northd)));
}

TEST_F(Faults, OvnController) {
    const auto fault = kill_of(world->ovn("n1"), Daemon::controller);
    expect_unharmed(world->suffer(fault));
}

TEST_F(Faults, Switch) {
    // The packets go through this process: what is sent while it is dead is lost, weft or no weft.
    expect_as_without_weft(kill_of(world->ovn("n1"), Daemon::vswitchd));
}

}  // namespace
}  // namespace weft::testing
