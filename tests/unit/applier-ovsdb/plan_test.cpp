#include "appliers/ovsdb/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "appliers/ovsdb/operations.hpp"

namespace weft::appliers::ovsdb {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

Item port(std::string key) { return {"NB/Logical_Switch_Port", std::move(key)}; }
Item member(std::string key) { return {"NbMember", std::move(key)}; }

TEST(Plan, KeepsIndependentItemsApart) {
    Plan plan;
    plan.add(port("a"), Phase::insert, "insert a");
    plan.add(port("b"), Phase::insert, "insert b");
    const auto groups = std::move(plan).groups();
    ASSERT_THAT(groups, SizeIs(2));
    EXPECT_THAT(groups[0].operations, ElementsAre("insert a"));
    EXPECT_THAT(groups[1].items, ElementsAre(port("b")));
}

TEST(Plan, JoinsWhatDependsAndOrdersByPhase) {
    Plan plan;
    plan.add(member("g/a"), Phase::change, "add a to g");
    plan.add(port("a"), Phase::insert, "insert a");
    plan.add(port("old"), Phase::erase, "erase old");
    plan.add(port("a"), Phase::change, "hang a");
    plan.join(member("g/a"), port("a"));
    plan.join(port("old"), member("g/a"));
    plan.join(port("a"), port("not in this round"));
    const auto groups = std::move(plan).groups();
    ASSERT_THAT(groups, SizeIs(1));
    EXPECT_THAT(groups[0].operations, ElementsAre("insert a", "add a to g", "hang a", "erase old"));
    EXPECT_THAT(groups[0].items, SizeIs(3));
}

TEST(Pack, NeverCutsAGroup) {
    std::vector<Group> groups(4);
    for (std::size_t i = 0; i < groups.size(); ++i) groups[i].operations.resize(i == 2 ? 7 : 2);
    const auto packed = pack(groups, 4);
    ASSERT_THAT(packed, SizeIs(3));
    EXPECT_THAT(packed[0], SizeIs(2));
    EXPECT_THAT(packed[1], SizeIs(1));
    EXPECT_THAT(packed[1][0].operations, SizeIs(7));
}

TEST(Operations, AreWhatRfc7047Says) {
    const Uuid uuid = *Uuid::parse("00112233-4455-6677-8899-aabbccddeeff");
    EXPECT_EQ(insert_operation("Meter", uuid, R"({"name":"m"})"),
              R"({"op":"insert","table":"Meter","uuid":"00112233-4455-6677-8899-aabbccddeeff","row":{"name":"m"}})");
    EXPECT_EQ(mutate_set("Logical_Switch", uuid, "ports", false, uuid),
              R"({"op":"mutate","table":"Logical_Switch",)"
              R"("where":[["_uuid","==",["uuid","00112233-4455-6677-8899-aabbccddeeff"]]],)"
              R"("mutations":[["ports","delete",["set",[["uuid","00112233-4455-6677-8899-aabbccddeeff"]]]]]})");
    EXPECT_EQ(mutate_map_set("NB_Global", uuid, "options", std::string("name"), std::string("n\"1")),
              R"({"op":"mutate","table":"NB_Global",)"
              R"("where":[["_uuid","==",["uuid","00112233-4455-6677-8899-aabbccddeeff"]]],)"
              R"("mutations":[["options","delete",["set",["name"]]],["options","insert",["map",[["name","n\"1"]]]]]})");
}

}  // namespace
}  // namespace weft::appliers::ovsdb
