#include "fixtures.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/sb.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/ipam.hpp>
#include <weft/tables/net.hpp>
#include <weft/testing/graph_test.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What happens to the rows while nodes and pods come, change and go. Every run is recomputed and compared.
namespace weft::default_network {
namespace {

using nb::LogicalSwitchPort;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

tables::Node annotated_node(const std::string& name, unsigned id, const std::string& chassis,
                            std::int64_t created = 100) {
    auto n = node(name);
    const std::string number = std::to_string(id);
    n.created = created;
    n.internal_ips = {ip("172.20.0." + number)};
    n.annotations = {{"k8s.ovn.org/node-chassis-id", chassis},
                     {"k8s.ovn.org/node-encap-ips", "[\"172.20.0." + number + "\"]"},
                     {"k8s.ovn.org/node-id", number},
                     {"k8s.ovn.org/node-subnets",
                      "{\"default\":[\"10.244." + number + ".0/24\",\"fd00:10:244:" + number + "::/64\"]}"},
                     {"k8s.ovn.org/node-transit-switch-port-ifaddr",
                      "{\"ipv4\":\"100.88.0." + number + "/16\",\"ipv6\":\"fd97::" + number + "/64\"}"}};
    return n;
}

void set(tables::Node& n, const std::string& name, const std::string& value) {
    for (auto& [key, text] : n.annotations) {
        if (key == name) text = value;
    }
}

class Life : public ::testing::Test {
  protected:
    Life() : graph({plugin.get()}, Role::node) {
        graph.put(testing::default_config()).put(local());
        graph.put(tables::HostAddress{
            .key = Key<tables::HostAddress>{"eth0/172.20.0.2"}, .link = "eth0", .address = prefix("172.20.0.2/16")});
        graph.put(annotated_node("n1", 2, "c1")).put(annotated_node("n2", 3, "c2"));
        graph.run();
    }

    template <class T>
    std::vector<std::string> keys() const {
        std::vector<std::string> out;
        for (const auto& row : graph.all<T>())
            out.push_back(row.key.text);
        return out;
    }
    std::string addresses(const std::string& port) const {
        const RowPtr row = graph.find(LogicalSwitchPort::table_name, port);
        return row ? *row.as<LogicalSwitchPort>().addresses->begin() : std::string();
    }
    std::string status(const std::string& rule_name, const std::string& driver) const {
        for (const auto& row : graph.statuses()) {
            if (row.rule == rule_name && row.driver == driver)
                return std::string(to_string(row.state)) + ": " + row.what;
        }
        return {};
    }
    /// The port as the database shows it once it is applied.
    void applied(const std::string& port) {
        auto row = graph.find(LogicalSwitchPort::table_name, port).as<LogicalSwitchPort>();
        row.key.text = "uuid-" + port;
        graph.put_in<ovsdb::Replica<LogicalSwitchPort>>(row);
        graph.run();
    }

    ThePlugin plugin;
    testing::GraphTest graph;
};

TEST_F(Life, ANodeLeavesAndComesBackWithAnotherIdAndChassis) {
    EXPECT_THAT(keys<sb::Chassis>(), ElementsAre("c2"));
    EXPECT_THAT(keys<nb::LogicalRouterStaticRoute>(), Contains("ovn_cluster_router/10.244.3.0/24"));
    graph.erase<tables::Node>("n2");
    graph.run();
    EXPECT_THAT(keys<sb::Chassis>(), IsEmpty());
    EXPECT_THAT(keys<sb::Encap>(), IsEmpty());
    EXPECT_THAT(graph.all<sb::ForeignColumn>(), IsEmpty());
    EXPECT_THAT(keys<nb::LogicalRouterStaticRoute>(), IsEmpty());
    EXPECT_THAT(keys<LogicalSwitchPort>(), Not(Contains("tstor-n2")));
    graph.put(annotated_node("n2", 7, "c7"));
    graph.run();
    EXPECT_THAT(keys<sb::Chassis>(), ElementsAre("c7"));
    EXPECT_THAT(keys<nb::LogicalRouterStaticRoute>(), Contains("ovn_cluster_router/10.244.7.0/24"));
    EXPECT_EQ(addresses("tstor-n2"), "0a:58:64:58:00:07 100.88.0.7/16 fd97::7/64");
}

TEST_F(Life, AnotherNodesAddressChanges) {
    auto n = annotated_node("n2", 3, "c2");
    set(n, "k8s.ovn.org/node-encap-ips", R"(["172.20.0.99"])");
    graph.put(n);
    graph.run();
    EXPECT_THAT(keys<sb::Encap>(), ElementsAre("geneve/172.20.0.99"));
    set(n, "k8s.ovn.org/node-subnets", R"({"default":["10.244.30.0/24","fd00:10:244:30::/64"]})");
    graph.put(n);
    graph.run();
    EXPECT_THAT(keys<nb::LogicalRouterStaticRoute>(), Contains("ovn_cluster_router/10.244.30.0/24"));
    EXPECT_THAT(keys<nb::LogicalRouterStaticRoute>(), Not(Contains("ovn_cluster_router/10.244.3.0/24")));
}

TEST_F(Life, ABrokenAnnotationKeepsTheLastGoodRows) {
    const auto before = graph.database("OVN_Northbound");
    for (const char* broken : {"{", R"({"default":["x"]})", R"({"default":7})"}) {
        auto n = annotated_node("n2", 3, "c2");
        set(n, "k8s.ovn.org/node-subnets", broken);
        graph.put(n);
        graph.run();
        EXPECT_EQ(graph.database("OVN_Northbound"), before);
        EXPECT_THAT(status("read-node", "n2"), HasSubstr("failed: "));
    }
    // An annotation that went is no error: rows stay until the node has another or goes.
    auto n = annotated_node("n2", 3, "c2");
    n.annotations.erase(n.annotations.begin() + 3);
    graph.put(n);
    graph.run();
    EXPECT_EQ(graph.database("OVN_Northbound"), before);
    EXPECT_EQ(status("way-to-node", "n2"), "waiting: node n2 has no subnet yet");
    graph.put(annotated_node("n2", 3, "c2"));
    graph.run();
    EXPECT_EQ(status("way-to-node", "n2"), "");
}

TEST_F(Life, AnnotationsMayArriveInAnyOrder) {
    const auto expected = graph.everything();
    auto order = std::vector<std::size_t>{0, 1, 2, 3, 4};
    const auto complete = annotated_node("n2", 3, "c2");
    do {
        ThePlugin another;
        testing::GraphTest fresh({another.get()}, Role::node);
        fresh.put(testing::default_config()).put(local()).put(annotated_node("n1", 2, "c1"));
        fresh.put(tables::HostAddress{
            .key = Key<tables::HostAddress>{"eth0/172.20.0.2"}, .link = "eth0", .address = prefix("172.20.0.2/16")});
        tables::Node partial = complete;
        partial.annotations.clear();
        for (const std::size_t at : order) {
            partial.annotations.push_back(complete.annotations[at]);
            std::sort(partial.annotations.begin(), partial.annotations.end());
            fresh.put(partial);
            fresh.run();
        }
        ASSERT_EQ(fresh.everything(), expected);
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(Life, TwoNodesThatClaimOneSubnetConflictOnTheYounger) {
    auto thief = annotated_node("n3", 4, "c4", 500);
    set(thief, "k8s.ovn.org/node-subnets", R"({"default":["10.244.3.0/24","fd00:10:244:4::/64"]})");
    graph.put(thief);
    graph.run();
    const RowPtr route = graph.find(nb::LogicalRouterStaticRoute::table_name, "ovn_cluster_router/10.244.3.0/24");
    EXPECT_EQ(*route.as<nb::LogicalRouterStaticRoute>().nexthop, "100.88.0.3");
    EXPECT_EQ(status("way-to-node", "n3"), "failed: node n2 has subnet 10.244.3.0/24 too");
    EXPECT_THAT(keys<nb::LogicalRouterStaticRoute>(), Not(Contains(HasSubstr("fd00:10:244:4::"))))
        << "all of it waits, not one family";
    graph.erase<tables::Node>("n2");
    graph.run();
    EXPECT_EQ(*graph.find(nb::LogicalRouterStaticRoute::table_name, "ovn_cluster_router/10.244.3.0/24")
                   .as<nb::LogicalRouterStaticRoute>()
                   .nexthop,
              "100.88.0.4");
}

TEST_F(Life, APodComesRunsCompletesAndGoes) {
    graph.put(pod());
    graph.run();
    EXPECT_EQ(addresses("web_p1"), "0a:58:0a:f4:02:03 10.244.2.3 fd00:10:244:2::3");
    applied("web_p1");
    auto running = pod();
    running.phase = tables::PodPhase::running;
    running.ips = {ip("10.244.2.3"), ip("fd00:10:244:2::3")};
    graph.put(running);
    graph.run();
    EXPECT_EQ(addresses("web_p1"), "0a:58:0a:f4:02:03 10.244.2.3 fd00:10:244:2::3");
    running.phase = tables::PodPhase::succeeded;
    graph.put(running);
    graph.run();
    EXPECT_EQ(addresses("web_p1"), "");
    EXPECT_THAT(keys<tables::PodInterface>(), IsEmpty());
    EXPECT_TRUE(graph.find(tables::Annotation::table_name, "Pod/web/p1/k8s.ovn.org/pod-networks/default"));
    graph.erase<tables::Pod>("web/p1");
    graph.run();
    EXPECT_THAT(keys<tables::Annotation>(), Not(Contains(HasSubstr("Pod/"))));
}

TEST_F(Life, APodMadeAnewUnderItsNameAtOnceGetsOtherAddresses) {
    graph.put(pod());
    graph.run();
    applied("web_p1");
    auto again = pod();
    again.uid = "uid-again";
    graph.put(again);
    graph.run();
    EXPECT_EQ(addresses("web_p1"), "0a:58:0a:f4:02:04 10.244.2.4 fd00:10:244:2::4");
    const auto port = graph.find(LogicalSwitchPort::table_name, "web_p1").as<LogicalSwitchPort>();
    EXPECT_EQ(*port.options->find("iface-id-ver"), "uid-again");
    EXPECT_EQ(graph.find(tables::PodInterface::table_name, "web/p1/default").as<tables::PodInterface>().pod_uid,
              "uid-again");
}

TEST_F(Life, AnAddressIsNotGivenAgainBeforeItsPortIsGone) {
    auto n = annotated_node("n1", 2, "c1");
    set(n, "k8s.ovn.org/node-subnets", R"({"default":["10.244.2.0/30","fd00:10:244:2::/126"]})");
    graph.put(n);
    graph.run();
    auto a = pod("a");
    auto b = pod("b");
    // Of four addresses .1 and .2 are the node's, .3 is IPv4's broadcast address.
    graph.put(a);
    graph.run();
    EXPECT_THAT(status("connect-pod", "web/a"), HasSubstr("subnet address pool exhausted"));
    set(n, "k8s.ovn.org/node-subnets", R"({"default":["10.244.2.0/29","fd00:10:244:2::/126"]})");
    graph.put(n);
    graph.run();
    EXPECT_EQ(addresses("web_a"), "0a:58:0a:f4:02:03 10.244.2.3 fd00:10:244:2::3");
    applied("web_a");
    graph.erase<tables::Pod>("web/a");
    graph.put(b);
    graph.run();
    EXPECT_THAT(status("connect-pod", "web/b"), HasSubstr("fd00:10:244:2::/126"));
    graph.erase<ovsdb::Replica<LogicalSwitchPort>>("uuid-web_a");
    graph.run();
    EXPECT_EQ(addresses("web_b"), "0a:58:0a:f4:02:04 10.244.2.4 fd00:10:244:2::3");
    EXPECT_EQ(status("connect-pod", "web/b"), "");
}

TEST_F(Life, OfTwoPodsWithOneAnnotatedAddressTheOlderHasIt) {
    const std::string text = R"({"default":{"ip_addresses":["10.244.2.9/24"],"mac_address":"0a:58:0a:f4:02:09"}})";
    auto old = pod("old");
    old.annotations = {{"k8s.ovn.org/pod-networks", text}};
    old.created = 10;
    auto young = pod("a-young");
    young.annotations = old.annotations;
    graph.put(young).put(old);
    graph.run();
    EXPECT_EQ(addresses("web_old"), "0a:58:0a:f4:02:09 10.244.2.9");
    EXPECT_EQ(status("connect-pod", "web/a-young"), "failed: 10.244.2.9 is the address of web_old");
    graph.erase<tables::Pod>("web/old");
    graph.run();
    EXPECT_EQ(addresses("web_a-young"), "0a:58:0a:f4:02:09 10.244.2.9");
}

TEST_F(Life, AnAddressOutsideTheSubnetIsToldOnThePod) {
    auto p = pod();
    p.annotations = {{"k8s.ovn.org/pod-networks",
                      R"({"default":{"ip_addresses":["10.9.9.9/24"],"mac_address":"0a:58:0a:09:09:09"}})"}};
    graph.put(p).put(pod("p2"));
    graph.run();
    EXPECT_THAT(status("connect-pod", "web/p1"), HasSubstr("10.9.9.9 is none of the addresses of this pool"));
    EXPECT_NE(addresses("web_p2"), "") << "everything else goes on";
    p.annotations.clear();
    graph.put(p);
    graph.run();
    EXPECT_NE(addresses("web_p1"), "");
}

TEST_F(Life, TheOwnNodesNewSubnetLeavesRunningPodsWhereTheyAre) {
    graph.put(pod());
    graph.run();
    applied("web_p1");
    auto n = annotated_node("n1", 2, "c1");
    set(n, "k8s.ovn.org/node-subnets", R"({"default":["10.244.8.0/24","fd00:10:244:8::/64"]})");
    graph.put(n).put(pod("p2"));
    graph.run();
    EXPECT_EQ(addresses("web_p1"), "0a:58:0a:f4:02:03 10.244.2.3 fd00:10:244:2::3");
    EXPECT_THAT(status("connect-pod", "web/p1"), HasSubstr("10.244.2.3 is none of the addresses of this pool"));
    EXPECT_EQ(addresses("web_p2"), "0a:58:0a:f4:08:03 10.244.8.3 fd00:10:244:8::3");
    EXPECT_EQ(addresses("k8s-n1"), "0a:58:0a:f4:08:02 10.244.8.2 fd00:10:244:8::2");
}

TEST_F(Life, NodesWithNamesThatContainEachOther) {
    graph.put(annotated_node("a.n1", 5, "c5", 300)).put(annotated_node("n1.example.org", 6, "c6", 300));
    graph.run();
    EXPECT_THAT(keys<LogicalSwitchPort>(), ElementsAre("jtor-ovn_cluster_router", "k8s-n1", "stor-n1", "tstor-a.n1",
                                                       "tstor-n1", "tstor-n1.example.org", "tstor-n2"));
    EXPECT_THAT(graph.statuses(), IsEmpty()) << graph.everything().back();
}

TEST_F(Life, NothingChangesWhenNothingChanged) {
    graph.put(pod());
    graph.run();
    EXPECT_EQ(graph.run(), 0U);
    graph.put(annotated_node("n2", 3, "c2"));
    EXPECT_EQ(graph.run(), 0U);
}

/// The price of a pod, in runs: two rules and one of the allocator when it comes, and no rule when it goes.
TEST_F(Life, APodCostsFewRuns) {
    graph.put(pod());
    EXPECT_EQ(graph.run(), 3U) << "request-addresses, the allocator, connect-pod";
    applied("web_p1");
    graph.erase<tables::Pod>("web/p1");
    EXPECT_EQ(graph.run(), 1U) << "the allocator marks the addresses as given back";
    graph.erase<ovsdb::Replica<LogicalSwitchPort>>("uuid-web_p1");
    EXPECT_EQ(graph.run(), 1U) << "the allocator frees them";
}

TEST(ClusterLife, NodesGetNumbersAndSubnetsAndKeepThem) {
    const ThePlugin plugin;
    testing::GraphTest graph({plugin.get()}, Role::cluster);
    graph.put(testing::default_config());
    auto old = node("z");
    old.created = 1;
    old.annotations = {{"k8s.ovn.org/node-id", "2"}, {"k8s.ovn.org/node-subnets", R"({"default":["10.244.0.0/24"]})"}};
    auto young = node("a");
    young.created = 9;
    young.annotations = old.annotations;
    graph.put(old).put(young);
    graph.run();
    const auto value = [&](const std::string& key) {
        const RowPtr row = graph.find(tables::Annotation::table_name, key);
        return row ? row.as<tables::Annotation>().value : std::string();
    };
    EXPECT_EQ(value("Node//z/k8s.ovn.org/node-id/"), "2");
    EXPECT_EQ(value("Node//a/k8s.ovn.org/node-id/"), "3");
    EXPECT_EQ(value("Node//z/k8s.ovn.org/node-subnets/default"), R"(["10.244.0.0/24","fd00:10:244:1::/64"])");
    EXPECT_EQ(value("Node//a/k8s.ovn.org/node-subnets/default"), R"(["10.244.1.0/24","fd00:10:244:2::/64"])");
    std::vector<std::string> told;
    for (const auto& row : graph.statuses())
        told.push_back(row.driver + ": " + row.what);
    EXPECT_THAT(told, ::testing::UnorderedElementsAre("a: 10.244.0.0/24 overlaps 10.244.0.0/24 of default/z",
                                                      "a: 2 belongs to node/z"));
    // Our own writing comes back.
    young.annotations = {{"k8s.ovn.org/node-id", "3"},
                         {"k8s.ovn.org/node-subnets", R"({"default":["10.244.1.0/24","fd00:10:244:2::/64"]})"}};
    graph.put(young);
    graph.run();
    EXPECT_THAT(graph.statuses(), IsEmpty());
    EXPECT_EQ(value("Node//a/k8s.ovn.org/node-id/"), "3");
    graph.erase<tables::Node>("z");
    graph.run();
    EXPECT_EQ(value("Node//z/k8s.ovn.org/node-id/"), "");
    EXPECT_EQ(value("Node//a/k8s.ovn.org/node-id/"), "3");
}

TEST(ClusterLife, ABrokenAnnotationStopsNobodyElse) {
    const ThePlugin plugin;
    testing::GraphTest graph({plugin.get()}, Role::cluster);
    graph.put(testing::default_config());
    auto broken = node("b");
    broken.annotations = {{"k8s.ovn.org/node-subnets", "{{{"}};
    graph.put(broken).put(node("a")).put(node(std::string(253, 'x')));
    graph.run();
    EXPECT_EQ(graph.all<tables::SubnetLease>().size(), 2U);
    std::vector<std::string> failed;
    for (const auto& row : graph.statuses()) {
        if (row.state != RuleState::failed) continue;
        failed.push_back(row.on.name + ": " + row.where);
    }
    EXPECT_THAT(failed, ElementsAre("b: metadata.annotations[k8s.ovn.org/node-subnets]"));
    broken.annotations.clear();
    graph.put(broken);
    graph.run();
    EXPECT_THAT(graph.statuses(), IsEmpty());
    EXPECT_EQ(graph.all<tables::SubnetLease>().size(), 3U);
}

/// A leader that starts must not give away what a node has that it can't read in full.
TEST(ClusterLife, WhatABrokenNodeHoldsIsNotGivenAway) {
    const ThePlugin plugin;
    testing::GraphTest graph({plugin.get()}, Role::cluster);
    graph.put(testing::default_config());
    auto no_subnets = node("b1");
    no_subnets.annotations = {{"k8s.ovn.org/node-id", "2"}, {"k8s.ovn.org/node-subnets", "{"}};
    auto no_id = node("b2");
    no_id.annotations = {{"k8s.ovn.org/node-id", "two"},
                         {"k8s.ovn.org/node-subnets", R"({"default":["10.244.0.0/24","fd00:10:244:1::/64"]})"}};
    graph.put(no_subnets).put(no_id).put(node("fresh"));
    graph.run();
    const auto value = [&](const std::string& key) {
        const RowPtr row = graph.find(tables::Annotation::table_name, key);
        return row ? row.as<tables::Annotation>().value : std::string();
    };
    EXPECT_EQ(value("Node//fresh/k8s.ovn.org/node-id/"), "3");
    EXPECT_EQ(value("Node//fresh/k8s.ovn.org/node-subnets/default"), R"(["10.244.1.0/24","fd00:10:244:2::/64"])");
}

}  // namespace
}  // namespace weft::default_network
