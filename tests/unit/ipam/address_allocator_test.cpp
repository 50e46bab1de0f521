#include "ipam/ipam.hpp"
#include "rig.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/tables/ipam.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::ipam {
namespace {

using tables::AddressLease;
using tables::AddressPool;
using tables::AddressRequest;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<Ip> ips(const std::vector<std::string>& texts) {
    std::vector<Ip> parsed;
    for (const auto& text : texts)
        parsed.push_back(*Ip::parse(text));
    return parsed;
}

class AddressAllocatorTest : public testing::Test {
  protected:
    void pool(const std::vector<std::string>& prefixes, const std::vector<std::string>& reserved = {},
              const std::string& name = "default/n1", const std::string& on_switch = "n1") {
        AddressPool row{.key = Key<AddressPool>{name}, .reserved = ips(reserved), .on_switch = on_switch};
        for (const auto& text : prefixes)
            row.prefixes.push_back(*IpPrefix::parse(text));
        rig.put(0, row);
    }
    void dual_pool() {
        pool({"10.244.2.0/24", "fd00:10:244:2::/64"},
             {"10.244.2.1", "10.244.2.2", "fd00:10:244:2::1", "fd00:10:244:2::2"});
    }
    struct Ask {
        std::vector<std::string> fixed = {};
        std::vector<std::string> preferred = {};
        std::int64_t precedence = 0;
        std::string carrier = {};
        std::string pool = "default/n1";
    };
    void ask(const std::string& uid, const Ask& a) {
        rig.put(1, AddressRequest{.key = Key<AddressRequest>{uid, "default"},
                                  .pool = a.pool,
                                  .fixed = ips(a.fixed),
                                  .preferred = ips(a.preferred),
                                  .carrier = a.carrier.empty() ? "port_" + uid : a.carrier,
                                  .precedence = a.precedence});
    }
    void ask(const std::string& uid) { ask(uid, Ask{}); }
    void leave(const std::string& uid) { rig.erase(1, uid + "/default"); }
    void port(const std::string& uuid, const std::string& name, const std::string& addresses,
              const std::string& on_switch = "n1") {
        nb::LogicalSwitchPort row;
        row.key.text = uuid;
        row.parent = {"Logical_Switch", "ports", on_switch};
        row.name = name;
        row.addresses = {addresses};
        rig.put(2, row);
    }
    void drop_port(const std::string& uuid) { rig.erase(2, uuid); }
    std::vector<std::string> got(const std::string& uid) {
        std::vector<std::string> texts;
        for (const auto& ip : rig.lease(uid + "/default").ips)
            texts.push_back(ip.text());
        return texts;
    }
    std::string problem(const std::string& uid) { return rig.lease(uid + "/default").problem; }

    Rig<AddressLease> rig{address_allocator()};
};

TEST_F(AddressAllocatorTest, TheFirstPodGetsThree) {
    dual_pool();
    ask("b");
    ask("a");
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.3/24", "fd00:10:244:2::3/64"));
    EXPECT_THAT(got("b"), ElementsAre("10.244.2.4/24", "fd00:10:244:2::4/64"));
}

TEST_F(AddressAllocatorTest, GoesRoundInsteadOfReusingAtOnce) {
    pool({"10.0.0.0/29"}, {"10.0.0.1", "10.0.0.2"});
    ask("a");
    ask("b");
    rig.run();
    leave("a");
    ask("c");
    rig.run();
    EXPECT_THAT(got("c"), ElementsAre("10.0.0.5/29"));
    ask("d");
    rig.run();
    EXPECT_THAT(got("d"), ElementsAre("10.0.0.6/29"));
    ask("e");
    rig.run();
    EXPECT_THAT(got("e"), ElementsAre("10.0.0.3/29"));  // wrapped
}

TEST_F(AddressAllocatorTest, ExhaustsTellsAndRetriesWhenAnAddressIsFreed) {
    pool({"10.0.0.0/29"}, {"10.0.0.1", "10.0.0.2"});
    for (const char* uid : {"a", "b", "c", "d", "e", "f"})
        ask(uid);
    rig.run();
    EXPECT_THAT(got("e"), IsEmpty());
    EXPECT_THAT(problem("e"), HasSubstr("subnet address pool exhausted"));
    EXPECT_THAT(problem("f"), HasSubstr("subnet address pool exhausted"));
    leave("b");
    rig.run();
    EXPECT_THAT(got("e"), ElementsAre("10.0.0.4/29"));
    EXPECT_EQ(problem("e"), "");
    EXPECT_THAT(got("f"), IsEmpty());
}

TEST_F(AddressAllocatorTest, AllOrNothingAcrossFamilies) {
    pool({"10.0.0.0/24", "fd00::/126"});
    for (const char* uid : {"a", "b", "c", "d"})
        ask(uid);
    rig.run();
    EXPECT_THAT(got("c"), ElementsAre("10.0.0.3/24", "fd00::3/126"));
    EXPECT_THAT(got("d"), IsEmpty());
    EXPECT_EQ(problem("d"), "subnet address pool exhausted: no address of fd00::/126 is free");
    leave("a");
    rig.run();
    EXPECT_THAT(got("d"), ElementsAre("10.0.0.4/24", "fd00::1/126"));
}

TEST_F(AddressAllocatorTest, V6StopsAt65535) {
    pool({"fd00::/64"});
    for (int i = 0; i < 65536; ++i)
        ask(std::to_string(100000 + i));
    rig.run();
    EXPECT_THAT(got("100000"), ElementsAre("fd00::1/64"));
    EXPECT_THAT(got("165534"), ElementsAre("fd00::ffff/64"));
    EXPECT_THAT(got("165535"), IsEmpty());
}

TEST_F(AddressAllocatorTest, NeverGivesTheNetworkOrTheBroadcastAddress) {
    pool({"10.0.0.0/30"});
    for (const char* uid : {"a", "b", "c"})
        ask(uid);
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.0.0.1/30"));
    EXPECT_THAT(got("b"), ElementsAre("10.0.0.2/30"));
    EXPECT_THAT(got("c"), IsEmpty());
    pool({"10.0.0.0/31"}, {}, "default/n2");
    ask("d", {.pool = "default/n2"});
    rig.run();
    EXPECT_THAT(got("d"), IsEmpty());
}

TEST_F(AddressAllocatorTest, FixedFirstThenWishesThenNewWhateverTheKeys) {
    dual_pool();
    ask("a");
    ask("b", {.preferred = {"10.244.2.3", "fd00:10:244:2::3"}});
    ask("c", {.fixed = {"10.244.2.4", "fd00:10:244:2::4"}});
    rig.run();
    EXPECT_THAT(got("c"), ElementsAre("10.244.2.4/24", "fd00:10:244:2::4/64"));
    EXPECT_THAT(got("b"), ElementsAre("10.244.2.3/24", "fd00:10:244:2::3/64"));
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.5/24", "fd00:10:244:2::5/64"));
}

TEST_F(AddressAllocatorTest, ReservationsDoNotMoveThePointer) {
    dual_pool();
    ask("a", {.fixed = {"10.244.2.100", "fd00:10:244:2::100"}});
    rig.run();
    ask("b");
    rig.run();
    EXPECT_THAT(got("b"), ElementsAre("10.244.2.3/24", "fd00:10:244:2::3/64"));
}

TEST_F(AddressAllocatorTest, OfTwoThatHoldOneAddressTheOlderKeepsIt) {
    dual_pool();
    ask("a", {.fixed = {"10.244.2.9"}, .precedence = 20});
    ask("b", {.fixed = {"10.244.2.9"}, .precedence = 10});
    rig.run();
    EXPECT_THAT(got("b"), ElementsAre("10.244.2.9/24"));
    EXPECT_EQ(problem("a"), "10.244.2.9 is the address of port_b");
    leave("b");
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.9/24"));
}

TEST_F(AddressAllocatorTest, AConflictIsNamedForLateComersToo) {
    dual_pool();
    ask("a");
    rig.run();
    ask("b", {.fixed = {"10.244.2.3"}, .precedence = -5});
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.3/24", "fd00:10:244:2::3/64"));
    EXPECT_EQ(problem("b"), "10.244.2.3 is the address of port_a");
}

TEST_F(AddressAllocatorTest, FixedAddressesThatArePartlyTakenLeaveNothingBehind) {
    dual_pool();
    ask("a", {.fixed = {"fd00:10:244:2::9"}});
    ask("b", {.fixed = {"10.244.2.9", "fd00:10:244:2::9"}, .precedence = 1});
    rig.run();
    EXPECT_THAT(got("b"), IsEmpty());
    ask("c", {.fixed = {"10.244.2.9"}});
    rig.run();
    EXPECT_THAT(got("c"), ElementsAre("10.244.2.9/24"));
}

TEST_F(AddressAllocatorTest, FixedAddressesOutsideThePoolAreAProblem) {
    dual_pool();
    ask("a", {.fixed = {"10.9.9.9"}});
    ask("b", {.fixed = {"10.244.2.255"}});
    ask("c", {.fixed = {"fd00:10:244:2::1:0"}});
    ask("d", {.fixed = {"10.244.2.7", "10.244.2.8"}});
    rig.run();
    EXPECT_EQ(problem("a"),
              "10.9.9.9 is none of the addresses of this pool (10.244.2.1 to 10.244.2.254, "
              "fd00:10:244:2::1 to fd00:10:244:2::ffff)");
    EXPECT_THAT(problem("b"), HasSubstr("10.244.2.255 is none of"));
    EXPECT_THAT(problem("c"), HasSubstr("is none of"));
    EXPECT_EQ(problem("d"), "10.244.2.8 is a second address of its family");
}

TEST_F(AddressAllocatorTest, ReservedAddressesAreGivenByNameOnly) {
    dual_pool();
    ask("a", {.preferred = {"10.244.2.1"}});
    ask("b", {.fixed = {"10.244.2.2"}});
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.3/24", "fd00:10:244:2::3/64"));
    EXPECT_THAT(got("b"), ElementsAre("10.244.2.2/24"));
    leave("b");
    ask("c", {.preferred = {"10.244.2.2"}});
    rig.run();
    EXPECT_THAT(got("c"), ElementsAre("10.244.2.4/24", "fd00:10:244:2::4/64"));
}

TEST_F(AddressAllocatorTest, AnAddressStaysTakenUntilItsPortIsGone) {
    pool({"10.0.0.0/30"}, {"10.0.0.1"});
    ask("a");
    rig.run();
    port("u1", "port_a", "0a:58:0a:00:00:02 10.0.0.2");
    rig.run();
    leave("a");
    ask("b");
    rig.run();
    EXPECT_THAT(problem("b"), HasSubstr("exhausted"));
    rig.run();
    EXPECT_THAT(got("b"), IsEmpty());
    drop_port("u1");
    rig.run();
    EXPECT_THAT(got("b"), ElementsAre("10.0.0.2/30"));
}

TEST_F(AddressAllocatorTest, AnAddressStaysTakenUntilTheFlowsOfItsPortHaveGone) {
    pool({"10.0.0.0/30"});
    ask("a");
    rig.run();
    port("u1", "port_a", "0a:58:0a:00:00:01 10.0.0.1");
    ask("b");
    rig.run();
    EXPECT_THAT(rig.lease("b/default").ips, SizeIs(1)) << "the pool has two";
    ask("c");
    leave("a");
    rig.run();
    EXPECT_THAT(rig.lease("c/default").ips, IsEmpty());
    // The port leaves the database and is departed in one step: at no moment is the address free.
    rig.erase(2, "u1");
    rig.put(3,
            tables::DepartedPort{
                .key = Key<tables::DepartedPort>{"1"}, .name = "port_a", .on_switch = "n1", .ips = ips({"10.0.0.1"})});
    rig.run();
    EXPECT_THAT(rig.lease("c/default").ips, IsEmpty());
    // Also when the books are opened anew.
    pool({"10.0.0.0/30"}, {"10.0.0.3"});
    rig.run();
    EXPECT_THAT(rig.lease("c/default").ips, IsEmpty());
    rig.erase(3, "1");
    rig.run();
    EXPECT_THAT(rig.lease("c/default").ips, ElementsAre(*IpPrefix::parse("10.0.0.1/30")));
}

TEST_F(AddressAllocatorTest, PortsThatDepartedFromOtherSwitchesDoNotCount) {
    pool({"10.0.0.0/30"});
    rig.put(3, tables::DepartedPort{.key = Key<tables::DepartedPort>{"1"},
                                    .name = "x",
                                    .on_switch = "n2",
                                    .ips = ips({"10.0.0.1", "10.0.0.2"})});
    ask("a");
    rig.run();
    EXPECT_THAT(rig.lease("a/default").ips, SizeIs(1));
}

TEST_F(AddressAllocatorTest, WhoRanWithADepartedAddressMayGoOnWithIt) {
    pool({"10.0.0.0/24"});
    rig.put(3,
            tables::DepartedPort{
                .key = Key<tables::DepartedPort>{"1"}, .name = "port_a", .on_switch = "n1", .ips = ips({"10.0.0.1"})});
    ask("a", {.preferred = {"10.0.0.1"}});
    ask("b", {.preferred = {"10.0.0.1"}});
    rig.run();
    EXPECT_THAT(rig.lease("a/default").ips, ElementsAre(*IpPrefix::parse("10.0.0.1/24")));
    EXPECT_THAT(rig.lease("b/default").ips, ElementsAre(*IpPrefix::parse("10.0.0.2/24")));
    // Another port that carries it, too, makes it somebody else's.
    rig.put(3,
            tables::DepartedPort{
                .key = Key<tables::DepartedPort>{"2"}, .name = "port_c", .on_switch = "n1", .ips = ips({"10.0.0.9"})});
    rig.put(3,
            tables::DepartedPort{
                .key = Key<tables::DepartedPort>{"3"}, .name = "port_d", .on_switch = "n1", .ips = ips({"10.0.0.9"})});
    ask("c", {.preferred = {"10.0.0.9"}});
    rig.run();
    EXPECT_THAT(rig.lease("c/default").ips, ElementsAre(*IpPrefix::parse("10.0.0.3/24")));
}

TEST_F(AddressAllocatorTest, APodMadeAnewUnderItsNameGetsAnotherAddress) {
    dual_pool();
    ask("u1", {.carrier = "web_p"});
    rig.run();
    port("r1", "web_p", "0a:58:0a:f4:02:03 10.244.2.3 fd00:10:244:2::3");
    rig.run();
    leave("u1");
    ask("u2", {.carrier = "web_p"});
    rig.run();
    EXPECT_THAT(got("u2"), ElementsAre("10.244.2.4/24", "fd00:10:244:2::4/64"));
    // The row now carries the new addresses, so the old ones are free.
    port("r1", "web_p", "0a:58:0a:f4:02:04 10.244.2.4 fd00:10:244:2::4");
    rig.run();
    ask("x", {.preferred = {"10.244.2.3"}});
    rig.run();
    EXPECT_THAT(got("x"), ElementsAre("10.244.2.3/24", "fd00:10:244:2::5/64"));
}

TEST_F(AddressAllocatorTest, APortThatIsThereGivesItsPodTheSameAddressesAgain) {
    dual_pool();
    port("r1", "port_b", "0a:58:0a:f4:02:09 10.244.2.9 fd00:10:244:2::9");
    port("r2", "stale", "0a:58:0a:f4:02:03 10.244.2.3 fd00:10:244:2::3");
    port("r3", "k8s-n1", "router");
    ask("a");
    ask("b");
    rig.run();
    EXPECT_THAT(got("b"), ElementsAre("10.244.2.9/24", "fd00:10:244:2::9/64"));
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.4/24", "fd00:10:244:2::4/64"));  // not the stale port's
}

TEST_F(AddressAllocatorTest, AnAddressOnTwoPortsIsNobodysWish) {
    dual_pool();
    port("r1", "port_a", "0a:58:0a:f4:02:09 10.244.2.9");
    port("r2", "stale", "0a:58:0a:f4:02:09 10.244.2.9");
    ask("a");
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.3/24", "fd00:10:244:2::3/64"));
    drop_port("r2");
    drop_port("r1");
    ask("b", {.preferred = {"10.244.2.9"}});
    rig.run();
    EXPECT_THAT(got("b"), ElementsAre("10.244.2.9/24", "fd00:10:244:2::4/64"));
}

TEST_F(AddressAllocatorTest, AnAnnotationOutweighsAPortLeftBehind) {
    dual_pool();
    port("r1", "stale", "0a:58:0a:f4:02:09 10.244.2.9");
    ask("a", {.fixed = {"10.244.2.9"}});
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.9/24"));
}

TEST_F(AddressAllocatorTest, PortsOfOtherSwitchesDoNotCount) {
    dual_pool();
    port("r1", "other", "0a:58:0a:f4:02:03 10.244.2.3 fd00:10:244:2::3", "red_n1");
    ask("a");
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.3/24", "fd00:10:244:2::3/64"));
}

TEST_F(AddressAllocatorTest, APoolThatComesLateKnowsThePorts) {
    port("r1", "stale", "0a:58:0a:f4:02:03 10.244.2.3");
    ask("a");
    rig.run();
    EXPECT_EQ(problem("a"), "there is no address pool \"default/n1\"");
    dual_pool();
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.4/24", "fd00:10:244:2::3/64"));
}

TEST_F(AddressAllocatorTest, ALeaseIsNotMovedByARequestThatChanges) {
    dual_pool();
    ask("a");
    rig.run();
    ask("a", {.fixed = {"10.244.2.3", "fd00:10:244:2::3"}});
    rig.run();
    EXPECT_EQ(rig.puts, 0);
    ask("a", {.fixed = {"10.244.2.77"}});
    rig.run();
    EXPECT_EQ(rig.puts, 0);
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.3/24", "fd00:10:244:2::3/64"));
}

TEST_F(AddressAllocatorTest, APoolThatMovesAwayIsAProblemUntilItComesBack) {
    dual_pool();
    ask("a");
    rig.run();
    pool({"10.244.5.0/24"});
    rig.run();
    EXPECT_THAT(got("a"), IsEmpty());
    EXPECT_EQ(problem("a"), "10.244.2.3 is none of the addresses of this pool (10.244.5.1 to 10.244.5.254)");
    ask("b");
    rig.run();
    EXPECT_THAT(got("b"), ElementsAre("10.244.5.1/24"));
    dual_pool();
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.3/24", "fd00:10:244:2::3/64"));
    EXPECT_EQ(problem("a"), "");
}

TEST_F(AddressAllocatorTest, APoolThatGoesAndComesKeepsTheLeases) {
    dual_pool();
    ask("a");
    rig.run();
    rig.erase(0, "default/n1");
    rig.run();
    EXPECT_EQ(problem("a"), "there is no address pool \"default/n1\"");
    ask("b");
    rig.run();
    dual_pool();
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.3/24", "fd00:10:244:2::3/64"));
    EXPECT_THAT(got("b"), ElementsAre("10.244.2.4/24", "fd00:10:244:2::4/64"));
}

TEST_F(AddressAllocatorTest, ARunningPodKeepsItsOneFamilyWhenTheNodeBecomesDualStack) {
    pool({"10.244.2.0/24"}, {"10.244.2.1", "10.244.2.2"});
    ask("a");
    rig.run();
    dual_pool();
    ask("b");
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.3/24"));
    EXPECT_EQ(problem("a"), "");
    EXPECT_THAT(got("b"), ElementsAre("10.244.2.4/24", "fd00:10:244:2::3/64"));
}

TEST_F(AddressAllocatorTest, RestartWithReservedAddressesMovesNobody) {
    dual_pool();
    for (const char* uid : {"a", "b", "c", "d"})
        ask(uid);
    rig.run();
    leave("b");
    rig.run();
    const auto before = rig.leases;
    Rig<AddressLease> fresh{address_allocator()};
    std::swap(rig, fresh);
    dual_pool();
    int n = 0;
    for (const auto& [key, row] : before) {
        std::vector<std::string> texts;
        for (const auto& ip : row.as<AddressLease>().ips)
            texts.push_back(ip.ip().text());
        const std::string uid = key.substr(0, 1);
        if (++n % 2 == 0) {
            ask(uid, {.fixed = texts});
        } else {
            port("r" + uid, "port_" + uid, "0a:58:00:00:00:01 " + texts[0] + " " + texts[1]);
            ask(uid);
        }
    }
    ask("A");  // a new one, with a smaller key than all
    rig.run();
    for (const auto& [key, row] : before) {
        EXPECT_EQ(row.as<AddressLease>().ips, rig.lease(key).ips) << row.json();
        EXPECT_EQ(rig.lease(key).problem, "");
    }
    EXPECT_THAT(got("A"), ElementsAre("10.244.2.4/24", "fd00:10:244:2::4/64"));
}

TEST_F(AddressAllocatorTest, APortMadeAnewUnderItsNameIsFollowed) {
    dual_pool();
    port("r9", "stale", "0a:58:0a:f4:02:03 10.244.2.3");
    rig.run();
    drop_port("r9");
    port("r1", "stale", "0a:58:0a:f4:02:04 10.244.2.4");  // told of before the deletion of r9
    rig.run();
    ask("a");
    ask("b", {.carrier = "stale"});
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.3/24", "fd00:10:244:2::4/64"));
    EXPECT_THAT(got("b"), ElementsAre("10.244.2.4/24", "fd00:10:244:2::3/64"));
}

TEST_F(AddressAllocatorTest, AMacStaysAsItWasWhenTheAddressesWereGiven) {
    dual_pool();
    AddressRequest request{
        .key = Key<AddressRequest>{"a", "default"}, .pool = "default/n1", .mac = Mac::of(*Ip::parse("1.2.3.4"))};
    rig.put(1, request);
    rig.run();
    EXPECT_EQ(rig.lease("a/default").mac, request.mac);
    EXPECT_FALSE(rig.lease("a/default").fixed);
    auto other = request;
    other.mac = Mac::of(*Ip::parse("6.6.6.6"));
    other.fixed = ips({"10.244.2.3", "fd00:10:244:2::3"});
    rig.put(1, other);
    rig.run();
    EXPECT_EQ(rig.lease("a/default").mac, request.mac);
    EXPECT_FALSE(rig.lease("a/default").fixed);
    ask("b", {.fixed = {"10.244.2.9"}});
    rig.run();
    EXPECT_TRUE(rig.lease("b/default").fixed);
}

TEST_F(AddressAllocatorTest, OddPortAddressesAreNoHarm) {
    dual_pool();
    port("r1", "x", "unknown");
    port("r2", "y", "  0a:58:0a:f4:02:03   10.244.2.3  junk fe80:: : . dynamic");
    port("r3", "z", "");
    ask("a");
    rig.run();
    EXPECT_THAT(got("a"), ElementsAre("10.244.2.4/24", "fd00:10:244:2::3/64"));
}

}  // namespace
}  // namespace weft::ipam
