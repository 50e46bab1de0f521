// What a plugin's functions throw stays at the edge.
#include "plugin/guard.hpp"

#include <weft/ovsdb/nb.hpp>

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::plugin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct Bad {};

TEST(Guard, ParseAndChecksThatThrowAreErrorsThatNameThePlugin) {
    auto board = containment::RunBoard::make({});
    ASSERT_TRUE(board);
    std::vector<containment::Running> seen;
    Declared declared;
    ResourceSpec resource;
    resource.resource = "lamps";
    resource.parse = [&](JsonView object) -> Result<RowPtr> {
        seen = (*board)->running();
        if (object["throw"].integer() == 1) throw std::runtime_error("no light");
        if (object["throw"].integer() == 2) throw Bad{};
        return RowPtr();
    };
    declared.resources.push_back({std::move(resource), WatchScope::all, Role::node});
    declared.settings.push_back({"mood", "calm", "", [](std::string_view value) -> Result<void> {
                                     if (value == "throw") throw Bad{};
                                     if (value == "bad") return invalid("is bad");
                                     return {};
                                 }});
    guard_declared(declared, "shop", board->get());

    const auto parse = [&](const std::string& text) {
        const auto document = JsonDocument::parse(text);
        EXPECT_TRUE(document);
        return declared.resources[0].spec.parse(document->root());
    };
    EXPECT_TRUE(parse(R"({"metadata":{"name":"l1"}})"));
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].plugin + "/" + seen[0].text(), "shop/resource lamps on l1");
    EXPECT_TRUE((*board)->running().empty());
    EXPECT_THAT(parse(R"({"throw":1})").error().text(), AllOf(HasSubstr("\"shop\", resource lamps threw: no light")));
    EXPECT_THAT(parse(R"({"throw":2})").error().text(), HasSubstr("no std::exception"));
    const auto& check = declared.settings[0].check;
    EXPECT_TRUE(check("calm"));
    EXPECT_EQ(check("bad").error().text(), "is bad");
    EXPECT_THAT(check("throw").error().text(),
                AllOf(HasSubstr("\"shop\", setting mood"), HasSubstr("no std::exception")));
    EXPECT_TRUE((*board)->running().empty());
}

TEST(Guard, AClaimThatThrowsCoversNothing) {
    Declared declared;
    Declare d(declared);
    d.claim<nb::PortGroup>(
        "groups", [](const nb::PortGroup& row) -> bool { return row.name.get().empty() ? throw Bad{} : true; },
        [](const nb::PortGroup& row) -> std::string {
            return row.name.get() == "odd" ? throw std::runtime_error("odd") : row.name.get();
        });
    ASSERT_EQ(declared.claims.size(), 1U);
    const auto& claim = declared.claims[0].spec;
    EXPECT_FALSE(claim.covers(std::make_unique<nb::PortGroup>().get()));
    const nb::PortGroup even{.name = "even"};
    const nb::PortGroup odd{.name = "odd"};
    EXPECT_TRUE(claim.covers(&even));
    EXPECT_EQ(claim.identity(&even), "even");
    EXPECT_EQ(claim.identity(&odd), "");
}

}  // namespace
}  // namespace weft::plugin
