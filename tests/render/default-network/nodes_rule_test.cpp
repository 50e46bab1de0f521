#include "annotations.hpp"
#include "fixtures.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/ovsdb/sb.hpp>
#include <weft/tables/ipam.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::default_network {
namespace {

using nb::LogicalRouterStaticRoute;
using nb::LogicalSwitchPort;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

tables::Node annotated(std::vector<std::pair<std::string, std::string>> annotations) {
    auto n = node();
    std::sort(annotations.begin(), annotations.end());
    n.annotations = std::move(annotations);
    return n;
}

// -- read-node --------------------------------------------------------------------------------------------------------

TEST(ReadNode, ReadsAllAnnotations) {
    const auto result =
        rule("read-node")
            .run(annotated(
                {{"k8s.ovn.org/node-id", "7"},
                 {"k8s.ovn.org/node-subnets",
                  R"({"default":["10.244.2.0/24","fd00:10:244:2::/64"],"red":"9.9.9.0/24"})"},
                 {"k8s.ovn.org/node-transit-switch-port-ifaddr", R"({"ipv6":"fd97::7/64","ipv4":"100.88.0.7/16"})"},
                 {"k8s.ovn.org/node-chassis-id", "c7"},
                 {"k8s.ovn.org/node-encap-ips", R"(["172.20.0.2","fc00:20::2"])"},
                 {"k8s.ovn.org/node-mgmt-port-mac-addresses", R"({"default":"0a:58:0a:f4:02:99"})"},
                 {"k8s.ovn.org/gateway-mtu-support", "false"}}));
    const auto facts = result.find<NodeNetwork>("n1");
    ASSERT_TRUE(facts) << result.text();
    EXPECT_EQ(facts->id, 7U);
    EXPECT_THAT(facts->subnets, ElementsAre(prefix("10.244.2.0/24"), prefix("fd00:10:244:2::/64")));
    EXPECT_THAT(facts->transit, ElementsAre(prefix("100.88.0.7/16"), prefix("fd97::7/64")));
    EXPECT_EQ(facts->chassis, "c7");
    EXPECT_THAT(facts->encap_ips, ElementsAre(ip("172.20.0.2"), ip("fc00:20::2")));
    EXPECT_EQ(facts->management_mac->text(), "0a:58:0a:f4:02:99");
    EXPECT_FALSE(facts->gateway_mtu);
    EXPECT_EQ(facts->created, 100);
}

TEST(ReadNode, ABareNodeIsFine) {
    const auto result = rule("read-node").run(node());
    ASSERT_TRUE(result.find<NodeNetwork>("n1"));
    EXPECT_FALSE(result.find<NodeNetwork>("n1")->id);
    EXPECT_TRUE(result.find<NodeNetwork>("n1")->gateway_mtu);
}

TEST(ReadNode, WhatItShowsOfALongTextStaysText) {
    // Whatever byte the cut would fall on.
    for (std::size_t ahead = 0; ahead < 5; ++ahead) {
        std::string text(70 + ahead, 'a');
        for (int i = 0; i < 20; ++i)
            text += "\xf0\x9f\xa6\x8a";
        const auto read = parse_node_id(text);
        ASSERT_FALSE(read);
        EXPECT_TRUE(JsonDocument::parse(json_quote(read.error().text()))) << ahead;
    }
}

TEST(ReadNode, TakesABareStringOfASubnet) {
    const auto result =
        rule("read-node").run(annotated({{"k8s.ovn.org/node-subnets", R"({"default":"10.244.2.0/24"})"}}));
    EXPECT_THAT(result.find<NodeNetwork>("n1")->subnets, ElementsAre(prefix("10.244.2.0/24")));
    const auto none = rule("read-node").run(annotated({{"k8s.ovn.org/node-subnets", R"({"red":["10.1.2.0/24"]})"}}));
    EXPECT_THAT(none.find<NodeNetwork>("n1")->subnets, IsEmpty());
}

TEST(ReadNode, SaysWhichAnnotationIsWrong) {
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"k8s.ovn.org/node-id", "two"},
        {"k8s.ovn.org/node-id", "0"},
        {"k8s.ovn.org/node-id", "-3"},
        {"k8s.ovn.org/node-id", "99999"},
        {"k8s.ovn.org/node-id", ""},
        {"k8s.ovn.org/node-subnets", "{"},
        {"k8s.ovn.org/node-subnets", R"(["10.244.0.0/24"])"},
        {"k8s.ovn.org/node-subnets", R"({"default":7})"},
        {"k8s.ovn.org/node-subnets", R"({"default":["10.244.0.0"]})"},
        {"k8s.ovn.org/node-subnets", R"({"default":[null]})"},
        {"k8s.ovn.org/node-transit-switch-port-ifaddr", "x"},
        {"k8s.ovn.org/node-transit-switch-port-ifaddr", R"({"ipv4":"fd97::2/64"})"},
        {"k8s.ovn.org/node-transit-switch-port-ifaddr", R"({"ipv4":7})"},
        {"k8s.ovn.org/node-encap-ips", "172.18.0.2"},
        {"k8s.ovn.org/node-encap-ips", R"(["x"])"},
        {"k8s.ovn.org/node-mgmt-port-mac-addresses", R"({"default":"nope"})"},
        {"k8s.ovn.org/node-mgmt-port-mac-addresses", R"({"default":"01:00:00:00:00:01"})"},
        {"k8s.ovn.org/node-mgmt-port-mac-addresses", std::string(5000, '[')},
    };
    for (const auto& [name, text] : wrong) {
        const auto result = rule("read-node").run(annotated({{name, text}}));
        ASSERT_TRUE(result.failed) << name << " " << text;
        EXPECT_EQ(result.failed->where, "metadata.annotations[" + name + "]");
        EXPECT_NE(result.failed->mend, "");
        EXPECT_LT(result.failed->what.size(), 400U) << "a message must stay readable";
    }
}

// -- find-own-chassis, know-own-node ----------------------------------------------------------------------------------

TEST(FindOwnChassis, TakesTheSystemId) {
    ovs::OpenVSwitch row;
    row.key.text = "some-uuid";
    row.external_ids = {{"system-id", "c1"}};
    EXPECT_EQ(rule("find-own-chassis").run(row).find<OwnChassis>(".")->id, "c1");
    row.external_ids = {{"hostname", "n1"}};
    EXPECT_THAT(rule("find-own-chassis").run(row).failed->what, HasSubstr("system-id"));
}

NodeNetwork own_facts() {
    auto facts = other();
    facts.key.text = "n1";
    return facts;
}

TEST(KnowOwnNode, PutsTogetherWhatIsKnown) {
    const auto result = rule("know-own-node")
                            .given(testing::default_config())
                            .given(own_facts())
                            .given(OwnChassis{.id = "c1"})
                            .run(local());
    const auto row = result.find<OwnNode>(".");
    ASSERT_TRUE(row) << result.text();
    EXPECT_EQ(row->name, "n1");
    EXPECT_EQ(row->chassis, "c1") << "Open vSwitch knows better than an annotation";
    EXPECT_EQ(row->management_mac, Mac::of(ip("10.244.3.2")));
}

TEST(KnowOwnNode, HonoursALegacyMacAndFallsBackOnTheAnnotatedChassis) {
    auto facts = own_facts();
    facts.management_mac = *Mac::parse("02:00:00:00:00:07");
    const auto result = rule("know-own-node").given(testing::default_config()).given(facts).run(local());
    EXPECT_EQ(result.find<OwnNode>(".")->management_mac, facts.management_mac);
    EXPECT_EQ(result.find<OwnNode>(".")->chassis, "c2");
}

TEST(KnowOwnNode, WaitsUntilTheFamiliesAreRight) {
    const auto wait = [](const NodeNetwork& facts, const tables::NetworkConfig& config) {
        return rule("know-own-node").given(config).given(facts).run(local()).waiting.value_or("");
    };
    auto facts = own_facts();
    facts.subnets.pop_back();
    EXPECT_EQ(wait(facts, testing::default_config()),
              "node n1 has subnets of IPv4, but the cluster uses IPv4 and IPv6");
    EXPECT_EQ(wait(own_facts(), testing::default_config(false, true)),
              "node n1 has subnets of IPv4 and IPv6, but the cluster uses IPv6");
    facts.subnets.clear();
    EXPECT_EQ(wait(facts, testing::default_config()), "node n1 has no subnet yet");
    EXPECT_NE(rule("know-own-node").given(testing::default_config()).run(local()).waiting, std::nullopt);
}

// -- allocations ------------------------------------------------------------------------------------------------------

TEST(Allocations, AskWithWhatTheAnnotationsSay) {
    auto n = annotated({{"k8s.ovn.org/node-id", "3"},
                        {"k8s.ovn.org/node-subnets", R"({"default":["10.244.3.0/24","fd00:10:244:3::/64"]})"}});
    n.created = 200;
    const auto subnets = rule("request-subnets").run(n);
    const auto row = subnets.find<tables::SubnetRequest>("default/n1");
    ASSERT_TRUE(row) << subnets.text();
    EXPECT_THAT(row->held, ElementsAre(prefix("10.244.3.0/24"), prefix("fd00:10:244:3::/64")));
    EXPECT_EQ(row->precedence, 200);
    const auto id = rule("request-id").run(n);
    ASSERT_TRUE(id.find<tables::IdRequest>("node/n1")) << id.text();
    EXPECT_THAT(id.find<tables::IdRequest>("node/n1")->held, ElementsAre(3U));
    EXPECT_EQ(id.find<tables::IdRequest>("node/n1")->precedence, 200);
}

TEST(Allocations, ANewNodeHoldsNothing) {
    EXPECT_THAT(rule("request-subnets").run(node()).find<tables::SubnetRequest>("default/n1")->held, IsEmpty());
    EXPECT_THAT(rule("request-id").run(node()).find<tables::IdRequest>("node/n1")->held, IsEmpty());
}

TEST(Allocations, WhatCantBeReadIsNotAskedAnewAndTheRestIsHeld) {
    const auto n =
        annotated({{"k8s.ovn.org/node-id", "x"}, {"k8s.ovn.org/node-subnets", R"({"default":"10.244.3.0/24"})"}});
    EXPECT_TRUE(rule("request-id").run(n).waiting);
    EXPECT_EQ(rule("request-subnets").run(n).find<tables::SubnetRequest>("default/n1")->held.size(), 1U);
    const auto other_way = annotated({{"k8s.ovn.org/node-id", "3"}, {"k8s.ovn.org/node-subnets", "{"}});
    EXPECT_TRUE(rule("request-subnets").run(other_way).waiting);
    EXPECT_THAT(rule("request-id").run(other_way).find<tables::IdRequest>("node/n1")->held, ElementsAre(3U));
}

TEST(Allocations, RangesComeFromTheConfiguration) {
    const auto result = rule("ranges").run(testing::default_config());
    EXPECT_EQ(result.find<tables::SubnetRange>("default")->cuts.size(), 2U);
    EXPECT_EQ(result.find<tables::IdRange>("node")->first, 2U);
    EXPECT_EQ(result.find<tables::IdRange>("node")->last, 5000U);
}

TEST(Allocations, WriteSubnetsUnderOurSubKey) {
    const tables::SubnetLease lease{
        Key<tables::SubnetLease>{"default/n2"}, {prefix("10.244.3.0/24"), prefix("fd00:10:244:3::/64")}, "", ""};
    auto cloud = node("n2");
    cloud.provider_id = "cloud://7";
    const auto result = rule("annotate-subnets").given(lease).given(cloud).run(other());
    const auto row = result.find<tables::Annotation>("Node//n2/k8s.ovn.org/node-subnets/default");
    ASSERT_TRUE(row) << result.text();
    EXPECT_EQ(row->value, R"(["10.244.3.0/24","fd00:10:244:3::/64"])");
    EXPECT_EQ(row->uid, "uid-n2");
    const auto condition = result.find<tables::NodeCondition>("n2/NetworkUnavailable");
    ASSERT_TRUE(condition);
    EXPECT_EQ(condition->status, "False");
    EXPECT_EQ(condition->reason, "RouteCreated");
    EXPECT_THAT(rule("annotate-subnets").given(lease).given(node("n2")).run(other()).all<tables::NodeCondition>(),
                IsEmpty());
}

TEST(Allocations, TellWhatIsWrong) {
    tables::SubnetLease lease{Key<tables::SubnetLease>{"default/n2"}, {}, "no subnets available: …", ""};
    EXPECT_EQ(rule("annotate-subnets").given(lease).run(other()).failed->what, "no subnets available: …");
    lease.problem = "";
    lease.subnets = {prefix("10.244.9.0/24")};
    lease.warning = "10.244.3.0/24 overlaps 10.244.3.0/24 of default/n1";
    const auto moved = rule("annotate-subnets").given(lease).run(other());
    ASSERT_EQ(moved.warnings.size(), 1U);
    EXPECT_EQ(moved.warnings[0].where, "metadata.annotations[k8s.ovn.org/node-subnets]");
    EXPECT_FALSE(moved.empty());
    EXPECT_TRUE(rule("annotate-subnets").run(other()).waiting);
    const tables::IdLease no_id{Key<tables::IdLease>{"node/n2"}, 0, "no number available: …", ""};
    EXPECT_TRUE(rule("annotate-id").given(no_id).given(testing::default_config()).run(other()).failed);
    const tables::IdLease other_id{Key<tables::IdLease>{"node/n2"}, 4, "", "3 belongs to node/n9"};
    EXPECT_EQ(rule("annotate-id").given(other_id).given(testing::default_config()).run(other()).warnings.size(), 1U);
}

TEST(Allocations, TheTransitAddressFollowsTheId) {
    const tables::IdLease lease{Key<tables::IdLease>{"node/n2"}, 258, "", ""};
    const auto result = rule("annotate-id").given(lease).given(testing::default_config()).run(other());
    EXPECT_EQ(result.find<tables::Annotation>("Node//n2/k8s.ovn.org/node-id/")->value, "258");
    EXPECT_EQ(result.find<tables::Annotation>("Node//n2/k8s.ovn.org/node-transit-switch-port-ifaddr/")->value,
              R"({"ipv4":"100.88.1.2/16","ipv6":"fd97::102/64"})");
    const auto v6 = rule("annotate-id").given(lease).given(testing::default_config(false, true)).run(other());
    EXPECT_EQ(v6.find<tables::Annotation>("Node//n2/k8s.ovn.org/node-transit-switch-port-ifaddr/")->value,
              R"({"ipv6":"fd97::102/64"})");
    auto small = testing::default_config();
    small.transit_v4 = prefix("100.88.0.0/24");
    EXPECT_THAT(rule("annotate-id").given(lease).given(small).run(other()).failed->what,
                HasSubstr("100.88.0.0/24 has no address for node number 258"));
}

// -- way-to-node ------------------------------------------------------------------------------------------------------

testing::RuleTest way() {
    auto test = rule("way-to-node");
    test.given(local()).given(testing::default_config()).given(own()).given(other());
    return test;
}

TEST(WayToNode, MakesPortAndRoutes) {
    const auto result = way().run(other());
    const auto port = result.find<LogicalSwitchPort>("tstor-n2");
    ASSERT_TRUE(port) << result.text();
    EXPECT_EQ(*port->addresses, (ovsdb::Set<std::string>{"0a:58:64:58:00:03 100.88.0.3/16 fd97::3/64"}));
    EXPECT_EQ(*port->type, "remote");
    EXPECT_EQ(*port->options,
              (ovsdb::Map<std::string, std::string>{{"requested-chassis", "c2"}, {"requested-tnl-key", "3"}}));
    std::map<std::string, std::string> routes;
    for (const auto& route : result.all<LogicalRouterStaticRoute>())
        routes[*route.ip_prefix] = *route.nexthop;
    EXPECT_EQ(routes, (std::map<std::string, std::string>{{"10.244.3.0/24", "100.88.0.3"},
                                                          {"fd00:10:244:3::/64", "fd97::3"},
                                                          {"100.64.0.3/32", "100.88.0.3"},
                                                          {"fd98::3/128", "fd97::3"}}));
}

TEST(WayToNode, IsNotForTheOwnNode) {
    auto self = other();
    self.key.text = "n1";
    const auto result = way().run(self);
    EXPECT_TRUE(result.empty() && !result.waiting && !result.failed) << result.text();
}

TEST(WayToNode, WaitsForEachAnnotation) {
    const auto waits = [](auto change) {
        auto n = other();
        change(n);
        return way().run(n).waiting.value_or("");
    };
    EXPECT_EQ(waits([](auto& n) { n.id.reset(); }), "node n2 has no node id yet");
    EXPECT_EQ(waits([](auto& n) { n.subnets.clear(); }), "node n2 has no subnet yet");
    EXPECT_EQ(waits([](auto& n) { n.transit.clear(); }), "node n2 has no address on the transit switch yet");
    EXPECT_EQ(waits([](auto& n) { n.chassis.clear(); }), "node n2 has no chassis id yet");
    EXPECT_THAT(waits([](auto& n) { n.transit.pop_back(); }), HasSubstr("to reach fd"));
}

TEST(WayToNode, DoesNotWaitForTunnelAddresses) {
    auto n = other();
    n.encap_ips.clear();
    EXPECT_FALSE(way().run(n).empty());
}

TEST(WayToNode, OfTwoWithOneIdTheOlderIsBelieved) {
    auto twin = other();
    twin.key.text = "n3";
    twin.created = 100;
    const auto younger = way().given(twin).run(other());
    ASSERT_TRUE(younger.failed) << younger.text();
    EXPECT_EQ(younger.failed->what, "node n3 has node id 3 too");
    EXPECT_EQ(younger.failed->kind, ErrorKind::conflict);
    EXPECT_EQ(younger.failed->where, "metadata.annotations[k8s.ovn.org/node-id]");
    EXPECT_FALSE(way().given(twin).run(twin).failed);
    twin.created = 200;  // as old: the smaller name
    EXPECT_FALSE(way().given(twin).run(other()).failed);
    auto ours = other();
    ours.id = 2;
    EXPECT_EQ(way().given(ours).run(ours).failed->what, "this node has node id 2 too");
}

TEST(WayToNode, OfTwoWithOneChassisTheOlderIsBelieved) {
    auto twin = other();
    twin.key.text = "n0";
    twin.id = 8;
    EXPECT_EQ(way().given(twin).run(other()).failed->what, "node n0 has chassis id \"c2\" too");
    EXPECT_EQ(way().given(twin).run(other()).failed->where, "metadata.annotations[k8s.ovn.org/node-chassis-id]");
    EXPECT_FALSE(way().given(twin).run(twin).failed);
    auto ours = other();
    ours.created = 1;  // this node believes itself, however old the other is
    ours.chassis = "c1";
    EXPECT_EQ(way().given(ours).run(ours).failed->what, "this node has chassis id \"c1\" too");
}

TEST(WayToNode, NeverRoutesTheOwnSubnetAway) {
    auto thief = other();
    thief.subnets = {prefix("10.244.2.0/25"), prefix("fd00:10:244:9::/64")};
    EXPECT_EQ(way().run(thief).failed->what, "subnet 10.244.2.0/25 overlaps this node's 10.244.2.0/24");
}

TEST(WayToNode, OfTwoWithOneSubnetTheOlderIsBelieved) {
    auto twin = other();
    twin.key.text = "n0";
    twin.id = 8;
    twin.chassis = "c8";
    twin.subnets = {prefix("10.244.8.0/24"), prefix("fd00:10:244:3::/64")};
    const auto younger = way().given(twin).run(other());
    ASSERT_TRUE(younger.failed) << younger.text();
    EXPECT_EQ(younger.failed->what, "node n0 has subnet fd00:10:244:3::/64 too");
    EXPECT_EQ(younger.failed->where, "metadata.annotations[k8s.ovn.org/node-subnets]");
    EXPECT_FALSE(way().given(twin).run(twin).failed);
    twin.subnets = {prefix("10.244.3.0/24"), prefix("fd00:10:244:8::/64")};
    EXPECT_EQ(way().given(twin).run(other()).failed->what, "node n0 has subnet 10.244.3.0/24 too");
}

TEST(WayToNode, RefusesAnIdBeyondTheJoinSubnet) {
    auto config = testing::default_config();
    config.join_v4 = prefix("100.64.0.0/30");
    auto n = other();
    n.id = 9;
    EXPECT_THAT(way().given(config).run(n).failed->what, HasSubstr("100.64.0.0/30 has no address for node id 9"));
}

// -- remote-chassis ---------------------------------------------------------------------------------------------------

testing::RuleTest chassis() {
    auto test = rule("remote-chassis");
    test.given(local()).given(testing::default_config()).given(OwnChassis{.id = "c1"}).given(other());
    return test;
}

TEST(RemoteChassis, MakesChassisEncapsAndBinding) {
    auto n = other();
    n.encap_ips.push_back(ip("fc00:20::3"));
    const auto result = chassis().run(n);
    const auto row = result.find<sb::Chassis>("c2");
    ASSERT_TRUE(row) << result.text();
    EXPECT_EQ(*row->hostname, "n2");
    EXPECT_EQ(row->encaps->size(), 2U);
    EXPECT_EQ(*row->other_config, (ovsdb::Map<std::string, std::string>{{"is-remote", "true"}}));
    ASSERT_TRUE(result.find<sb::Encap>("geneve/172.20.0.3"));
    EXPECT_EQ(*result.find<sb::Encap>("geneve/172.20.0.3")->options,
              (ovsdb::Map<std::string, std::string>{{"csum", "true"}}));
    const auto binding = result.all<sb::ForeignColumn>();
    ASSERT_EQ(binding.size(), 1U);
    EXPECT_EQ(binding[0].table, "Port_Binding");
    EXPECT_EQ(binding[0].row, "tstor-n2");
    EXPECT_EQ(binding[0].value, "c2");
    EXPECT_EQ(binding[0].ref_table, "Chassis");
    ASSERT_EQ(binding[0].after.size(), 1U);
    EXPECT_EQ(binding[0].after[0].text(), "SB/Chassis/c2@0");
}

TEST(RemoteChassis, TellsAnotherPort) {
    auto config = testing::default_config();
    config.encap_port = 9999;
    const auto result = chassis().given(config).run(other());
    EXPECT_EQ(*result.find<sb::Encap>("geneve/172.20.0.3")->options,
              (ovsdb::Map<std::string, std::string>{{"csum", "true"}, {"dst_port", "9999"}}));
}

TEST(RemoteChassis, WaitsAndRefuses) {
    auto n = other();
    n.encap_ips.clear();
    EXPECT_EQ(chassis().run(n).waiting, "node n2 has no tunnel address yet");
    n = other();
    n.chassis = "";
    EXPECT_EQ(chassis().run(n).waiting, "node n2 has no chassis id yet");
    n.chassis = "c1";
    EXPECT_EQ(chassis().run(n).failed->what, "this node has chassis id \"c1\" too");
    auto twin = other();
    twin.key.text = "n0";
    EXPECT_EQ(chassis().given(twin).run(other()).failed->what, "node n0 has chassis id \"c2\" too");
    n.key.text = "n1";
    EXPECT_TRUE(chassis().run(n).empty());
}

TEST(RemoteChassis, LeavesTheTunnelsOfOthersAlone) {
    auto thief = other();
    thief.encap_ips = {ip("192.0.2.7"), ip("172.20.0.2")};  // the second is this node's
    const auto ours = chassis().given(node()).run(thief);
    ASSERT_TRUE(ours.failed) << ours.text();
    EXPECT_EQ(ours.failed->what, "this node has tunnel address 172.20.0.2 too");
    EXPECT_EQ(ours.failed->where, "metadata.annotations[k8s.ovn.org/node-encap-ips]");
    auto older = other();
    older.key.text = "n0";
    older.chassis = "c0";
    EXPECT_EQ(chassis().given(older).run(other()).failed->what, "node n0 has tunnel address 172.20.0.3 too");
    EXPECT_FALSE(chassis().given(older).run(older).failed);
}

TEST(MarkOwnChassis, MarksItWhileItIsThere) {
    const auto result = rule("mark-own-chassis").run(OwnChassis{.id = "c1"});
    const auto members = result.all<sb::Member>();
    ASSERT_EQ(members.size(), 1U);
    EXPECT_EQ(members[0].row, "c1");
    EXPECT_EQ(members[0].map_key + "=" + members[0].value, "is-remote=false");
}

}  // namespace
}  // namespace weft::default_network
