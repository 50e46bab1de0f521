// Servers that die, hang, lie or babble.
#include "integration/ovsdb/harness.hpp"

#include <weft/ovsdb/nb.hpp>

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace weft;
using namespace weft::ovsdb;
using namespace weft::test;
using namespace std::chrono_literals;

namespace {

const DatabaseInfo& db = nb_database();
const TableInfo& ports_table = *db.table("Logical_Switch_Port");
const TableInfo& switches = *db.table("Logical_Switch");

MonitorRequest pods() {
    return {TableRequest::all(switches), TableRequest::all(ports_table)};
}

TEST(Faults, ATransactionThatTheServerDiedOnDidNotHappen) {
    const TempDir dir;
    Server server(dir, "ovn-nb-26.03.2.ovsschema");
    Owner owner(db, server.remote(), pods());
    ASSERT_TRUE(owner.until_synced());
    Ports ports(owner);
    ports.make_switch();
    // Stopped, it takes the bytes but does nothing with them; then it is killed.
    server.stop_reading();
    Transaction t;
    const Uuid uuid = Uuid::random();
    ports.add(t, "p1", uuid);
    const auto id = owner.client->transact(t);
    const auto sent = owner.client->counters().bytes_out;
    ASSERT_TRUE(owner.until(
        [&] { return owner.client->counters().bytes_out > sent || owner.client->counters().bytes_out > 2000; }));
    server.kill9();
    ASSERT_TRUE(owner.until([&] { return owner.outcomes.contains(id); }));
    EXPECT_EQ(owner.outcome(id)->kind, Outcome::Kind::lost);
    server.start();
    ASSERT_TRUE(owner.until([&] { return owner.connects == 2 && owner.synced; }));
    // Decided by looking: it is not there, so it is sent again.
    EXPECT_FALSE(owner.replica.find(ports_table, uuid));
    EXPECT_EQ(owner.replica.size(switches), 1u);
    EXPECT_TRUE(owner.commit(t).ok());
}

TEST(Faults, ATransactionWhoseAnswerGotLostDidHappen) {
    const TempDir dir;
    Server server(dir, "ovn-nb-26.03.2.ovsschema");
    Proxy proxy(dir / "proxy.sock", server.socket());
    Owner witness(db, server.remote(), pods());
    Owner owner(db, "unix:" + (dir / "proxy.sock"), pods());
    ASSERT_TRUE(owner.until_synced() && witness.until_synced());
    Ports ports(owner);
    ports.make_switch();
    proxy.swallow_answers();
    Transaction t;
    const Uuid uuid = Uuid::random();
    ports.add(t, "p1", uuid);
    const auto id = owner.client->transact(t);
    ASSERT_TRUE(witness.until([&] { return bool(witness.replica.find(ports_table, uuid)); }));
    proxy.cut();
    ASSERT_TRUE(owner.until([&] { return owner.outcomes.contains(id) && owner.connects == 2 && owner.synced; }));
    EXPECT_EQ(owner.outcome(id)->kind, Outcome::Kind::lost);
    EXPECT_TRUE(owner.replica.find(ports_table, uuid));
}

TEST(Faults, KilledAgainAndAgainInTheMiddleOfTransactions) {
    const TempDir dir;
    Server server(dir, "ovn-nb-26.03.2.ovsschema");
    Owner owner(db, server.remote(), pods());
    ASSERT_TRUE(owner.until_synced());
    Ports ports(owner);
    ports.make_switch();
    std::map<std::string, Uuid> wanted;
    for (int i = 0; i < 300; ++i)
        wanted["p" + std::to_string(i)] = Uuid::random();
    int kills = 0;
    // Each round sends what isn't there yet, and a kill comes somewhere in between, until all of it is there.
    for (int round = 0; owner.replica.size(ports_table) < wanted.size(); ++round) {
        ASSERT_TRUE(owner.until_synced());
        const int connects = owner.connects;
        std::vector<std::uint64_t> ids;
        for (const auto& [name, uuid] : wanted) {
            if (owner.replica.find(ports_table, uuid)) continue;
            Transaction t;
            ports.add(t, name, uuid);
            ids.push_back(owner.client->transact(std::move(t)));
        }
        if (round < 5) {
            const std::size_t until = owner.replica.size(ports_table) + 20;
            ASSERT_TRUE(owner.until(
                [&] { return owner.replica.size(ports_table) >= until || owner.outcomes.contains(ids.back()); }));
            server.restart();
            ++kills;
            ASSERT_TRUE(owner.until([&] { return owner.connects > connects && owner.synced; }));
        }
        ASSERT_TRUE(owner.until([&] { return owner.outcomes.contains(ids.back()); }));
        for (const auto id : ids)
            ASSERT_TRUE(owner.outcome(id)->kind != Outcome::Kind::error) << owner.outcome(id)->text();
    }
    RecordProperty("kills", kills);
    EXPECT_GE(kills, 1);
    EXPECT_EQ(owner.replica.members(switches, ports.switch_uuid, *switches.column("ports"))->size(), wanted.size());
}

TEST(Faults, AServerThatStopsReadingBlocksNobody) {
    const TempDir dir;
    Server server(dir, "ovn-nb-26.03.2.ovsschema");
    Owner owner(db, server.remote(), pods(), {.probe_interval = 1s});
    ASSERT_TRUE(owner.until_synced());
    server.stop_reading();
    // More than any socket buffer holds.
    Transaction big;
    big.comment(std::string(std::size_t{1} << 20, 'x'));
    std::vector<std::uint64_t> ids;
    for (int i = 0; i < 20; ++i)
        ids.push_back(owner.client->transact(big));
    ASSERT_TRUE(owner.until([&] { return owner.outcomes.contains(ids.back()); }));
    // Lost, or never sent for those that came after the connection was given up.
    EXPECT_EQ(owner.outcome(ids.front())->kind, Outcome::Kind::lost);
    EXPECT_FALSE(owner.synced);
    server.go_on();
    ASSERT_TRUE(owner.until_synced());
    EXPECT_TRUE(owner.commit(big).ok());
}

TEST(Faults, ReadingGoesOnWhileWritingIsBlocked) {
    // The peer sends without end and reads only after everything it sent was taken: a client that blocks in write dies.
    const TempDir dir;
    std::atomic<bool> taken{false};
    FakePeer peer(dir / "peer.sock", [&](int fd) {
        const std::string echo = R"({"id":"e","method":"echo","params":[")" + std::string(1000, 'x') + "\"]}";
        for (int i = 0; i < 20'000; ++i) {
            if (::send(fd, echo.data(), echo.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(echo.size())) return;
        }
        taken = true;
        std::vector<char> bytes(65536);
        while (::recv(fd, bytes.data(), bytes.size(), 0) > 0) {
        }
    });
    Owner owner(db, "unix:" + (dir / "peer.sock"), pods());
    EXPECT_TRUE(owner.until([&] { return taken.load(); }));
    owner.client.reset();
}

TEST(Faults, APeerThatAcceptsAndStaysSilent) {
    const TempDir dir;
    FakePeer peer(dir / "peer.sock", [](int fd) {
        std::vector<char> bytes(65536);
        while (::recv(fd, bytes.data(), bytes.size(), 0) > 0) {
        }
    });
    Owner owner(db, "unix:" + (dir / "peer.sock"), pods(), {.probe_interval = 50ms});
    EXPECT_TRUE(owner.until([&] { return peer.accepted() >= 3; }));
    EXPECT_FALSE(owner.synced);
}

TEST(Faults, AnotherRemoteIsTriedWhenOneIsSilent) {
    const TempDir dir;
    Server server(dir, "ovn-nb-26.03.2.ovsschema");
    FakePeer peer(dir / "peer.sock", [](int fd) {
        char byte = 0;
        while (::recv(fd, &byte, 1, 0) > 0) {
        }
    });
    Owner owner(db, "unix:" + (dir / "nobody.sock") + ",unix:" + (dir / "peer.sock") + "," + server.remote(), pods(),
                {.probe_interval = 50ms});
    EXPECT_TRUE(owner.until_synced());
}

TEST(Faults, MalformedJsonDropsTheConnectionAndNothingElse) {
    const std::vector<std::string> babble = {
        "hello",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "{]",
        "{\"id\":1,\"result\":}",
        "{\"id\":1,\"result\":{\"Database\":7},\"error\":null}",
        R"({"method":"update3","params":[["weft",1],"t",{"ACL":{}}]})",
        "{" + std::string(100'000, '['),
        std::string("\0\0\0\0", 4),
        "{\"x\":\"" + std::string(5000, 'y') + "\"}",
        "{}",
    };
    const TempDir dir;
    std::atomic<std::size_t> turn{0};
    FakePeer peer(dir / "peer.sock", [&](int fd) {
        const std::string& text = babble[turn++ % babble.size()];
        ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        std::vector<char> bytes(65536);
        while (::recv(fd, bytes.data(), bytes.size(), 0) > 0) {
        }
    });
    Owner owner(db, "unix:" + (dir / "peer.sock"), pods(), {.message_limit = 4096});
    // Each of them ends its connection: were one taken as good, the next would never have its turn.
    EXPECT_TRUE(owner.until([&] { return turn > 2 * babble.size(); }));
    EXPECT_FALSE(owner.synced);
    EXPECT_TRUE(owner.row_changes.empty());
}

TEST(Faults, NobodyListens) {
    const TempDir dir;
    Owner owner(db, "unix:" + (dir / "nobody.sock") + ",tcp:127.0.0.1:1", pods());
    Transaction t;
    t.comment("x");
    EXPECT_EQ(owner.commit(t).kind, Outcome::Kind::unsent);
    // It comes up when somebody does.
    Server server(dir, "ovn-nb-26.03.2.ovsschema");
    std::filesystem::create_symlink(server.socket(), dir / "nobody.sock");
    EXPECT_TRUE(owner.until_synced());
}

}  // namespace
