#include "appliers/kube/annotation_applier.hpp"
#include "appliers/kube/annotation_tap.hpp"
#include "appliers/kube/event_recorder.hpp"
#include "appliers/kube/json_map.hpp"
#include "kube/elector.hpp"
#include "kube/watches.hpp"
#include "scripted_server.hpp"
#include "server_under_test.hpp"
#include "table_sink.hpp"

#include <weft/tables/kube.hpp>

#include <future>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

/// One suite for the embedded API server and for a real one.
namespace weft::kube {
namespace {

using namespace std::chrono_literals;
using appliers::AnnotationApplier;
using test::eventually;
using test::ServerKind;
using test::ServerUnderTest;
using test::TableSink;

constexpr const char* networks = "k8s.ovn.org/pod-networks";

/// What a weftd has of this part: a client, watches, the applier and its tap.
class Rig {
  public:
    explicit Rig(const ServerUnderTest& server, ReflectorOptions options = quick())
        : client(server.access()),
          watches_(client, client, tap_, std::move(options)) {}
    ~Rig() { client.stop(); }

    static ReflectorOptions quick() {
        ReflectorOptions options;
        options.backoff = {10ms, 100ms, 0.5};
        options.fair_watch = 1s;
        options.page = 3;
        return options;
    }
    void start(const std::function<void(Watches&)>& want) {
        want(watches_);
        client.start();
        client.run([this] { watches_.start(); });
    }
    void want(const RowPtr& row, const RowPtr& before = {}) { change({input(row), before, row}); }
    void withdraw(const RowPtr& row) { change({input(row), row, {}}); }
    Watches& watches() { return watches_; }
    std::uint64_t echoes() {
        std::uint64_t echoes = 0;
        client.run([&] { echoes = tap_.echoes(); });
        return echoes;
    }

    TableSink sink;
    Client client;

  private:
    static std::size_t input(const RowPtr& row) { return row.type().name == "Annotation" ? 0 : 1; }
    void change(const Change& c) { applier.changed(std::span(&c, 1)); }
    AnnotationApplier::Current look_up(std::string_view kind, std::string_view ns, std::string_view name) {
        const auto found = watches_.find(kind, ns, name);
        using Presence = AnnotationApplier::Current::Presence;
        if (!found.watched) return {};
        if (found.known == nullptr) return {Presence::absent, {}, 0, false};
        return {Presence::present, found.known->row, found.known->version, found.known->annotated};
    }

  public:
    AnnotationApplier applier{client, client,
                              [this](auto kind, auto ns, auto name) { return look_up(kind, ns, name); }};

  private:
    appliers::AnnotationTap tap_{sink, applier};
    Watches watches_;
};

RowPtr annotation(const std::string& kind, const std::string& ns, const std::string& name, const std::string& key,
                  const std::string& sub_key, const std::string& value, const std::string& uid = {}) {
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

class Server : public ::testing::TestWithParam<ServerKind> {
  protected:
    void SetUp() override {
        if (const auto why = ServerUnderTest::missing(GetParam())) GTEST_SKIP() << *why;
        server.start(GetParam());
    }

    ServerUnderTest server;

    std::string key(const std::string& pod) const { return server.ns() + "/" + pod; }
    bool wait_pod(Rig& rig, const std::string& name, const std::function<bool(const tables::Pod&)>& holds) {
        return rig.sink.wait("Pod", [&](const TableSink::Rows& rows) {
            const auto at = rows.find(key(name));
            return at != rows.end() && holds(at->second.as<tables::Pod>());
        });
    }
    bool wait_no_pod(Rig& rig, const std::string& name) {
        return rig.sink.wait("Pod", [&](const TableSink::Rows& rows) { return !rows.contains(key(name)); });
    }
    static constexpr auto any = [](const tables::Pod&) { return true; };
};

TEST_P(Server, ListsInPagesAndFollows) {
    server.make_node("a");
    for (int i = 0; i < 8; ++i)
        server.make_pod("p" + std::to_string(i), server.node("a"));
    Rig rig(server);
    rig.start([](Watches& w) {
        w.want(pod_resource(), WatchScope::all);
        w.want(node_resource(), WatchScope::all);
        w.want(namespace_resource(), WatchScope::all);
    });
    for (int i = 0; i < 8; ++i)
        EXPECT_TRUE(wait_pod(rig, "p" + std::to_string(i), any)) << i;
    EXPECT_TRUE(rig.sink.wait("Node", [&](const auto& rows) {
        return rows.contains(server.node("a")) &&
               rows.at(server.node("a")).template as<tables::Node>().internal_ips.size() == 1;
    }));
    EXPECT_TRUE(rig.sink.wait("Namespace", [&](const auto& rows) { return rows.contains(server.ns()); }));
    server.patch(server.pod_path("p1"), R"({"metadata":{"labels":{"new":"label"}}})");
    EXPECT_TRUE(wait_pod(rig, "p1",
                         [](const tables::Pod& pod) { return !pod.labels.empty() && pod.labels[0].first == "new"; }));
    server.delete_pod("p2");
    EXPECT_TRUE(wait_no_pod(rig, "p2"));
    server.make_pod("p2", server.node("a"));
    EXPECT_TRUE(wait_pod(rig, "p2", any));
    EXPECT_FALSE(rig.watches().status().empty());
}

/// As a weftd begins: some lists at once, on no connection yet, and a watch after each.
TEST_P(Server, WhatBeginsAtOnceIsAnsweredAtOnce) {
    constexpr int starts = 100;
    for (int round = 0; round < starts; ++round) {
        Client client(server.access());
        client.start();
        std::vector<std::future<Answer>> lists;
        client.run([&] {
            for (const std::string kind : {"pods", "nodes", "namespaces", "services"}) {
                auto answer = std::make_shared<std::promise<Answer>>();
                lists.push_back(answer->get_future());
                Request list;
                list.path = "/api/v1/" + kind + "?limit=1";
                list.silence = 5s;
                client.start(std::move(list), [&client, kind, answer](const Answer& listed) {
                    Request watch;
                    watch.path = "/api/v1/" + kind + "?watch=1&resourceVersion=0";
                    client.start(std::move(watch), [](const Answer&) {});
                    answer->set_value(listed);
                });
            }
        });
        for (auto& list : lists)
            ASSERT_TRUE(list.get().ok()) << "the silence of one ended it, start " << round;
        client.stop();
    }
}

TEST_P(Server, ANarrowWatchAndAWiderOne) {
    server.make_node("a");
    server.make_node("b");
    server.make_pod("pa", server.node("a"));
    server.make_pod("pb", server.node("b"));
    ReflectorOptions options = Rig::quick();
    options.node = server.node("a");
    Rig rig(server, options);
    rig.start([](Watches& w) { w.want(pod_resource(), WatchScope::local_node); });
    EXPECT_TRUE(wait_pod(rig, "pa", any));
    EXPECT_FALSE(rig.sink.rows("Pod").contains(key("pb")));
    rig.client.run([&] { rig.watches().want(pod_resource(), WatchScope::all); });
    EXPECT_TRUE(wait_pod(rig, "pb", any));
}

TEST_P(Server, PodAnnotationsAreSharedWithOthers) {
    server.make_node("a");
    server.make_pod("p1", server.node("a"), "{}",
                    R"({"k8s.ovn.org/pod-networks":"{\"ns/red\":{\"ip_address\":\"1.2.3.4/24\"}}"})");
    server.make_pod("p2", server.node("a"));
    Rig rig(server);
    rig.start([](Watches& w) { w.want(pod_resource(), WatchScope::all); });
    ASSERT_TRUE(wait_pod(rig, "p1", any) && wait_pod(rig, "p2", any));
    const auto p1 = annotation("Pod", server.ns(), "p1", networks, "default", R"({"mac_address":"0a:58:0a:00:00:03"})");
    const auto p2 = annotation("Pod", server.ns(), "p2", networks, "default", R"({"mac_address":"0a:58:0a:00:00:04"})");
    rig.want(p1);
    rig.want(p2);
    const std::string path = server.pod_path("p1");
    EXPECT_TRUE(eventually([&] {
        return server.annotation(path, networks) ==
               R"({"default":{"mac_address":"0a:58:0a:00:00:03"},"ns/red":{"ip_address":"1.2.3.4/24"}})";
    })) << server.annotation(path, networks);
    EXPECT_TRUE(eventually([&] {
        return server.annotation(server.pod_path("p2"), networks) ==
               R"({"default":{"mac_address":"0a:58:0a:00:00:04"}})";
    }));
    EXPECT_TRUE(eventually([&] { return rig.echoes() == 2; }));
    EXPECT_EQ(rig.applier.status().requests, 2U);
    // Somebody takes ours away and adds their own.
    server.patch(path, R"({"metadata":{"annotations":{"k8s.ovn.org/pod-networks":"{\"blue\":1}"}}})");
    EXPECT_TRUE(eventually([&] {
        return server.annotation(path, networks) == R"({"blue":1,"default":{"mac_address":"0a:58:0a:00:00:03"}})";
    })) << server.annotation(path, networks);
    rig.withdraw(p1);
    EXPECT_TRUE(eventually([&] { return server.annotation(path, networks) == R"({"blue":1})"; }));
    rig.withdraw(p2);
    EXPECT_TRUE(eventually([&] { return server.annotation(server.pod_path("p2"), networks).empty(); }));
    EXPECT_TRUE(eventually([&] { return rig.applier.idle(); }));
    EXPECT_TRUE(rig.applier.status().faults.empty());
}

TEST_P(Server, WritersOfOneMapDoNotLoseEachOthersKeys) {
    server.make_node("a");
    server.make_pod("p1", server.node("a"));
    Rig one(server);
    Rig two(server);
    for (Rig* rig : {&one, &two})
        rig->start([](Watches& w) { w.want(pod_resource(), WatchScope::all); });
    ASSERT_TRUE(wait_pod(one, "p1", any) && wait_pod(two, "p1", any));
    for (int i = 0; i < 10; ++i) {
        one.want(annotation("Pod", server.ns(), "p1", networks, "one" + std::to_string(i), "1"));
        two.want(annotation("Pod", server.ns(), "p1", networks, "two" + std::to_string(i), "2"));
    }
    EXPECT_TRUE(eventually([&] {
        const auto document = JsonDocument::parse(server.annotation(server.pod_path("p1"), networks));
        return document && document->root().size() == 20;
    })) << server.annotation(server.pod_path("p1"), networks);
}

TEST_P(Server, AnotherPodOfThatNameIsLeftAlone) {
    server.make_node("a");
    server.make_pod("p1", server.node("a"));
    Rig rig(server);
    rig.start([](Watches& w) { w.want(pod_resource(), WatchScope::all); });
    std::string uid;
    ASSERT_TRUE(wait_pod(rig, "p1", [&](const tables::Pod& pod) { return uid = pod.uid, true; }));
    server.delete_pod("p1");
    server.make_pod("p1", server.node("a"));
    rig.want(annotation("Pod", server.ns(), "p1", networks, "default", "1", uid));  // perhaps before the watch shows it
    ASSERT_TRUE(wait_pod(rig, "p1", [&](const tables::Pod& pod) { return pod.uid != uid; }));
    EXPECT_TRUE(eventually([&] { return rig.applier.idle(); }));
    EXPECT_EQ(server.annotation(server.pod_path("p1"), networks), "");
}

TEST_P(Server, NodesAnnotationsAndConditions) {
    server.make_node("a");
    const std::string path = server.node_path("a");
    server.patch(path, R"({"metadata":{"annotations":{"k8s.ovn.org/node-subnets":"{\"blue\":[\"10.9.0.0/24\"]}"}}})");
    server.call(
        Method::patch, path + "/status",
        R"({"status":{"conditions":[{"type":"NetworkUnavailable","status":"True","reason":"NoRoute","message":"m"},)"
        R"({"type":"MemoryPressure","status":"False","reason":"r","message":"m"}]}})",
        "application/strategic-merge-patch+json");
    Rig rig(server);
    rig.start([](Watches& w) { w.want(node_resource(), WatchScope::all); });
    const std::string node = server.node("a");
    ASSERT_TRUE(rig.sink.wait("Node", [&](const auto& rows) {
        return rows.contains(node) && rows.at(node).template as<tables::Node>().network_unavailable;
    }));
    rig.want(annotation("Node", "", node, "k8s.ovn.org/node-id", "", "2"));
    rig.want(annotation("Node", "", node, "k8s.ovn.org/node-subnets", "default", R"(["10.0.1.0/24"])"));
    for (const auto& [type, status] : {std::pair{"NetworkUnavailable", "False"}, std::pair{"WeftTesting", "True"}}) {
        tables::NodeCondition condition;
        condition.node = node;
        condition.type = type;
        condition.status = status;
        condition.reason = "weft";
        condition.message = "tested";
        condition.settle_key();
        rig.want(RowPtr::make(condition));
    }
    EXPECT_TRUE(
        eventually([&] { return rig.applier.idle() && server.annotation(path, "k8s.ovn.org/node-id") == "2"; }));
    EXPECT_EQ(server.annotation(path, "k8s.ovn.org/node-subnets"),
              R"({"blue":["10.9.0.0/24"],"default":["10.0.1.0/24"]})");
    const auto document = server.get(path);
    std::map<std::string, std::string> conditions;
    document.root()["status"]["conditions"].each([&](JsonView c) {
        conditions[std::string(c["type"].string_or(""))] =
            std::string(c["status"].string_or("")) + " " + std::string(c["reason"].string_or(""));
    });
    EXPECT_EQ(conditions["NetworkUnavailable"], "False weft");
    EXPECT_EQ(conditions["WeftTesting"], "True weft");
    EXPECT_EQ(conditions["MemoryPressure"], "False r");
    EXPECT_TRUE(rig.applier.status().faults.empty());
}

TEST_P(Server, EventsCanBeRead) {
    server.make_node("a");
    server.make_pod("p1", server.node("a"));
    Client client(server.access());
    appliers::EventRecorder recorder(client, client);
    client.start();
    const std::string uid(server.get(server.pod_path("p1")).root()["metadata"]["uid"].string_or(""));
    recorder.record({"Pod", server.ns(), "p1", uid}, appliers::EventType::warning, "ErrorAddingResource",
                    "no address left");
    recorder.record({"Pod", server.ns(), "p1", uid}, appliers::EventType::warning, "ErrorAddingResource",
                    "no address left");
    EXPECT_TRUE(eventually([&] {
        const auto events =
            server.get("/api/v1/namespaces/" + server.ns() + "/events?fieldSelector=involvedObject.name%3Dp1");
        bool found = false;
        events.root()["items"].each([&](JsonView e) {
            found |= e["message"].string_or("") == "no address left" &&
                     e["source"]["component"].string_or("") == "weft" &&
                     e["involvedObject"]["uid"].string_or("") == uid && e["type"].string_or("") == "Warning";
        });
        return found;
    }));
    EXPECT_EQ(recorder.counters().dropped, 0U);
    client.stop();
}

TEST_P(Server, OneLeadsAndTheNextTakesOver) {
    struct Candidate {
        Candidate(const ServerUnderTest& server, const std::string& name)
            : client(server.access()),
              elector(client, client, options(server, name), {}) {
            client.start();
            client.run([this] { elector.start(); });
        }
        ~Candidate() { client.stop(); }
        static ElectorOptions options(const ServerUnderTest& server, const std::string& name) {
            ElectorOptions options;
            options.ns = server.ns();
            options.lease = "weft-test";
            options.identity = name;
            options.lease_duration = 15s;
            options.renew_deadline = 10s;
            options.retry_period = 100ms;
            return options;
        }
        Client client;
        Elector elector;
    };
    Candidate one(server, "one");
    ASSERT_TRUE(eventually([&] { return one.elector.may_write(); }));
    Candidate two(server, "two");
    ASSERT_TRUE(eventually([&] { return two.elector.status().holder == "one" && one.elector.status().renewals > 2; }));
    EXPECT_FALSE(two.elector.may_write());
    one.client.run([&] { one.elector.stop({}); });
    EXPECT_FALSE(one.elector.may_write());
    EXPECT_TRUE(eventually([&] { return two.elector.may_write(); }));
    const auto lease = server.get("/apis/coordination.k8s.io/v1/namespaces/" + server.ns() + "/leases/weft-test");
    EXPECT_EQ(lease.root()["spec"]["holderIdentity"].string_or(""), "two");
    // By way of the empty holder, as with client-go.
    EXPECT_EQ(lease.root()["spec"]["leaseTransitions"].integer(), 1);
}

INSTANTIATE_TEST_SUITE_P(Plain, Server, ::testing::Values(ServerKind::embedded));
INSTANTIATE_TEST_SUITE_P(Tls, Server, ::testing::Values(ServerKind::embedded_tls));
INSTANTIATE_TEST_SUITE_P(Real, Server, ::testing::Values(ServerKind::real));

// What only a server that fails on demand can show
// ---------------------------------------------------------------------

class Faults : public Server {
  protected:
    /// The rows equal what the server has.
    bool in_step(Rig& rig) {
        return rig.sink.wait("Pod", [&](const TableSink::Rows& rows) {
            const auto objects = server.embedded()->list("pods");
            if (objects.size() != rows.size()) return false;
            return std::all_of(objects.begin(), objects.end(), [&](const std::string& text) {
                const auto document = JsonDocument::parse(text);
                const auto row = pod_resource().parse(document->root());
                const auto at = row ? rows.find(std::string(row->key())) : rows.end();
                return at != rows.end() && at->second.equals(*row);
            });
        });
    }
};

TEST_P(Faults, NothingIsLostInAStorm) {
    auto& api = *server.embedded();
    server.make_node("a");
    ReflectorOptions options = Rig::quick();
    options.watch_silence = 300ms;
    options.list_silence = 300ms;
    options.fair_watch = 1ms;
    Rig rig(server, options);
    rig.start([](Watches& w) { w.want(pod_resource(), WatchScope::all); });
    std::mt19937 random(7);
    const auto chance = [&](int percent) { return std::uniform_int_distribution<int>(0, 99)(random) < percent; };
    using Kind = weft::testing::Fault::Kind;
    for (int step = 0; step < 600; ++step) {
        const std::string name = "p" + std::to_string(std::uniform_int_distribution<int>(0, 19)(random));
        if (!api.get("pods", server.ns(), name)) {
            ASSERT_TRUE(api.apply_yaml(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name +
                                       R"(","namespace":")" + server.ns() +
                                       R"("},"spec":{"containers":[{"name":"c","image":"i"}]}})"));
        } else if (chance(30)) {
            ASSERT_TRUE(api.remove("pods", server.ns(), name));
        } else {
            const auto reply = api.request("PATCH", server.pod_path(name),
                                           R"({"metadata":{"labels":{"step":")" + std::to_string(step) + R"("}}})",
                                           "application/merge-patch+json");
            ASSERT_TRUE(reply.ok()) << reply.body;
        }
        if (chance(6)) api.drop_watches();
        if (chance(3)) api.drop_connections();
        if (chance(3)) api.compact();
        if (chance(5)) api.send_bookmarks();
        if (chance(2)) api.restart(20ms);
        if (chance(3))
            api.inject({.kind = Kind::truncate,
                        .times = 1,
                        .bytes = std::uniform_int_distribution<std::size_t>(0, 900)(random)});
        if (chance(3)) api.inject({.kind = Kind::drop, .times = 1});
        if (chance(3)) api.inject({.kind = Kind::error, .times = 1, .code = chance(50) ? 500 : 429});
        if (chance(3)) api.inject({.kind = Kind::expire, .times = 1});
        if (chance(3)) api.inject({.kind = Kind::duplicate, .times = 1});
        if (step % 50 == 49) {
            if (chance(30)) {
                const int stalled = api.inject({.kind = Kind::stall});
                EXPECT_TRUE(
                    eventually([&] { return rig.watches().status()[0].trouble.find("no byte") != std::string::npos; }));
                api.heal(stalled);
            }
            EXPECT_TRUE(in_step(rig)) << "after step " << step;
        }
    }
    api.heal_all();
    EXPECT_TRUE(in_step(rig));
}

TEST_P(Faults, AnnotationsArriveWhateverHappens) {
    auto& api = *server.embedded();
    server.make_node("a");
    constexpr int pods = 60;
    for (int i = 0; i < pods; ++i)
        server.make_pod("p" + std::to_string(i), server.node("a"));
    ReflectorOptions options = Rig::quick();
    options.watch_silence = 300ms;
    Rig rig(server, options);
    rig.start([](Watches& w) { w.want(pod_resource(), WatchScope::all); });
    ASSERT_TRUE(rig.sink.wait("Pod", [&](const auto& rows) { return rows.size() == pods; }));
    using Kind = weft::testing::Fault::Kind;
    api.inject({.kind = Kind::lose_answer, .method = "PATCH", .times = 5});
    api.inject({.kind = Kind::error, .method = "PATCH", .times = 3, .code = 500});
    api.inject({.kind = Kind::error, .method = "PATCH", .times = 2, .code = 409});
    api.inject({.kind = Kind::drop, .method = "PATCH", .times = 3});
    for (int i = 0; i < pods; ++i) {
        rig.want(annotation("Pod", server.ns(), "p" + std::to_string(i), networks, "default", std::to_string(i)));
        if (i % 20 == 10) api.drop_watches();
        if (i == 30) api.restart(30ms);
    }
    for (int i = 0; i < pods; ++i) {
        EXPECT_TRUE(api.wait_for("pods", server.ns(), "p" + std::to_string(i), [&](JsonView pod) {
            return pod["metadata"]["annotations"][networks].string_or("") == R"({"default":)" + std::to_string(i) + "}";
        })) << i;
    }
    EXPECT_TRUE(eventually([&] { return rig.applier.idle(); }));
}

TEST_P(Faults, AtRestNothingIsSent) {
    auto& api = *server.embedded();
    server.make_node("a");
    server.make_pod("p1", server.node("a"));
    Rig rig(server);
    rig.start([](Watches& w) { w.want(pod_resource(), WatchScope::all); });
    ASSERT_TRUE(wait_pod(rig, "p1", any));
    rig.want(annotation("Pod", server.ns(), "p1", networks, "default", "1"));
    ASSERT_TRUE(eventually([&] { return rig.echoes() == 1 && rig.applier.idle(); }));
    api.reset_stats();
    const auto changes = rig.sink.changes();
    // Heartbeats: changes of fields that nobody keeps.
    for (int i = 0; i < 20; ++i) {
        server.patch(server.pod_path("p1") + "/status",
                     R"({"status":{"message":"beat )" + std::to_string(i) + R"("}})");
    }
    server.patch(server.pod_path("p1"), R"({"metadata":{"labels":{"end":"yes"}}})");
    ASSERT_TRUE(wait_pod(rig, "p1", [](const tables::Pod& pod) { return !pod.labels.empty(); }));
    EXPECT_EQ(rig.sink.changes(), changes + 1);
    EXPECT_EQ(api.stats().writes(), 21U) << "the test's own";
}

INSTANTIATE_TEST_SUITE_P(Plain, Faults, ::testing::Values(ServerKind::embedded));

}  // namespace
}  // namespace weft::kube
