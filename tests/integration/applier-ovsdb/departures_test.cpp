#include "integration/applier-ovsdb/bed.hpp"
#include "ipam/ipam.hpp"

#include <weft/tables/ipam.hpp>

#include <gmock/gmock.h>

namespace weft::test {
namespace {

using namespace std::chrono_literals;
using tables::AddressLease;
using tables::AddressPool;
using tables::AddressRequest;
using tables::DepartedPort;

const ovsdb::Map<std::string, std::string> ours{{"owner", "weft"}};

/// The real allocator with a pool of two addresses, of which one pod has one; the test is OVN.
class DeparturesTest : public ApplierBed {
  protected:
    void SetUp() override {
        wants<nb::LogicalSwitch, nb::LogicalSwitchPort, AddressPool, AddressRequest>();
        ASSERT_TRUE(engine->add_input(table_spec<ovsdb::Replica<nb::LogicalSwitchPort>>()));
        ASSERT_TRUE(engine->add_input(table_spec<DepartedPort>()));
        ASSERT_TRUE(engine->add({.name = "ipam", .operators = {{"addresses", Role::node, ipam::address_allocator()}}}));
        north_ = &add(northbound());
        south_ = &add(southbound());
        global_ = north_->insert(nb::NBGlobal{.name = "n1"});
        // Base+1 to the last but one, the first of which nobody gets: one address for everybody.
        put(AddressPool{.key = Key<AddressPool>{"default/n1"},
                        .prefixes = {*IpPrefix::parse("10.0.0.0/30")},
                        .reserved = {*Ip::parse("10.0.0.1")},
                        .on_switch = "n1"});
        put(nb::LogicalSwitch{.external_ids = ours, .name = "n1"});
    }
    void begin() {
        start();
        north_->applier().add_claim(owned<nb::LogicalSwitch>());
        north_->applier().add_claim(owned<nb::LogicalSwitchPort>());
        departures_.emplace(
            *engine, north_->applier(), south_->replica(), [this] { return south_->connected(); }, clock);
        north_->observe([this](const ovsdb::Changes& changes) {
            engine::ChangeSet news;
            for (const auto& change : changes.rows) {
                if (change.table->name != "Logical_Switch_Port") continue;
                if (change.after) {
                    news.put(change.table->replica_table, change.after);
                } else {
                    news.erase(change.table->replica_table, change.uuid.text());
                }
            }
            engine->post(std::move(news));
            departures_->north_changed(changes);
        });
        south_->observe([this](const ovsdb::Changes& changes) { departures_->south_changed(changes); });
        engine::ChangeSet complete;
        complete.complete(DepartedPort::table_name);
        complete.complete(nb::LogicalSwitchPort::replica_table);
        engine->post(std::move(complete));
        each_step = [this] { departures_->check(); };
    }
    void register_chassis() {
        const Uuid encap = Uuid::random();
        ovsdb::Transaction t;
        south_->add_insert(t, sb::Encap{.chassis_name = "c1", .ip = "10.1.0.1", .type = "geneve"}, encap);
        south_->add_insert(
            t, sb::Chassis{.encaps = ovsdb::Set<ovsdb::Ref<sb::Encap>>{ovsdb::Ref<sb::Encap>(encap)}, .name = "c1"},
            Uuid::random());
        south_->write(std::move(t));
        ASSERT_TRUE(until([&] { return south_->replica().find_by_key<sb::Chassis>("c1").has_value(); }));
    }
    /// What default-network does for a pod.
    void add_pod(const std::string& pod) {
        put(AddressRequest{.key = Key<AddressRequest>{pod}, .pool = "default/n1", .carrier = pod});
        ASSERT_TRUE(until([&] { return has_address(pod); }));
        const auto lease = engine->find<AddressLease>(Key<AddressLease>{pod});
        put(nb::LogicalSwitchPort{.parent = ovsdb::child_of(Key<nb::LogicalSwitch>{"n1"}, &nb::LogicalSwitch::ports),
                                  .addresses = {"0a:58:0a:00:00:02 " + lease->ips.at(0).ip().text()},
                                  .external_ids = ours,
                                  .name = pod});
        ASSERT_TRUE(until([&] { return north_->see<nb::LogicalSwitchPort>(pod).has_value(); }));
        ASSERT_TRUE(until_synced());
    }
    void remove_pod(const std::string& pod) {
        withdraw(Key<AddressRequest>{pod});
        withdraw(Key<nb::LogicalSwitchPort>{pod});
    }
    bool has_address(const std::string& pod) {
        const auto lease = engine->find<AddressLease>(Key<AddressLease>{pod});
        return lease && lease->problem.empty() && !lease->ips.empty();
    }
    std::int64_t raised() { return north_->see<nb::NBGlobal>(".")->nb_cfg.get(); }
    void forgotten() { north_->update(global_, nb::NBGlobal{.hv_cfg = raised(), .sb_cfg = raised()}); }

    Far* north_ = nullptr;
    Far* south_ = nullptr;
    Uuid global_;
    std::optional<appliers::ovsdb::Departures> departures_;
};

TEST_F(DeparturesTest, AnAddressIsNotGivenOutWhileAFlowMayKnowIt) {
    begin();
    register_chassis();
    add_pod("a");
    EXPECT_EQ(raised(), 0) << "a pod that comes asks for nothing";
    const auto requests = north_->status().requests;
    put(AddressRequest{.key = Key<AddressRequest>{"b"}, .pool = "default/n1", .carrier = "b"});
    remove_pod("a");
    ASSERT_TRUE(until([&] { return !north_->see<nb::LogicalSwitchPort>("a") && departures_->size() == 1; }));
    ASSERT_TRUE(until_synced());
    EXPECT_EQ(raised(), 1);
    EXPECT_EQ(north_->status().requests, requests + 1) << "in the transaction that takes the port away";
    for (int i = 0; i < 5; ++i)
        step();
    EXPECT_FALSE(has_address("b")) << "the port has left the northbound database, its flows have not";
    forgotten();
    ASSERT_TRUE(until([&] { return has_address("b"); }));
    EXPECT_EQ(departures_->size(), 0U);
}

TEST_F(DeparturesTest, APortThatSomebodyElseTookAwayCountsToo) {
    begin();
    register_chassis();
    const Uuid port = Uuid::random();
    ovsdb::Transaction t;
    north_->add_insert(t, nb::LogicalSwitchPort{.addresses = {"0a:58:0a:00:00:02 10.0.0.2"}, .name = "foreign"}, port);
    ASSERT_TRUE(until_synced());
    ovsdb::Mutations in;
    in.insert(*north_->table("Logical_Switch").column("ports"), port);
    t.mutate(north_->table("Logical_Switch"), north_->see<nb::LogicalSwitch>("n1")->uuid, in);
    north_->write(std::move(t));
    ASSERT_TRUE(until([&] { return north_->replica().find_by_key<nb::LogicalSwitchPort>("foreign").has_value(); }));
    put(AddressRequest{.key = Key<AddressRequest>{"b"}, .pool = "default/n1", .carrier = "b"});
    step();
    EXPECT_FALSE(has_address("b"));
    ovsdb::Transaction away;
    ovsdb::Mutations out;
    out.erase(*north_->table("Logical_Switch").column("ports"), port);
    away.mutate(north_->table("Logical_Switch"), north_->see<nb::LogicalSwitch>("n1")->uuid, out);
    north_->write(std::move(away));
    ASSERT_TRUE(until([&] { return raised() == 1; }));
    EXPECT_FALSE(has_address("b"));
    forgotten();
    ASSERT_TRUE(until([&] { return has_address("b"); }));
}

TEST_F(DeparturesTest, WithoutAChassisThereIsNothingToWaitFor) {
    begin();
    add_pod("a");
    put(AddressRequest{.key = Key<AddressRequest>{"b"}, .pool = "default/n1", .carrier = "b"});
    remove_pod("a");
    ASSERT_TRUE(until([&] { return has_address("b"); }));
    EXPECT_EQ(raised(), 0);
    EXPECT_FALSE(north_->see<nb::LogicalSwitchPort>("a")) << "committed as gone it has to be";
}

TEST_F(DeparturesTest, WhenOvnFallsSilentAddressesAreLetGoAndItIsTrustedAgainWhenItAnswers) {
    begin();
    register_chassis();
    add_pod("a");
    put(AddressRequest{.key = Key<AddressRequest>{"b"}, .pool = "default/n1", .carrier = "b"});
    remove_pod("a");
    ASSERT_TRUE(until([&] { return departures_->size() == 1 && raised() == 1; }));
    ASSERT_TRUE(until_synced());
    EXPECT_FALSE(has_address("b"));
    ASSERT_TRUE(north_->applier().next_deadline()) << "somebody has to wake up for it";
    clock.advance(31s);
    ASSERT_TRUE(until([&] { return has_address("b"); }));
    // While it is silent nobody waits.
    add_pod("b");
    put(AddressRequest{.key = Key<AddressRequest>{"c"}, .pool = "default/n1", .carrier = "c"});
    remove_pod("b");
    ASSERT_TRUE(until([&] { return has_address("c"); }));
    EXPECT_EQ(raised(), 1);
    // It has caught up: from now on it is waited for again.
    forgotten();
    add_pod("c");
    put(AddressRequest{.key = Key<AddressRequest>{"d"}, .pool = "default/n1", .carrier = "d"});
    remove_pod("c");
    ASSERT_TRUE(until([&] { return departures_->size() == 1 && raised() == 2; }));
    EXPECT_FALSE(has_address("d"));
    forgotten();
    ASSERT_TRUE(until([&] { return has_address("d"); }));
}

}  // namespace
}  // namespace weft::test
