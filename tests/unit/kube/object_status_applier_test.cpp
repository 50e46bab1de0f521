#include "appliers/kube/object_status_applier.hpp"

#include "fakes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::appliers {
namespace {

using namespace std::chrono_literals;
using kube::Method;
using kube::test::FakeTransport;
using kube::test::ManualLoop;
using testing::HasSubstr;

RowPtr said(const std::string& field, const std::string& value, const std::string& uid = "u") {
    auto row = tables::object_status({"Light", "web", "a", uid}, field, value);
    row.settle_key();
    return RowPtr::make(row);
}

class ObjectStatusApplierTest : public testing::Test {
  protected:
    ObjectStatusApplierTest() {
        lights.group = "small.example.org";
        lights.version = "v1";
        lights.resource = "lights";
        lights.kind = "Light";
        applier.emplace(
            loop, transport, [this](std::string_view kind) { return watched && kind == "Light" ? &lights : nullptr; },
            ObjectStatusOptions{.may_write = [this] { return may_write; }}, [] { return 0.0; });
    }
    void put(const RowPtr& row, const RowPtr& before = {}) { change({0, before, row}); }
    void withdraw(const RowPtr& row) { change({0, row, {}}); }
    void change(const Change& c) {
        applier->changed(std::span(&c, 1));
        loop.settle();
    }
    /// Answers the look that must be open with this status.
    void look(const std::string& status, const std::string& uid = "u") {
        ASSERT_EQ(transport.open(), 1U);
        ASSERT_EQ(transport.request().method, Method::get);
        ASSERT_EQ(transport.request().path, "/apis/small.example.org/v1/namespaces/web/lights/a");
        transport.answer(200, R"({"metadata":{"name":"a","uid":")" + uid + R"("},"status":)" + status + "}");
    }

    ManualLoop loop;
    FakeTransport transport{loop};
    ResourceSpec lights;
    bool watched = true;
    bool may_write = true;
    std::optional<ObjectStatusApplier> applier;
};

TEST_F(ObjectStatusApplierTest, OneRequestForAllMembersThatDiffer) {
    put(said("message", R"("on")"));
    put(said("nodes/n1", R"({"pods":2})"));
    put(said("nodes/n2", "3"));
    put(said("same", R"({"b":1,"a":2})"));
    look(R"({"message":"off","nodes":{"n2":1,"n9":9},"same":{"a":2,"b":1}})");
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().method, Method::patch);
    EXPECT_EQ(transport.request().path, "/apis/small.example.org/v1/namespaces/web/lights/a/status");
    EXPECT_EQ(transport.request().content_type, "application/merge-patch+json");
    EXPECT_EQ(transport.request().body,
              R"({"metadata":{"uid":"u"},"status":{"message":"on","nodes":{"n1":{"pods":2},"n2":3}}})");
    transport.answer(200, "{}");
    EXPECT_EQ(transport.open(), 0U);
    EXPECT_EQ(applier->status().behind, 0U);
    EXPECT_EQ(applier->status().applied, 3U);
}

TEST_F(ObjectStatusApplierTest, WhatIsAsItShouldBeCostsNoWriteAndWhatWeWroteNoLook) {
    put(said("message", R"("on")"));
    look(R"({"message":"on"})");
    EXPECT_EQ(transport.open(), 0U);
    put(said("message", R"("off")"), said("message", R"("on")"));
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().method, Method::patch);
    transport.answer(200, "{}");
    put(said("message", R"("off")"), said("message", R"("off")"));
    EXPECT_EQ(transport.open(), 0U);
}

TEST_F(ObjectStatusApplierTest, WhatIsWithdrawnGoesAndTheRestStays) {
    put(said("message", R"("on")"));
    put(said("other", "1"));
    look(R"({"message":"on","other":1,"foreign":true})");
    withdraw(said("message", R"("on")"));
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().body, R"({"metadata":{"uid":"u"},"status":{"message":null}})");
    transport.answer(200, "{}");
    EXPECT_EQ(transport.open(), 0U);
}

TEST_F(ObjectStatusApplierTest, WhatStaysIsLeftAloneWhenItsRowGoes) {
    const auto staying = [](const std::string& field) {
        auto row = said(field, "1").as<tables::ObjectStatus>();
        row.stays = true;
        return RowPtr::make(row);
    };
    put(staying("decision"));
    put(said("message", "1"));
    look("{}");
    transport.answer(200, "{}");
    withdraw(staying("decision"));
    EXPECT_EQ(transport.open(), 0U);
    withdraw(said("message", "1"));
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().body, R"({"metadata":{"uid":"u"},"status":{"message":null}})");
    transport.answer(200, "{}");
    EXPECT_EQ(applier->status().behind, 0U);
    // Gone before it was written: nothing is to be written any more.
    put(staying("decision"));
    withdraw(staying("decision"));
    look("{}");
    EXPECT_EQ(transport.open(), 0U);
    EXPECT_EQ(applier->status().behind, 0U);
}

TEST_F(ObjectStatusApplierTest, AKindMayTakeItsStatusThroughAnotherSubresource) {
    lights.status = "approval";
    put(said("conditions", "[]"));
    look("{}");
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().path, "/apis/small.example.org/v1/namespaces/web/lights/a/approval");
    transport.answer(404);
    ASSERT_EQ(applier->status().faults.size(), 1U);
    EXPECT_THAT(applier->status().faults[0].what, HasSubstr("patch approval"));
    EXPECT_EQ(applier->status().faults[0].mend, "");
}

TEST_F(ObjectStatusApplierTest, ARowThatGoesWithItsObjectIsNoTrouble) {
    put(said("message", R"("on")"));
    look(R"({"message":"on"})");
    withdraw(said("message", R"("on")"));
    ASSERT_EQ(transport.open(), 1U);
    transport.answer(404);
    ASSERT_EQ(transport.open(), 0U);
    loop.advance(10min);
    EXPECT_EQ(transport.open(), 1U);  // whether the object or its status subresource is missing, a look tells
    transport.answer(404);
    EXPECT_EQ(transport.open(), 0U);
    EXPECT_EQ(applier->status().behind, 0U);
    EXPECT_TRUE(applier->status().faults.empty());
}

TEST_F(ObjectStatusApplierTest, AnotherObjectOfTheSameNameIsLeftAlone) {
    put(said("message", R"("on")", "old"));
    look("{}", "new");
    EXPECT_EQ(transport.open(), 0U);
    put(said("message", R"("on")", "new"), said("message", R"("on")", "old"));
    look("{}", "new");
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_THAT(transport.request().body, HasSubstr(R"("uid":"new")"));
}

TEST_F(ObjectStatusApplierTest, AMissingSubresourceIsToldAndTriedAgain) {
    put(said("message", R"("on")"));
    look("{}");
    transport.answer(404);
    ASSERT_EQ(applier->status().faults.size(), 1U);
    EXPECT_THAT(applier->status().faults[0].mend, HasSubstr("subresources"));
    loop.advance(1min);
    look("{}");
    ASSERT_EQ(transport.open(), 1U);
    transport.answer(200, "{}");
    EXPECT_TRUE(applier->status().faults.empty());
}

TEST_F(ObjectStatusApplierTest, LostAnswersAreLookedInto) {
    put(said("message", R"("on")"));
    look("{}");
    transport.fail("connection lost");
    EXPECT_EQ(applier->status().behind, 1U);
    loop.advance(1min);
    look(R"({"message":"on"})");  // it had arrived
    EXPECT_EQ(transport.open(), 0U);
    EXPECT_EQ(applier->status().behind, 0U);
}

TEST_F(ObjectStatusApplierTest, NothingIsWrittenWithoutTheLead) {
    may_write = false;
    put(said("message", R"("on")"));
    EXPECT_EQ(transport.started(), 0U);
    may_write = true;
    loop.advance(2s);
    EXPECT_EQ(transport.started(), 1U);
}

TEST_F(ObjectStatusApplierTest, AKindThatNobodyWatchesAndAValueThatIsNoJsonAreFaults) {
    put(said("message", "on"));
    ASSERT_EQ(applier->status().faults.size(), 1U);
    EXPECT_THAT(applier->status().faults[0].what, HasSubstr("is no JSON"));
    put(said("message", R"("on")"), said("message", "on"));
    look(R"({"message":"on"})");
    EXPECT_TRUE(applier->status().faults.empty());
    watched = false;
    put(said("message", R"("off")"), said("message", R"("on")"));
    ASSERT_EQ(applier->status().faults.size(), 1U);
    EXPECT_THAT(applier->status().faults[0].mend, HasSubstr("Declare::resource"));
    withdraw(said("message", R"("off")"));
    EXPECT_EQ(applier->status().behind, 0U);
    EXPECT_EQ(transport.open(), 0U);
}

}  // namespace
}  // namespace weft::appliers
