#include "fixtures.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/ipam.hpp>
#include <weft/tables/net.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::default_network {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// "key" of every row of a table.
template <class T>
std::vector<std::string> keys(const testing::RuleResult& result) {
    std::vector<std::string> out;
    for (const auto& row : result.all<T>())
        out.push_back(row.key.text);
    return out;
}

std::map<std::string, std::string> entries(const testing::RuleResult& result, const std::string& column) {
    std::map<std::string, std::string> out;
    for (const auto& member : result.all<ovs::Member>()) {
        if (member.column == column) out[member.map_key] = member.value;
    }
    return out;
}

testing::RuleResult run(const std::string& name, const OwnNode& on,
                        const tables::NetworkConfig& config = testing::default_config()) {
    return rule(name).given(config).run(on);
}

// -- the node's switch ------------------------------------------------------------------------------------------------

TEST(AddressPool, ReservesWhatTheNodeNeeds) {
    const auto result = run("address-pool", own());
    const auto pool = result.find<tables::AddressPool>("default/n1");
    ASSERT_TRUE(pool);
    EXPECT_EQ(pool->on_switch, "n1");
    EXPECT_THAT(pool->reserved,
                ElementsAre(ip("10.244.2.1"), ip("10.244.2.2"), ip("fd00:10:244:2::1"), ip("fd00:10:244:2::2")));
    auto hybrid = testing::default_config();
    hybrid.hybrid_overlay = true;
    EXPECT_THAT(run("address-pool", own(), hybrid).find<tables::AddressPool>("default/n1")->reserved,
                Contains(ip("10.244.2.3")));
}

TEST(NodeSwitch, HasMulticastOnlyWhenAsked) {
    const auto plain = run("node-switch", own());
    EXPECT_EQ(*plain.find<nb::LogicalSwitch>("n1")->other_config,
              (ovsdb::Map<std::string, std::string>{{"ipv6_prefix", "fd00:10:244:2::"}, {"subnet", "10.244.2.0/24"}}));
    EXPECT_EQ(plain.all<nb::Member>().size(), 1U);
    auto config = testing::default_config();
    config.multicast = true;
    const auto multicast = run("node-switch", own(), config);
    EXPECT_EQ(*multicast.find<nb::LogicalSwitch>("n1")->other_config,
              (ovsdb::Map<std::string, std::string>{{"ipv6_prefix", "fd00:10:244:2::"},
                                                    {"mcast_eth_src", "0a:58:0a:f4:02:01"},
                                                    {"mcast_ip4_src", "10.244.2.1"},
                                                    {"mcast_ip6_src", "fe80::858:aff:fef4:201"},
                                                    {"mcast_querier", "true"},
                                                    {"mcast_snoop", "true"},
                                                    {"subnet", "10.244.2.0/24"}}));
    EXPECT_EQ(multicast.all<nb::Member>().size(), 2U);
}

TEST(NodeSwitch, UsesALegacyManagementMac) {
    auto on = own();
    on.management_mac = *Mac::parse("02:00:00:00:00:07");
    EXPECT_EQ(*run("node-switch", on).find<nb::LogicalSwitchPort>("k8s-n1")->addresses->begin(),
              "02:00:00:00:00:07 10.244.2.2 fd00:10:244:2::2");
}

TEST(RouterPort, NeedsTheChassis) {
    auto on = own();
    on.chassis = "";
    EXPECT_TRUE(run("router-port", on).waiting);
    const auto result = run("router-port", own());
    EXPECT_EQ(*result.find<nb::GatewayChassis>("rtos-n1-c1")->chassis_name, "c1");
    const auto port = result.find<nb::LogicalRouterPort>("rtos-n1");
    EXPECT_EQ(*port->mac, "0a:58:0a:f4:02:01");
    EXPECT_EQ(*port->options, (ovsdb::Map<std::string, std::string>{{"gateway_mtu", "1400"}}));
}

TEST(RouterPort, LeavesOutTheMtuWhereItIsNotSupported) {
    auto on = own();
    on.gateway_mtu = false;
    const auto result = run("router-port", on);
    EXPECT_TRUE(result.find<nb::LogicalRouterPort>("rtos-n1")->options.declared());
    EXPECT_TRUE(result.find<nb::LogicalRouterPort>("rtos-n1")->options->empty());
}

TEST(RouterPort, IPv6OnlyDerivesItsMacByHash) {
    const auto result = run("router-port", own(false, true), testing::default_config(false, true));
    EXPECT_EQ(*result.find<nb::LogicalRouterPort>("rtos-n1")->mac, Mac::of(ip("fd00:10:244:2::1")).text());
}

TEST(AllowFromNode, HasATierWhereThereAreTiers) {
    const auto with = rule("allow-from-node").given(tables::OvnFeature{Key<tables::OvnFeature>{"ACL.tier"}}).run(own());
    const auto without = rule("allow-from-node").run(own());
    const std::string id = "default-network-controller:NetpolNode:n1:fd00:10:244:2::2";
    ASSERT_TRUE(with.find<nb::ACL>(id)) << with.text();
    EXPECT_EQ(*with.find<nb::ACL>(id)->tier, 2);
    EXPECT_EQ(*with.find<nb::ACL>(id)->match, "ip6.src==fd00:10:244:2::2");
    EXPECT_FALSE(without.find<nb::ACL>(id)->tier.declared());
}

TEST(OwnTransitPort, WaitsForIdAndAddress) {
    auto on = own();
    EXPECT_FALSE(rule("own-transit-port").run(on).empty());
    on.id.reset();
    EXPECT_TRUE(rule("own-transit-port").run(on).waiting);
    on = own();
    on.transit.clear();
    EXPECT_TRUE(rule("own-transit-port").run(on).waiting);
}

// -- cluster-wide rows ------------------------------------------------------------------------------------------------

TEST(ClusterRouter, FollowsFamiliesAndMulticast) {
    auto config = testing::default_config(false, true);
    config.multicast = true;
    const auto result = rule("cluster-router").run(config);
    const auto port = result.find<nb::LogicalRouterPort>("rtoj-ovn_cluster_router");
    EXPECT_EQ(*port->networks, (ovsdb::Set<std::string>{"fd98::1/64"}));
    EXPECT_EQ(*port->mac, "0a:58:ee:33:fc:1a");
    EXPECT_EQ(
        *result.find<nb::LogicalRouter>("ovn_cluster_router")->options,
        (ovsdb::Map<std::string, std::string>{{"always_learn_from_arp_request", "false"}, {"mcast_relay", "true"}}));
    auto none = testing::default_config();
    none.ipv4 = none.ipv6 = false;
    EXPECT_TRUE(rule("cluster-router").run(none).failed);
}

TEST(ClusterGroups, MatchHairpinTrafficOfTheFamiliesInUse) {
    const auto match = [](const tables::NetworkConfig& config) {
        return *rule("cluster-groups").run(config).all<nb::ACL>().at(0).match;
    };
    EXPECT_EQ(match(testing::default_config()), "(ip4.src == 169.254.169.5 || ip6.src == fd69::5)");
    EXPECT_EQ(match(testing::default_config(true, false)), "ip4.src == 169.254.169.5");
    EXPECT_EQ(match(testing::default_config(false, true)), "ip6.src == fd69::5");
}

TEST(Meters, ShareBands) {
    const auto result = rule("meters").run(testing::default_config());
    EXPECT_EQ(result.all<nb::Meter>().size(), 10U);
    EXPECT_EQ(result.all<nb::MeterBand>().size(), 2U);
    auto config = testing::default_config();
    config.acl_logging_rate_limit = 25;
    EXPECT_EQ(rule("meters").run(config).all<nb::MeterBand>().size(), 1U);
    config.acl_logging_rate_limit = 0;
    EXPECT_EQ(rule("meters").run(config).all<nb::MeterBand>().size(), 2U) << "a rate of 0 is refused by the database";
}

// -- the host ---------------------------------------------------------------------------------------------------------

TEST(ManagementPort, IsPluggedIntoOpenVSwitch) {
    auto on = own();
    on.name = "Node-A";
    const auto result = run("plug-management-port", on);
    const auto port = result.find<ovs::Port>("ovn-k8s-mp0");
    ASSERT_TRUE(port) << result.text();
    EXPECT_EQ(port->parent.text(), "Bridge/br-int.ports");
    const auto interface = result.find<ovs::Interface>("ovn-k8s-mp0");
    EXPECT_EQ(*interface->type, "internal");
    EXPECT_EQ(interface->mac->value(), "0a:58:0a:f4:02:02");
    EXPECT_EQ(interface->mtu_request->value(), 1400);
    EXPECT_FALSE(interface->external_ids.declared()) << "ovn-controller writes there too";
    EXPECT_EQ(entries(result, "external_ids").at("iface-id"), "k8s-node-a");
}

TEST(ManagementPort, ConfiguresTheHost) {
    const auto result = run("configure-management-port", own());
    EXPECT_TRUE(result.find<tables::LinkState>("ovn-k8s-mp0")->sole_addresses);
    EXPECT_THAT(keys<tables::LinkAddress>(result),
                ElementsAre("ovn-k8s-mp0/10.244.2.2/24", "ovn-k8s-mp0/fd00:10:244:2::2/64"));
    EXPECT_THAT(keys<tables::Route>(result),
                ElementsAre("254/10.244.0.0/16/ovn-k8s-mp0", "254/fd00:10:244::/48/ovn-k8s-mp0"));
    EXPECT_EQ(result.find<tables::Route>("254/fd00:10:244::/48/ovn-k8s-mp0")->gateway, ip("fd00:10:244:2::1"));
    const auto neighbour = result.find<tables::Neighbour>("ovn-k8s-mp0/fd00:10:244:2::1");
    ASSERT_TRUE(neighbour);
    EXPECT_EQ(neighbour->mac.text(), "0a:58:0a:f4:02:01") << "the router's MAC is that of its IPv4 address";
    EXPECT_THAT(keys<tables::Sysctl>(result),
                ElementsAre("net/ipv4/conf/ovn-k8s-mp0/forwarding", "net/ipv6/conf/ovn-k8s-mp0/force_forwarding"));
    EXPECT_TRUE(result.find<tables::Sysctl>("net/ipv6/conf/ovn-k8s-mp0/force_forwarding")->optional);
}

TEST(ManagementPort, NodePortsLoosenTheReversePathFilter) {
    auto config = testing::default_config(true, false);
    config.nodeport = true;
    config.routable_mtu = 1300;
    const auto result = run("configure-management-port", own(true, false), config);
    EXPECT_THAT(keys<tables::Sysctl>(result), Contains("net/ipv4/conf/ovn-k8s-mp0/rp_filter"));
    EXPECT_EQ(result.all<tables::Route>().at(0).mtu, 1300U);
    EXPECT_THAT(keys<tables::Sysctl>(result), Not(Contains(HasSubstr("ipv6"))));
}

TEST(NodeAnnotations, TellTheTunnelAddresses) {
    const auto tunnel = [](const tables::NetworkConfig& config, const tables::Node& n) {
        const auto result = rule("annotate-tunnel").given(config).given(n).run(local());
        const auto row = result.find<tables::Annotation>("Node//n1/k8s.ovn.org/node-encap-ips/");
        return row ? row->value : result.waiting.value_or("");
    };
    EXPECT_EQ(tunnel(testing::default_config(), node()), R"(["172.20.0.2"])");
    auto configured = testing::default_config();
    configured.encap_ips = {ip("172.31.0.9"), ip("172.31.0.10")};
    EXPECT_EQ(tunnel(configured, node()), R"(["172.31.0.10","172.31.0.9"])") << "sorted as texts";
    auto external = node();
    external.internal_ips.clear();
    external.external_ips = {ip("8.8.8.8")};
    EXPECT_EQ(tunnel(testing::default_config(), external), R"(["8.8.8.8"])");
    external.external_ips.clear();
    EXPECT_EQ(tunnel(testing::default_config(), external), "node n1 has no address yet");
    EXPECT_TRUE(rule("annotate-tunnel").given(testing::default_config()).run(local()).waiting);
}

TEST(NodeAnnotations, TellChassisAndZone) {
    const auto chassis = rule("annotate-chassis").given(local()).run(OwnChassis{.id = "c1"});
    EXPECT_EQ(chassis.find<tables::Annotation>("Node//n1/k8s.ovn.org/node-chassis-id/")->value, "c1");
    EXPECT_EQ(rule("annotate-zone").run(local()).find<tables::Annotation>("Node//n1/k8s.ovn.org/zone-name/")->value,
              "n1");
}

TEST(NodeAnnotations, TellTheHostsAddresses) {
    auto test = rule("annotate-host");
    test.given(testing::default_config());
    EXPECT_TRUE(test.run(local()).waiting);
    const auto address = [&](const std::string& link, const std::string& text) {
        test.given(
            tables::HostAddress{.key = Key<tables::HostAddress>{link, text}, .link = link, .address = prefix(text)});
    };
    address("lo", "127.0.0.1/8");
    address("lo", "::1/128");
    address("eth0", "fe80::1/64");
    address("eth0", "169.254.7.7/16");
    address("br-ex", "169.254.169.2/29");
    address("ovn-k8s-mp0", "10.244.2.2/24");
    EXPECT_TRUE(test.run(local()).waiting);
    address("eth0", "fc00:20::2/64");
    address("eth0", "172.20.0.2/16");
    EXPECT_EQ(test.run(local()).find<tables::Annotation>("Node//n1/k8s.ovn.org/host-cidrs/")->value,
              R"(["172.20.0.2/16","fc00:20::2/64"])");
}

TEST(OvsSettings, TellOvnController) {
    auto test = rule("tell-ovn-controller");
    EXPECT_TRUE(test.given(testing::default_config()).run(local()).waiting);
    const auto settings = entries(test.given(node()).run(local()), "external_ids");
    EXPECT_EQ(settings, (std::map<std::string, std::string>{{"hostname", "n1"},
                                                            {"ovn-enable-lflow-cache", "true"},
                                                            {"ovn-encap-ip", "172.20.0.2"},
                                                            {"ovn-encap-type", "geneve"},
                                                            {"ovn-is-interconn", "true"},
                                                            {"ovn-monitor-all", "true"},
                                                            {"ovn-ofctrl-wait-before-clear", "0"},
                                                            {"ovn-openflow-probe-interval", "0"},
                                                            {"ovn-remote", "unix:/var/run/ovn/ovnsb_db.sock"},
                                                            {"ovn-remote-probe-interval", "100000"},
                                                            {"ovn-set-local-ip", "true"}}));
    auto config = testing::default_config();
    config.lflow_cache = false;
    config.lflow_cache_limit = 5;
    config.lflow_cache_limit_kb = 6;
    config.encap_ips = {ip("fc00:20::2"), ip("172.20.0.2")};
    test.given(config).given(tables::OvnFeature{Key<tables::OvnFeature>{"NAT.match"}});
    const auto changed = entries(test.run(local()), "external_ids");
    EXPECT_EQ(changed.at("ovn-encap-ip"), "fc00:20::2,172.20.0.2");
    EXPECT_EQ(changed.at("ovn-limit-lflow-cache"), "5");
    EXPECT_EQ(changed.at("ovn-memlimit-lflow-cache-kb"), "6");
    EXPECT_EQ(changed.at("ovn-enable-lflow-cache"), "false");
    EXPECT_EQ(changed.count("ovn-openflow-probe-interval"), 0U);
    EXPECT_EQ(changed.at("ovn-bridge-remote-probe-interval"), "0");
}

TEST(EveryRule, WaitsForTheConfiguration) {
    const std::string unknown = "the configuration is not known yet";
    for (const char* name :
         {"address-pool", "node-switch", "router-port", "plug-management-port", "configure-management-port"}) {
        EXPECT_EQ(rule(name).run(own()).waiting, unknown) << name;
    }
    for (const char* name : {"know-own-node", "annotate-tunnel", "annotate-host", "tell-ovn-controller"}) {
        EXPECT_EQ(rule(name).run(local()).waiting, unknown) << name;
    }
    for (const char* name : {"way-to-node", "remote-chassis"}) {
        EXPECT_EQ(rule(name).run(other()).waiting, unknown) << name;
        EXPECT_EQ(rule(name).given(local()).run(other()).waiting, unknown) << name;
        EXPECT_EQ(rule(name).given(testing::default_config()).run(other()).waiting, unknown) << name;
    }
    EXPECT_EQ(rule("annotate-chassis").run(OwnChassis{.id = "c1"}).waiting, unknown);
}

// -- readiness --------------------------------------------------------------------------------------------------------

TEST(Serving, NamesWhatIsMissing) {
    const auto node_condition = [](const testing::RuleTest& test) {
        return *test.run(local()).find<tables::ServingCondition>("default-network/node");
    };
    auto known = rule("node-is-known");
    EXPECT_EQ(node_condition(known).message, "node n1 has no subnet yet");
    auto on = own();
    on.chassis = "";
    EXPECT_THAT(node_condition(known.given(on)).message, HasSubstr("system-id"));
    EXPECT_TRUE(node_condition(known.given(own())).ready);

    const auto port_condition = [](const testing::RuleTest& test) {
        return *test.run(local()).find<tables::ServingCondition>("default-network/management-port");
    };
    auto works = rule("management-port-works");
    EXPECT_THAT(port_condition(works).message, HasSubstr("there is no interface ovn-k8s-mp0"));
    works.given(tables::HostLink{.key = Key<tables::HostLink>{"ovn-k8s-mp0"}});
    EXPECT_EQ(port_condition(works).message, "ovn-k8s-mp0 is down");
    works.given(tables::HostLink{.key = Key<tables::HostLink>{"ovn-k8s-mp0"}, .up = true});
    EXPECT_THAT(port_condition(works).message, HasSubstr("ovn-controller has not bound"));
    ovs::Interface interface;
    interface.key.text = "uuid-1";
    interface.name = "ovn-k8s-mp0";
    interface.external_ids = {{"ovn-installed", "true"}};
    works.given_in<ovsdb::Replica<ovs::Interface>>(interface);
    EXPECT_TRUE(port_condition(works).ready) << port_condition(works).message;
}

}  // namespace
}  // namespace weft::default_network
