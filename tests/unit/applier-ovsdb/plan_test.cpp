#include "appliers/ovsdb/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::appliers::ovsdb {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

Item port(std::string key) {
    return {"NB/Logical_Switch_Port", std::move(key)};
}
Item member(std::string key) {
    return {"NbMember", std::move(key)};
}

/// An operation that tests can tell by its text.
weft::ovsdb::Transaction say(std::string_view text) {
    weft::ovsdb::Transaction transaction;
    transaction.comment(text);
    return transaction;
}

std::vector<std::string> said(const Group& group) {
    std::vector<std::string> out;
    const auto document = JsonDocument::parse("[" + group.operations.json() + "]");
    document->root().each([&](JsonView op) { out.emplace_back(op["comment"].string_or("")); });
    return out;
}

TEST(Plan, KeepsIndependentItemsApart) {
    Plan plan;
    plan.add(port("a"), Phase::insert, say("insert a"));
    plan.add(port("b"), Phase::insert, say("insert b"));
    const auto groups = std::move(plan).groups();
    ASSERT_THAT(groups, SizeIs(2));
    EXPECT_THAT(said(groups[0]), ElementsAre("insert a"));
    EXPECT_THAT(groups[1].items, ElementsAre(port("b")));
}

TEST(Plan, JoinsWhatDependsAndOrdersByPhase) {
    Plan plan;
    plan.add(member("g/a"), Phase::change, say("add a to g"));
    plan.add(port("a"), Phase::insert, say("insert a"));
    plan.add(port("old"), Phase::erase, say("erase old"));
    plan.add(port("a"), Phase::change, say("hang a"));
    plan.join(member("g/a"), port("a"));
    plan.join(port("old"), member("g/a"));
    plan.join(port("a"), port("not in this round"));
    const auto groups = std::move(plan).groups();
    ASSERT_THAT(groups, SizeIs(1));
    EXPECT_THAT(said(groups[0]), ElementsAre("insert a", "add a to g", "hang a", "erase old"));
    EXPECT_THAT(groups[0].items, SizeIs(3));
}

TEST(Pack, NeverCutsAGroup) {
    std::vector<Group> groups(4);
    for (std::size_t i = 0; i < groups.size(); ++i) {
        for (int n = 0; n < (i == 2 ? 7 : 2); ++n)
            groups[i].operations.comment("x");
    }
    const auto packed = pack(groups, 4);
    ASSERT_THAT(packed, SizeIs(3));
    EXPECT_THAT(packed[0], SizeIs(2));
    EXPECT_THAT(packed[1], SizeIs(1));
    EXPECT_THAT(packed[1][0].operations.operations(), SizeIs(7));
}

}  // namespace
}  // namespace weft::appliers::ovsdb
