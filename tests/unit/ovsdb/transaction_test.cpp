#include "ovsdb/transaction.hpp"

#include <weft/ovsdb/nb.hpp>

#include <gmock/gmock.h>

using namespace weft;
using namespace weft::ovsdb;

namespace {

const Uuid port_uuid = *Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001");
const Uuid group_uuid = *Uuid::parse("bbbbbbbb-0000-4000-8000-000000000002");

class Names final : public RefResolver {
  public:
    Uuid uuid_of(std::string_view, std::string_view key) const override { return key == "d" ? group_uuid : Uuid(); }
};
const Names names;

const TableInfo& table(std::string_view name) {
    return *nb_database().table(name);
}

TEST(Transactions, Insert) {
    Transaction t;
    const nb::LogicalSwitchPort port{.addresses = {"dynamic"}, .name = "p1", .type = "router"};
    // `type` is declared but not asked for: a server may lack a column.
    const std::array<std::string_view, 2> columns{"addresses", "name"};
    ASSERT_TRUE(t.insert(table("Logical_Switch_Port"), port_uuid, &port,
                         table("Logical_Switch_Port").columns_named(columns), names)
                    .ok());
    EXPECT_EQ(t.json(), R"({"op":"insert","table":"Logical_Switch_Port","uuid":"aaaaaaaa-0000-4000-8000-000000000001",)"
                        R"("row":{"addresses":["set",["dynamic"]],"name":"p1"}})");
    ASSERT_EQ(t.operations().size(), 1u);
    EXPECT_EQ(t.operations()[0].uuid, port_uuid);
}

TEST(Transactions, AnUnresolvedReferenceAddsNothing) {
    Transaction t;
    t.comment("first");
    const std::string before = t.json();
    const nb::LogicalSwitchPort port{.dhcpv4_options = Key<nb::DHCPOptions>{"missing"}, .name = "p1"};
    const auto added =
        t.insert(table("Logical_Switch_Port"), port_uuid, &port, table("Logical_Switch_Port").all_columns(), names);
    ASSERT_FALSE(added.ok());
    EXPECT_EQ(added.error().kind, ErrorKind::waiting);
    EXPECT_THAT(added.error().text(), testing::HasSubstr("table Logical_Switch_Port"));
    EXPECT_EQ(t.json(), before);
    EXPECT_EQ(t.operations().size(), 1u);
    t.comment("second");
    EXPECT_EQ(t.json(), before + R"(,{"op":"comment","comment":"second"})");
}

TEST(Transactions, UpdateOfNothingAddsNothing) {
    Transaction t;
    const nb::LogicalSwitchPort port{.name = "p1"};
    const std::array<std::string_view, 1> columns{"type"};
    ASSERT_TRUE(t.update(table("Logical_Switch_Port"), port_uuid, &port,
                         table("Logical_Switch_Port").columns_named(columns), names)
                    .ok());
    EXPECT_TRUE(t.empty());
}

TEST(Transactions, MutationsOfOneRowAreOneOperation) {
    Transaction t;
    const TableInfo& group = table("Port_Group");
    Mutations m;
    m.insert(*group.column("ports"), port_uuid);
    m.erase(*group.column("ports"), group_uuid);
    m.set_entry(*group.column("external_ids"), Scalar("k"), Scalar("v"));
    m.erase_entry(*group.column("external_ids"), Scalar("old"));
    t.mutate(group, group_uuid, m);
    EXPECT_EQ(
        t.json(),
        R"({"op":"mutate","table":"Port_Group","where":[["_uuid","==",["uuid","bbbbbbbb-0000-4000-8000-000000000002"]]],)"
        R"("mutations":[["ports","delete",["set",[["uuid","bbbbbbbb-0000-4000-8000-000000000002"]]]],)"
        R"(["ports","insert",["set",[["uuid","aaaaaaaa-0000-4000-8000-000000000001"]]]],)"
        R"(["external_ids","delete",["set",["k","old"]]],["external_ids","insert",["map",[["k","v"]]]]]})");
    t.mutate(group, group_uuid, Mutations());
    EXPECT_EQ(t.operations().size(), 1u);
}

TEST(Transactions, GroupsSurviveAppending) {
    Transaction a;
    a.begin_group(1);
    a.erase(table("ACL"), port_uuid);
    Transaction b;
    b.begin_group(2);
    b.erase(table("ACL"), group_uuid);
    a.append(b);
    a.append(Transaction());
    ASSERT_EQ(a.operations().size(), 2u);
    EXPECT_EQ(a.operations()[0].group, 1u);
    EXPECT_EQ(a.operations()[1].group, 2u);
    EXPECT_TRUE(JsonDocument::parse("[" + a.json() + "]").ok());
}

Outcome outcome(std::string_view result, std::size_t operations, std::size_t skip = 0) {
    auto document = JsonDocument::parse("{\"result\":" + std::string(result) + ",\"error\":null}");
    EXPECT_TRUE(document.ok());
    return Outcome::parse(document->root()["result"], document->root()["error"], operations, skip);
}

TEST(Outcomes, Success) {
    const auto o = outcome(R"([{},{"uuid":["uuid","x"]},{"count":0},{"count":3}])", 3, 1);
    EXPECT_TRUE(o.ok());
    EXPECT_THAT(o.counts, testing::ElementsAre(1, 0, 3));
}

TEST(Outcomes, AnOperationFails) {
    const auto o = outcome(R"([{},{},{"error":"constraint violation","details":"no"},null])", 3, 1);
    EXPECT_EQ(o.kind, Outcome::Kind::error);
    EXPECT_EQ(o.operation, 1u);
    EXPECT_EQ(o.text(), "error in operation 1: constraint violation: no");
}

TEST(Outcomes, TheCommitFails) {
    const auto o = outcome(R"([{},{},{"error":"referential integrity violation","details":"bad"}])", 2);
    EXPECT_EQ(o.kind, Outcome::Kind::error);
    EXPECT_FALSE(o.operation.has_value());
}

TEST(Outcomes, KindsAreWhatTheCallerCanDo) {
    EXPECT_EQ(outcome(R"([{"error":"timed out"}])", 1).kind, Outcome::Kind::again);
    EXPECT_EQ(outcome(R"([{"error":"not owner"},null])", 1, 1).kind, Outcome::Kind::not_locked);
    EXPECT_FALSE(outcome(R"([{"error":"not owner"},null])", 1, 1).operation.has_value());
    EXPECT_EQ(outcome(R"([{"error":"cluster error","details":"lost leadership"}])", 1).kind, Outcome::Kind::lost);
    EXPECT_EQ(outcome("[]", 1).kind, Outcome::Kind::error);
    EXPECT_EQ(outcome("7", 1).kind, Outcome::Kind::error);
}

TEST(Outcomes, ARequestThatIsRefusedWhole) {
    auto document = JsonDocument::parse(R"({"result":null,"error":{"error":"syntax error","details":"d"}})");
    const auto o = Outcome::parse(document->root()["result"], document->root()["error"], 2, 0);
    EXPECT_EQ(o.text(), "error: syntax error: d");
}

TEST(Outcomes, SuspectsAreTheGroupsThatARefusalNames) {
    const std::vector<Operation> operations = {
        {.group = 7, .uuid = port_uuid}, {.group = 8, .uuid = group_uuid}, {.group = 8}};
    Outcome o = Outcome::plain(Outcome::Kind::error);
    EXPECT_TRUE(suspects(o, operations).empty());
    o.details = "Table Port_Group column ports row " + group_uuid.text() + " references nonexistent row";
    EXPECT_THAT(suspects(o, operations), testing::ElementsAre(8));
    o.operation = 0;
    EXPECT_THAT(suspects(o, operations), testing::ElementsAre(7));
}

}  // namespace
