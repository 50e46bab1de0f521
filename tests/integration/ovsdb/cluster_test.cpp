// Three ovsdb-servers that make one RAFT cluster.
#include "integration/ovsdb/harness.hpp"

#include <weft/ovsdb/nb.hpp>

#include <gmock/gmock.h>

using namespace weft;
using namespace weft::ovsdb;
using namespace weft::test;
using testing::IsEmpty;

namespace {

const DatabaseInfo& db = nb_database();
const TableInfo& ports_table = *db.table("Logical_Switch_Port");
const TableInfo& switches = *db.table("Logical_Switch");
const TableInfo& groups = *db.table("Port_Group");

MonitorRequest pods() {
    return {TableRequest::all(switches), TableRequest::all(ports_table)};
}

class Cluster : public testing::Test {
  protected:
    Cluster() {
        servers.push_back(Server::cluster_member(dir, "s1", "ovn-nb-26.03.2.ovsschema", nullptr));
        for (const char* name : {"s2", "s3"}) {
            servers.push_back(Server::cluster_member(dir, name, "ovn-nb-26.03.2.ovsschema", servers[0].get()));
        }
    }

    /// Waits until every server serves clients, which a joining one does only after a while.
    void wait_for_all() const {
        for (const auto& server : servers) {
            Owner owner(db, server->remote(), pods(), {.leader_only = false});
            ASSERT_TRUE(owner.until_synced());
        }
    }

    std::string remotes() const {
        std::string all;
        for (const auto& server : servers)
            all += (all.empty() ? "" : ",") + server->remote();
        return all;
    }

    /// The server whose remote this is.
    Server& at(const std::string& remote) const {
        for (const auto& server : servers) {
            if (server->remote() == remote) return *server;
        }
        throw std::logic_error("no server at " + remote);
    }

    TempDir dir;
    std::vector<std::unique_ptr<Server>> servers;
};

/// Which server is the leader: the one a client that wants no other ends up with.
std::string leader(const Cluster&, const std::string& remotes) {
    Client client({.database = &db, .remotes = *Remote::parse_list(remotes)}, nullptr);
    client.set_monitors(pods());
    for (const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
         std::chrono::steady_clock::now() < deadline;) {
        client.wait_for(std::chrono::seconds(1));
        for (const auto& event : client.take()) {
            if (const auto* connected = std::get_if<Connected>(&event)) return connected->remote;
        }
    }
    return "none";
}

TEST_F(Cluster, AResumedConnectionBringsOnlyWhatChanged) {
    wait_for_all();
    MonitorRequest request = pods();
    request.push_back(TableRequest::all(groups));
    Owner owner(db, remotes(), request);
    Owner other(db, remotes(), request);
    ASSERT_TRUE(owner.until_synced() && other.until_synced());
    Ports ports(owner);
    ports.make_switch();
    Transaction t;
    for (int i = 0; i < 100; ++i)
        ports.add(t, "p" + std::to_string(i), Uuid::random());
    ASSERT_TRUE(owner.commit(std::move(t)).ok());
    // A server remembers its last transactions as long as they are together smaller than the contents: after some small
    // ones, one more makes it forget none of them.
    const auto group = [&](const std::string& name) {
        Transaction small;
        const nb::PortGroup row{.name = name};
        EXPECT_TRUE(small.insert(groups, Uuid::random(), &row, groups.all_columns(), no_references()).ok());
        return small;
    };
    for (int i = 0; i < 5; ++i)
        ASSERT_TRUE(owner.commit(group("g" + std::to_string(i))).ok());
    owner.row_changes.clear();
    owner.client->reconnect("the test says so");
    ASSERT_TRUE(owner.until([&] { return owner.connects == 2 && owner.synced; }));
    EXPECT_TRUE(owner.resumed);
    EXPECT_THAT(owner.row_changes, IsEmpty());
    EXPECT_EQ(owner.replica.size(ports_table), 100u);

    // What happens while a connection is down is what it gets afterwards.
    owner.client->reconnect("again");
    ASSERT_TRUE(other.commit(group("late")).ok());
    ASSERT_TRUE(owner.until([&] { return owner.connects == 3 && owner.replica.size(groups) == 6; }));
    EXPECT_TRUE(owner.resumed);
    EXPECT_EQ(owner.row_changes.size(), 1u);
}

TEST_F(Cluster, SurvivesTheDeathOfItsLeader) {
    wait_for_all();
    const std::string first = leader(*this, remotes());
    Owner owner(db, remotes(), pods());
    ASSERT_TRUE(owner.until_synced());
    Ports ports(owner);
    ports.make_switch();
    // Transactions keep coming while the leader dies. Every one ends up committed once: those whose outcome is unknown
    // are decided by looking for the UUID that was chosen for them.
    std::map<std::uint64_t, Uuid> sent;
    int number = 0;
    const auto send = [&](const Uuid& uuid) {
        Transaction t;
        ports.add(t, "p" + std::to_string(number++), uuid);
        sent[owner.client->transact(std::move(t))] = uuid;
    };
    for (int i = 0; i < 50; ++i)
        send(Uuid::random());
    ASSERT_TRUE(owner.until([&] { return owner.outcomes.size() > 10; }));
    for (int i = 0; i < 50; ++i)
        send(Uuid::random());
    at(first).kill9();
    ASSERT_TRUE(owner.until([&] { return owner.connects == 2 && owner.synced; }));
    // Whether it resumed is up to the server: how much of the past it remembers depends on the size of the contents.
    int sure = 0;
    int unknown = 0;
    for (const auto& [id, uuid] : std::map(sent)) {
        ASSERT_TRUE(owner.until([&, wanted = id] { return owner.outcomes.contains(wanted); }));
        const auto kind = owner.outcome(id)->kind;
        const bool there = bool(owner.replica.find(ports_table, uuid));
        if (kind == Outcome::Kind::success) {
            ++sure;
            EXPECT_TRUE(there);
        } else {
            ASSERT_TRUE(kind == Outcome::Kind::lost || kind == Outcome::Kind::unsent) << owner.outcome(id)->text();
            ++unknown;
            if (!there) send(uuid);
        }
    }
    EXPECT_EQ(sure + unknown, 100);
    RecordProperty("unknown", unknown);
    const std::size_t all = owner.replica.members(switches, ports.switch_uuid, *switches.column("ports"))->size();
    ASSERT_TRUE(owner.until([&] { return owner.replica.size(ports_table) == 100; })) << all;
    ASSERT_TRUE(owner.until([&] { return owner.outcomes.size() == sent.size() + 1; }));
    EXPECT_NE(leader(*this, remotes()), first);
    // The dead one comes back and catches up.
    at(first).start();
    Owner back(db, first, pods(), {.leader_only = false});
    ASSERT_TRUE(back.until([&] { return back.synced && back.replica.size(ports_table) == 100; }));
}

TEST_F(Cluster, OnlyTheLeaderWillDo) {
    wait_for_all();
    const std::string first = leader(*this, remotes());
    std::string followers;
    for (const auto& server : servers) {
        if (server->remote() != first) followers += (followers.empty() ? "" : ",") + server->remote();
    }
    Owner picky(db, followers, pods());
    Owner easy(db, followers, pods(), {.leader_only = false});
    ASSERT_TRUE(easy.until_synced());
    ASSERT_TRUE(picky.until([&] { return picky.client->counters().connects >= 4; }));
    // Followers pass transactions on.
    Ports ports(easy);
    ports.make_switch();
    EXPECT_EQ(easy.replica.size(switches), 1u);
    EXPECT_TRUE(leader(*this, remotes()) != first || !picky.synced);
}

}  // namespace
