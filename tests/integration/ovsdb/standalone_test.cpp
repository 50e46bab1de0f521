// One client and one real ovsdb-server.
#include "integration/ovsdb/harness.hpp"

#include <weft/ovsdb/nb.hpp>

#include <gmock/gmock.h>

using namespace weft;
using namespace weft::ovsdb;
using namespace weft::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

namespace {

const DatabaseInfo& db = nb_database();
const TableInfo& ports_table = *db.table("Logical_Switch_Port");
const TableInfo& switches = *db.table("Logical_Switch");
const TableInfo& groups = *db.table("Port_Group");

MonitorRequest pods() {
    MonitorRequest request;
    for (const char* name : {"Logical_Switch", "Logical_Switch_Port", "Port_Group", "Address_Set", "ACL"}) {
        request.push_back(TableRequest::all(*db.table(name)));
    }
    return request;
}

class Standalone : public testing::Test {
  protected:
    TempDir dir;
    Server server{dir, "ovn-nb-26.03.2.ovsschema"};
};

TEST_F(Standalone, RowsWithChosenUuidsAppearBeforeTheReply) {
    Owner owner(db, server.remote(), pods());
    ASSERT_TRUE(owner.until_synced());
    Ports ports(owner);
    ports.make_switch();
    owner.order.clear();
    owner.row_changes.clear();
    Transaction t;
    const Uuid uuid = Uuid::random();
    ports.add(t, "p1", uuid);
    const auto outcome = owner.commit(std::move(t));
    ASSERT_TRUE(outcome.ok()) << outcome.text();
    EXPECT_THAT(outcome.counts, ElementsAre(1, 1));
    EXPECT_THAT(owner.order, ElementsAre("update", "reply"));
    const auto row = owner.replica.find<nb::LogicalSwitchPort>(uuid);
    ASSERT_TRUE(row);
    EXPECT_EQ(*row->name, "p1");
    EXPECT_EQ(row->parent, (Parent{"Logical_Switch", "ports", "n1"}));
    EXPECT_TRUE(owner.replica.contains(switches, ports.switch_uuid, *switches.column("ports"), Scalar(uuid)));
    // One update: the port and the switch's new member came together.
    EXPECT_THAT(owner.row_changes, SizeIs(1));
    EXPECT_THAT(owner.member_changes, SizeIs(1));
}

TEST_F(Standalone, EveryKindOfOperation) {
    Owner owner(db, server.remote(), pods());
    ASSERT_TRUE(owner.until_synced());
    Ports ports(owner);
    ports.make_switch();
    const Uuid port = Uuid::random();
    const Uuid group = Uuid::random();
    {
        Transaction t;
        ports.add(t, "p1", port);
        const nb::PortGroup row{
            .external_ids = {{"mine", "1"}}, .name = "pg", .ports = {Ref<nb::LogicalSwitchPort>(port)}};
        ASSERT_TRUE(t.insert(groups, group, &row, groups.all_columns(), no_references()).ok());
        t.comment("weft test");
        ASSERT_TRUE(owner.commit(std::move(t)).ok());
    }
    EXPECT_TRUE(owner.replica.contains(groups, group, *groups.column("ports"), Scalar(port)));
    {
        Transaction t;
        Mutations m;
        m.erase(*groups.column("ports"), Scalar(port));
        m.set_entry(*groups.column("external_ids"), Scalar("mine"), Scalar("2"));
        m.set_entry(*groups.column("external_ids"), Scalar("new"), Scalar("3"));
        t.mutate(groups, group, m);
        const nb::LogicalSwitchPort changed{.tag = 7, .type = "router"};
        ASSERT_TRUE(t.update(ports_table, port, &changed, ports_table.all_columns(), no_references()).ok());
        const auto outcome = owner.commit(std::move(t));
        ASSERT_TRUE(outcome.ok()) << outcome.text();
    }
    EXPECT_FALSE(owner.replica.contains(groups, group, *groups.column("ports"), Scalar(port)));
    const auto ids = owner.replica.find<nb::PortGroup>(group)->external_ids;
    EXPECT_EQ(ids.get(), (Map<std::string, std::string>{{"mine", "2"}, {"new", "3"}}));
    EXPECT_EQ(**owner.replica.find<nb::LogicalSwitchPort>(port)->tag, 7);
    {
        Transaction t;
        t.set_column(ports_table, port, *ports_table.column("tag"), R"(["set",[]])");
        Mutations m;
        m.erase_entry(*groups.column("external_ids"), Scalar("mine"));
        t.mutate(groups, group, m);
        t.erase(groups, Uuid::random());
        const auto outcome = owner.commit(std::move(t));
        ASSERT_TRUE(outcome.ok()) << outcome.text();
        EXPECT_THAT(outcome.counts, ElementsAre(1, 1, 0));
    }
    EXPECT_FALSE(owner.replica.find<nb::LogicalSwitchPort>(port)->tag.declared());
    {
        // The port hangs on the switch: it goes with it.
        Transaction t;
        t.erase(switches, ports.switch_uuid);
        t.erase(groups, group);
        ASSERT_TRUE(owner.commit(std::move(t)).ok());
    }
    EXPECT_EQ(owner.replica.size(ports_table) + owner.replica.size(switches) + owner.replica.size(groups), 0u);
}

TEST_F(Standalone, WaitsGuardATransaction) {
    Owner owner(db, server.remote(), pods());
    ASSERT_TRUE(owner.until_synced());
    Ports ports(owner);
    ports.make_switch();
    const std::array<std::string_view, 1> name{"name"};
    const nb::LogicalSwitch same{.name = "n1"};
    const nb::LogicalSwitch other{.name = "n2"};
    const auto try_with = [&](auto&& guard) {
        Transaction t;
        guard(t);
        t.comment("guarded");
        return owner.commit(std::move(t)).kind;
    };
    const ColumnSet by_name = switches.columns_named(name);
    using Kind = Outcome::Kind;
    EXPECT_EQ(try_with([&](Transaction& t) { t.wait_row(switches, ports.switch_uuid, true); }), Kind::success);
    EXPECT_EQ(try_with([&](Transaction& t) { t.wait_row(switches, ports.switch_uuid, false); }), Kind::again);
    EXPECT_EQ(try_with([&](Transaction& t) { t.wait_row(switches, Uuid::random(), true); }), Kind::again);
    EXPECT_EQ(try_with([&](Transaction& t) { t.wait_row(switches, Uuid::random(), false); }), Kind::success);
    EXPECT_EQ(try_with([&](Transaction& t) {
                  EXPECT_TRUE(t.wait_values(switches, ports.switch_uuid, &same, by_name, no_references()).ok());
              }),
              Kind::success);
    EXPECT_EQ(try_with([&](Transaction& t) {
                  EXPECT_TRUE(t.wait_values(switches, ports.switch_uuid, &other, by_name, no_references()).ok());
              }),
              Kind::again);
    EXPECT_EQ(
        try_with([&](Transaction& t) { EXPECT_TRUE(t.wait_absent(switches, &same, by_name, no_references()).ok()); }),
        Kind::again);
    EXPECT_EQ(
        try_with([&](Transaction& t) { EXPECT_TRUE(t.wait_absent(switches, &other, by_name, no_references()).ok()); }),
        Kind::success);
}

TEST_F(Standalone, ARefusalNamesTheOperation) {
    Owner owner(db, server.remote(), pods());
    ASSERT_TRUE(owner.until_synced());
    Transaction t;
    t.begin_group(1);
    t.comment("fine");
    t.begin_group(2);
    const TableInfo& acls = *db.table("ACL");
    const nb::ACL bad{.action = "allow", .direction = "sideways", .match = "", .priority = 1};
    ASSERT_TRUE(t.insert(acls, Uuid::random(), &bad, acls.all_columns(), no_references()).ok());
    const auto operations = t.operations();
    const auto outcome = owner.commit(std::move(t));
    EXPECT_EQ(outcome.kind, Outcome::Kind::error);
    EXPECT_EQ(outcome.operation, 1u);
    EXPECT_EQ(outcome.error, "constraint violation");
    EXPECT_THAT(outcome.details, HasSubstr("sideways"));
    EXPECT_THAT(suspects(outcome, operations), ElementsAre(2));
}

TEST_F(Standalone, ARefusalAtCommitNamesTheRow) {
    Owner owner(db, server.remote(), pods());
    ASSERT_TRUE(owner.until_synced());
    const auto group = [&](const std::string& name) {
        Transaction t;
        const nb::PortGroup row{.name = name};
        EXPECT_TRUE(t.insert(groups, Uuid::random(), &row, groups.all_columns(), no_references()).ok());
        return t;
    };
    ASSERT_TRUE(owner.commit(group("pg")).ok());
    // A second row with the name, beside one that is fine: the whole transaction is refused, and only one is to blame.
    Transaction t;
    t.begin_group(1);
    t.append([&] {
        Transaction fine;
        fine.begin_group(1);
        const nb::PortGroup row{.name = "other"};
        EXPECT_TRUE(fine.insert(groups, Uuid::random(), &row, groups.all_columns(), no_references()).ok());
        return fine;
    }());
    Transaction twice;
    twice.begin_group(2);
    const nb::PortGroup row{.name = "pg"};
    ASSERT_TRUE(twice.insert(groups, Uuid::random(), &row, groups.all_columns(), no_references()).ok());
    t.append(twice);
    const auto operations = t.operations();
    const auto outcome = owner.commit(std::move(t));
    EXPECT_EQ(outcome.kind, Outcome::Kind::error);
    EXPECT_FALSE(outcome.operation.has_value());
    EXPECT_EQ(outcome.error, "constraint violation");
    EXPECT_THAT(suspects(outcome, operations), ElementsAre(2));
    // A reference to nothing.
    Transaction dangling;
    dangling.begin_group(3);
    const Uuid sw = Uuid::random();
    const nb::LogicalSwitch with{.name = "x", .ports = {Ref<nb::LogicalSwitchPort>(Uuid::random())}};
    ASSERT_TRUE(dangling.insert(switches, sw, &with, switches.all_columns(), no_references()).ok());
    const auto refused = owner.commit(std::move(dangling));
    EXPECT_EQ(refused.error, "referential integrity violation");
    EXPECT_EQ(owner.replica.size(groups), 1u);
}

TEST_F(Standalone, PipelinedTransactionsAreAllAnswered) {
    Owner owner(db, server.remote(), pods());
    ASSERT_TRUE(owner.until_synced());
    Ports ports(owner);
    ports.make_switch();
    std::vector<std::uint64_t> ids;
    for (int i = 0; i < 500; ++i) {
        Transaction t;
        ports.add(t, "p" + std::to_string(i), Uuid::random());
        ids.push_back(owner.client->transact(std::move(t)));
    }
    ASSERT_TRUE(owner.until([&] { return owner.outcomes.contains(ids.back()); }));
    for (const auto id : ids)
        EXPECT_TRUE(owner.outcome(id)->ok());
    EXPECT_EQ(owner.replica.size(ports_table), 500u);
    EXPECT_EQ(owner.replica.members(switches, ports.switch_uuid, *switches.column("ports"))->size(), 500u);
}

TEST_F(Standalone, WhatSomebodyElseDoesIsSeen) {
    Owner a(db, server.remote(), pods());
    Owner b(db, server.remote(), pods());
    ASSERT_TRUE(a.until_synced() && b.until_synced());
    Ports ports(a);
    ports.make_switch();
    ASSERT_TRUE(b.until([&] { return bool(b.replica.find(switches, ports.switch_uuid)); }));
    Transaction t;
    t.erase(switches, ports.switch_uuid);
    ASSERT_TRUE(b.commit(std::move(t)).ok());
    ASSERT_TRUE(a.until([&] { return a.replica.size(switches) == 0; }));
}

TEST_F(Standalone, ConditionsKeepRowsOut) {
    Owner all(db, server.remote(), pods());
    MonitorRequest request = pods();
    for (auto& one : request) {
        if (one.table == &ports_table) one.where = {Clause::equals("type", "router"), Clause::equals("name", "p3")};
    }
    Owner some(db, server.remote(), request);
    ASSERT_TRUE(all.until_synced() && some.until_synced());
    Ports ports(all);
    ports.make_switch();
    Transaction t;
    const Uuid p1 = Uuid::random();
    const Uuid p3 = Uuid::random();
    ports.add(t, "p1", p1);
    ports.add(t, "p2", Uuid::random());
    ports.add(t, "p3", p3);
    ASSERT_TRUE(all.commit(std::move(t)).ok());
    ASSERT_TRUE(some.until([&] { return bool(some.replica.find(ports_table, p3)); }));
    EXPECT_EQ(some.replica.size(ports_table), 1u);
    // A row that begins to match comes as if it were new, with its parent.
    Transaction change;
    const nb::LogicalSwitchPort router{.type = "router"};
    ASSERT_TRUE(change.update(ports_table, p1, &router, ports_table.all_columns(), no_references()).ok());
    ASSERT_TRUE(all.commit(std::move(change)).ok());
    ASSERT_TRUE(some.until([&] { return some.replica.size(ports_table) == 2; }));
    EXPECT_EQ(some.replica.find<nb::LogicalSwitchPort>(p1)->parent.key, "n1");
    // And leaves when it doesn't any more.
    Transaction back;
    const nb::LogicalSwitchPort plain{.type = ""};
    ASSERT_TRUE(back.update(ports_table, p1, &plain, ports_table.all_columns(), no_references()).ok());
    ASSERT_TRUE(all.commit(std::move(back)).ok());
    ASSERT_TRUE(some.until([&] { return some.replica.size(ports_table) == 1; }));
    // Another condition on the same connection.
    request = pods();
    some.client->set_monitors(request);
    ASSERT_TRUE(some.until([&] { return some.replica.size(ports_table) == 3; }));
    EXPECT_EQ(some.connects, 1);
}

TEST_F(Standalone, OnlyAskedColumnsCome) {
    Owner all(db, server.remote(), pods());
    const std::array<std::string_view, 1> type{"type"};
    Owner some(db, server.remote(), {{&ports_table, ports_table.columns_named(type), {}}});
    ASSERT_TRUE(all.until_synced() && some.until_synced());
    Ports ports(all);
    ports.make_switch();
    Transaction t;
    const Uuid p1 = Uuid::random();
    ports.add(t, "p1", p1);
    ASSERT_TRUE(all.commit(std::move(t)).ok());
    ASSERT_TRUE(some.until([&] { return bool(some.replica.find(ports_table, p1)); }));
    const auto row = some.replica.find<nb::LogicalSwitchPort>(p1);
    EXPECT_EQ(*row->name, "p1");
    EXPECT_FALSE(row->addresses.declared());
    EXPECT_EQ(some.replica.size(switches), 0u);
}

TEST_F(Standalone, TheLockKeepsASecondWriterOut) {
    Owner first(db, server.remote(), pods(), {.lock = "weft"});
    ASSERT_TRUE(first.until([&] { return first.synced && first.locked; }));
    Owner second(db, server.remote(), pods(), {.lock = "weft"});
    ASSERT_TRUE(second.until_synced());
    EXPECT_FALSE(second.locked);
    Transaction t;
    t.comment("x");
    EXPECT_EQ(second.commit(t).kind, Outcome::Kind::not_locked);
    EXPECT_TRUE(first.commit(t).ok());
    first.client.reset();
    ASSERT_TRUE(second.until([&] { return second.locked; }));
    EXPECT_TRUE(second.commit(t).ok());
}

TEST_F(Standalone, ReconnectingShowsOnlyRealDifferences) {
    Owner owner(db, server.remote(), pods());
    Owner other(db, server.remote(), pods());
    ASSERT_TRUE(owner.until_synced() && other.until_synced());
    Ports ports(owner);
    ports.make_switch();
    Transaction t;
    for (int i = 0; i < 50; ++i)
        ports.add(t, "p" + std::to_string(i), Uuid::random());
    ASSERT_TRUE(owner.commit(std::move(t)).ok());
    const RowPtr before = owner.replica.find(switches, ports.switch_uuid);
    owner.row_changes.clear();
    owner.member_changes.clear();
    owner.client->reconnect("the test says so");
    ASSERT_TRUE(owner.until([&] { return owner.connects == 2 && owner.synced; }));
    EXPECT_FALSE(owner.resumed);
    EXPECT_THAT(owner.row_changes, IsEmpty());
    EXPECT_THAT(owner.member_changes, IsEmpty());
    EXPECT_TRUE(owner.replica.find(switches, ports.switch_uuid).is(before));
    // The same over a restart of the server, with one change that we didn't see.
    server.restart();
    ASSERT_TRUE(other.until([&] { return other.connects == 2 && other.synced; }));
    Transaction change;
    ports.add(change, "late", Uuid::random());
    ASSERT_TRUE(other.commit(std::move(change)).ok());
    ASSERT_TRUE(
        owner.until([&] { return owner.connects == 3 && owner.synced && owner.replica.size(ports_table) == 51; }));
    EXPECT_THAT(owner.row_changes, SizeIs(1));
    EXPECT_THAT(owner.member_changes, SizeIs(1));
}

TEST_F(Standalone, MonitorsChangeOnALiveConnection) {
    Owner owner(db, server.remote(), pods());
    ASSERT_TRUE(owner.until_synced());
    Ports ports(owner);
    ports.make_switch();
    owner.client->set_monitors({TableRequest::all(ports_table)});
    ASSERT_TRUE(owner.until([&] { return owner.replica.size(switches) == 0; }));
    owner.client->set_monitors(pods());
    ASSERT_TRUE(owner.until([&] { return owner.replica.size(switches) == 1; }));
    EXPECT_EQ(owner.connects, 1);
}

TEST_F(Standalone, ASlowOwnerLosesNothing) {
    Owner writer(db, server.remote(), pods());
    Owner slow(db, server.remote(), pods(), {.probe_interval = std::chrono::milliseconds(200), .inbox_limit = 1000});
    ASSERT_TRUE(writer.until_synced() && slow.until_synced());
    Ports ports(writer);
    ports.make_switch();
    for (int i = 0; i < 200; ++i) {
        Transaction t;
        ports.add(t, "p" + std::to_string(i), Uuid::random());
        ASSERT_TRUE(writer.commit(std::move(t)).ok());
    }
    ASSERT_TRUE(slow.until([&] { return slow.replica.size(ports_table) == 200; }));
    EXPECT_EQ(slow.connects, 1);
}

TEST_F(Standalone, OwnersAreWoken) {
    std::atomic<int> woken{0};
    ClientSettings settings;
    settings.database = &db;
    settings.remotes = *Remote::parse_list(server.remote());
    settings.reconnect.min_backoff = std::chrono::milliseconds(10);
    Client client(settings, [&] { ++woken; });
    client.set_monitors(pods());
    while (woken == 0)
        std::this_thread::yield();
    EXPECT_FALSE(client.take().empty());
}

}  // namespace
