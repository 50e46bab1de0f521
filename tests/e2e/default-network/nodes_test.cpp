// Nodes that join, leave and come back.
#include "fixture.hpp"

namespace weft::testing {
namespace {

TEST(Nodes, LeaveAndComeBackUnderTheSameName) {
    auto started = WeftCluster::start();
    WEFT_ASSERT_OK(started);
    auto& weft = **started;
    auto& cluster = weft.cluster();
    const auto a = weft.pod("red", "a", "n1");
    WEFT_ASSERT_OK(a);
    const auto b = weft.pod("red", "b", "n2");
    WEFT_ASSERT_OK(b);
    expect_reach(*a, *b);

    WEFT_ASSERT_OK(cluster.api().remove("/api/v1/namespaces/red/pods/b"));
    WEFT_ASSERT_OK(cluster.wait_pod_gone("red", "b"));
    WEFT_ASSERT_OK(cluster.remove_node("n2"));
    WEFT_ASSERT_OK(wait_for("n1 to forget n2", [&]() -> Result<void> {
        const auto port = weft.find("n1", "Logical_Switch_Port", "name", "name=tstor-n2");
        if (!port) return port.error();
        const auto routes = weft.find("n1", "Logical_Router_Static_Route", "ip_prefix", "external_ids:ic-node=n2");
        if (!routes) return routes.error();
        const auto chassis =
            cluster.node("n1").ovn->sbctl({"--bare", "--columns=name", "find", "Chassis", "hostname=n2"});
        if (!chassis) return chassis.error();
        const std::string left = *port + *routes + *chassis;
        return left.empty() ? Result<void>() : Result<void>(waiting("left: " + left));
    }));

    WEFT_ASSERT_OK(cluster.add_node("n2"));
    WEFT_ASSERT_OK(cluster.wait_node_ready("n2"));
    const auto again = weft.pod("red", "b", "n2");
    WEFT_ASSERT_OK(again);
    expect_reach(*a, *again);
    expect_reach(*again, *a);
}

}  // namespace
}  // namespace weft::testing
