#include "integration/applier-ovsdb/bed.hpp"

#include <map>
#include <random>

#include <gmock/gmock.h>

/// Rounds that are planned while the answers of earlier ones are still to come.
namespace weft::test {
namespace {

using testing::IsEmpty;

const ovsdb::Map<std::string, std::string> ours{{"owner", "weft"}};

class AheadTest : public ApplierBed {
  protected:
    void SetUp() override { wants<nb::LogicalSwitch, nb::LogicalSwitchPort, nb::PortGroup, nb::Member>(); }

    Far& make(std::size_t least_ahead = 100) {
        auto options = northbound();
        options.least_ahead = least_ahead;
        Far& far = add(std::move(options));
        for (const auto* name : {"n1", "n2"})
            put_switch(name);
        put(nb::PortGroup{.external_ids = ours, .name = "pg"});
        start();
        far.applier().add_claim(owned<nb::LogicalSwitch>());
        far.applier().add_claim(owned<nb::LogicalSwitchPort>());
        far.applier().add_claim(owned<nb::PortGroup>());
        EXPECT_TRUE(until_synced());
        return far;
    }
    void put_switch(const std::string& name, const std::string& mtu = "1400") {
        put(nb::LogicalSwitch{.external_ids = ours, .name = name, .other_config = {{"mtu", mtu}}});
    }
    Key<nb::LogicalSwitchPort> put_port(int number, const std::string& address = "dynamic",
                                        const std::string& on = "n1") {
        return put(
            nb::LogicalSwitchPort{.parent = ovsdb::child_of(Key<nb::LogicalSwitch>{on}, &nb::LogicalSwitch::ports),
                                  .addresses = {address},
                                  .external_ids = ours,
                                  .name = "p" + std::to_string(number)});
    }
    static nb::Member member(int number) {
        return ovsdb::add(Key<nb::PortGroup>{"pg"}, &nb::PortGroup::ports,
                          Key<nb::LogicalSwitchPort>{"p" + std::to_string(number)});
    }
    void put_ports(int from, int to) {
        for (int i = from; i < to; ++i)
            put_port(i);
    }
    static std::string address_of(const Far& far, int number) {
        const auto port = far.see<nb::LogicalSwitchPort>("p" + std::to_string(number));
        return port ? *port->addresses->begin() : "no such port";
    }
    /// What is said of the whole: everything is there, and nothing was put back or refused on the way.
    void expect_smooth(Far& far, std::size_t ports) {
        ASSERT_TRUE(until_synced());
        ASSERT_TRUE(until([&] { return far.count<nb::LogicalSwitchPort>() == ports; }));
        EXPECT_EQ(far.status().repaired, 0U);
        EXPECT_THAT(far.status().faults, IsEmpty());
    }
};

TEST_F(AheadTest, AdditionsDoNotWaitForTheAnswersToOthers) {
    Far& north = make();
    const auto before = north.status().requests;
    north.set_deaf(true);
    put_ports(0, 100);
    step();
    EXPECT_EQ(north.status().requests, before + 1);
    put_ports(100, 200);
    step();
    EXPECT_EQ(north.status().requests, before + 2);
    ASSERT_TRUE(until([&] { return north.count<nb::LogicalSwitchPort>() == 200; }))
        << "committed before it is heard of";
    EXPECT_EQ(north.status().behind, 200U);
    north.set_deaf(false);
    expect_smooth(north, 200);
    EXPECT_EQ(north.status().requests, before + 2);
}

TEST_F(AheadTest, AFewWaitAndGoTogether) {
    Far& north = make();
    const auto before = north.status().requests;
    north.set_deaf(true);
    put_ports(0, 1);
    step();
    put_ports(1, 50);
    step();
    put_ports(50, 99);
    step();
    EXPECT_EQ(north.status().requests, before + 1);
    north.set_deaf(false);
    expect_smooth(north, 99);
    EXPECT_EQ(north.status().requests, before + 2);
}

TEST_F(AheadTest, ThereIsAnEndToWhatIsOnItsWay) {
    Far& north = make();
    const auto before = north.status().requests;
    north.set_deaf(true);
    for (int i = 0; i < 20; ++i) {
        put_ports(100 * i, 100 * (i + 1));
        step();
    }
    EXPECT_EQ(north.status().requests, before + Applier::Options{}.most_ahead);
    north.set_deaf(false);
    expect_smooth(north, 2000);
}

TEST_F(AheadTest, WhatChangesOrTakesAwayWaitsAndWhatGoesWithItToo) {
    Far& north = make();
    put_ports(0, 2);
    expect_smooth(north, 2);
    const auto before = north.status().requests;
    north.set_deaf(true);
    put_ports(100, 200);
    step();
    ASSERT_EQ(north.status().requests, before + 1);
    put_ports(200, 300);
    put_port(0, "unknown");
    step();
    EXPECT_EQ(north.status().requests, before + 1) << "a row is changed";
    withdraw(Key<nb::LogicalSwitchPort>{"p1"});
    step();
    EXPECT_EQ(north.status().requests, before + 1) << "a row is withdrawn";
    north.set_deaf(false);
    expect_smooth(north, 201);
    EXPECT_EQ(north.status().requests, before + 2) << "all of it in one";
    EXPECT_EQ(address_of(north, 0), "unknown");
}

TEST_F(AheadTest, NothingGoesBehindATransactionThatChangesOrTakesAway) {
    Far& north = make();
    put_ports(0, 1);
    expect_smooth(north, 1);
    const auto before = north.status().requests;
    north.set_deaf(true);
    put_switch("n1", "9000");
    step();
    ASSERT_EQ(north.status().requests, before + 1);
    put_ports(100, 200);
    step();
    EXPECT_EQ(north.status().requests, before + 1);
    north.set_deaf(false);
    expect_smooth(north, 101);
    EXPECT_EQ(north.status().requests, before + 2);
}

TEST_F(AheadTest, ARowThatIsOnItsWayAndWantedOtherwiseByThenComesRight) {
    Far& north = make();
    const auto before = north.status().requests;
    north.set_deaf(true);
    put_ports(0, 100);
    step();
    put_port(7, "unknown");
    withdraw(Key<nb::LogicalSwitchPort>{"p8"});
    put_ports(100, 200);
    step();
    EXPECT_EQ(north.status().requests, before + 1);
    north.set_deaf(false);
    expect_smooth(north, 199);
    EXPECT_EQ(address_of(north, 7), "unknown");
}

TEST_F(AheadTest, ARefusedOneHoldsUpNoneOfThoseBehindIt) {
    Far& north = make();
    // Somebody else has the name, which is unique among ports.
    ovsdb::Transaction taken;
    const Uuid other = Uuid::random();
    const Uuid port = Uuid::random();
    north.add_insert(taken, nb::LogicalSwitch{.name = "other", .ports = {ovsdb::Ref<nb::LogicalSwitchPort>(port)}},
                     other);
    north.add_insert(taken, nb::LogicalSwitchPort{.name = "p7"}, port);
    north.set_deaf(true);
    north.write(std::move(taken));
    put_ports(0, 100);
    step();
    put_ports(100, 200);
    step();
    north.set_deaf(false);
    ASSERT_TRUE(until([&] { return north.count<nb::LogicalSwitchPort>() == 200; }));
    ASSERT_TRUE(until([&] { return north.status().faults.size() == 1; }));
    EXPECT_THAT(north.status().faults.front().object, testing::HasSubstr("p7"));
}

/// Random edits, and answers that come at random times: in the end the database holds what is wanted, no transaction
/// was refused for what another had done, and nobody was suspected of changing rows.
TEST_F(AheadTest, RandomEditsComeOutAsWanted) {
    std::mt19937 random(20240731);
    Far& north = make(1);
    struct Wanted {
        std::string address, on;
        bool member = false;
    };
    std::map<int, Wanted> wanted;
    const auto below = [&](unsigned end) { return static_cast<int>(random() % end); };
    for (int round = 0; round < 400; ++round) {
        north.set_deaf(below(3) != 0);
        const bool only_adds = below(3) != 0;
        for (int edits = below(12); edits > 0; --edits) {
            const int number = only_adds ? round * 100 + edits : below(40) * 100 + below(12);
            const Key<nb::LogicalSwitchPort> key{"p" + std::to_string(number)};
            const int what = only_adds ? below(2) : below(5);
            if (what <= 1) {
                const std::string address = below(2) == 0 ? "dynamic" : "unknown";
                const std::string on = below(2) == 0 ? "n1" : "n2";
                auto& port = wanted[number];
                port.address = address;
                port.on = on;
                put_port(number, address, on);
                if (what == 1 && !std::exchange(port.member, true)) put(member(number));
            } else if (wanted.contains(number) && what == 2) {
                if (std::exchange(wanted[number].member, false)) withdraw(member(number).key);
            } else if (wanted.contains(number)) {
                if (wanted[number].member) withdraw(member(number).key);
                withdraw(key);
                wanted.erase(number);
            }
        }
        if (below(20) == 0) put_switch("n1", std::to_string(1400 + below(3)));
        step();
    }
    north.set_deaf(false);
    expect_smooth(north, wanted.size());
    for (const auto& [number, port] : wanted)
        EXPECT_EQ(address_of(north, number), port.address) << number;
    const auto members = [&](auto column, const ovsdb::TableInfo& table, const Uuid& row) {
        return north.spy().replica.all_members(table, row, *table.column(column)).size();
    };
    std::map<std::string, std::size_t> on;
    std::size_t in_group = 0;
    for (const auto& [number, port] : wanted) {
        ++on[port.on];
        in_group += port.member ? 1 : 0;
    }
    for (const auto* name : {"n1", "n2"}) {
        EXPECT_EQ(members("ports", north.table("Logical_Switch"), north.see<nb::LogicalSwitch>(name)->uuid), on[name]);
    }
    EXPECT_EQ(members("ports", north.table("Port_Group"), north.see<nb::PortGroup>("pg")->uuid), in_group);
}

}  // namespace
}  // namespace weft::test
