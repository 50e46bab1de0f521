#include "fixtures.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/ipam.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::default_network {
namespace {

using nb::LogicalSwitchPort;
using tables::AddressLease;
using tables::AddressRequest;
using tables::Annotation;
using tables::PodInterface;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* networks = "k8s.ovn.org/pod-networks";
constexpr const char* annotated_text =
    R"({"default":{"ip_addresses":["10.244.2.9/24"],"mac_address":"0a:58:0a:f4:02:09","gateway_ips":["10.244.2.1"],)"
    R"("routes":[{"dest":"10.244.0.0/16","nextHop":"10.244.2.1"}],"role":"primary"},"ns/other":{"x":1}})";

testing::RuleResult request(const tables::Pod& p, const OwnNode& on = own()) {
    return rule("request-addresses").given(on).run(p);
}

AddressLease lease(const std::vector<std::string>& ips, const std::string& uid = "uid-p1") {
    AddressLease l{.key = Key<AddressLease>{uid, "default"}};
    for (const auto& text : ips)
        l.ips.push_back(prefix(text));
    return l;
}

AddressLease dual_lease() {
    return lease({"10.244.2.3/24", "fd00:10:244:2::3/64"});
}

testing::RuleResult connect(const tables::Pod& p, const AddressLease& l, const OwnNode& on = own(),
                            const tables::NetworkConfig& config = testing::default_config()) {
    return rule("connect-pod").given(on).given(config).given(l).run(p);
}

std::optional<Annotation> annotation(const testing::RuleResult& result) {
    return result.find<Annotation>("Pod/web/p1/k8s.ovn.org/pod-networks/default");
}

// -- request-addresses ------------------------------------------------------------------------------------------------

TEST(RequestAddresses, AsksForTheNodesPool) {
    const auto result = request(pod());
    const auto row = result.find<AddressRequest>("uid-p1/default");
    ASSERT_TRUE(row) << result.text();
    EXPECT_EQ(row->pool, "default/n1");
    EXPECT_EQ(row->carrier, "web_p1");
    EXPECT_EQ(row->precedence, 300);
    EXPECT_THAT(row->fixed, IsEmpty());
    EXPECT_FALSE(row->mac);
}

TEST(RequestAddresses, HoldsWhatTheAnnotationSays) {
    auto p = pod();
    p.annotations = {{networks, annotated_text}};
    const auto result = request(p);
    const auto row = result.find<AddressRequest>("uid-p1/default");
    ASSERT_TRUE(row) << result.text();
    EXPECT_THAT(row->fixed, ElementsAre(ip("10.244.2.9")));
    EXPECT_EQ(row->mac, Mac::of(ip("10.244.2.9")));
}

TEST(RequestAddresses, PrefersWhatARunningPodReports) {
    auto p = pod();
    p.ips = {ip("10.244.2.9"), ip("192.168.0.1")};
    const auto reported = request(p);
    EXPECT_THAT(reported.find<AddressRequest>("uid-p1/default")->preferred, ElementsAre(ip("10.244.2.9")));
    p.annotations = {{networks, annotated_text}};
    const auto annotated = request(p);
    EXPECT_THAT(annotated.find<AddressRequest>("uid-p1/default")->preferred, IsEmpty());
}

TEST(RequestAddresses, AsksNothingForPodsThatGetNoInterface) {
    auto unscheduled = pod();
    unscheduled.node = "";
    auto elsewhere = pod();
    elsewhere.node = "n2";
    auto host = pod();
    host.host_network = true;
    auto done = pod();
    done.phase = tables::PodPhase::succeeded;
    auto failed = pod();
    failed.phase = tables::PodPhase::failed;
    for (const auto& p : {unscheduled, elsewhere, host, done, failed}) {
        const auto result = request(p);
        EXPECT_TRUE(result.empty() && !result.waiting && !result.failed) << result.text();
    }
}

TEST(RequestAddresses, ATerminatingPodKeepsItsAddresses) {
    auto p = pod();
    p.terminating = true;
    EXPECT_FALSE(request(p).empty());
}

TEST(RequestAddresses, WaitsForTheNodesSubnet) {
    EXPECT_TRUE(rule("request-addresses").run(pod()).waiting);
}

TEST(RequestAddresses, RefusesTheNodesOwnAddresses) {
    for (const auto& [address, owner] : std::vector<std::pair<std::string, std::string>>{
             {"10.244.2.1", "the cluster router"}, {"10.244.2.2", "this node's management port"}}) {
        auto p = pod();
        p.annotations = {
            {networks, R"({"default":{"ip_addresses":[")" + address + R"(/24"],"mac_address":"0a:58:0a:f4:02:09"}})"}};
        const auto result = request(p);
        ASSERT_TRUE(result.failed) << result.text();
        EXPECT_EQ(result.failed->what, address + " is the address of " + owner);
        EXPECT_EQ(result.failed->where, "metadata.annotations[k8s.ovn.org/pod-networks]");
    }
}

TEST(RequestAddresses, SaysWhatIsWrongWithAnAnnotation) {
    const std::string good_ip = R"("ip_addresses":["10.244.2.9/24"])";
    const std::string good_mac = R"("mac_address":"0a:58:0a:f4:02:09")";
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"{", "no JSON object"},
        {"[]", "no JSON object"},
        {R"({"default":[]})", "\"default\" is no JSON object"},
        {R"({"default":{)" + good_mac + "}}", "ip_addresses is missing or empty"},
        {R"({"default":{"ip_addresses":["10.244.2.9"],)" + good_mac + "}}", "ip_addresses: not an IP prefix"},
        {R"({"default":{"ip_addresses":[7],)" + good_mac + "}}", "ip_addresses: not an IP prefix"},
        {R"({"default":{)" + good_ip + "}}", "mac_address is no MAC"},
        {R"({"default":{)" + good_ip + R"(,"mac_address":"0a:58:xx"}})", "mac_address is no MAC"},
        {R"({"default":{)" + good_ip + R"(,"mac_address":"01:00:5e:00:00:01"}})", "mac_address is no MAC"},
        {R"({"default":{)" + good_ip + "," + good_mac + R"(,"ip_address":"10.244.2.8/24"}})", "contradicts"},
        {R"({"default":{)" + good_ip + "," + good_mac + R"(,"gateway_ips":["x"]}})", "gateway_ips: not an IP"},
        {R"({"default":{)" + good_ip + "," + good_mac + R"(,"routes":[{"dest":"0.0.0.0/0","nextHop":"1.1.1.1"}]}})",
         "a default route"},
        {R"({"default":{)" + good_ip + "," + good_mac + R"(,"routes":[{"dest":"10.0.0.0/8","nextHop":"fd00::1"}]}})",
         "of another family"},
        {R"({"default":{)" + good_ip + "," + good_mac + R"(,"routes":[{"dest":"10.0.0.0/8","nextHop":7}]}})",
         "routes: nextHop"},
        {R"({"default":{)" + good_ip + "," + good_mac + R"(,"routes":[{}]}})", "routes: dest"},
    };
    for (const auto& [text, what] : wrong) {
        auto p = pod();
        p.annotations = {{networks, text}};
        const auto result = request(p);
        ASSERT_TRUE(result.failed) << text;
        EXPECT_THAT(result.failed->what, HasSubstr(what)) << text;
        EXPECT_EQ(result.failed->where, "metadata.annotations[k8s.ovn.org/pod-networks]");
        EXPECT_NE(result.failed->mend, "");
        EXPECT_EQ(result.failed->kind, ErrorKind::invalid);
    }
}

TEST(RequestAddresses, AnnotationsWithoutOurEntryAreOthers) {
    auto p = pod();
    p.annotations = {{networks, R"({"ns/other":{"ip_addresses":["1.2.3.4/24"]}})"}};
    const auto result = request(p);
    ASSERT_TRUE(result.find<AddressRequest>("uid-p1/default")) << result.text();
    EXPECT_THAT(result.find<AddressRequest>("uid-p1/default")->fixed, IsEmpty());
}

TEST(RequestAddresses, TakesSingularForms) {
    auto p = pod();
    p.annotations = {{networks, R"({"default":{"ip_address":"10.244.2.9/24","mac_address":"0a:58:0a:f4:02:09",)"
                                R"("gateway_ip":"10.244.2.1"}})"}};
    EXPECT_THAT(request(p).find<AddressRequest>("uid-p1/default")->fixed, ElementsAre(ip("10.244.2.9")));
}

TEST(RequestAddresses, TakesAMacRequest) {
    auto p = pod();
    p.annotations = {{"v1.multus-cni.io/default-network", R"([{"name":"default","mac":"02:01:02:03:04:05"}])"}};
    EXPECT_EQ(request(p).find<AddressRequest>("uid-p1/default")->mac, *Mac::parse("02:01:02:03:04:05"));
}

TEST(RequestAddresses, RefusesABrokenMacRequest) {
    const std::vector<std::pair<std::string, std::string>> wrong{
        {R"([{"name":"default","mac":"zz"}])", "mac is no MAC of an interface: \"zz\""},
        {R"([{"name":"default","mac":"01:02:03:04:05:06"}])", "mac is no MAC"},
        {R"([{"name":"default","mac":17}])", "mac is no MAC"},
        {R"([{"name":"a"},{"name":"b"}])", "more than one network selection"},
        {R"([{"name":)", "no JSON list of network selections"},
        {R"({"name":"default"})", "no JSON list of network selections"},
    };
    for (const auto& [text, what] : wrong) {
        auto p = pod();
        p.annotations = {{"v1.multus-cni.io/default-network", text}};
        const auto result = request(p);
        ASSERT_TRUE(result.failed) << text;
        EXPECT_THAT(result.failed->what, HasSubstr(what));
        EXPECT_EQ(result.failed->where, "metadata.annotations[v1.multus-cni.io/default-network]");
    }
}

// -- connect-pod ------------------------------------------------------------------------------------------------------

TEST(ConnectPod, MakesPortAnnotationAndInterface) {
    const auto result = connect(pod(), dual_lease());
    const auto port = result.find<LogicalSwitchPort>("web_p1");
    ASSERT_TRUE(port) << result.text();
    EXPECT_EQ(port->parent.text(), "Logical_Switch/n1.ports");
    const ovsdb::Set<std::string> addresses{"0a:58:0a:f4:02:03 10.244.2.3 fd00:10:244:2::3"};
    EXPECT_EQ(*port->addresses, addresses);
    EXPECT_EQ(*port->port_security, addresses);
    EXPECT_EQ(*port->options,
              (ovsdb::Map<std::string, std::string>{{"iface-id-ver", "uid-p1"}, {"requested-chassis", "c1"}}));
    EXPECT_EQ(*port->external_ids, (ovsdb::Map<std::string, std::string>{{"namespace", "web"}, {"pod", "true"}}));

    ASSERT_TRUE(annotation(result));
    EXPECT_EQ(
        annotation(result)->value,
        R"({"ip_addresses":["10.244.2.3/24","fd00:10:244:2::3/64"],"mac_address":"0a:58:0a:f4:02:03",)"
        R"("gateway_ips":["10.244.2.1","fd00:10:244:2::1"],"routes":[)"
        R"({"dest":"10.244.0.0/16","nextHop":"10.244.2.1"},{"dest":"10.96.0.0/16","nextHop":"10.244.2.1"},)"
        R"({"dest":"169.254.169.5/32","nextHop":"10.244.2.1"},{"dest":"100.64.0.0/16","nextHop":"10.244.2.1"},)"
        R"({"dest":"fd00:10:244::/48","nextHop":"fd00:10:244:2::1"},)"
        R"({"dest":"fd00:10:96::/112","nextHop":"fd00:10:244:2::1"},)"
        R"({"dest":"fd69::5/128","nextHop":"fd00:10:244:2::1"},{"dest":"fd98::/64","nextHop":"fd00:10:244:2::1"}],)"
        R"("role":"primary"})");
    EXPECT_EQ(annotation(result)->uid, "uid-p1");
    EXPECT_EQ(annotation(result)->sub_key, "default");

    const auto interface = result.find<PodInterface>("web/p1/default");
    ASSERT_TRUE(interface);
    EXPECT_EQ(interface->iface_id, "web_p1");
    EXPECT_EQ(interface->pod_uid, "uid-p1");
    EXPECT_EQ(interface->mac.text(), "0a:58:0a:f4:02:03");
    EXPECT_EQ(interface->addresses.size(), 2U);
    EXPECT_THAT(interface->gateways, ElementsAre(ip("10.244.2.1"), ip("fd00:10:244:2::1")));
    EXPECT_EQ(interface->routes.size(), 8U);
    EXPECT_EQ(interface->mtu, 1400U);
}

TEST(ConnectPod, SingleStackHasSingularForms) {
    const auto result =
        connect(pod(), lease({"10.244.2.3/24"}), own(true, false), testing::default_config(true, false));
    ASSERT_TRUE(annotation(result)) << result.text();
    EXPECT_EQ(
        annotation(result)->value,
        R"({"ip_addresses":["10.244.2.3/24"],"mac_address":"0a:58:0a:f4:02:03","gateway_ips":["10.244.2.1"],)"
        R"("routes":[{"dest":"10.244.0.0/16","nextHop":"10.244.2.1"},{"dest":"10.96.0.0/16","nextHop":"10.244.2.1"},)"
        R"({"dest":"169.254.169.5/32","nextHop":"10.244.2.1"},{"dest":"100.64.0.0/16","nextHop":"10.244.2.1"}],)"
        R"("ip_address":"10.244.2.3/24","gateway_ip":"10.244.2.1","role":"primary"})");
}

TEST(ConnectPod, IPv6OnlyDerivesItsMacByHash) {
    const auto result =
        connect(pod(), lease({"fd00:10:244:2::3/64"}), own(false, true), testing::default_config(false, true));
    ASSERT_TRUE(result.find<LogicalSwitchPort>("web_p1")) << result.text();
    EXPECT_EQ(*result.find<LogicalSwitchPort>("web_p1")->addresses->begin(),
              Mac::of(ip("fd00:10:244:2::3")).text() + " fd00:10:244:2::3");
}

TEST(ConnectPod, LeavesOutTheChassisWhenTold) {
    auto config = testing::default_config();
    config.disable_requested_chassis = true;
    const auto result = connect(pod(), dual_lease(), own(), config);
    EXPECT_EQ(*result.find<LogicalSwitchPort>("web_p1")->options,
              (ovsdb::Map<std::string, std::string>{{"iface-id-ver", "uid-p1"}}));
}

TEST(ConnectPod, UsesAnAnnotationThatWasThere) {
    auto p = pod();
    p.annotations = {{networks, annotated_text}};
    auto l = lease({"10.244.2.9/24"});
    l.fixed = true;
    l.mac = Mac::of(ip("10.244.2.9"));
    const auto result = connect(p, l);
    ASSERT_TRUE(annotation(result)) << result.text();
    EXPECT_EQ(annotation(result)->value,
              R"({"ip_addresses":["10.244.2.9/24"],"mac_address":"0a:58:0a:f4:02:09","gateway_ips":["10.244.2.1"],)"
              R"("routes":[{"dest":"10.244.0.0/16","nextHop":"10.244.2.1"}],"role":"primary"})");
    EXPECT_EQ(result.find<PodInterface>("web/p1/default")->routes.size(), 1U);
}

TEST(ConnectPod, WhatSomebodyWritesOverAnAnnotationIsNotFollowed) {
    const std::string ours = annotation(connect(pod(), dual_lease()))->value;
    auto p = pod();
    p.annotations = {{networks, R"({"default":{"ip_addresses":["10.244.2.3/24","fd00:10:244:2::3/64"],)"
                                R"("mac_address":"02:00:00:00:00:99"}})"}};
    const auto edited_mac = connect(p, dual_lease());
    EXPECT_EQ(annotation(edited_mac)->value, ours) << edited_mac.text();
    p.annotations = {{networks, annotated_text}};
    EXPECT_EQ(annotation(connect(p, dual_lease()))->value, ours);
    auto taken_over = lease({"10.244.2.9/24"});
    taken_over.fixed = true;
    taken_over.mac = *Mac::parse("02:00:00:00:00:01");  // as it was when the node came under weft
    EXPECT_THAT(annotation(connect(p, taken_over))->value, HasSubstr("02:00:00:00:00:01"));
}

TEST(ConnectPod, HonoursAMac) {
    auto l = dual_lease();
    l.mac = *Mac::parse("02:01:02:03:04:05");
    const auto result = connect(pod(), l);
    EXPECT_EQ(*result.find<LogicalSwitchPort>("web_p1")->addresses->begin(),
              "02:01:02:03:04:05 10.244.2.3 fd00:10:244:2::3");
    EXPECT_EQ(result.find<PodInterface>("web/p1/default")->mac.text(), "02:01:02:03:04:05");
}

TEST(ConnectPod, WarnsOfAddressesThatAreNotGranted) {
    auto p = pod();
    p.annotations = {{"v1.multus-cni.io/default-network", R"([{"name":"default","ips":["10.244.2.77"]}])"}};
    const auto result = connect(p, dual_lease());
    ASSERT_EQ(result.warnings.size(), 1U) << result.text();
    EXPECT_EQ(result.warnings[0].where, "metadata.annotations[v1.multus-cni.io/default-network]");
    EXPECT_TRUE(result.find<LogicalSwitchPort>("web_p1"));
}

TEST(ConnectPod, LeavesTheDefaultRouteToAnotherNetwork) {
    auto p = pod();
    p.annotations = {{"k8s.v1.cni.cncf.io/networks", R"([{"name":"a"},{"name":"b","default-route":["10.9.0.1"]}])"}};
    EXPECT_THAT(connect(p, dual_lease()).find<PodInterface>("web/p1/default")->gateways,
                ElementsAre(ip("fd00:10:244:2::1")));
    p.annotations = {{"k8s.v1.cni.cncf.io/networks", R"([{"name":"b","default-route":["10.9.0.1","fd09::1"]}])"}};
    const auto both = connect(p, dual_lease());
    EXPECT_THAT(both.find<PodInterface>("web/p1/default")->gateways, IsEmpty());
    EXPECT_EQ(annotation(both)->value.find("gateway_ip"), std::string::npos);
    p.annotations = {{"k8s.v1.cni.cncf.io/networks", "ns/a@eth1, b"}};
    EXPECT_EQ(connect(p, dual_lease()).find<PodInterface>("web/p1/default")->gateways.size(), 2U);
}

TEST(ConnectPod, RefusesABrokenNetworksAnnotation) {
    for (const char* text : {"[{", R"([{"name":"b","default-route":["x"]}])"}) {
        auto p = pod();
        p.annotations = {{"k8s.v1.cni.cncf.io/networks", text}};
        const auto result = connect(p, dual_lease());
        ASSERT_TRUE(result.failed) << text;
        EXPECT_EQ(result.failed->where, "metadata.annotations[k8s.v1.cni.cncf.io/networks]");
    }
}

TEST(ConnectPod, WaitsForLeaseChassisAndNode) {
    EXPECT_TRUE(rule("connect-pod").run(pod()).waiting);
    EXPECT_EQ(rule("connect-pod").given(own()).given(testing::default_config()).run(pod()).waiting,
              "no addresses are allocated yet");
    auto on = own();
    on.chassis = "";
    EXPECT_EQ(connect(pod(), dual_lease(), on).waiting, "this node's chassis is not known yet");
}

TEST(ConnectPod, TellsWhyThereAreNoAddresses) {
    AddressLease none{.key = Key<AddressLease>{"uid-p1", "default"},
                      .problem = "subnet address pool exhausted: no address of 10.244.2.0/24 is free"};
    const auto exhausted = connect(pod(), none);
    ASSERT_TRUE(exhausted.failed);
    EXPECT_THAT(exhausted.failed->what, HasSubstr("subnet address pool exhausted"));
    EXPECT_NE(exhausted.failed->mend, "");
    none.problem = "10.244.2.9 is the address of red_p7";
    const auto taken = connect(pod(), none);
    ASSERT_TRUE(taken.failed);
    EXPECT_EQ(taken.failed->what, "10.244.2.9 is the address of red_p7");
    EXPECT_EQ(taken.failed->where, "metadata.annotations[k8s.ovn.org/pod-networks]");
}

TEST(ConnectPod, HostNetworkElsewhereAndUnscheduledGetNothing) {
    auto host = pod();
    host.host_network = true;
    auto elsewhere = pod();
    elsewhere.node = "n2";
    auto unscheduled = pod();
    unscheduled.node = "";
    for (const auto& p : {host, elsewhere, unscheduled}) {
        const auto result = connect(p, dual_lease());
        EXPECT_TRUE(result.empty() && !result.waiting && !result.failed) << result.text();
    }
}

TEST(ConnectPod, ACompletedPodKeepsItsAnnotationOnly) {
    auto p = pod();
    p.phase = tables::PodPhase::succeeded;
    p.annotations = {{networks, annotated_text}};
    const auto annotated = connect(p, lease({}));
    EXPECT_THAT(annotated.all<LogicalSwitchPort>(), IsEmpty());
    EXPECT_THAT(annotated.all<PodInterface>(), IsEmpty());
    EXPECT_THAT(annotation(annotated)->value, HasSubstr("10.244.2.9/24"));

    p.annotations.clear();  // hidden, as it is our own
    p.ips = {ip("10.244.2.3"), ip("fd00:10:244:2::3")};
    const auto hidden = connect(p, lease({}));
    EXPECT_EQ(annotation(hidden)->value, annotation(connect(pod(), dual_lease()))->value);

    p.ips.clear();
    EXPECT_TRUE(connect(p, lease({})).empty());
}

TEST(ConnectPod, LongNamesAreNoHarm) {
    auto p = pod(std::string(253, 'x'));
    p.ns = std::string(63, 'n');
    p.key = Key<tables::Pod>{p.ns, p.name};
    const auto result = connect(p, lease({"10.244.2.3/24", "fd00:10:244:2::3/64"}, p.uid));
    EXPECT_TRUE(result.find<LogicalSwitchPort>(p.ns + "_" + p.name)) << result.text();
}

}  // namespace
}  // namespace weft::default_network
