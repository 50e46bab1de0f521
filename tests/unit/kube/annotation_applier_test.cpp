#include "appliers/kube/annotation_applier.hpp"

#include "appliers/kube/annotation_tap.hpp"
#include "fakes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::appliers {
namespace {

using namespace std::chrono_literals;
using kube::Method;
using kube::test::FakeTransport;
using kube::test::ManualLoop;
using kube::test::RecordingSink;
using testing::HasSubstr;
using testing::Not;
using Presence = AnnotationApplier::Current::Presence;

RowPtr annotation(const std::string& kind, const std::string& ns, const std::string& name, const std::string& key,
                  const std::string& sub_key, const std::string& value, const std::string& uid = "u") {
    tables::Annotation row;
    row.kind = kind;
    row.ns = ns;
    row.name = name;
    row.uid = uid;
    row.annotation = key;
    row.sub_key = sub_key;
    row.value = value;
    row.settle_key();
    return RowPtr::make(row);
}

RowPtr condition(const std::string& type, const std::string& status, const std::string& reason = "r") {
    tables::NodeCondition row;
    row.node = "n1";
    row.type = type;
    row.status = status;
    row.reason = reason;
    row.message = "m";
    row.settle_key();
    return RowPtr::make(row);
}

/// The row of a pod as the watch shows it.
RowPtr pod_row(const std::string& name, tables::Annotations annotations = {}, const std::string& uid = "u",
               const std::string& node = "n1") {
    tables::Pod pod;
    pod.ns = "web";
    pod.name = name;
    pod.key = Key<tables::Pod>{pod.ns, pod.name};
    pod.uid = uid;
    pod.node = node;
    pod.annotations = std::move(annotations);
    return RowPtr::make(pod);
}

RowPtr node_row(tables::Annotations annotations = {}, bool unavailable = false) {
    tables::Node node;
    node.key.text = "n1";
    node.uid = "u";
    node.annotations = std::move(annotations);
    node.network_unavailable = unavailable;
    return RowPtr::make(node);
}

std::string metadata(int version, const std::string& annotations, const std::string& uid = "u") {
    return R"({"kind":"PartialObjectMetadata","metadata":{"name":"x","uid":")" + uid + R"(","resourceVersion":")" +
           std::to_string(version) + R"(","annotations":)" + annotations + "}}";
}

constexpr const char* networks = "k8s.ovn.org/pod-networks";

class AnnotationApplierTest : public testing::Test {
  protected:
    AnnotationApplierTest() {
        applier.emplace(
            loop, transport,
            [this](std::string_view kind, std::string_view ns, std::string_view name) {
                const auto at = objects.find(std::string(kind) + "/" + std::string(ns) + "/" + std::string(name));
                return at == objects.end() ? AnnotationApplier::Current{Presence::absent, {}, 0, false} : at->second;
            },
            AnnotationApplierOptions{}, [] { return 0.0; });
    }
    void put(const RowPtr& row, const RowPtr& before = {}) { change({input(row), before, row}); }
    void erase(const RowPtr& row) { change({input(row), row, {}}); }
    static std::size_t input(const RowPtr& row) { return row.type().name == "Annotation" ? 0 : 1; }
    void change(const Change& c) {
        applier->changed(std::span(&c, 1));
        loop.settle();
    }
    void see(const std::string& key, RowPtr row, std::uint64_t version, bool annotated = true) {
        objects[key] = {Presence::present, std::move(row), version, annotated};
    }
    void observe(const std::string& kind, const std::string& ns, const std::string& name) {
        applier->observed(kind, ns, name);
        loop.settle();
    }

    ManualLoop loop;
    FakeTransport transport{loop};
    std::map<std::string, AnnotationApplier::Current> objects;
    std::optional<AnnotationApplier> applier;
};

TEST_F(AnnotationApplierTest, ANewKeyIsGuardedByTheVersion) {
    see("Pod/web/p1", pod_row("p1", {{"k8s.ovn.org/other", "x"}}), 7);
    put(annotation("Pod", "web", "p1", networks, "default", R"({"mac":"a"})"));
    ASSERT_EQ(transport.open(), 1U);
    const auto& request = transport.request();
    EXPECT_EQ(request.method, Method::patch);
    EXPECT_EQ(request.path, "/api/v1/namespaces/web/pods/p1/status");
    EXPECT_EQ(request.content_type, "application/json-patch+json");
    EXPECT_THAT(std::string(request.accept), HasSubstr("PartialObjectMetadata"));
    EXPECT_EQ(
        request.body,
        R"([{"op":"test","path":"/metadata/uid","value":"u"},{"op":"test","path":"/metadata/resourceVersion","value":"7"},)"
        R"({"op":"add","path":"/metadata/annotations/k8s.ovn.org~1pod-networks","value":"{\"default\":{\"mac\":\"a\"}}"}])");
    EXPECT_FALSE(applier->idle());
    transport.answer(200, metadata(8, R"({"k8s.ovn.org/pod-networks":"{\"default\":{\"mac\":\"a\"}}"})"));
    EXPECT_TRUE(applier->idle());
    EXPECT_EQ(transport.started(), 1U);
    EXPECT_EQ(applier->status().applied, 1U);
    // The echo, and later news of the pod, cost nothing.
    see("Pod/web/p1", pod_row("p1", {{networks, R"({"default":{"mac":"a"}})"}}), 8);
    observe("Pod", "web", "p1");
    EXPECT_EQ(transport.started(), 1U);
}

TEST_F(AnnotationApplierTest, AnOldValueIsTestedAndForeignSubKeysSurvive) {
    see("Pod/web/p1", pod_row("p1", {{networks, R"({"other/net":{"ip":"1"},"default":{"mac":"old"}})"}}), 7);
    put(annotation("Pod", "web", "p1", networks, "default", R"({"mac":"new"})"));
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_THAT(
        transport.request().body,
        HasSubstr(R"("op":"test","path":"/metadata/annotations/k8s.ovn.org~1pod-networks","value":"{\"other/net\":)"));
    EXPECT_THAT(transport.request().body, HasSubstr(R"({\"default\":{\"mac\":\"new\"},\"other/net\":{\"ip\":\"1\"}})"));
    EXPECT_THAT(transport.request().body, Not(HasSubstr("resourceVersion")));
}

TEST_F(AnnotationApplierTest, APodWithoutAnnotationsGetsTheMap) {
    see("Pod/web/p1", pod_row("p1"), 7, false);
    put(annotation("Pod", "web", "p1", networks, "default", "{}"));
    EXPECT_THAT(transport.request().body,
                HasSubstr(R"({"op":"add","path":"/metadata/annotations","value":{"k8s.ovn.org/pod-networks":)"));
}

TEST_F(AnnotationApplierTest, WhatIsAsItShouldBeCostsNoRequest) {
    see("Pod/web/p1", pod_row("p1", {{networks, R"({"default": {"b":1, "a":[2]}, "x":1})"}}), 7);
    see("Node//n1", node_row({{"k8s.ovn.org/host-cidrs", R"([ "1" ])"}}), 9);
    put(annotation("Pod", "web", "p1", networks, "default", R"({"a":[2],"b":1})"));
    put(annotation("Node", "", "n1", "k8s.ovn.org/host-cidrs", "", R"(["1"])"));
    put(condition("NetworkUnavailable", "False"));
    EXPECT_EQ(transport.started(), 0U);
    EXPECT_TRUE(applier->idle());
    applier->first_round_done();
    EXPECT_EQ(applier->status().state, State::synced);
}

TEST_F(AnnotationApplierTest, AllOfOneNodeIsOnePatch) {
    see("Node//n1", node_row({{"k8s.ovn.org/node-subnets", R"({"blue":["x"]})"}}, true), 9);
    std::vector<Change> changes;
    for (const auto& row :
         {annotation("Node", "", "n1", "k8s.ovn.org/node-id", "", "2"),
          annotation("Node", "", "n1", "k8s.ovn.org/zone-name", "", "n1"),
          annotation("Node", "", "n1", "k8s.ovn.org/node-subnets", "default", R"(["10.0.0.0/24"])")}) {
        changes.push_back({0, {}, row});
    }
    changes.push_back({1, {}, condition("NetworkUnavailable", "False")});
    applier->changed(changes);
    loop.settle();
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().path, "/api/v1/nodes/n1/status");
    EXPECT_EQ(transport.request().content_type, "application/strategic-merge-patch+json");
    EXPECT_THAT(
        transport.request().body,
        testing::StartsWith(
            R"({"metadata":{"uid":"u","resourceVersion":"9","annotations":{"k8s.ovn.org/node-id":"2",)"
            R"("k8s.ovn.org/node-subnets":"{\"blue\":[\"x\"],\"default\":[\"10.0.0.0/24\"]}","k8s.ovn.org/zone-name":"n1"}},)"
            R"("status":{"conditions":[{"type":"NetworkUnavailable","status":"False","reason":"r","message":"m",)"));
    transport.answer(
        200,
        metadata(
            10,
            R"({"k8s.ovn.org/node-id":"2","k8s.ovn.org/zone-name":"n1","k8s.ovn.org/node-subnets":"{\"blue\":[\"x\"],\"default\":[\"10.0.0.0/24\"]}"})"));
    EXPECT_EQ(transport.started(), 1U);
    EXPECT_TRUE(applier->idle());
}

TEST_F(AnnotationApplierTest, ANodesOwnAnnotationsNeedNoVersion) {
    see("Node//n1", node_row(), 9);
    put(annotation("Node", "", "n1", "k8s.ovn.org/node-id", "", "2"));
    EXPECT_EQ(transport.request().body, R"({"metadata":{"uid":"u","annotations":{"k8s.ovn.org/node-id":"2"}}})");
}

TEST_F(AnnotationApplierTest, WithdrawnIsRemoved) {
    const auto mine = annotation("Pod", "web", "p1", networks, "default", "1");
    const auto whole = annotation("Pod", "web", "p1", "k8s.ovn.org/flag", "", "x");
    see("Pod/web/p1", pod_row("p1", {{"k8s.ovn.org/flag", "x"}, {networks, R"({"default":1})"}}), 7);
    put(mine);
    put(whole);
    EXPECT_EQ(transport.started(), 0U);
    erase(mine);
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_THAT(transport.request().body,
                HasSubstr(R"({"op":"remove","path":"/metadata/annotations/k8s.ovn.org~1pod-networks"}])"));
    erase(whole);
    EXPECT_EQ(transport.open(), 1U) << "one request an object at a time";
    transport.answer(200, metadata(8, R"({"k8s.ovn.org/flag":"x"})"));
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_THAT(transport.request().body, HasSubstr("k8s.ovn.org~1flag"));
    transport.answer(200, metadata(9, "null"));
    EXPECT_TRUE(applier->idle());
    EXPECT_EQ(transport.started(), 2U);
}

TEST_F(AnnotationApplierTest, ANewValueWhileThePatchIsUnderWay) {
    see("Pod/web/p1", pod_row("p1"), 7, false);
    const auto first = annotation("Pod", "web", "p1", networks, "default", "1");
    put(first);
    put(annotation("Pod", "web", "p1", networks, "default", "2"), first);
    EXPECT_EQ(transport.open(), 1U);
    // The watch has not caught up: the answer tells what is there.
    transport.answer(200, metadata(8, R"({"k8s.ovn.org/pod-networks":"{\"default\":1}"})"));
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_THAT(transport.request().body, HasSubstr(R"("value":"{\"default\":1}")"));
    EXPECT_THAT(transport.request().body, HasSubstr(R"("value":"{\"default\":2}")"));
}

TEST_F(AnnotationApplierTest, AWatchThatLagsBehindIsNotBelieved) {
    see("Pod/web/p1", pod_row("p1"), 7, false);
    put(annotation("Pod", "web", "p1", networks, "default", "1"));
    transport.answer(200, metadata(9, R"({"k8s.ovn.org/pod-networks":"{\"default\":1}"})"));
    see("Pod/web/p1", pod_row("p1", {}, "u", "n2"), 8, false);  // an event from before our patch
    observe("Pod", "web", "p1");
    EXPECT_EQ(transport.started(), 1U);
    see("Pod/web/p1", pod_row("p1", {}, "u", "n2"), 10, true);  // somebody removed it afterwards
    observe("Pod", "web", "p1");
    EXPECT_EQ(transport.started(), 2U) << "drift is repaired";
    transport.answer(200, metadata(11, R"({"k8s.ovn.org/pod-networks":"{\"default\":1}"})"));
    EXPECT_EQ(applier->status().repaired, 1U);
}

TEST_F(AnnotationApplierTest, WhatTheAnswerSaidIsNotPutRightWhenTheWatchSaysItToo) {
    see("Pod/web/p1", pod_row("p1"), 7, false);
    put(annotation("Pod", "web", "p1", networks, "default", R"({"a":1})"));
    transport.answer(200, metadata(8, R"({"k8s.ovn.org/pod-networks":"{\"default\":{\"a\":1}}"})"));
    see("Pod/web/p1", pod_row("p1", {{networks, R"({"default":{"a":1}})"}}), 8);
    observe("Pod", "web", "p1");
    EXPECT_TRUE(applier->idle());
    EXPECT_EQ(transport.open(), 0U);
    // What comes after it is news.
    see("Pod/web/p1", pod_row("p1"), 9);
    observe("Pod", "web", "p1");
    ASSERT_EQ(transport.open(), 1U);
    transport.answer(200, metadata(10, R"({"k8s.ovn.org/pod-networks":"{\"default\":{\"a\":1}}"})"));
    EXPECT_EQ(applier->status().repaired, 1U);
}

TEST_F(AnnotationApplierTest, AConflictIsLookedAtAndTriedAgain) {
    see("Pod/web/p1", pod_row("p1", {{networks, R"({"a":1})"}}), 7);
    put(annotation("Pod", "web", "p1", networks, "default", "1"));
    transport.answer(422, R"({"kind":"Status","code":422,"reason":"Invalid","message":"test failed"})");
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().method, Method::get);
    EXPECT_EQ(transport.request().path, "/api/v1/namespaces/web/pods/p1");
    EXPECT_THAT(std::string(transport.request().accept), HasSubstr("PartialObjectMetadata"));
    transport.answer(200, metadata(8, R"({"k8s.ovn.org/pod-networks":"{\"b\":2}"})"));
    EXPECT_THAT(transport.request().body, HasSubstr(R"({\"b\":2,\"default\":1})"));
    // Conflicts that do not end are not hammered on.
    transport.answer(409, R"({"kind":"Status","code":409,"reason":"Conflict"})");
    transport.answer(200, metadata(9, R"({"k8s.ovn.org/pod-networks":"{\"c\":2}"})"));
    transport.answer(409, R"({"kind":"Status","code":409,"reason":"Conflict","message":"still"})");
    EXPECT_EQ(transport.open(), 0U);
    ASSERT_EQ(applier->status().faults.size(), 1U);
    EXPECT_EQ(applier->status().faults[0].object, "Pod web/p1");
    EXPECT_THAT(applier->status().faults[0].what, HasSubstr("still"));
    EXPECT_EQ(applier->status().behind, 1U);
    loop.advance(1s);
    ASSERT_EQ(transport.open(), 1U);
    transport.answer(200, metadata(10, R"({"k8s.ovn.org/pod-networks":"{\"c\":2,\"default\":1}"})"));
    EXPECT_TRUE(applier->status().faults.empty());
    EXPECT_TRUE(applier->idle());
}

TEST_F(AnnotationApplierTest, AMissingObjectDropsTheWork) {
    see("Pod/web/p1", pod_row("p1"), 7, false);
    const auto row = annotation("Pod", "web", "p1", networks, "default", "1");
    put(row);
    transport.answer(404, R"({"kind":"Status","code":404,"reason":"NotFound"})");
    EXPECT_TRUE(applier->idle());
    objects.clear();
    erase(row);
    EXPECT_TRUE(applier->idle());
    EXPECT_EQ(transport.started(), 1U);
    put(annotation("Pod", "web", "p2", networks, "default", "1"));
    EXPECT_EQ(transport.started(), 1U) << "not there yet";
    see("Pod/web/p2", pod_row("p2"), 8, false);
    observe("Pod", "web", "p2");
    EXPECT_EQ(transport.open(), 1U);
}

TEST_F(AnnotationApplierTest, AnotherObjectOfThatNameIsLeftAlone) {
    see("Pod/web/p1", pod_row("p1", {}, "new"), 7, false);
    const auto row = annotation("Pod", "web", "p1", networks, "default", "1", "old");
    put(row);
    erase(row);
    EXPECT_EQ(transport.started(), 0U);
    EXPECT_TRUE(applier->idle());
}

TEST_F(AnnotationApplierTest, BrokenJsonIsAFaultOfThatObjectOnly) {
    see("Pod/web/p1", pod_row("p1", {{networks, "garbage"}}), 7);
    see("Pod/web/p2", pod_row("p2"), 7, false);
    put(annotation("Pod", "web", "p1", networks, "default", "1"));
    put(annotation("Pod", "web", "p2", networks, "default", "1"));
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_THAT(transport.request().path, HasSubstr("p2"));
    ASSERT_EQ(applier->status().faults.size(), 1U);
    EXPECT_THAT(applier->status().faults[0].what,
                HasSubstr("metadata.annotations[k8s.ovn.org/pod-networks]: holds no JSON object"));
    see("Pod/web/p1", pod_row("p1"), 8, true);
    observe("Pod", "web", "p1");
    ASSERT_EQ(transport.open(), 2U);
    transport.answer(200, metadata(9, R"({"k8s.ovn.org/pod-networks":"{\"default\":1}"})"), 1);
    EXPECT_TRUE(applier->status().faults.empty());
}

TEST_F(AnnotationApplierTest, AtMostEightInFlight) {
    for (int i = 0; i < 100; ++i) {
        const std::string name = "p" + std::to_string(i);
        see("Pod/web/" + name, pod_row(name), 7, false);
        put(annotation("Pod", "web", name, networks, "default", "1"));
    }
    EXPECT_EQ(transport.open(), 8U);
    EXPECT_EQ(applier->status().behind, 100U);
    while (transport.open() > 0) {
        EXPECT_LE(transport.open(), 8U);
        transport.answer(200, metadata(8, R"({"k8s.ovn.org/pod-networks":"{\"default\":1}"})"));
    }
    EXPECT_EQ(transport.started(), 100U);
    EXPECT_TRUE(applier->idle());
}

TEST_F(AnnotationApplierTest, WhatIsHeldWaitsButNotForEver) {
    see("Pod/web/p1", pod_row("p1"), 7);
    applier->hold(true);
    applier->hold(true);
    put(annotation("Pod", "web", "p1", networks, "default", "{}"));
    EXPECT_EQ(transport.open(), 0U);
    EXPECT_FALSE(applier->idle());
    applier->hold(false);
    loop.settle();
    ASSERT_EQ(transport.open(), 1U);
    transport.answer(200, metadata(8, R"({"k8s.ovn.org/pod-networks":"{\"default\":{}}"})"));
    EXPECT_TRUE(applier->idle());
    // A hold that nobody ends.
    see("Pod/web/p2", pod_row("p2"), 7);
    applier->hold(true);
    put(annotation("Pod", "web", "p2", networks, "default", "{}"));
    loop.advance(1900ms);
    EXPECT_EQ(transport.open(), 0U);
    loop.advance(200ms);
    EXPECT_EQ(transport.open(), 1U);
}

TEST_F(AnnotationApplierTest, AServerInTroubleIsNotHammered) {
    for (int i = 0; i < 1000; ++i) {
        const std::string name = "p" + std::to_string(i);
        see("Pod/web/" + name, pod_row(name), 7, false);
        put(annotation("Pod", "web", name, networks, "default", "1"));
    }
    while (transport.open() > 0)
        transport.fail("connection refused");
    EXPECT_EQ(transport.started(), 8U);
    EXPECT_THAT(applier->status().detail, HasSubstr("connection refused"));
    EXPECT_TRUE(applier->status().faults.empty());
    loop.advance(500ms);
    EXPECT_EQ(transport.open(), 8U);
    for (int i = 0; i < 5000 && !applier->idle(); ++i) {
        if (transport.open() > 0) {
            transport.answer(200, metadata(8, R"({"k8s.ovn.org/pod-networks":"{\"default\":1}"})"));
        } else {
            loop.advance(1s);
        }
    }
    EXPECT_TRUE(applier->idle());
    EXPECT_EQ(applier->status().detail, "");
}

TEST_F(AnnotationApplierTest, WithoutTheLeadNothingIsWritten) {
    bool leads = true;
    AnnotationApplierOptions options;
    options.in_flight = 1;
    options.may_write = [&] { return leads; };
    applier.emplace(
        loop, transport,
        [this](std::string_view, std::string_view, std::string_view name) {
            return objects.at("Pod/web/" + std::string(name));
        },
        options, [] { return 0.0; });
    for (const char* name : {"p1", "p2"}) {
        see(std::string("Pod/web/") + name, pod_row(name), 7, false);
        put(annotation("Pod", "web", name, networks, "default", "1"));
    }
    leads = false;
    transport.answer(200, metadata(8, R"({"k8s.ovn.org/pod-networks":"{\"default\":1}"})"));
    EXPECT_EQ(transport.open(), 0U);
    loop.advance(10min);
    EXPECT_EQ(transport.open(), 0U);
    EXPECT_EQ(applier->status().behind, 1U) << "the first one was written while it led";
    leads = true;
    loop.advance(1s);
    EXPECT_EQ(transport.open(), 1U);
}

TEST_F(AnnotationApplierTest, RefusalsBackOffAndHonourRetryAfter) {
    see("Node//n1", node_row(), 9);
    put(annotation("Node", "", "n1", "k8s.ovn.org/node-id", "", "2"));
    transport.answer(403, R"({"kind":"Status","code":403,"reason":"Forbidden","message":"webhook says no"})");
    ASSERT_EQ(applier->status().faults.size(), 1U);
    EXPECT_EQ(applier->status().faults[0].object, "Node n1");
    EXPECT_THAT(applier->status().faults[0].what, HasSubstr("webhook says no"));
    std::vector<Duration> waits;
    for (int i = 0; i < 8; ++i) {
        const auto began = loop.now();
        while (transport.open() == 0)
            loop.advance(100ms);
        waits.push_back(loop.now() - began);
        transport.answer(403, R"({"kind":"Status","code":403,"reason":"Forbidden"})");
    }
    EXPECT_EQ(waits.front(), 500ms);
    EXPECT_EQ(waits.back(), 30s);
}

TEST_F(AnnotationApplierTest, UnwatchedObjectsAreLookedAtFirst) {
    objects["Pod/web/far"] = {};
    put(annotation("Pod", "web", "far", networks, "default", "1"));
    EXPECT_EQ(transport.request().method, Method::get);
    transport.answer(200, metadata(8, R"({"k8s.ovn.org/pod-networks":"{\"default\":1}"})"));
    EXPECT_TRUE(applier->idle());
    EXPECT_EQ(transport.started(), 1U);
}

TEST_F(AnnotationApplierTest, AnnotationsThatRowsDoNotKeepAreLookedAtFirst) {
    see("Pod/web/p1", pod_row("p1"), 7, true);
    put(annotation("Pod", "web", "p1", "example.com/x", "", "1"));
    EXPECT_EQ(transport.request().method, Method::get);
    transport.answer(200, metadata(8, R"({"example.com/x":"0","example.com/y":"1"})"));
    EXPECT_THAT(transport.request().body, HasSubstr(R"("value":"0")"));
    transport.answer(200, metadata(9, R"({"example.com/x":"1"})"));
    EXPECT_TRUE(applier->idle());
}

TEST_F(AnnotationApplierTest, WhatALookToldIsBelievedWhenTheWatchIsAsNew) {
    see("Pod/web/p1", pod_row("p1"), 7);
    put(annotation("Pod", "web", "p1", "example.com/x", "", "1"));
    ASSERT_EQ(transport.request().method, Method::get);
    transport.answer(200, metadata(7, R"({"example.com/x":"0"})"));
    ASSERT_EQ(transport.open(), 1U);
    ASSERT_EQ(transport.request().method, Method::patch);
    transport.answer(200, metadata(8, R"({"example.com/x":"1"})"));
    see("Pod/web/p1", pod_row("p1"), 8);
    EXPECT_TRUE(applier->idle());
    EXPECT_EQ(transport.started(), 2U);
}

TEST_F(AnnotationApplierTest, OtherConditionsAreReadOnce) {
    see("Node//n1", node_row(), 9);
    const auto first = condition("WeftReady", "True");
    put(first);
    EXPECT_EQ(transport.request().method, Method::get);
    EXPECT_EQ(transport.request().accept, "application/json");
    transport.answer(
        200,
        R"({"metadata":{"name":"n1","uid":"u","resourceVersion":"9"},"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
    EXPECT_THAT(transport.request().body, HasSubstr(R"({"type":"WeftReady","status":"True")"));
    EXPECT_THAT(transport.request().body, HasSubstr("lastTransitionTime"));
    transport.answer(200, metadata(10, "null"));
    EXPECT_TRUE(applier->idle());
    const auto second = condition("WeftReady", "True", "other reason");
    put(second, first);
    EXPECT_THAT(transport.request().body, Not(HasSubstr("lastTransitionTime"))) << "the status is the same";
    transport.answer(200, metadata(11, "null"));
    erase(second);
    EXPECT_THAT(transport.request().body, HasSubstr(R"({"$patch":"delete","type":"WeftReady"})"));
    transport.answer(200, metadata(12, "null"));
    EXPECT_TRUE(applier->idle());
    EXPECT_EQ(transport.started(), 4U);
}

TEST_F(AnnotationApplierTest, TasksOfAnApplierThatIsGoneDoNothing) {
    const auto row = annotation("Pod", "web", "p1", networks, "default", "1");
    const Change c{0, {}, row};
    applier->changed(std::span(&c, 1));
    applier.reset();
    loop.settle();
    EXPECT_EQ(transport.started(), 0U);
}

// The echo of our own writes
// ---------------------------------------------------------------------------------------------

class AnnotationTapTest : public AnnotationApplierTest {
  protected:
    /// The watch shows a new state of the object.
    void shows(const std::string& key, const RowPtr& row, std::uint64_t version) {
        const RowPtr before = objects.contains(key) ? objects[key].row : RowPtr();
        see(key, row, version);
        tap.put(row.type().name, row, before);
        loop.settle();
    }
    RecordingSink sink;
    AnnotationTap tap{sink, *applier};
};

TEST_F(AnnotationTapTest, EchoesDoNotReachTheEngine) {
    shows("Pod/web/p1", pod_row("p1", {{networks, R"({"x":1})"}}), 7);
    put(annotation("Pod", "web", "p1", networks, "default", R"({"a":1})"));
    EXPECT_EQ(sink.take_journal().size(), 1U);
    shows("Pod/web/p1", pod_row("p1", {{networks, R"({"default":{"a":1},"x":1})"}}), 8);  // before the answer
    EXPECT_TRUE(sink.take_journal().empty());
    transport.answer(200, metadata(8, R"({"k8s.ovn.org/pod-networks":"{\"default\":{\"a\":1},\"x\":1}"})"));
    EXPECT_TRUE(applier->idle());
    EXPECT_EQ(tap.echoes(), 1U);
    // News that is not ours brings the whole row.
    shows("Pod/web/p1", pod_row("p1", {{networks, R"({"default":{"a":1},"x":1})"}}, "u", "n2"), 9);
    EXPECT_EQ(sink.take_journal().size(), 1U);
    EXPECT_EQ(sink.rows["web/p1"].as<tables::Pod>().annotations.size(), 1U);
    // What somebody else does to our annotation is news, and put right.
    shows("Pod/web/p1", pod_row("p1", {{networks, R"({"x":1})"}}, "u", "n2"), 10);
    EXPECT_EQ(sink.take_journal().size(), 1U);
    EXPECT_EQ(transport.open(), 1U);
    shows("Pod/web/p1", pod_row("p1", {{networks, R"({"default":{"a":1},"x":2})"}}, "u", "n2"), 11);
    EXPECT_EQ(sink.take_journal().size(), 1U) << "a foreign sub-key changed too";
}

TEST_F(AnnotationTapTest, AnEchoThatIsLateOrEarlyNeedsNoLook) {
    shows("Pod/web/p1", pod_row("p1"), 7);
    const auto first = annotation("Pod", "web", "p1", networks, "default", "1");
    put(first);
    transport.answer(200, metadata(8, R"({"k8s.ovn.org/pod-networks":"{\"default\":1}"})"));
    EXPECT_TRUE(applier->idle());
    shows("Pod/web/p1", pod_row("p1", {{networks, R"({"default":1})"}}), 8);
    EXPECT_EQ(tap.echoes(), 1U);
    const auto second = annotation("Pod", "web", "p1", networks, "default", "2");
    put(second, first);
    shows("Pod/web/p1", pod_row("p1", {{networks, R"({"default":2})"}}), 9);
    EXPECT_FALSE(applier->idle());
    transport.answer(200, metadata(9, R"({"k8s.ovn.org/pod-networks":"{\"default\":2}"})"));
    EXPECT_TRUE(applier->idle());
    EXPECT_EQ(tap.echoes(), 2U);
    // What comes after that is compared with what the watch has shown.
    shows("Pod/web/p1", pod_row("p1", {{networks, R"({"default":3})"}}), 10);
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.started(), 3U);
}

TEST_F(AnnotationTapTest, AnAnswerIsReadWhenSomethingElseComesBeforeTheEcho) {
    shows("Pod/web/p1", pod_row("p1"), 7);
    const auto first = annotation("Pod", "web", "p1", networks, "default", "1");
    put(first);
    transport.answer(200, metadata(9, R"({"k8s.ovn.org/pod-networks":"{\"default\":1,\"x\":5}"})"));
    shows("Pod/web/p1", pod_row("p1", {}, "u", "n2"), 8);  // from before our PATCH
    EXPECT_EQ(transport.started(), 1U) << "not written again: the answer is newer";
    put(annotation("Pod", "web", "p1", networks, "default", "2"), first);
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_THAT(transport.request().body, HasSubstr(R"({\"default\":2,\"x\":5})")) << "what the answer told survives";
}

TEST_F(AnnotationTapTest, WhatTheServerMadeOfItIsPutRight) {
    shows("Pod/web/p1", pod_row("p1"), 7);
    put(annotation("Pod", "web", "p1", networks, "default", "1"));
    // Something in the server changes what we write. The watch says the same as the answer, and it is not what we want.
    transport.answer(200, metadata(8, R"({"k8s.ovn.org/pod-networks":"{\"default\":9}"})"));
    shows("Pod/web/p1", pod_row("p1", {{networks, R"({"default":9})"}}), 8);
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.started(), 2U);
}

TEST_F(AnnotationTapTest, DriftWhileAPatchIsUnderWayIsSeen) {
    shows("Pod/web/p1", pod_row("p1"), 7);
    put(annotation("Pod", "web", "p1", networks, "default", "1"));
    shows("Pod/web/p1", pod_row("p1", {{networks, R"({"default":1})"}}), 8);
    shows("Pod/web/p1", pod_row("p1", {{networks, R"({"default":7})"}}), 9);  // somebody was quick
    transport.answer(200, metadata(8, R"({"k8s.ovn.org/pod-networks":"{\"default\":1}"})"));
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_THAT(transport.request().body, HasSubstr(R"("value":"{\"default\":7}")"));
}

TEST_F(AnnotationTapTest, ErasedAndReplacedRowsGoThrough) {
    shows("Pod/web/p1", pod_row("p1"), 7);
    put(annotation("Pod", "web", "p1", networks, "default", "1"));
    shows("Pod/web/p1", pod_row("p1", {{networks, R"({"default":1})"}}), 8);
    objects.clear();
    tap.erase("Pod", "web/p1");
    tap.replace_all("Pod", {});
    tap.complete("Pod");
    tap.put("Other", pod_row("p3"), {});
    EXPECT_THAT(sink.journal,
                testing::ElementsAre("put web/p1", "erase web/p1", "replace Pod 0", "complete Pod", "put web/p3"));
}

}  // namespace
}  // namespace weft::appliers
