// The dialogue with a server, played without one.
#include "ovsdb/session.hpp"

#include "ovsdb/framing.hpp"

#include <cstring>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

using namespace weft;
using namespace weft::ovsdb;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

namespace {

std::string read_file(const std::string& path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

std::string schema(const std::string& name) {
    return read_file(std::string(WEFT_SOURCE_DIR) + "/core/ovsdb/schemas/" + name);
}

const TableInfo& acl = *nb_database().table("ACL");

class SessionTest : public testing::Test {
  protected:
    SessionTest() { session.set_monitors({TableRequest::all(acl)}); }

    /// The requests that were sent since the last call.
    std::vector<JsonDocument> sent() {
        Framer framer;
        auto room = framer.room(out.size());
        if (!out.empty()) std::memcpy(room.data(), out.data(), out.size());
        framer.filled(out.size());
        out.clear();
        std::vector<JsonDocument> requests;
        while (true) {
            auto message = framer.next();
            EXPECT_TRUE(message.ok());
            if (!message || message->empty()) return requests;
            auto document = JsonDocument::parse(*message);
            EXPECT_TRUE(document.ok()) << *message;
            requests.push_back(*std::move(document));
        }
    }

    /// The only request sent must be of that method; returns its id.
    std::string expect(std::string_view method) {
        auto requests = sent();
        EXPECT_THAT(requests, SizeIs(1));
        if (requests.empty()) return "0";
        EXPECT_EQ(requests.back().root()["method"].string_or(""), method);
        return requests.back().root()["id"].dump();
    }

    Result<void> reply(const std::string& id, const std::string& result) {
        return session.message("{\"id\":" + id + ",\"error\":null,\"result\":" + result + "}");
    }
    Result<void> refuse(const std::string& id, const std::string& error) {
        return session.message("{\"id\":" + id + ",\"result\":null,\"error\":" + error + "}");
    }

    static std::string server_row(const std::string& columns) {
        return R"({"Database":{"aaaaaaaa-0000-4000-8000-000000000001":{"initial":{"name":"OVN_Northbound",)" + columns +
               "}}}}";
    }
    static std::string standalone() {
        return server_row(R"("model":"standalone","connected":true,"leader":true,"schema":"{}")");
    }

    void to_monitor() {
        session.connected("unix:/x");
        ASSERT_TRUE(reply(expect("monitor_cond"), standalone()).ok());
        ASSERT_TRUE(reply(expect("get_schema"), schema("ovn-nb-26.03.2.ovsschema")).ok());
    }
    void to_synced(const std::string& transaction = "t1", bool found = false) {
        to_monitor();
        ASSERT_TRUE(reply(expect("monitor_cond_since"),
                          "[" + std::string(found ? "true" : "false") + ",\"" + transaction + "\",{}]")
                        .ok());
        ASSERT_TRUE(session.synced());
    }

    template <class E>
    const E& event(std::size_t at) {
        EXPECT_LT(at, events.size());
        return std::get<E>(events.at(at));
    }

    std::string out;
    std::vector<Event> events;
    Session session{{&nb_database(), true, ""}, out, events};
};

TEST_F(SessionTest, ComesUp) {
    to_synced();
    ASSERT_THAT(events, SizeIs(2));
    EXPECT_FALSE(event<Connected>(0).resumed);
    EXPECT_TRUE(event<Connected>(0).capabilities->has_column(acl, *acl.column("tier")));
    EXPECT_TRUE(event<Update>(1).reset);
}

TEST_F(SessionTest, AsksForItsColumnsOnly) {
    const std::array<std::string_view, 2> columns{"priority", "match"};
    session.set_monitors({{&acl, acl.columns_named(columns), {{"priority", ">", "5"}}}});
    to_monitor();
    EXPECT_THAT(out, HasSubstr(R"({"ACL":[{"columns":["match","priority"],"where":[["priority",">",5]]}]})"));
}

TEST_F(SessionTest, ResumesWhereTheLastConnectionEnded) {
    to_synced("t1");
    ASSERT_TRUE(session.message(R"({"id":null,"method":"update3","params":[["weft",1],"t2",{}]})").ok());
    session.disconnected("gone");
    EXPECT_EQ(event<Disconnected>(2).reason, "gone");
    events.clear();
    to_monitor();
    EXPECT_THAT(out, HasSubstr("\"t2\""));
    ASSERT_TRUE(reply(expect("monitor_cond_since"), R"([true,"t3",{}])").ok());
    EXPECT_TRUE(event<Connected>(0).resumed);
    EXPECT_FALSE(event<Update>(1).reset);
}

TEST_F(SessionTest, DoesNotResumeWithOtherColumns) {
    to_synced("t1");
    session.disconnected("upgrade");
    session.connected("unix:/x");
    ASSERT_TRUE(reply(expect("monitor_cond"), standalone()).ok());
    ASSERT_TRUE(reply(expect("get_schema"), schema("ovn-nb-23.03.ovsschema")).ok());
    EXPECT_THAT(out, HasSubstr("\"00000000-0000-0000-0000-000000000000\""));
}

TEST_F(SessionTest, FallsBackToOlderMonitors) {
    to_monitor();
    ASSERT_TRUE(refuse(expect("monitor_cond_since"), R"({"error":"unknown method"})").ok());
    ASSERT_TRUE(refuse(expect("monitor_cond"), R"("unknown method")").ok());
    ASSERT_TRUE(
        reply(expect("monitor"), R"({"ACL":{"aaaaaaaa-0000-4000-8000-000000000001":{"new":{"priority":5}}}})").ok());
    EXPECT_TRUE(session.synced());
    ASSERT_TRUE(
        session
            .message(
                R"({"id":null,"method":"update","params":[["weft",3],{"ACL":{"aaaaaaaa-0000-4000-8000-000000000001":{"old":{}}}}]})")
            .ok());
    EXPECT_EQ(event<Update>(2).tables.at(0).rows.at(0).kind, RowUpdate::Kind::erase);
}

TEST_F(SessionTest, AMonitorThatIsRefusedDropsTheConnection) {
    to_monitor();
    EXPECT_FALSE(refuse(expect("monitor_cond_since"), R"({"error":"no","details":"because"})").ok());
}

TEST_F(SessionTest, AnOldServerWithoutItsOwnDatabase) {
    session.connected("unix:/x");
    ASSERT_TRUE(refuse(expect("monitor_cond"), R"({"error":"unknown database"})").ok());
    ASSERT_TRUE(reply(expect("get_schema"), schema("ovn-nb-23.03.ovsschema")).ok());
    EXPECT_EQ(expect("monitor_cond_since"), "3");
}

TEST_F(SessionTest, FollowersAreLeft) {
    session.connected("tcp:1.2.3.4:1");
    const auto done = reply(expect("monitor_cond"),
                            server_row(R"("model":"clustered","connected":true,"leader":false,"schema":"{}")"));
    ASSERT_FALSE(done.ok());
    EXPECT_THAT(done.error().text(), HasSubstr("not the leader"));
}

TEST_F(SessionTest, ALeaderThatStepsDownIsLeft) {
    session.connected("tcp:1.2.3.4:1");
    ASSERT_TRUE(reply(expect("monitor_cond"),
                      server_row(R"("model":"clustered","connected":true,"leader":true,"schema":"{}","index":5)"))
                    .ok());
    ASSERT_TRUE(reply(expect("get_schema"), schema("ovn-nb-26.03.2.ovsschema")).ok());
    ASSERT_TRUE(reply(expect("monitor_cond_since"), R"([false,"t",{}])").ok());
    EXPECT_FALSE(session
                     .message(R"({"id":null,"method":"update2","params":[["weft","_Server"],{"Database":)"
                              R"({"aaaaaaaa-0000-4000-8000-000000000001":{"modify":{"leader":false}}}}]})")
                     .ok());
}

TEST_F(SessionTest, AServerThatIsBehindIsLeft) {
    const std::string cid = R"("cid":["uuid","cccccccc-0000-4000-8000-000000000001"],)";
    session.connected("tcp:1.2.3.4:1");
    ASSERT_TRUE(
        reply(expect("monitor_cond"),
              server_row(cid + R"("model":"clustered","connected":true,"leader":true,"schema":"{}","index":50)"))
            .ok());
    ASSERT_TRUE(reply(expect("get_schema"), schema("ovn-nb-26.03.2.ovsschema")).ok());
    ASSERT_TRUE(reply(expect("monitor_cond_since"), R"([false,"t",{}])").ok());
    session.disconnected("gone");
    session.connected("tcp:1.2.3.5:1");
    const auto done =
        reply(expect("monitor_cond"),
              server_row(cid + R"("model":"clustered","connected":true,"leader":true,"schema":"{}","index":49)"));
    ASSERT_FALSE(done.ok());
    EXPECT_THAT(done.error().text(), HasSubstr("behind"));
}

TEST_F(SessionTest, WaitsForASchemaThatIsNotThereYet) {
    session.connected("tcp:1.2.3.4:1");
    ASSERT_TRUE(reply(expect("monitor_cond"),
                      server_row(R"("model":"clustered","connected":true,"leader":true,"schema":["set",[]])"))
                    .ok());
    EXPECT_THAT(sent(), IsEmpty());
    ASSERT_TRUE(session
                    .message(R"({"id":null,"method":"update2","params":[["weft","_Server"],{"Database":)"
                             R"({"aaaaaaaa-0000-4000-8000-000000000001":{"modify":{"schema":"{}"}}}}]})")
                    .ok());
    expect("get_schema");
}

TEST_F(SessionTest, NamesWhatAnOldSchemaLacksOnce) {
    // 23.03 without the two tables that weft always needs.
    std::string old = schema("ovn-nb-23.03.ovsschema");
    for (const char* table : {"\"Static_MAC_Binding\"", "\"Chassis_Template_Var\""})
        old.replace(old.find(table), 7, "\"Gone__");
    for (int i = 0; i < 2; ++i) {
        session.connected("unix:/x");
        ASSERT_TRUE(reply(expect("monitor_cond"), standalone()).ok());
        const auto done = reply(expect("get_schema"), old);
        ASSERT_FALSE(done.ok());
        EXPECT_THAT(done.error().text(), HasSubstr("lacks table Chassis_Template_Var, table Static_MAC_Binding"));
        session.disconnected("refused");
    }
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(event<Refused>(0).error.kind, ErrorKind::invalid);
}

TEST_F(SessionTest, DoesWithoutOptionalColumns) {
    session.connected("unix:/x");
    ASSERT_TRUE(reply(expect("monitor_cond"), standalone()).ok());
    ASSERT_TRUE(reply(expect("get_schema"), schema("ovn-nb-23.03.ovsschema")).ok());
    EXPECT_THAT(out, HasSubstr("\"priority\""));
    EXPECT_THAT(out, testing::Not(HasSubstr("\"tier\"")));
    ASSERT_TRUE(reply(expect("monitor_cond_since"), R"([false,"t",{}])").ok());
    const auto& capabilities = *event<Connected>(0).capabilities;
    EXPECT_FALSE(capabilities.has_column(acl, *acl.column("tier")));
    EXPECT_FALSE(capabilities.has_table(*nb_database().table("Sample")));
    EXPECT_THAT(capabilities.absent(), testing::Contains("ACL.tier"));
}

TEST_F(SessionTest, AColumnOfAnotherTypeIsNamed) {
    std::string changed = schema("ovn-nb-26.03.2.ovsschema");
    const std::string from = R"("log": {"type": "boolean"})";
    ASSERT_NE(changed.find(from), std::string::npos);
    changed.replace(changed.find(from), from.size(), R"("log": {"type": "integer"})");
    session.connected("unix:/x");
    ASSERT_TRUE(reply(expect("monitor_cond"), standalone()).ok());
    const auto done = reply(expect("get_schema"), changed);
    ASSERT_FALSE(done.ok());
    EXPECT_THAT(done.error().text(), HasSubstr("column ACL.log of the type that weft knows"));
}

TEST_F(SessionTest, TransactionsAreAnsweredInAnyOrder) {
    to_synced();
    events.clear();
    Transaction t;
    t.comment("x");
    session.transact(71, t);
    session.transact(72, t);
    auto requests = sent();
    ASSERT_THAT(requests, SizeIs(2));
    EXPECT_EQ(requests[0].root()["params"].dump(), R"(["OVN_Northbound",{"op":"comment","comment":"x"}])");
    ASSERT_TRUE(reply(requests[1].root()["id"].dump(), "[{}]").ok());
    ASSERT_TRUE(refuse(requests[0].root()["id"].dump(), R"({"error":"permission error","details":"d"})").ok());
    EXPECT_EQ(event<Reply>(0).id, 72u);
    EXPECT_TRUE(event<Reply>(0).outcome.ok());
    EXPECT_EQ(event<Reply>(1).id, 71u);
    EXPECT_EQ(event<Reply>(1).outcome.text(), "error: permission error: d");
}

TEST_F(SessionTest, WithoutAConnectionNothingIsSent) {
    Transaction t;
    t.comment("x");
    session.transact(1, t);
    EXPECT_EQ(event<Reply>(0).outcome.kind, Outcome::Kind::unsent);
    EXPECT_TRUE(out.empty());
}

TEST_F(SessionTest, WhatIsInFlightWhenTheConnectionGoesIsLost) {
    to_synced();
    events.clear();
    Transaction t;
    t.comment("x");
    session.transact(1, t);
    session.transact(2, t);
    session.disconnected("gone");
    EXPECT_EQ(event<Disconnected>(0).reason, "gone");
    EXPECT_EQ(event<Reply>(1).outcome.kind, Outcome::Kind::lost);
    EXPECT_EQ(event<Reply>(1).operations.size(), 1u);
    EXPECT_EQ(event<Reply>(2).id, 2u);
    // An answer that comes on another connection belongs to nobody.
    out.clear();
    events.clear();
    to_synced();
    EXPECT_THAT(events, SizeIs(2));
}

TEST_F(SessionTest, EchoesAreAnswered) {
    session.connected("unix:/x");
    sent();
    ASSERT_TRUE(session.message(R"({"id":"e1","method":"echo","params":["a",1]})").ok());
    EXPECT_EQ(out, R"({"id":"e1","result":["a",1],"error":null})");
    out.clear();
    session.probe();
    EXPECT_EQ(out, R"({"id":"echo","method":"echo","params":[]})");
    EXPECT_TRUE(session.message(R"({"id":"echo","result":[],"error":null})").ok());
}

TEST_F(SessionTest, UnknownRequestsAreRefusedPolitely) {
    session.connected("unix:/x");
    sent();
    ASSERT_TRUE(session.message(R"({"id":5,"method":"dance","params":[]})").ok());
    EXPECT_EQ(out, R"({"id":5,"result":null,"error":"unknown method"})");
    out.clear();
    ASSERT_TRUE(session.message(R"({"id":null,"method":"dance","params":[]})").ok());
    EXPECT_TRUE(out.empty());
}

TEST_F(SessionTest, HostileMessagesDropTheConnection) {
    to_synced();
    for (const char* bad :
         {"{]", "{\"a\":}", "{}", "{\"id\":null}", "{\"id\":-1,\"result\":[]}", R"({"method":"update3","params":[]})",
          R"({"method":"update3","params":[1,2,3]})", R"({"method":"update2","params":{}})", R"({"method":"update3"})",
          R"({"method":"update3","params":[["weft",1],"t",{"ACL":{"x":{"insert":{}}}}]})", "{\"\xff\":1}"}) {
        EXPECT_FALSE(session.message(bad).ok()) << bad;
    }
    session.disconnected("x");
    to_monitor();
    EXPECT_FALSE(session.message(R"({"method":"update3","params":[["weft",2],"t",{}]})").ok());
    EXPECT_FALSE(reply("99", "7").ok() && reply(expect("monitor_cond_since"), "7").ok());
}

TEST_F(SessionTest, ChangingTheMonitorsKeepsTheConnection) {
    to_synced();
    events.clear();
    session.set_monitors({TableRequest::all(acl), TableRequest::all(*nb_database().table("Meter"))});
    auto requests = sent();
    ASSERT_THAT(requests, SizeIs(2));
    EXPECT_EQ(requests[0].root()["method"].string_or(""), "monitor_cancel");
    // The old monitor's updates still come.
    ASSERT_TRUE(
        session
            .message(
                R"({"id":null,"method":"update3","params":[["weft",1],"t2",{"ACL":{"aaaaaaaa-0000-4000-8000-000000000001":{"insert":{}}}}]})")
            .ok());
    EXPECT_FALSE(event<Update>(0).reset);
    ASSERT_TRUE(reply(requests[0].root()["id"].dump(), "{}").ok());
    ASSERT_TRUE(reply(requests[1].root()["id"].dump(), schema("ovn-nb-26.03.2.ovsschema")).ok());
    EXPECT_THAT(out, HasSubstr("\"Meter\""));
    EXPECT_THAT(out, HasSubstr("\"00000000-0000-0000-0000-000000000000\""));
    ASSERT_TRUE(reply(expect("monitor_cond_since"), R"([false,"t3",{}])").ok());
    EXPECT_TRUE(event<Update>(1).reset);
    // Asking for the same again changes nothing.
    session.set_monitors({TableRequest::all(acl), TableRequest::all(*nb_database().table("Meter"))});
    EXPECT_TRUE(out.empty());
}

TEST_F(SessionTest, ChangingTheMonitorsBeforeTheContentsCame) {
    to_monitor();
    const std::string first = expect("monitor_cond_since");
    session.set_monitors({TableRequest::all(*nb_database().table("Meter"))});
    auto requests = sent();
    ASSERT_THAT(requests, SizeIs(2));
    ASSERT_TRUE(reply(requests[1].root()["id"].dump(), schema("ovn-nb-26.03.2.ovsschema")).ok());
    const std::string second = expect("monitor_cond_since");
    // What the first monitor still says has no place any more.
    ASSERT_TRUE(reply(first, R"([false,"t1",{"ACL":{"aaaaaaaa-0000-4000-8000-000000000001":{"initial":{}}}}])").ok());
    ASSERT_TRUE(session.message(R"({"id":null,"method":"update3","params":[["weft",1],"t2",{"ACL":{}}]})").ok());
    EXPECT_THAT(events, IsEmpty());
    ASSERT_TRUE(reply(second, R"([false,"t3",{}])").ok());
    EXPECT_TRUE(session.synced());
}

TEST(SessionLock, TransactionsAssertIt) {
    std::string out;
    std::vector<Event> events;
    Session session({&nb_database(), true, "weft"}, out, events);
    session.set_monitors({TableRequest::all(acl)});
    session.connected("unix:/x");
    ASSERT_TRUE(
        session
            .message(
                R"({"id":1,"error":null,"result":{"Database":{"aaaaaaaa-0000-4000-8000-000000000001":{"initial":)"
                R"({"name":"OVN_Northbound","model":"standalone","connected":true,"leader":true,"schema":"{}"}}}}})")
            .ok());
    ASSERT_TRUE(
        session.message("{\"id\":2,\"error\":null,\"result\":" + schema("ovn-nb-26.03.2.ovsschema") + "}").ok());
    EXPECT_THAT(out, HasSubstr(R"({"id":3,"method":"lock","params":["weft"]})"));
    ASSERT_TRUE(session.message(R"({"id":3,"error":null,"result":{"locked":false}})").ok());
    EXPECT_THAT(events, IsEmpty());
    ASSERT_TRUE(session.message(R"({"id":4,"error":null,"result":[false,"t",{}]})").ok());
    ASSERT_TRUE(session.message(R"({"id":null,"method":"locked","params":["weft"]})").ok());
    EXPECT_TRUE(std::get<LockChanged>(events.at(2)).held);
    out.clear();
    Transaction t;
    t.comment("x");
    session.transact(9, t);
    EXPECT_THAT(out, HasSubstr(R"(["OVN_Northbound",{"op":"assert","lock":"weft"},{"op":"comment","comment":"x"}])"));
    ASSERT_TRUE(session.message(R"({"id":null,"method":"stolen","params":["weft"]})").ok());
    EXPECT_FALSE(std::get<LockChanged>(events.at(3)).held);
    ASSERT_TRUE(session.message(R"({"id":5,"error":null,"result":[{"error":"not owner","details":""},null]})").ok());
    EXPECT_EQ(std::get<Reply>(events.at(4)).outcome.kind, Outcome::Kind::not_locked);
}

}  // namespace
