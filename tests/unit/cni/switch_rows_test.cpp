#include "cni/server/switch_rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::cni {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const PodPort web{"c0ffee012345678",
                  "default_web-0",
                  "U",
                  "0a:58:0a:f4:01:05",
                  {"10.244.1.5/24", "fd01::5/64"},
                  "c0ffee0123456789",
                  "eth0",
                  "",
                  ""};

SwitchInterfaces bridge(std::vector<SwitchInterface> interfaces) {
    SwitchInterfaces there;
    for (auto& interface : interfaces)
        there.emplace(interface.name, interface);
    return there;
}

SwitchInterface interface_of(const PodPort& port) {
    return {port.host_if, port.external_ids(), 5, {}};
}

std::vector<std::string> texts(const std::vector<PortOperation>& operations) {
    std::vector<std::string> out;
    for (const auto& operation : operations)
        out.push_back(to_text(operation));
    return out;
}

TEST(PlanAdd, MakesThePort) {
    const auto plan = plan_add(web, {});
    ASSERT_TRUE(plan);
    ASSERT_EQ(plan->size(), 1U);
    const auto& add = std::get<AddPort>(plan->front());
    EXPECT_EQ(add.name, "c0ffee012345678");
    EXPECT_EQ(add.other_config, (std::map<std::string, std::string>{{"transient", "true"}}));
    EXPECT_EQ(add.external_ids, (std::map<std::string, std::string>{{"iface-id", "default_web-0"},
                                                                    {"iface-id-ver", "U"},
                                                                    {"attached_mac", "0a:58:0a:f4:01:05"},
                                                                    {"ip_addresses", "10.244.1.5/24,fd01::5/64"},
                                                                    {"sandbox", "c0ffee0123456789"},
                                                                    {"pod-if-name", "eth0"}}));
}

TEST(PlanAdd, RemovesOthersOfTheSameIfaceIdFirst) {
    auto old = interface_of(web);
    old.name = "oldsandbox";
    auto stranger = old;
    stranger.name = "stranger";
    stranger.external_ids["iface-id"] = "default_web-1";
    const auto plan = plan_add(web, bridge({old, stranger, {"ovn-k8s-mp0", {{"iface-id", "k8s-n1"}}, 2, {}}}));
    ASSERT_TRUE(plan);
    EXPECT_THAT(texts(*plan), ElementsAre("remove port oldsandbox", "add port c0ffee012345678"));
}

TEST(PlanAdd, KeepsForeignKeysOfAPortThatIsThere) {
    auto own = interface_of(web);
    own.external_ids["ovn-installed"] = "true";
    EXPECT_THAT(*plan_add(web, bridge({own})), IsEmpty());
    own.external_ids["iface-id-ver"] = "older";
    own.external_ids["k8s.ovn.org/network"] = "blue";
    const auto plan = plan_add(web, bridge({own}));
    ASSERT_TRUE(plan);
    const auto& set = std::get<SetExternalIds>(plan->front());
    EXPECT_EQ(set.set, (std::map<std::string, std::string>{{"iface-id-ver", "U"}}));
    EXPECT_THAT(set.remove, ElementsAre("k8s.ovn.org/network"));
}

TEST(PlanAdd, RefusesAnotherPodsName) {
    auto other = interface_of(web);
    other.external_ids["iface-id"] = "default_other";
    EXPECT_THAT(plan_add(web, bridge({other})).error().msg,
                HasSubstr("was added for iface-id (default_other), now readding it for (default_web-0)"));
    auto nad = interface_of(web);
    nad.external_ids["k8s.ovn.org/nad"] = "ns/blue";
    EXPECT_FALSE(plan_add(web, bridge({nad})));
}

TEST(PortsOf, AreFoundBySandbox) {
    auto second = interface_of(web);
    second.name = "second";
    second.external_ids["pod-if-name"] = "net1";
    auto old_style = interface_of(web);
    old_style.name = "oldstyle";
    old_style.external_ids.erase("pod-if-name");
    const auto there = bridge({interface_of(web), second, old_style});
    EXPECT_THAT(ports_of({"c0ffee0123456789", "eth0"}, there), ElementsAre("c0ffee012345678", "oldstyle"));
    EXPECT_THAT(ports_of({"c0ffee0123456789", "net1"}, there), ElementsAre("oldstyle", "second"));
    EXPECT_THAT(ports_of({"another", "eth0"}, there), IsEmpty());
}

TEST(Collect, KeepsValidBusyAndForeign) {
    auto gone = interface_of(web);
    gone.name = "gone";
    gone.external_ids["sandbox"] = "s-gone";
    auto busy = gone;
    busy.name = "busy";
    busy.external_ids["sandbox"] = "s-busy";
    auto other_network = gone;
    other_network.name = "othernet";
    other_network.external_ids["k8s.ovn.org/nad"] = "ns/blue";
    const auto there = bridge({interface_of(web), gone, busy, other_network, {"ovn-k8s-mp0", {}, -1, {}}});
    EXPECT_THAT(ports_to_collect({{"c0ffee0123456789", "eth0"}}, {"s-busy"}, there), ElementsAre("gone"));
    EXPECT_THAT(ports_to_collect({{"c0ffee0123456789", "net9"}}, {"s-busy", "s-gone"}, there),
                ElementsAre("c0ffee012345678"));
}

TEST(Scrub, TakesStrangersAndBrokenOnes) {
    auto stranger = interface_of(web);
    stranger.name = "stranger";
    stranger.external_ids["iface-id-ver"] = "gone";
    stranger.external_ids["sandbox"] = "s2";
    auto broken = interface_of(web);
    broken.name = "broken";
    broken.ofport = -1;
    broken.external_ids["sandbox"] = "s3";
    auto unready = interface_of(web);
    unready.name = "unready";
    unready.ofport.reset();
    const auto there = bridge({interface_of(web),
                               stranger,
                               broken,
                               unready,
                               {"ovn-k8s-mp0", {{"iface-id", "k8s-n1"}}, -1, {}},
                               {"ovn-abc-0", {}, -1, {}}});
    EXPECT_THAT(ports_to_scrub({"U"}, {}, there), ElementsAre("broken", "stranger"));
    EXPECT_THAT(ports_to_scrub({"U"}, {"s2", "s3"}, there), IsEmpty());
}

TEST(Binding, SaysHowFarAPortIs) {
    EXPECT_EQ(binding_of(web, {}).state, Binding::State::absent);
    auto own = interface_of(web);
    own.ofport.reset();
    EXPECT_EQ(binding_of(web, bridge({own})).state, Binding::State::waiting);
    own.external_ids["ovn-installed"] = "false";
    EXPECT_EQ(binding_of(web, bridge({own})).state, Binding::State::waiting);
    own.external_ids["ovn-installed"] = "true";
    EXPECT_EQ(binding_of(web, bridge({own})).state, Binding::State::installed);
    own.ofport = -1;
    own.error = "No such device";
    EXPECT_THAT(binding_of(web, bridge({own})).error.msg, HasSubstr("No such device"));
    own.external_ids["sandbox"] = "newer";
    EXPECT_EQ(binding_of(web, bridge({own})).error.code, Code::superseded);
}

TEST(HostInterface, IsFifteenLong) {
    EXPECT_EQ(host_interface("c0ffee0123456789abcdef"), "c0ffee012345678");
    EXPECT_EQ(host_interface("short"), "short");
}

}  // namespace
}  // namespace weft::cni
