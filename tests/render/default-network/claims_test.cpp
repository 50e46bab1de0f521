#include "fixtures.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/ovsdb/sb.hpp>
#include <weft/tables/ipam.hpp>
#include <weft/testing/graph_test.hpp>

#include <set>

#include <gtest/gtest.h>

// Claims say which rows that are already there are ours. Too few, and a restart fails on rows that exist; too many, and
// somebody else's rows are deleted.
namespace weft::default_network {
namespace {

class Claims : public ::testing::Test {
  protected:
    ThePlugin plugin;
    testing::PluginRules rules{*plugin.get()};

    template <class T>
    std::string identity(const T& row) const {
        const auto* claim = rules.claim_on(row);
        return claim ? claim->identity(&row) : std::string();
    }
    /// Would a row like this be deleted when no rule puts it?
    template <class T>
    bool prunes(const T& row) const {
        const auto* claim = rules.claim_on(row);
        return claim && !claim->adopt_only;
    }
    template <class T>
    std::string driver(const T& row) const {
        const auto* claim = rules.claim_on(row);
        return claim && claim->driver ? claim->driver(&row) : std::string();
    }
};

/// Every row that rules put must be recognised in the database under the key that it was put with.
TEST_F(Claims, CoverAllThatRulesPut) {
    testing::GraphTest graph({plugin.get()}, Role::node);
    auto config = testing::default_config();
    config.multicast = true;
    graph.put(config).put(local()).put(node());
    auto self = node();
    self.annotations = {
        {"k8s.ovn.org/node-chassis-id", "c1"},
        {"k8s.ovn.org/node-id", "2"},
        {"k8s.ovn.org/node-subnets", R"({"default":["10.244.2.0/24","fd00:10:244:2::/64"]})"},
        {"k8s.ovn.org/node-transit-switch-port-ifaddr", R"({"ipv4":"100.88.0.2/16","ipv6":"fd97::2/64"})"}};
    auto peer = node("n2");
    peer.annotations = {
        {"k8s.ovn.org/node-chassis-id", "c2"},
        {"k8s.ovn.org/node-encap-ips", R"(["172.20.0.3"])"},
        {"k8s.ovn.org/node-id", "3"},
        {"k8s.ovn.org/node-subnets", R"({"default":["10.244.3.0/24","fd00:10:244:3::/64"]})"},
        {"k8s.ovn.org/node-transit-switch-port-ifaddr", R"({"ipv4":"100.88.0.3/16","ipv6":"fd97::3/64"})"}};
    graph.put(self).put(peer).put(pod());
    graph.run();
    std::size_t seen = 0;
    const auto check = [&](auto type) {
        using T = decltype(type);
        for (auto row : graph.all<T>()) {
            ++seen;
            EXPECT_EQ(identity(row), row.key.text) << T::table_name;
        }
    };
    check(nb::ACL{});
    check(nb::Copp{});
    check(nb::GatewayChassis{});
    check(nb::LoadBalancerGroup{});
    check(nb::LogicalRouter{});
    check(nb::LogicalRouterPort{});
    check(nb::LogicalRouterStaticRoute{});
    check(nb::LogicalSwitch{});
    check(nb::LogicalSwitchPort{});
    check(nb::Meter{});
    check(nb::MeterBand{});
    check(nb::NBGlobal{});
    check(nb::PortGroup{});
    check(sb::Chassis{});
    check(sb::Encap{});
    check(ovs::Port{});
    check(ovs::Interface{});
    EXPECT_EQ(seen, 41U + 2U + 2U) << "all of the golden comparison but a pod, two of SB, two of Open vSwitch";
}

TEST_F(Claims, LeaveTheRowsOfOthers) {
    nb::LogicalSwitch external{.name = "ext_n1"};
    EXPECT_FALSE(prunes(external));
    nb::LogicalSwitch network{.external_ids = {{"k8s.ovn.org/network", "red"}},
                              .name = "red_n1",
                              .other_config = {{"subnet", "10.9.0.0/24"}}};
    EXPECT_FALSE(prunes(network));
    nb::LogicalRouter gateway{.name = "GR_n1"};
    EXPECT_FALSE(prunes(gateway));
    nb::LogicalSwitchPort secondary{
        .external_ids = {{"k8s.ovn.org/nad", "ns/nad"}, {"namespace", "web"}, {"pod", "true"}}, .name = "red_web_p1"};
    EXPECT_FALSE(prunes(secondary));
    nb::LogicalSwitchPort by_hand{.name = "by-hand"};
    EXPECT_FALSE(prunes(by_hand));
    nb::LogicalSwitchPort k8s_elsewhere{.name = "k8s-n1"};
    k8s_elsewhere.parent = {"Logical_Switch", "ports", "somewhere"};
    EXPECT_FALSE(prunes(k8s_elsewhere));
    nb::LogicalRouterStaticRoute by_source{.ip_prefix = "10.244.2.0/24", .nexthop = "100.64.0.2", .policy = "src-ip"};
    by_source.parent = {"Logical_Router", "static_routes", "ovn_cluster_router"};
    EXPECT_FALSE(prunes(by_source));
    nb::LogicalRouterStaticRoute of_network{.external_ids = {{"ic-node", "n2"}}, .ip_prefix = "10.9.0.0/24"};
    of_network.parent = {"Logical_Router", "static_routes", "red_ovn_cluster_router"};
    EXPECT_FALSE(prunes(of_network));
    nb::ACL policy{.external_ids = {{"k8s.ovn.org/id", "default-network-controller:NetworkPolicy:x"},
                                    {"k8s.ovn.org/owner-controller", "default-network-controller"},
                                    {"k8s.ovn.org/owner-type", "NetworkPolicy"}}};
    EXPECT_FALSE(prunes(policy));
    nb::ACL of_red{.external_ids = {{"k8s.ovn.org/id", "red-network-controller:NetpolNode:red_n1:10.9.0.2"},
                                    {"k8s.ovn.org/owner-controller", "red-network-controller"},
                                    {"k8s.ovn.org/owner-type", "NetpolNode"}}};
    EXPECT_FALSE(prunes(of_red));
    sb::Chassis own{.hostname = "n1", .name = "c1", .other_config = {{"is-remote", "false"}}};
    EXPECT_FALSE(prunes(own));
    sb::Chassis fresh{.hostname = "n1", .name = "c1"};
    EXPECT_FALSE(prunes(fresh));
    ovs::Port pods{.name = "5a8f1e_web-p1"};
    EXPECT_FALSE(prunes(pods));
    nb::Meter other{.name = "my-meter"};
    EXPECT_FALSE(prunes(other));
    nb::PortGroup of_namespace{.external_ids = {{"k8s.ovn.org/owner-controller", "default-network-controller"},
                                                {"k8s.ovn.org/owner-type", "Namespace"}},
                               .name = "a5680351521869907322"};
    EXPECT_FALSE(prunes(of_namespace));
}

TEST_F(Claims, TakeWhatIsLeftOver) {
    nb::LogicalSwitch stale{.name = "n9", .other_config = {{"subnet", "10.244.9.0/24"}}};
    EXPECT_EQ(identity(stale), "n9");
    nb::LogicalSwitchPort pod{.external_ids = {{"namespace", "web"}, {"pod", "true"}}, .name = "web_p_1"};
    EXPECT_EQ(identity(pod), "web_p_1");
    EXPECT_EQ(driver(pod), "web/p_1");
    nb::LogicalSwitchPort remote{.external_ids = {{"node", "n9"}}, .name = "tstor-n9", .type = "remote"};
    remote.parent = {"Logical_Switch", "ports", "transit_switch"};
    EXPECT_EQ(identity(remote), "tstor-n9");
    EXPECT_EQ(driver(remote), "n9");
    nb::LogicalRouterStaticRoute route{.external_ids = {{"ic-node", "n9"}}, .ip_prefix = "10.244.9.0/24"};
    route.parent = {"Logical_Router", "static_routes", "ovn_cluster_router"};
    EXPECT_EQ(identity(route), "ovn_cluster_router/10.244.9.0/24");
    EXPECT_EQ(driver(route), "n9");
    sb::Chassis chassis{.hostname = "n9", .name = "c9", .other_config = {{"is-remote", "true"}}};
    EXPECT_EQ(identity(chassis), "c9");
    EXPECT_EQ(driver(chassis), "n9");
    nb::Copp unnamed{.name = ""};
    EXPECT_EQ(identity(unnamed).substr(0, 8), "unnamed/");
    nb::LogicalRouterPort old{.name = "rtots-n9"};
    old.parent = {"Logical_Router", "ports", "ovn_cluster_router"};
    EXPECT_EQ(identity(old), "rtots-n9");
    ovs::Port legacy{.name = "k8s-worker1"};
    legacy.parent = {"Bridge", "ports", "br-int"};
    EXPECT_EQ(identity(legacy), "k8s-worker1");
}

TEST_F(Claims, NeverDeleteWhatTheyOnlyAdopt) {
    std::set<std::string> adopted;
    for (const auto& claim : rules.claims()) {
        if (claim.spec.adopt_only) adopted.insert(claim.spec.name);
    }
    EXPECT_EQ(adopted,
              (std::set<std::string>{"chassis", "database-name", "encaps", "meter-bands", "port-groups-by-name",
                                     "ports-by-name", "router-ports-by-name", "routes-by-prefix", "switches-by-name"}));
    nb::MeterBand burst{.action = "drop", .burst_size = 7, .rate = 25};
    EXPECT_EQ(identity(burst), "");
}

/// What somebody edited by hand must be found again, or its name could not be put.
TEST_F(Claims, FindRowsThatLostTheirMarks) {
    EXPECT_EQ(identity(nb::LogicalSwitch{.name = "n1"}), "n1");
    EXPECT_EQ(identity(nb::LogicalSwitchPort{.name = "web_p1"}), "web_p1");
    EXPECT_EQ(identity(nb::PortGroup{.name = "a13298398610555951118"}), "a13298398610555951118");
    EXPECT_EQ(identity(sb::Chassis{.hostname = "n2", .name = "c2"}), "c2");
    nb::LogicalRouterStaticRoute route{.ip_prefix = "10.244.3.0/24", .nexthop = "9.9.9.9"};
    route.parent = {"Logical_Router", "static_routes", "ovn_cluster_router"};
    EXPECT_EQ(identity(route), "ovn_cluster_router/10.244.3.0/24");
    route.policy = "src-ip";
    EXPECT_EQ(identity(route), "");
    EXPECT_EQ(identity(ovs::Interface{.name = "ovn-k8s-mp0"}), "ovn-k8s-mp0");
}

TEST_F(Claims, MustTakeAnyRow) {
    nb::LogicalSwitchPort port;
    nb::LogicalRouterStaticRoute route;
    sb::Chassis chassis;
    nb::ACL acl;
    EXPECT_EQ(identity(port) + identity(route) + identity(chassis) + identity(acl), "");
}

}  // namespace
}  // namespace weft::default_network
