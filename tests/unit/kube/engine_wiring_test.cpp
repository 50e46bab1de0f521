#include "appliers/kube/annotation_applier.hpp"
#include "appliers/kube/annotation_tap.hpp"
#include "appliers/kube/status_events.hpp"
#include "engine/engine.hpp"
#include "fakes.hpp"
#include "kube/engine_sink.hpp"
#include "kube/watches.hpp"

#include <weft/tables/kube.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

/// The way from a pod to its annotation and back, with the real engine in between.
namespace weft::appliers {
namespace {

using kube::test::FakeTransport;
using kube::test::ManualLoop;
using testing::HasSubstr;

struct AnnotatePods {
    using Driver = tables::Pod;
    using Reads = Tables<>;
    using Writes = Tables<tables::Annotation>;
    static void derive(const Driver& pod, const Reader<Reads>&, Desired<Writes>& out) {
        if (pod.name == "bad") return out.fail(invalid("no such thing", "correct it"));
        tables::Annotation row;
        row.kind = "Pod";
        row.ns = pod.ns;
        row.name = pod.name;
        row.uid = pod.uid;
        row.annotation = "k8s.ovn.org/pod-networks";
        row.sub_key = "default";
        row.value = R"({"node":")" + pod.node + R"("})";
        out.put(row);
    }
};

class Wiring : public testing::Test {
  protected:
    Wiring() {
        EXPECT_TRUE(engine.add_input(table_spec<tables::Pod>()));
        engine::ModuleSpec module;
        module.name = "test";
        module.rules.push_back(rule_spec<AnnotatePods>("annotate-pods", Role::node));
        const auto added = engine.add(std::move(module));
        EXPECT_TRUE(added) << added.error().text();
        EXPECT_TRUE(engine.subscribe(AnnotationApplier::tables(), applier));
        EXPECT_TRUE(engine.subscribe(StatusEvents::tables(), status_events));
        watches.want(kube::pod_resource(), WatchScope::all);
        watches.start();
    }

    std::string pod(const std::string& name, int version, const std::string& node,
                    const std::string& annotations) const {
        return R"({"metadata":{"name":")" + name + R"(","namespace":"web","uid":"u-)" + name +
               R"(","resourceVersion":")" + std::to_string(version) + R"(","annotations":)" + annotations +
               R"(},"spec":{"nodeName":")" + node + R"("}})";
    }
    engine::TickReport turn() {
        loop.settle();
        auto report = engine.tick();
        loop.settle();
        return report;
    }
    /// The open exchange with this in its path.
    std::size_t exchange(const std::string& path) const {
        for (std::size_t i = 0; i < transport.open(); ++i) {
            if (transport.request(i).path.find(path) != std::string::npos) return i;
        }
        ADD_FAILURE() << "no request for " << path;
        return 0;
    }

    ManualLoop loop;
    FakeTransport transport{loop};
    engine::Engine engine{engine::EngineOptions{}};
    EventRecorder recorder{loop, transport};
    StatusEvents status_events{recorder};
    kube::EngineSink engine_sink{[this](engine::ChangeSet changes) { engine.post(std::move(changes)); },
                                 [this](const ObjectRef& object, const Error* error) {
                                     if (error != nullptr) record_malformed(recorder, object, *error);
                                 }};
    AnnotationApplier applier{loop, transport, [this](auto kind, auto ns, auto name) {
                                  using Presence = AnnotationApplier::Current::Presence;
                                  const auto found = watches.find(kind, ns, name);
                                  if (!found.watched) return AnnotationApplier::Current{};
                                  if (found.known == nullptr)
                                      return AnnotationApplier::Current{Presence::absent, {}, 0, false};
                                  return AnnotationApplier::Current{Presence::present, found.known->row,
                                                                    found.known->version, found.known->annotated};
                              }};
    AnnotationTap tap{engine_sink, applier};
    kube::Watches watches{loop, transport, tap, {}};
};

TEST_F(Wiring, FromThePodToItsAnnotationAndBack) {
    transport.answer(200, R"({"metadata":{"resourceVersion":"10"},"items":[)" + pod("p1", 1, "n1", "null") + "," +
                              pod("bad", 2, "n1", "null") +
                              R"(,{"metadata":{"name":"odd","namespace":"web","labels":1}}]})");
    EXPECT_EQ(turn().runs, 2U);
    EXPECT_EQ(engine.size("Pod"), 2U);

    // Both of those that are wrong are told on themselves.
    EXPECT_THAT(transport.request(exchange("/events")).body, HasSubstr("labels: is no object"));
    transport.answer(201, "{}", exchange("/events"));
    EXPECT_THAT(transport.request(exchange("/events")).body, HasSubstr(R"x("message":"no such thing (correct it)")x"));
    transport.answer(201, "{}", exchange("/events"));

    EXPECT_THAT(transport.request(exchange("/pods/p1/status")).body, HasSubstr(R"({\"default\":{\"node\":\"n1\"}})"));
    const std::string annotations = R"({"k8s.ovn.org/pod-networks":"{\"default\":{\"node\":\"n1\"}}"})";
    transport.answer(
        200,
        R"({"metadata":{"name":"p1","namespace":"web","uid":"u-p1","resourceVersion":"11","annotations":)" +
            annotations + "}}",
        exchange("/pods/p1/status"));
    transport.stream(R"({"type":"MODIFIED","object":)" + pod("p1", 11, "n1", annotations) + "}\n");
    const auto echo = turn();
    EXPECT_EQ(echo.runs, 0U) << "the echo of our own write";
    EXPECT_EQ(echo.input_changes, 0U);
    EXPECT_TRUE(applier.idle());
    EXPECT_EQ(transport.open(), 1U) << "just the watch";
    EXPECT_EQ(applier.status().state, State::synced);

    // The pod goes: its annotation is withdrawn, and nothing is sent for it.
    const auto started = transport.started();
    transport.stream(R"({"type":"DELETED","object":)" + pod("p1", 12, "n1", annotations) + "}\n");
    turn();
    EXPECT_EQ(engine.size("Annotation"), 0U);
    EXPECT_TRUE(applier.idle());
    EXPECT_EQ(transport.started(), started);
}

TEST_F(Wiring, AfterARestartNothingIsWritten) {
    const std::string annotations = R"({"k8s.ovn.org/pod-networks":"{\"default\":{\"node\":\"n1\"}}"})";
    transport.answer(200, R"({"metadata":{"resourceVersion":"10"},"items":[)" + pod("p1", 1, "n1", annotations) + "]}");
    turn();
    EXPECT_EQ(transport.open(), 1U) << "just the watch";
    EXPECT_TRUE(applier.idle());
    EXPECT_EQ(applier.status().requests, 0U);
}

}  // namespace
}  // namespace weft::appliers
