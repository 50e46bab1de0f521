#include "integration/applier-ovsdb/bed.hpp"

#include <gmock/gmock.h>

namespace weft::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

using appliers::Fault;

const ovsdb::Map<std::string, std::string> ours{{"owner", "weft"}};

class RowsTest : public ApplierBed {
  protected:
    void SetUp() override {
        wants<nb::LogicalSwitch, nb::LogicalSwitchPort, nb::PortGroup, nb::ACL, nb::AddressSet, nb::NBGlobal,
              nb::Member>();
    }
    Far& make(Far::Options options = northbound()) { return add(std::move(options)); }
    void claim(Far& far) {
        far.applier().add_claim(owned<nb::LogicalSwitch>());
        far.applier().add_claim(owned<nb::LogicalSwitchPort>());
        far.applier().add_claim(owned<nb::PortGroup>());
        far.applier().add_claim(owned<nb::AddressSet>());
    }
    nb::LogicalSwitch a_switch(const std::string& name, const std::string& mtu = "1400") {
        return {.external_ids = ours, .name = name, .other_config = {{"mtu", mtu}}};
    }
    std::vector<std::string> members(Far& far, const std::string& set) {
        const auto row = far.see<nb::AddressSet>(set);
        if (!row) return {"no such set"};
        std::vector<std::string> texts;
        for (const auto& member : far.spy().replica.all_members(far.table("Address_Set"), row->uuid,
                                                                *far.table("Address_Set").column("addresses"))) {
            texts.push_back(ovsdb::text_of(member));
        }
        std::sort(texts.begin(), texts.end());
        return texts;
    }
};

TEST_F(RowsTest, ClaimedRowsAreMadeSoAndPrunedAndOthersSurvive) {
    Far& north = make();
    const Uuid kept = north.insert(
        nb::LogicalSwitch{.copp = {}, .external_ids = ours, .name = "kept", .other_config = {{"mtu", "9000"}}});
    north.insert(nb::LogicalSwitch{.external_ids = ours, .name = "stale"});
    const Uuid foreign = north.insert(nb::LogicalSwitch{.external_ids = {{"owner", "neutron"}}, .name = "foreign"});
    put(a_switch("kept"));
    put(a_switch("new"));
    start();
    claim(north);
    ASSERT_TRUE(until_synced());
    ASSERT_TRUE(until([&] { return !north.see<nb::LogicalSwitch>("stale"); }));
    const auto adopted = north.see<nb::LogicalSwitch>("kept");
    ASSERT_TRUE(adopted);
    EXPECT_EQ(adopted->uuid, kept) << "a row that is there keeps its UUID";
    EXPECT_EQ(*adopted->other_config->find("mtu"), "1400");
    EXPECT_TRUE(north.see<nb::LogicalSwitch>("new"));
    ASSERT_TRUE(north.see<nb::LogicalSwitch>("foreign"));
    EXPECT_EQ(north.see<nb::LogicalSwitch>("foreign")->uuid, foreign);
    EXPECT_EQ(north.status().repaired, 0U) << "what is put right at the start is nobody's meddling";
}

TEST_F(RowsTest, NothingIsPrunedBeforeTheRulesHaveRunOrWhileOneThatMayWantItWaits) {
    Far& north = make();
    north.insert(nb::LogicalSwitch{.external_ids = ours, .name = "wanted-by-one-that-waits"});
    bool waiting = true;
    north.set_unsettled([&](const auto&, auto) { return waiting; });
    put(a_switch("new"));
    start();
    claim(north);
    ASSERT_TRUE(until([&] { return north.see<nb::LogicalSwitch>("new").has_value(); }));
    ASSERT_TRUE(until_synced());
    EXPECT_TRUE(north.see<nb::LogicalSwitch>("wanted-by-one-that-waits"));
    EXPECT_THAT(north.status().detail, HasSubstr("1 old rows are kept"));
    waiting = false;
    north.applier().statuses_changed();
    EXPECT_TRUE(until([&] { return !north.see<nb::LogicalSwitch>("wanted-by-one-that-waits"); }));
}

TEST_F(RowsTest, ARestartWithEverythingInPlaceWritesNothing) {
    Far& north = make();
    put(a_switch("n1"));
    const auto port =
        put(nb::LogicalSwitchPort{.parent = ovsdb::child_of(Key<nb::LogicalSwitch>{"n1"}, &nb::LogicalSwitch::ports),
                                  .addresses = {"0a:58:0a:80:00:03 10.128.0.3"},
                                  .external_ids = ours,
                                  .name = "p1"});
    put(nb::PortGroup{.external_ids = ours, .name = "pg"});
    put(ovsdb::add(Key<nb::PortGroup>{"pg"}, &nb::PortGroup::ports, port));
    start();
    claim(north);
    ASSERT_TRUE(until_synced());
    const Uuid uuid = north.see<nb::LogicalSwitchPort>("p1")->uuid;
    EXPECT_EQ(north.status().requests, 1U) << "a port commits together with what belongs to it";
    restart();
    start();
    claim(north);
    ASSERT_TRUE(until_synced());
    EXPECT_EQ(north.status().requests, 0U);
    EXPECT_EQ(north.see<nb::LogicalSwitchPort>("p1")->uuid, uuid);
}

TEST_F(RowsTest, DriftIsPutBackCountedAndReportedAsFlappingWhenItGoesOn) {
    Far& north = make();
    put(a_switch("n1"));
    start();
    claim(north);
    ASSERT_TRUE(until_synced());
    const auto mtu = [&] {
        const auto row = north.see<nb::LogicalSwitch>("n1");
        const std::string* text = row && row->other_config.declared() ? row->other_config->find("mtu") : nullptr;
        return text ? *text : "";
    };
    const auto meddle = [&](std::uint64_t times) {
        north.update(north.see<nb::LogicalSwitch>("n1")->uuid, nb::LogicalSwitch{.other_config = {{"mtu", "1"}}});
        return until([&] { return north.status().repaired == times && mtu() == "1400"; });
    };
    ASSERT_TRUE(meddle(1));
    north.erase<nb::LogicalSwitch>(north.see<nb::LogicalSwitch>("n1")->uuid);
    ASSERT_TRUE(until([&] { return north.status().repaired == 2 && mtu() == "1400"; }));
    EXPECT_THAT(north.status().faults, IsEmpty());
    for (std::uint64_t times = 3; times <= 5; ++times)
        ASSERT_TRUE(meddle(times));
    EXPECT_THAT(north.status().faults, ElementsAre(AllOf(Field(&Fault::object, "NB/Logical_Switch n1"),
                                                         Field(&Fault::what, HasSubstr("flapping")),
                                                         Field(&Fault::mend, HasSubstr("who writes this row")))));
    // Columns that no rule declares are anybody's.
    north.update(north.see<nb::LogicalSwitch>("n1")->uuid, nb::LogicalSwitch{.load_balancer_group = ovsdb::empty});
    clock.advance(2min);
    step();
    EXPECT_THAT(north.status().faults, IsEmpty()) << "after a quiet minute it is over";
}

TEST_F(RowsTest, ARefusedTransactionIsSplitBetweenIndependentGroups) {
    Far& north = make();
    // The name is unique in the database, and this row is nobody's we know.
    const Uuid in_the_way = north.insert(nb::PortGroup{.name = "taken"});
    for (int i = 0; i < 20; ++i)
        put(a_switch("n" + std::to_string(i)));
    put(nb::PortGroup{.external_ids = ours, .name = "taken"});
    const auto port =
        put(nb::LogicalSwitchPort{.parent = ovsdb::child_of(Key<nb::LogicalSwitch>{"n7"}, &nb::LogicalSwitch::ports),
                                  .external_ids = ours,
                                  .name = "p7"});
    start();
    claim(north);
    ASSERT_TRUE(
        until([&] { return north.count<nb::LogicalSwitch>() == 20 && north.see<nb::LogicalSwitchPort>("p7"); }));
    ASSERT_TRUE(until([&] { return !north.status().faults.empty(); }));
    const auto faults = north.status().faults;
    ASSERT_THAT(faults, SizeIs(1));
    EXPECT_EQ(faults[0].object, "NB/Port_Group taken");
    EXPECT_THAT(faults[0].what, HasSubstr("constraint violation"));
    north.erase<nb::PortGroup>(in_the_way);
    clock.advance(2s);
    ASSERT_TRUE(until_synced());
    EXPECT_TRUE(north.see<nb::PortGroup>("taken"));
    EXPECT_THAT(north.status().faults, IsEmpty());
}

// ---------------------------------------------------------------------------------------------------------------------
// Values that don't fit.

struct Wish {
    static constexpr std::string_view table_name = "Wish";
    Key<Wish> key;
    std::string action;
    std::int64_t priority = 0;
    static constexpr auto fields() {
        return std::tuple{field("key", &Wish::key), field("action", &Wish::action), field("priority", &Wish::priority)};
    }
};

struct AclOfWish {
    using Driver = Wish;
    using Reads = Tables<>;
    using Writes = Tables<nb::ACL>;
    static void derive(const Driver& wish, const Reader<Reads>&, Desired<Writes>& out) {
        out.put(nb::ACL{.key = Key<nb::ACL>{wish.key.text},
                        .parent = ovsdb::child_of(Key<nb::PortGroup>{"pg"}, &nb::PortGroup::acls),
                        .action = wish.action,
                        .direction = "to-lport",
                        .external_ids = {{"owner", "weft"}, {"wish", wish.key.text}},
                        .match = "ip4",
                        .priority = wish.priority});
    }
};

class MisfitTest : public ApplierBed {
  protected:
    void SetUp() override {
        wants<nb::PortGroup, nb::LogicalSwitch, nb::AddressSet, nb::NBGlobal, nb::Member, Wish>();
        ASSERT_TRUE(engine->add({.name = "wishes", .rules = {rule_spec<AclOfWish>("acls", Role::node)}}));
    }
    void claim(Far& far) {
        far.applier().add_claim(owned<nb::PortGroup>());
        far.applier().add_claim(owned<nb::LogicalSwitch>());
        auto acls = owned<nb::ACL>();
        acls.identity = [](const void* row) {
            const std::string* wish = static_cast<const nb::ACL*>(row)->external_ids->find("wish");
            return wish ? *wish : std::string();
        };
        far.applier().add_claim(acls);
    }
};

TEST_F(MisfitTest, AValueThatThisServerDoesNotKnowIsAFaultOfItsRowAlone) {
    Far& north = add(northbound());  // "pass" came with OVN 23.06
    put(nb::PortGroup{.external_ids = ours, .name = "pg"});
    put(Wish{.key = Key<Wish>{"good"}, .action = "drop", .priority = 1000});
    put(Wish{.key = Key<Wish>{"word"}, .action = "pass", .priority = 1001});
    put(Wish{.key = Key<Wish>{"range"}, .action = "drop", .priority = 40000});
    start();
    claim(north);
    ASSERT_TRUE(until([&] { return north.count<nb::ACL>() == 1 && north.status().faults.size() == 2; }));
    EXPECT_EQ(north.status().requests, 1U) << "the server was never asked for what it would refuse";
    EXPECT_THAT(
        north.status().faults,
        UnorderedElementsAre(
            AllOf(Field(&Fault::object, "NB/ACL word"),
                  Field(&Fault::what, AllOf(HasSubstr("column action"), HasSubstr("\"pass\" is none of allow, "),
                                            HasSubstr("put by wishes/acls for Wish word"))),
                  Field(&Fault::mend, HasSubstr("its schema has version "))),
            AllOf(Field(&Fault::object, "NB/ACL range"),
                  Field(&Fault::what, AllOf(HasSubstr("column priority"), HasSubstr("40000 is more than 32767"))))));
    // What is corrected goes at once, and an update that doesn't fit leaves the row as it was.
    put(Wish{.key = Key<Wish>{"word"}, .action = "allow", .priority = 1001});
    put(Wish{.key = Key<Wish>{"good"}, .action = "pass", .priority = 1000});
    ASSERT_TRUE(until([&] { return north.count<nb::ACL>() == 2; }));
    ASSERT_TRUE(until([&] {
        return testing::Value(north.status().faults, UnorderedElementsAre(Field(&Fault::object, "NB/ACL good"),
                                                                          Field(&Fault::object, "NB/ACL range")));
    }));
    north.spy().replica.each(north.table("ACL"), [](const RowPtr& row) {
        EXPECT_THAT(row.as<nb::ACL>().action.get(), testing::AnyOf("drop", "allow"));
    });
}

TEST_F(MisfitTest, ANewerServerTakesWhatTheOlderRefused) {
    Far& north = add(northbound("ovn-nb-26.03.2.ovsschema"));
    put(nb::PortGroup{.external_ids = ours, .name = "pg"});
    put(Wish{.key = Key<Wish>{"word"}, .action = "pass", .priority = 1001});
    start();
    claim(north);
    ASSERT_TRUE(until_synced());
    EXPECT_EQ(north.count<nb::ACL>(), 1U);
}

TEST_F(MisfitTest, AMemberOfTheWrongTypeIsAFaultOfItsOwn) {
    Far& north = add(northbound());
    put(nb::PortGroup{.external_ids = ours, .name = "pg"});
    // Members are texts; nothing but the column says that this one has to be a number.
    put(nb::Member{.key = Key<nb::Member>{"NB/x"},
                   .table = "Logical_Switch",
                   .row = "n1",
                   .column = "other_config",
                   .map_key = "a",
                   .value = "b"});
    put(nb::LogicalSwitch{.external_ids = ours, .name = "n1"});
    put(nb::Member{
        .key = Key<nb::Member>{"NB/y"}, .table = "NB_Global", .row = ".", .column = "nb_cfg", .value = "many"});
    north.insert(nb::NBGlobal{.name = "n1"});
    start();
    claim(north);
    ASSERT_TRUE(until([&] {
        const auto row = north.see<nb::LogicalSwitch>("n1");
        return row && row->other_config.get().contains("a") && north.status().faults.size() == 1;
    }));
    EXPECT_THAT(north.status().faults,
                ElementsAre(AllOf(Field(&Fault::object, HasSubstr("NB/y")),
                                  Field(&Fault::what, AllOf(HasSubstr("column nb_cfg"), HasSubstr("many"))))));
}

// ---------------------------------------------------------------------------------------------------------------------
// What is added to rows of others.

TEST_F(RowsTest, ContributionsAddMembersAndEntriesAndLeaveOthersAlone) {
    Far& north = make();
    const Uuid set = north.insert(nb::AddressSet{.addresses = {"10.0.0.9"}, .name = "as"});
    north.insert(nb::NBGlobal{.name = "n1", .options = {{"foreign", "1"}}});
    const Key<nb::AddressSet> as{"as"};
    const auto first = put(ovsdb::add(as, &nb::AddressSet::addresses, "10.0.0.1"));
    put(ovsdb::add(as, &nb::AddressSet::addresses, "10.0.0.2"));
    const auto option = put(ovsdb::set_entry(Key<nb::NBGlobal>{"."}, &nb::NBGlobal::options, "mac_prefix", "0a:58"));
    start();
    claim(north);
    ASSERT_TRUE(until_synced());
    EXPECT_THAT(members(north, "as"), ElementsAre("10.0.0.1", "10.0.0.2", "10.0.0.9"));
    ASSERT_TRUE(until([&] { return north.see<nb::NBGlobal>(".")->options->contains("mac_prefix"); }));
    EXPECT_TRUE(north.see<nb::NBGlobal>(".")->options->contains("foreign"));

    // What somebody takes out comes back.
    ovsdb::Transaction meddling;
    ovsdb::Mutations mutations;
    mutations.erase(*north.table("Address_Set").column("addresses"), std::string("10.0.0.1"));
    meddling.mutate(north.table("Address_Set"), set, mutations);
    north.write(std::move(meddling));
    ASSERT_TRUE(until([&] { return north.status().repaired == 1 && members(north, "as").size() == 3; }));

    withdraw(first);
    withdraw(option);
    ASSERT_TRUE(until([&] { return members(north, "as").size() == 2; }));
    EXPECT_THAT(members(north, "as"), ElementsAre("10.0.0.2", "10.0.0.9"));
    ASSERT_TRUE(until([&] { return !north.see<nb::NBGlobal>(".")->options->contains("mac_prefix"); }));
    EXPECT_TRUE(north.see<nb::NBGlobal>(".")->options->contains("foreign"));
}

TEST_F(RowsTest, ContributionsWaitForTheirRow) {
    Far& north = make();
    put(ovsdb::add(Key<nb::AddressSet>{"late"}, &nb::AddressSet::addresses, "10.0.0.1"));
    start();
    claim(north);
    ASSERT_TRUE(until([&] { return !north.status().faults.empty(); }));
    EXPECT_THAT(north.status().faults,
                ElementsAre(Field(&Fault::what, HasSubstr("waits for NB/Address_Set \"late\""))));
    north.insert(nb::AddressSet{.name = "late"});
    ASSERT_TRUE(until([&] { return members(north, "late") == std::vector<std::string>{"10.0.0.1"}; }));
    ASSERT_TRUE(until_synced());
}

class UpdateOnlyTest : public ApplierBed {};

TEST_F(UpdateOnlyTest, AColumnOfSomebodyElsesRowIsSetWhileTheRowIsThere) {
    wants<sb::Chassis, sb::Encap, sb::ForeignColumn>();
    Far& south = add(southbound());
    const Uuid datapath = south.insert(sb::DatapathBinding{.tunnel_key = 1});
    const Uuid encap = Uuid::random();
    const Uuid chassis = Uuid::random();
    ovsdb::Transaction t;
    south.add_insert(t, sb::Encap{.chassis_name = "c1", .ip = "10.0.0.1", .type = "geneve"}, encap);
    south.add_insert(
        t, sb::Chassis{.encaps = ovsdb::Set<ovsdb::Ref<sb::Encap>>{ovsdb::Ref<sb::Encap>(encap)}, .name = "c1"},
        chassis);
    south.write(std::move(t));
    const auto column =
        put(ovsdb::set_column(Key<sb::PortBinding>{"p1"}, &sb::PortBinding::chassis, Key<sb::Chassis>{"c1"}));
    start();
    ASSERT_TRUE(until([&] { return !south.status().faults.empty(); }));
    EXPECT_EQ(south.count<sb::PortBinding>(), 0U) << "the row is not ours to make";
    const auto insert = [&] {
        return south.insert(sb::PortBinding{
            .datapath = ovsdb::Ref<sb::DatapathBinding>(datapath), .logical_port = "p1", .tunnel_key = 1});
    };
    const auto is_set = [&] {
        const auto row = south.see<sb::PortBinding>("p1");
        return row && row->chassis.declared() && *row->chassis && (*row->chassis)->uuid == chassis;
    };
    const Uuid first = insert();
    ASSERT_TRUE(until(is_set));
    // Made anew by its owner, it is set again.
    south.erase<sb::PortBinding>(first);
    insert();
    ASSERT_TRUE(until(is_set));
    withdraw(column);
    ASSERT_TRUE(until([&] { return !is_set(); }));
    EXPECT_TRUE(south.see<sb::PortBinding>("p1")) << "nor to delete";
}

}  // namespace
}  // namespace weft::test
