#include "integration/applier-ovsdb/bed.hpp"

#include <gmock/gmock.h>

namespace weft::test {
namespace {

using ovsdb::after;
using ovsdb::Level;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;

const ovsdb::Map<std::string, std::string> ours{{"owner", "weft"}};

/// The test is northd and ovn-controller.
class OrderTest : public ApplierBed {
  protected:
    void SetUp() override {
        wants<nb::LogicalSwitch, nb::LogicalSwitchPort, nb::PortGroup, nb::Member, ovs::Member>();
        north_ = &add(northbound());
    }
    void begin() {
        start();
        north_->applier().add_claim(owned<nb::LogicalSwitch>());
        north_->applier().add_claim(owned<nb::LogicalSwitchPort>());
        north_->applier().add_claim(owned<nb::PortGroup>());
    }
    Far& north() { return *north_; }
    nb::LogicalSwitch first(const std::string& mtu = "1400") {
        return {.external_ids = ours, .name = "first", .other_config = {{"mtu", mtu}}};
    }
    nb::PortGroup second(Level level) {
        return {.after = {after(Key<nb::LogicalSwitch>{"first"}, level)}, .external_ids = ours, .name = "second"};
    }
    void make_global() { global_ = north().insert(nb::NBGlobal{.name = "n1"}); }
    std::int64_t raised() { return north().see<nb::NBGlobal>(".")->nb_cfg.get(); }
    void translated() { north().update(global_, nb::NBGlobal{.sb_cfg = raised()}); }
    void installed() { north().update(global_, nb::NBGlobal{.hv_cfg = raised(), .sb_cfg = raised()}); }
    bool has_first() { return north().see<nb::LogicalSwitch>("first").has_value(); }
    bool has_second() { return north().see<nb::PortGroup>("second").has_value(); }
    bool waits_for(const std::string& what) {
        return testing::Value(north().status().faults, Contains(Field(&appliers::Fault::what, HasSubstr(what))));
    }

  private:
    Far* north_ = nullptr;
    Uuid global_;
};

TEST_F(OrderTest, CommittedOneAfterTheOtherAndWithdrawnTheOtherWayRound) {
    // The keys' order is against it.
    const auto a = put(first());
    const auto b = put(second(Level::committed));
    begin();
    ASSERT_TRUE(until_synced());
    ASSERT_TRUE(has_first() && has_second());
    EXPECT_EQ(north().status().requests, 2U) << "one transaction after the other";
    EXPECT_LT(north().came<nb::LogicalSwitch>("first"), north().came<nb::PortGroup>("second"));
    withdraw(a);
    withdraw(b);
    ASSERT_TRUE(until([&] { return !has_first() && !has_second(); }));
    EXPECT_LT(north().went<nb::PortGroup>("second"), north().went<nb::LogicalSwitch>("first"));
    EXPECT_EQ(north().status().requests, 4U);
}

TEST_F(OrderTest, AChangeOfWhatItComesAfterGoesFirst) {
    put(first("1400"));
    put(second(Level::committed));
    begin();
    ASSERT_TRUE(until_synced());
    const auto before = north().spy().row_changes.size();
    put(first("1300"));
    auto changed = second(Level::committed);
    changed.external_ids = {{"owner", "weft"}, {"version", "2"}};
    put(std::move(changed));
    ASSERT_TRUE(until([&] { return north().spy().row_changes.size() == before + 2; }));
    EXPECT_EQ(north().spy().row_changes[before].table->name, "Logical_Switch");
    EXPECT_EQ(north().spy().row_changes[before + 1].table->name, "Port_Group");
}

TEST_F(OrderTest, SouthboundWaitsForNorthd) {
    make_global();
    put(first());
    put(second(Level::southbound));
    begin();
    ASSERT_TRUE(until([&] { return has_first() && raised() == 1; }));
    EXPECT_EQ(north().status().requests, 1U) << "nb_cfg is raised in the transaction that is waited for";
    for (int i = 0; i < 5; ++i)
        step();
    EXPECT_FALSE(has_second());
    EXPECT_TRUE(waits_for("NB/Logical_Switch"));
    translated();
    ASSERT_TRUE(until([&] { return has_second(); }));
    ASSERT_TRUE(until_synced());
    EXPECT_EQ(raised(), 1) << "nothing waits for the second";
}

TEST_F(OrderTest, InstalledWaitsForAllTheWayAndSoDoesGoing) {
    make_global();
    const auto a = put(first());
    const auto b = put(second(Level::installed));
    begin();
    ASSERT_TRUE(until([&] { return has_first() && raised() == 1; }));
    translated();
    for (int i = 0; i < 5; ++i)
        step();
    EXPECT_FALSE(has_second());
    installed();
    ASSERT_TRUE(until([&] { return has_second(); }));
    ASSERT_TRUE(until_synced());

    withdraw(a);
    withdraw(b);
    ASSERT_TRUE(until([&] { return !has_second() && raised() == 2; }));
    translated();
    for (int i = 0; i < 5; ++i)
        step();
    EXPECT_TRUE(has_first()) << "flows may still know the second";
    installed();
    ASSERT_TRUE(until([&] { return !has_first(); }));
    EXPECT_EQ(raised(), 2);
}

TEST_F(OrderTest, ARowThatWasThereBeforeHasToProveItsLevel) {
    make_global();
    north().insert(first());
    begin();
    put(first());
    ASSERT_TRUE(until_synced());
    EXPECT_EQ(north().status().requests, 0U);
    put(second(Level::installed));
    ASSERT_TRUE(until([&] { return raised() == 1; }));
    EXPECT_FALSE(has_second());
    installed();
    ASSERT_TRUE(until([&] { return has_second(); }));
}

TEST_F(OrderTest, NothingIsRaisedForRowsThatNobodyWaitsFor) {
    make_global();
    put(first());
    begin();
    ASSERT_TRUE(until_synced());
    EXPECT_EQ(raised(), 0);
}

TEST_F(OrderTest, ARowThatIsPutAgainBeforeItIsGoneHoldsNothingUp) {
    make_global();
    const auto a = put(first());
    const auto b = put(second(Level::installed));
    begin();
    ASSERT_TRUE(until([&] { return has_first() && raised() == 1; }));
    installed();
    ASSERT_TRUE(until([&] { return has_second(); }));
    withdraw(b);
    ASSERT_TRUE(until([&] { return !has_second(); }));
    put(second(Level::committed));
    ASSERT_TRUE(until([&] { return has_second(); }));
    withdraw(b);
    withdraw(a);
    ASSERT_TRUE(until([&] { return !has_first() && !has_second(); }));
}

TEST_F(OrderTest, ADatabaseThatStartsAnewIsAskedAgain) {
    make_global();
    put(first());
    put(second(Level::installed));
    begin();
    ASSERT_TRUE(until([&] { return has_first() && raised() == 1; }));
    north().erase<nb::NBGlobal>(north().see<nb::NBGlobal>(".")->uuid);
    ASSERT_TRUE(until([&] { return !north().replica().find_by_key<nb::NBGlobal>("."); }));
    make_global();
    ASSERT_TRUE(until([&] { return north().see<nb::NBGlobal>(".") && raised() == 1; }));
    EXPECT_FALSE(has_second());
    installed();
    ASSERT_TRUE(until([&] { return has_second(); }));
}

// ---------------------------------------------------------------------------------------------------------------------

class AcrossTest : public OrderTest {
  protected:
    void SetUp() override {
        OrderTest::SetUp();
        south_ = &add(southbound());
        local_ = &add(vswitch());
        make_global();
        root_ = local_->insert(ovs::OpenVSwitch{});
    }
    void begin_all() {
        begin();
        witness_.emplace(*order, north().replica(), south_->replica(), local_->replica());
        south_->observe([this](const auto& changes) { witness_->south_changed(changes); });
        local_->observe([this](const auto& changes) { witness_->switch_changed(changes); });
    }
    Key<nb::LogicalSwitchPort> put_port(const std::string& type = "") {
        put(first());
        return put(
            nb::LogicalSwitchPort{.parent = ovsdb::child_of(Key<nb::LogicalSwitch>{"first"}, &nb::LogicalSwitch::ports),
                                  .external_ids = ours,
                                  .name = "p1",
                                  .type = type});
    }
    /// An entry in the switch's database that comes after the port in the northbound one.
    Key<ovs::Member> put_entry(const Key<nb::LogicalSwitchPort>& port, Level level) {
        auto entry = ovsdb::set_entry(Key<ovs::OpenVSwitch>{"."}, &ovs::OpenVSwitch::external_ids, "p1", "ready");
        entry.after = {after(port, level)};
        return put(std::move(entry));
    }
    bool has_entry() {
        // The applier's own view, which is never behind what it has been told.
        const auto row = local_->replica().find_by_key<ovs::OpenVSwitch>(".");
        return row && row->external_ids.declared() && row->external_ids->contains("p1");
    }
    /// As ovs-vsctl would.
    void plug(bool is_installed) {
        const Uuid interface = Uuid::random();
        const Uuid port = Uuid::random();
        const Uuid bridge = Uuid::random();
        ovs::Interface row{.external_ids = {{"iface-id", "p1"}}, .name = "veth1"};
        if (is_installed) row.external_ids->set("ovn-installed", "true");
        ovsdb::Transaction t;
        local_->add_insert(t, row, interface);
        local_->add_insert(
            t,
            ovs::Port{.interfaces = ovsdb::Set<ovsdb::Ref<ovs::Interface>>{ovsdb::Ref<ovs::Interface>(interface)},
                      .name = "veth1"},
            port);
        local_->add_insert(
            t, ovs::Bridge{.name = "br-int", .ports = ovsdb::Set<ovsdb::Ref<ovs::Port>>{ovsdb::Ref<ovs::Port>(port)}},
            bridge);
        ovsdb::Mutations mutations;
        mutations.insert(*local_->table("Open_vSwitch").column("bridges"), bridge);
        t.mutate(local_->table("Open_vSwitch"), root_, mutations);
        local_->write(std::move(t));
    }
    Far& local() { return *local_; }
    Far& south() { return *south_; }

  private:
    Far* south_ = nullptr;
    Far* local_ = nullptr;
    Uuid root_;
    std::optional<appliers::ovsdb::PortWitness> witness_;
};

TEST_F(AcrossTest, ARowOfTheSwitchAfterACommittedPort) {
    const auto entry = put_entry(Key<nb::LogicalSwitchPort>{"p1"}, Level::committed);
    begin_all();
    ASSERT_TRUE(until([&] { return !local().status().faults.empty(); }));
    EXPECT_FALSE(has_entry());
    const auto port = put_port();
    ASSERT_TRUE(until([&] { return has_entry(); }));
    EXPECT_TRUE(north().see<nb::LogicalSwitchPort>("p1"));
    ASSERT_TRUE(until_synced());
    EXPECT_EQ(raised(), 0);

    // Both go: the entry first.
    bool port_gone_first = false;
    each_step = [&] {
        port_gone_first = port_gone_first || (!north().see<nb::LogicalSwitchPort>("p1") && has_entry());
    };
    withdraw(port);
    withdraw(entry);
    ASSERT_TRUE(until([&] { return !north().see<nb::LogicalSwitchPort>("p1"); }));
    EXPECT_FALSE(has_entry());
    EXPECT_FALSE(port_gone_first);
}

TEST_F(AcrossTest, APortIsInstalledWhenItsInterfaceIs) {
    const auto port = put_port();
    put_entry(port, Level::installed);
    begin_all();
    ASSERT_TRUE(until([&] { return north().see<nb::LogicalSwitchPort>("p1") && raised() == 1; }));
    installed();
    for (int i = 0; i < 5; ++i)
        step();
    EXPECT_FALSE(has_entry()) << "hv_cfg says nothing of a port that has no interface yet";
    plug(true);
    ASSERT_TRUE(until([&] { return has_entry(); }));
}

TEST_F(AcrossTest, APortWithoutAnInterfaceOfItsOwnGoesByHvCfg) {
    const auto port = put_port("router");
    put_entry(port, Level::installed);
    begin_all();
    ASSERT_TRUE(until([&] { return north().see<nb::LogicalSwitchPort>("p1") && raised() == 1; }));
    for (int i = 0; i < 5; ++i)
        step();
    EXPECT_FALSE(has_entry());
    installed();
    ASSERT_TRUE(until([&] { return has_entry(); }));
}

TEST_F(AcrossTest, APortBindingTellsSoonerThanNbCfg) {
    const auto port = put_port();
    put_entry(port, Level::southbound);
    begin_all();
    ASSERT_TRUE(until([&] { return north().see<nb::LogicalSwitchPort>("p1").has_value(); }));
    for (int i = 0; i < 5; ++i)
        step();
    EXPECT_FALSE(has_entry());
    const Uuid datapath = south().insert(sb::DatapathBinding{.tunnel_key = 1});
    south().insert(
        sb::PortBinding{.datapath = ovsdb::Ref<sb::DatapathBinding>(datapath), .logical_port = "p1", .tunnel_key = 1});
    ASSERT_TRUE(until([&] { return has_entry(); }));
}

}  // namespace
}  // namespace weft::test
