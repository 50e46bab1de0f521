#include "appliers/netlink/reconcile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

namespace weft::netlink {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PlanTest : public testing::Test {
  protected:
    PlanTest() {
        actual_.link = {.index = 7, .name = "mp0", .mtu = 1400, .up = true};
        desired_.state = tables::LinkState{.key = Key<tables::LinkState>{"mp0"}, .up = true, .mtu = 1400};
    }

    static Address have(const std::string& text) {
        Address a;
        a.link = 7;
        a.address = *IpPrefix::parse(text);
        return a;
    }
    static RouteEntry route(const std::string& to, const std::string& via, std::uint8_t protocol = RTPROT_BOOT) {
        RouteEntry r;
        r.link = 7;
        r.destination = *IpPrefix::parse(to);
        if (!via.empty()) r.gateway = *Ip::parse(via);
        r.protocol = protocol;
        if (r.destination.is_v6()) r.priority = 1024;
        return r;
    }
    static void want_address(LinkDesire& in, const std::string& text, bool deprecated = false) {
        tables::LinkAddress row;
        row.link = "mp0";
        row.address = *IpPrefix::parse(text);
        row.deprecated = deprecated;
        row.settle_key();
        in.addresses[row.key.text] = row;
    }
    static void want_route(LinkDesire& in, const std::string& to, const std::string& via) {
        tables::Route row;
        row.link = "mp0";
        row.destination = *IpPrefix::parse(to);
        row.gateway = *Ip::parse(via);
        row.settle_key();
        in.routes[row.key.text] = row;
    }
    static void want_neighbour(LinkDesire& in, const std::string& ip, const std::string& mac) {
        tables::Neighbour row;
        row.link = "mp0";
        row.ip = *Ip::parse(ip);
        row.mac = *Mac::parse(mac);
        row.settle_key();
        in.neighbours[row.key.text] = row;
    }
    std::vector<std::string> steps(bool prune = true) const {
        std::vector<std::string> texts;
        for (const auto& step : plan(actual_, desired_, applied_, prune))
            texts.push_back(step.text());
        return texts;
    }

    LinkActual actual_;
    LinkDesire desired_;
    LinkDesire applied_;
};

TEST_F(PlanTest, NothingWhenAllIsThere) {
    want_address(desired_, "10.0.0.2/24");
    want_route(desired_, "10.0.0.0/8", "10.0.0.1");
    want_neighbour(desired_, "10.0.0.1", "0a:58:0a:00:00:01");
    actual_.addresses = {have("10.0.0.2/24")};
    actual_.routes = {route("10.0.0.0/8", "10.0.0.1"), route("10.0.0.0/24", "", RTPROT_KERNEL)};
    actual_.neighbours = {{7, *Ip::parse("10.0.0.1"), *Mac::parse("0a:58:0a:00:00:01"), true}};
    EXPECT_THAT(steps(), IsEmpty());
}

TEST_F(PlanTest, MakesWhatIsMissingInAnOrderThatWorks) {
    actual_.link.up = false;
    actual_.link.mtu = 1500;
    want_address(desired_, "10.0.0.2/24");
    want_address(desired_, "fd00::2/64", true);
    want_route(desired_, "10.0.0.0/8", "10.0.0.1");
    want_neighbour(desired_, "10.0.0.1", "0a:58:0a:00:00:01");
    EXPECT_THAT(steps(),
                ElementsAre("set up mtu 1400", "add address 10.0.0.2/24", "add address fd00::2/64",
                            "add route 10.0.0.0/8 via 10.0.0.1", "set neighbour 10.0.0.1 to 0a:58:0a:00:00:01"));
}

TEST_F(PlanTest, LeavesStrangersAlone) {
    actual_.addresses = {have("192.0.2.1/24"), have("fe80::1/64")};
    actual_.routes = {route("192.0.2.0/24", "", RTPROT_KERNEL), route("198.51.100.0/24", "192.0.2.9")};
    actual_.neighbours = {{7, *Ip::parse("192.0.2.9"), *Mac::parse("02:00:00:00:00:01"), true}};
    EXPECT_THAT(steps(), IsEmpty());
}

TEST_F(PlanTest, RemovesWhatItPutAndNobodyWantsAnyMore) {
    want_address(applied_, "10.0.0.2/24");
    want_route(applied_, "10.0.0.0/8", "10.0.0.1");
    want_neighbour(applied_, "10.0.0.1", "0a:58:0a:00:00:01");
    actual_.addresses = {have("10.0.0.2/24"), have("192.0.2.1/24")};
    actual_.routes = {route("10.0.0.0/8", "10.0.0.1"), route("198.51.100.0/24", "192.0.2.9")};
    actual_.neighbours = {{7, *Ip::parse("10.0.0.1"), *Mac::parse("0a:58:0a:00:00:01"), true},
                          {7, *Ip::parse("192.0.2.9"), *Mac::parse("02:00:00:00:00:01"), true}};
    EXPECT_THAT(steps(false), ElementsAre("remove neighbour 10.0.0.1", "remove route 10.0.0.0/8 via 10.0.0.1",
                                          "remove address 10.0.0.2/24"));
}

TEST_F(PlanTest, DoesNotRemoveWhatSomebodyElseMadeOfIt) {
    want_route(applied_, "10.0.0.0/8", "10.0.0.1");
    want_neighbour(applied_, "10.0.0.1", "0a:58:0a:00:00:01");
    actual_.routes = {route("10.0.0.0/8", "10.0.0.77")};
    actual_.neighbours = {{7, *Ip::parse("10.0.0.1"), *Mac::parse("02:00:00:00:00:01"), true}};
    EXPECT_THAT(steps(), IsEmpty());
}

TEST_F(PlanTest, SoleAddressesPrunesOnceAllIsKnown) {
    desired_.state->sole_addresses = true;
    want_address(desired_, "10.0.0.2/24");
    auto link_local = have("fe80::1/64");
    link_local.global = false;
    actual_.addresses = {have("10.0.0.2/24"), have("10.9.9.2/24"), link_local};
    actual_.routes = {route("10.0.0.0/24", "", RTPROT_KERNEL), route("10.9.0.0/16", "10.9.9.1")};
    auto local = route("10.0.0.2/32", "");
    local.table = 255;
    actual_.routes.push_back(local);
    actual_.neighbours = {{7, *Ip::parse("10.9.9.1"), *Mac::parse("02:00:00:00:00:01"), true},
                          {7, *Ip::parse("10.0.0.9"), *Mac::parse("02:00:00:00:00:02"), false}};
    EXPECT_THAT(steps(false), IsEmpty());
    EXPECT_THAT(steps(true), ElementsAre("remove neighbour 10.9.9.1", "remove route 10.9.0.0/16 via 10.9.9.1",
                                         "remove address 10.9.9.2/24"));
}

TEST_F(PlanTest, AChangedRouteGoesBeforeTheNewOneComes) {
    want_route(applied_, "10.0.0.0/8", "10.0.0.1");
    want_route(desired_, "10.0.0.0/8", "10.0.0.9");
    actual_.routes = {route("10.0.0.0/8", "10.0.0.1")};
    EXPECT_THAT(steps(), ElementsAre("remove route 10.0.0.0/8 via 10.0.0.1", "add route 10.0.0.0/8 via 10.0.0.9"));
}

TEST_F(PlanTest, RoutesOfAnotherMetricAreNotOurs) {
    desired_.state->sole_addresses = false;
    want_route(desired_, "10.0.0.0/8", "10.0.0.1");
    auto other = route("10.0.0.0/8", "10.0.0.1");
    other.priority = 100;
    actual_.routes = {other};
    EXPECT_THAT(steps(), ElementsAre("add route 10.0.0.0/8 via 10.0.0.1"));
}

TEST_F(PlanTest, DeprecatedIsRestored) {
    want_address(desired_, "fd00::2/64", true);
    actual_.addresses = {have("fd00::2/64")};
    EXPECT_THAT(steps(), ElementsAre("add address fd00::2/64"));
    actual_.addresses[0].deprecated = true;
    EXPECT_THAT(steps(), IsEmpty());
}

TEST_F(PlanTest, HostBitsInADestinationDoNotMatter) {
    want_route(desired_, "10.1.2.3/8", "10.0.0.1");
    actual_.routes = {route("10.0.0.0/8", "10.0.0.1")};
    EXPECT_THAT(steps(), IsEmpty());
}

}  // namespace
}  // namespace weft::netlink
