#include "appliers/kube/event_recorder.hpp"

#include "appliers/kube/status_events.hpp"
#include "fakes.hpp"

#include <weft/base/json.hpp>

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::appliers {
namespace {

using namespace std::chrono_literals;
using kube::Method;
using kube::test::FakeTransport;
using kube::test::ManualLoop;

class EventRecorderTest : public testing::Test {
  protected:
    void record(const std::string& name, const std::string& message, const std::string& kind = "Pod") {
        recorder.record({kind, kind == "Pod" ? "web" : "", name, "u"}, EventType::warning, event_reason(kind), message);
        loop.settle();
    }
    std::string body(std::string_view field) {
        const auto document = JsonDocument::parse(transport.request().body);
        const JsonView value = document->root()[field];
        return value.is_string() ? std::string(value.string_or("")) : value.dump();
    }

    ManualLoop loop;
    FakeTransport transport{loop};
    EventRecorder recorder{loop, transport};
};

TEST_F(EventRecorderTest, WritesWhatPeopleNeed) {
    record("p1", "metadata.annotations: no MAC (correct it)");
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().method, Method::post);
    EXPECT_EQ(transport.request().path, "/api/v1/namespaces/web/events");
    EXPECT_EQ(body("reason"), "ErrorAddingResource");
    EXPECT_EQ(body("message"), "metadata.annotations: no MAC (correct it)");
    EXPECT_EQ(body("type"), "Warning");
    EXPECT_EQ(body("source"), R"({"component":"weft"})");
    EXPECT_EQ(body("count"), "1");
    EXPECT_EQ(body("involvedObject"), R"({"apiVersion":"v1","kind":"Pod","namespace":"web","name":"p1","uid":"u"})");
    transport.answer(201, "{}");
    record("n1", "no subnet left", "Node");
    EXPECT_EQ(transport.request().path, "/api/v1/namespaces/default/events");
    EXPECT_EQ(body("reason"), "ErrorReconcilingNode");
}

TEST_F(EventRecorderTest, RepetitionsAreCountedAndWrittenAfterTheWindow) {
    record("p1", "m");
    const std::string name(JsonDocument::parse(transport.request().body)->root()["metadata"]["name"].string_or(""));
    transport.answer(201, "{}");
    for (int i = 0; i < 100; ++i)
        record("p1", "m");
    EXPECT_EQ(transport.started(), 1U);
    loop.advance(4min);
    EXPECT_EQ(transport.started(), 1U);
    loop.advance(2min);
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().method, Method::patch);
    EXPECT_EQ(transport.request().path, "/api/v1/namespaces/web/events/" + name);
    EXPECT_EQ(body("count"), "101");
    transport.answer(200, "{}");
    loop.advance(30min);
    EXPECT_EQ(transport.started(), 2U);
    EXPECT_EQ(loop.timers(), 0U) << "and then it is forgotten";
    record("p1", "m");
    EXPECT_EQ(transport.request().method, Method::post);
}

TEST_F(EventRecorderTest, AnEventThatTheServerForgotIsMadeAnew) {
    record("p1", "m");
    transport.answer(201, "{}");
    record("p1", "m");
    loop.advance(6min);
    transport.answer(404, "{}");
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().method, Method::post);
    EXPECT_EQ(body("count"), "2");
    transport.answer(201, "{}");
    EXPECT_EQ(recorder.counters().created, 2U);
}

TEST_F(EventRecorderTest, AFloodIsLimitedAndBounded) {
    for (int i = 0; i < 5000; ++i)
        record("p" + std::to_string(i), "m");
    for (int i = 0; i < 200 && transport.open() > 0; ++i)
        transport.answer(201, "{}");
    EXPECT_EQ(transport.started(), 50U) << "the burst";
    loop.advance(2s);
    std::size_t more = 0;
    while (transport.open() > 0 && more < 100) {
        transport.answer(201, "{}");
        ++more;
    }
    EXPECT_LE(more, 11U) << "then five a second";
    EXPECT_GT(recorder.counters().dropped, 3000U);
}

TEST_F(EventRecorderTest, TransientFailuresAreTriedAFewTimes) {
    record("p1", "m");
    const std::string first = transport.request().body;
    for (int i = 0; i < 5; ++i) {
        ASSERT_EQ(transport.open(), 1U) << i;
        EXPECT_EQ(transport.request().body, first) << "under the same name, so that none is made twice";
        transport.fail("refused");
        loop.advance(2s * (1 << i));
    }
    EXPECT_EQ(transport.open(), 0U);
    EXPECT_EQ(recorder.counters().dropped, 1U);
    record("p2", "m");
    transport.fail("answer lost");
    loop.advance(2s);
    transport.answer(409, R"({"kind":"Status","code":409,"reason":"AlreadyExists"})");
    EXPECT_EQ(transport.open(), 0U);
    EXPECT_EQ(recorder.counters().dropped, 1U);
}

constexpr auto* already_exists = R"({"kind":"Status","code":409,"reason":"AlreadyExists"})";

TEST_F(EventRecorderTest, OneThatStartsAgainFindsItsEvents) {
    record("p1", "m");
    const std::string first = body("metadata");
    transport.answer(201, "{}");
    EventRecorder other(loop, transport);
    other.record({"Pod", "web", "p1", "u"}, EventType::warning, event_reason("Pod"), "m");
    loop.settle();
    EXPECT_EQ(body("metadata"), first);
    transport.answer(409, already_exists);
    EXPECT_EQ(transport.open(), 0U) << "it says what is to be said";
    other.record({"Pod", "web", "p1", "u"}, EventType::warning, event_reason("Pod"), "m");
    loop.settle();
    loop.advance(6min);
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().method, Method::patch);
    EXPECT_EQ(body("count"), "") << "it is not known yet";
    transport.answer(200, R"({"count":7})");
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(body("count"), "8");
    transport.answer(200, "{}");
    EXPECT_EQ(transport.open(), 0U);
}

TEST_F(EventRecorderTest, WhatHappensAgainMuchLaterIsCounted) {
    loop.advance(20min);
    record("p1", "m");
    transport.answer(409, already_exists);
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().method, Method::patch);
    transport.answer(200, R"({"count":1})");
    EXPECT_EQ(body("count"), "2");
    transport.answer(200, "{}");
    EXPECT_EQ(transport.open(), 0U);
}

TEST_F(EventRecorderTest, TheNameTellsObjectReasonTextAndHost) {
    std::set<std::string> names;
    const auto name = [&] {
        names.emplace(JsonDocument::parse(transport.request().body)->root()["metadata"]["name"].string_or(""));
        transport.answer(201, "{}");
    };
    record("p1", "m");
    name();
    record("p1", "n");
    name();
    record("p1", "m", "Node");
    name();
    EventRecorder elsewhere(loop, transport, {.host = "n2"});
    elsewhere.record({"Pod", "web", "p1", "u"}, EventType::warning, event_reason("Pod"), "m");
    loop.settle();
    name();
    EXPECT_EQ(names.size(), 4U);
}

TEST_F(EventRecorderTest, RefusalsAreDropped) {
    record("p1", "m");
    transport.answer(403,
                     R"({"kind":"Status","code":403,"reason":"Forbidden","message":"namespace is being terminated"})");
    EXPECT_EQ(transport.open(), 0U);
    EXPECT_EQ(recorder.counters().dropped, 1U);
    record("", "nameless");
    EXPECT_EQ(transport.open(), 0U);
}

TEST_F(EventRecorderTest, LongNamesAndMessagesAreCut) {
    std::string message;
    while (message.size() < 2000)
        message += "ü";
    record(std::string(236, 'a') + "." + std::string(16, 'b'), message);
    const std::string name(JsonDocument::parse(transport.request().body)->root()["metadata"]["name"].string_or(""));
    EXPECT_LE(name.size(), 253U);
    EXPECT_THAT(name, testing::MatchesRegex("a+[.]................"));
    EXPECT_LE(body("message").size(), 1024U);
    EXPECT_TRUE(body("message").ends_with("ü…"));
}

TEST_F(EventRecorderTest, RuleStatusBecomesEvents) {
    StatusEvents events(recorder);
    RuleStatus status;
    status.key.text = "default-network/port-of-pod/web/p1";
    status.state = RuleState::failed;
    status.kind = ErrorKind::invalid;
    status.where = "metadata.annotations[v1.multus-cni.io/default-network]";
    status.what = "no MAC address: \"x\"";
    status.mend = "correct it";
    status.on = {"Pod", "web", "p1", "u"};
    const RowPtr failed = RowPtr::make(status);
    Change change{0, {}, failed};
    events.changed(std::span(&change, 1));
    loop.settle();
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(body("message"),
              "metadata.annotations[v1.multus-cni.io/default-network]: no MAC address: \"x\" (correct it)");
    transport.answer(201, "{}");
    status.since_ms = 5;
    change = {0, failed, RowPtr::make(status)};
    events.changed(std::span(&change, 1));
    status.state = RuleState::waiting;
    change = {0, failed, RowPtr::make(status)};
    events.changed(std::span(&change, 1));
    status.state = RuleState::failed;
    status.on = {};
    change = {0, {}, RowPtr::make(status)};
    events.changed(std::span(&change, 1));
    change = {0, failed, {}};
    events.changed(std::span(&change, 1));
    loop.settle();
    EXPECT_EQ(transport.started(), 1U);
    EXPECT_EQ(recorder.counters().merged, 0U);
}

TEST_F(EventRecorderTest, RuleStatusIsLoggedWithObjectFieldReasonAndMend) {
    StatusEvents events(recorder);
    RuleStatus status;
    status.key.text = "default-network/connect-pod/web/p1";
    status.module = "default-network";
    status.rule = "connect-pod";
    status.driver = "web/p1";
    status.state = RuleState::failed;
    status.where = "metadata.annotations[x]";
    status.what = "no \"JSON\"";
    status.mend = "correct it";
    status.on = {"Pod", "web", "p1", "u"};
    const auto logged = [&](RowPtr before, RowPtr after) {
        const Change change{0, std::move(before), std::move(after)};
        ::testing::internal::CaptureStderr();
        events.changed(std::span(&change, 1));
        return ::testing::internal::GetCapturedStderr();
    };
    const RowPtr failed = RowPtr::make(status);
    EXPECT_THAT(logged({}, failed),
                ::testing::HasSubstr(" E default-network: failed object=\"Pod web/p1\" rule=connect-pod "
                                     "field=metadata.annotations[x] reason=\"no \\\"JSON\\\"\" mend=\"correct it\""));
    status.since_ms = 7;
    EXPECT_EQ(logged(failed, RowPtr::make(status)), "") << "said already";
    status.state = RuleState::waiting;
    EXPECT_EQ(logged({}, RowPtr::make(status)), "");
    EXPECT_THAT(logged(failed, RowPtr::make(status)), ::testing::HasSubstr(" I default-network: well again object="));
    EXPECT_THAT(logged(failed, {}), ::testing::HasSubstr("well again object=\"Pod web/p1\" rule=connect-pod"));
    status.state = RuleState::warning;
    status.on = {};
    EXPECT_THAT(logged({}, RowPtr::make(status)), ::testing::HasSubstr(" W default-network: warning object=web/p1 "));
    loop.settle();
    EXPECT_EQ(transport.started(), 1U) << "one object, one Event";
}

}  // namespace
}  // namespace weft::appliers
