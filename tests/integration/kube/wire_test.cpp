#include "kube/client.hpp"
#include "kube/reflector.hpp"
#include "scripted_server.hpp"
#include "table_sink.hpp"

#include <weft/tables/kube.hpp>

#include <atomic>
#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

/// Reflectors and the client against exact bytes.
namespace weft::kube {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::HttpRequest;
using test::Peer;
using test::ScriptedServer;
using test::TableSink;
using testing::HasSubstr;

std::string pod(const std::string& name, int version) {
    return R"({"metadata":{"name":")" + name + R"(","namespace":"n","uid":"u-)" + name + R"(","resourceVersion":")" +
           std::to_string(version) + R"(","labels":{"v":")" + std::to_string(version) +
           R"(","text":"quote \" brace } ü"}}})";
}
std::string list(const std::string& items, int version, const std::string& next = "") {
    return R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":")" + std::to_string(version) +
           (next.empty() ? "" : R"(","continue":")" + next) + R"("},"items":[)" + items + "]}";
}
std::string event(const std::string& type, const std::string& object) {
    return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}
const std::string expired =
    R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old","reason":"Expired","code":410})";

/// One step of a script: what is done with the next request of its kind.
using Step = std::function<void(const HttpRequest&, Peer&)>;

void keep_open(const HttpRequest&, Peer& peer) {
    peer.head(200);
    peer.wait_until_client_closes();
}

class Wire : public testing::Test {
  protected:
    Wire() {
        options.shortest_watch = options.longest_watch = 60s;
        options.watch_silence = 20s;
        options.backoff = {5ms, 50ms, 0.5};
        options.fair_watch = 10s;
    }
    ~Wire() override {
        client.stop();
        reflector.reset();
    }

    static Access access_of(const ScriptedServer& server) {
        Access access;
        access.server = server.url();
        access.token = "secret";
        return access;
    }
    void begin() {
        reflector.emplace(client, client, sink, pod_resource(), WatchScope::all, options);
        client.start();
        client.run([this] { reflector->start(); });
    }
    /// Lists p1 and p2 at version 10.
    static void two_pods(const HttpRequest&, Peer& peer) {
        peer.reply(200, list(pod("p1", 1) + "," + pod("p2", 2), 10));
    }

    void play(const HttpRequest& request, Peer& peer) {
        Step step;
        {
            const std::lock_guard lock(mutex);
            requests.push_back(request.path);
            auto& script = request.is_watch() ? watches : lists;
            if (!script.empty()) {
                step = script.front();
                script.pop_front();
            }
        }
        if (step) return step(request, peer);
        request.is_watch() ? keep_open(request, peer) : two_pods(request, peer);
    }
    std::vector<std::string> seen() {
        const std::lock_guard lock(mutex);
        return requests;
    }
    bool saw(const std::string& text) {
        const auto all = seen();
        return std::any_of(all.begin(), all.end(),
                           [&](const auto& path) { return path.find(text) != std::string::npos; });
    }

    std::mutex mutex;
    std::deque<Step> lists;
    std::deque<Step> watches;
    std::vector<std::string> requests;
    ScriptedServer server{[this](const HttpRequest& request, Peer& peer) { play(request, peer); }};
    ReflectorOptions options;
    TableSink sink;
    Client client{access_of(server)};
    std::optional<Reflector> reflector;
};

TEST_F(Wire, SplitChunksAndTokens) {
    std::atomic<bool> token_seen{false};
    lists.push_back([&](const HttpRequest& request, Peer& peer) {
        token_seen = request.headers.at("authorization") == "Bearer secret";
        peer.head(200);
        const std::string text = list(pod("p1", 1) + "," + pod("p2", 2), 10, "c");
        for (std::size_t at = 0; at < text.size(); at += 7)
            peer.chunk(std::string_view(text).substr(at, 7));
        peer.last_chunk();
    });
    lists.push_back([](const HttpRequest&, Peer& peer) { peer.reply(200, list(pod("p3", 3), 10)); });
    watches.push_back([](const HttpRequest&, Peer& peer) {
        peer.head(200);
        const std::string text =
            event("ADDED", pod("p4", 11)) + event("DELETED", pod("p1", 12)) + event("MODIFIED", pod("p2", 13));
        for (const char c : text)
            peer.chunk(std::string_view(&c, 1));
        peer.wait_until_client_closes();
    });
    begin();
    EXPECT_TRUE(sink.wait_keys("Pod", {"n/p2", "n/p3", "n/p4"}));
    EXPECT_TRUE(sink.wait(
        "Pod", [](const TableSink::Rows& rows) { return rows.at("n/p2").as<tables::Pod>().labels[1].second == "13"; }));
    EXPECT_TRUE(token_seen);
    EXPECT_TRUE(saw("continue=c"));
}

TEST_F(Wire, TruncatedListIsAskedForAgain) {
    lists.push_back([](const HttpRequest&, Peer& peer) {
        const std::string text = list(pod("p1", 1) + "," + pod("gone", 2), 9);
        peer.head(200, "Content-Length: " + std::to_string(text.size()) + "\r\n");
        peer.send(text.substr(0, text.size() - 5));
        peer.close();
    });
    lists.push_back([](const HttpRequest&, Peer& peer) {
        peer.head(200);
        peer.chunk(list(pod("p1", 1), 9).substr(0, 60));
        peer.reset();
    });
    begin();
    EXPECT_TRUE(sink.wait_keys("Pod", {"n/p1", "n/p2"}));
}

TEST_F(Wire, TruncatedWatchGoesOnWhereItWas) {
    watches.push_back([](const HttpRequest&, Peer& peer) {
        peer.head(200);
        peer.chunk(event("ADDED", pod("p3", 11)) + event("ADDED", pod("p4", 12)).substr(0, 40));
        peer.close();
    });
    watches.push_back([](const HttpRequest& request, Peer& peer) {
        EXPECT_THAT(request.path, HasSubstr("resourceVersion=11"));
        peer.head(200);
        peer.chunk(event("ADDED", pod("p4", 12)));
        peer.reset();
    });
    watches.push_back([](const HttpRequest& request, Peer& peer) {
        EXPECT_THAT(request.path, HasSubstr("resourceVersion=12"));
        peer.head(200);
        peer.chunk(event("DELETED", pod("p1", 13)));
        peer.wait_until_client_closes();
    });
    begin();
    EXPECT_TRUE(sink.wait_keys("Pod", {"n/p2", "n/p3", "n/p4"}));
    EXPECT_EQ(reflector->status().lists, 1U);
}

TEST_F(Wire, GoneInThreePlaces) {
    lists.push_back([](const HttpRequest&, Peer& peer) { peer.reply(200, list(pod("stale", 1), 5, "c")); });
    lists.push_back([](const HttpRequest&, Peer& peer) { peer.reply(410, expired); });  // between pages
    lists.push_back([](const HttpRequest&, Peer& peer) { peer.reply(200, list(pod("p1", 1), 6)); });
    watches.push_back([](const HttpRequest&, Peer& peer) { peer.reply(410, expired); });  // as the answer
    lists.push_back([](const HttpRequest&, Peer& peer) { peer.reply(200, list(pod("p2", 7), 8)); });
    watches.push_back([](const HttpRequest&, Peer& peer) {  // as an event
        peer.head(200);
        peer.chunk(event("ADDED", pod("p9", 9)));
        peer.chunk(event("ERROR", expired));
        peer.last_chunk();
    });
    lists.push_back([](const HttpRequest&, Peer& peer) { peer.reply(200, list(pod("p3", 20), 21)); });
    begin();
    EXPECT_TRUE(sink.wait_keys("Pod", {"n/p3"}));
    EXPECT_TRUE(eventually([&] { return saw("resourceVersion=21"); }));
    EXPECT_EQ(reflector->status().restarts, 3U);
}

TEST_F(Wire, SilenceEndsAWatch) {
    options.watch_silence = 100ms;
    options.fair_watch = 1ms;
    watches.push_back([](const HttpRequest& request, Peer& peer) { keep_open(request, peer); });
    watches.push_back([](const HttpRequest&, Peer& peer) { peer.wait_until_client_closes(); });  // not even a head
    watches.push_back([](const HttpRequest&, Peer& peer) {
        peer.head(200);
        peer.chunk(event("ADDED", pod("p3", 11)));
        peer.wait_until_client_closes();
    });
    begin();
    EXPECT_TRUE(sink.wait_keys("Pod", {"n/p1", "n/p2", "n/p3"}));
}

TEST_F(Wire, SilenceEndsAList) {
    options.list_silence = 100ms;
    lists.push_back([](const HttpRequest&, Peer& peer) {
        peer.head(200);
        peer.chunk(R"({"kind":"PodList","items":[)");
        peer.wait_until_client_closes();
    });
    begin();
    EXPECT_TRUE(sink.wait_keys("Pod", {"n/p1", "n/p2"}));
}

TEST_F(Wire, AServerThatNeverEndsItsWatchIsLeft) {
    options.shortest_watch = options.longest_watch = 1s;
    options.watch_slack = 0ms;
    options.fair_watch = 1ms;
    std::atomic<int> begun{0};
    for (int i = 0; i < 2; ++i) {
        watches.push_back([&](const HttpRequest& request, Peer& peer) {
            ++begun;
            EXPECT_THAT(request.path, HasSubstr("timeoutSeconds=1&"));
            keep_open(request, peer);
        });
    }
    begin();
    EXPECT_TRUE(eventually([&] { return begun == 2; }));
}

TEST_F(Wire, HalfClosedAndReset) {
    watches.push_back([](const HttpRequest&, Peer& peer) {
        peer.head(200);
        peer.chunk(event("ADDED", pod("p3", 11)));
        peer.half_close();
        peer.wait_until_client_closes();
    });
    watches.push_back([](const HttpRequest&, Peer& peer) { peer.reset(); });
    watches.push_back([](const HttpRequest&, Peer& peer) { peer.half_close(); });
    watches.push_back([](const HttpRequest& request, Peer& peer) {
        EXPECT_THAT(request.path, HasSubstr("resourceVersion=11"));
        peer.head(200);
        peer.chunk(event("ADDED", pod("p4", 12)));
        peer.wait_until_client_closes();
    });
    begin();
    EXPECT_TRUE(sink.wait_keys("Pod", {"n/p1", "n/p2", "n/p3", "n/p4"}));
}

TEST_F(Wire, NoHttpAtAll) {
    lists.push_back([](const HttpRequest&, Peer& peer) {
        peer.send("SSH-2.0-OpenSSH_9.2p1\r\n");
        peer.close();
    });
    lists.push_back([](const HttpRequest&, Peer& peer) {
        peer.send(std::string(300'000, 'x'));
        peer.close();
    });
    lists.push_back([](const HttpRequest&, Peer& peer) {
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n");
        peer.close();
    });
    lists.push_back([](const HttpRequest&, Peer& peer) { peer.reply(302, "", "Location: http://127.0.0.1:1/\r\n"); });
    lists.push_back([](const HttpRequest&, Peer& peer) { peer.reply(200, "\xff\xfe"); });
    begin();
    EXPECT_TRUE(sink.wait_keys("Pod", {"n/p1", "n/p2"}));
}

TEST_F(Wire, ThrottlingIsHonoured) {
    lists.push_back([](const HttpRequest&, Peer& peer) { peer.reply(429, "slow down", "Retry-After: 1\r\n"); });
    lists.push_back([](const HttpRequest&, Peer& peer) { peer.reply(503, "", ""); });
    const auto began = std::chrono::steady_clock::now();
    begin();
    EXPECT_TRUE(sink.wait_keys("Pod", {"n/p1", "n/p2"}));
    EXPECT_GE(std::chrono::steady_clock::now() - began, 1s);
}

TEST_F(Wire, DuplicatesAndOldNews) {
    watches.push_back([](const HttpRequest&, Peer& peer) {
        peer.head(200);
        const std::string once =
            event("ADDED", pod("p3", 11)) + event("MODIFIED", pod("p1", 12)) + event("DELETED", pod("p2", 13));
        peer.chunk(once + once + once + event("ADDED", pod("p4", 14)));
        peer.wait_until_client_closes();
    });
    begin();
    EXPECT_TRUE(sink.wait_keys("Pod", {"n/p1", "n/p3", "n/p4"}));
    EXPECT_EQ(sink.changes(), 4U);
}

TEST_F(Wire, HostileObjects) {
    watches.push_back([](const HttpRequest&, Peer& peer) {
        peer.head(200);
        peer.chunk(event("ADDED", R"({"metadata":{"name":"bad","namespace":"n","resourceVersion":"11","labels":[]}})"));
        std::string huge;
        for (int i = 0; i < 10'000; ++i)
            huge += (i == 0 ? "\"l" : ",\"l") + std::to_string(i) + "\":\"" + std::string(63, 'v') + "\"";
        peer.chunk(event("ADDED", R"({"metadata":{"name":")" + std::string(253, 'a') +
                                      R"(","namespace":"n","resourceVersion":"12","labels":{)" + huge + "}}}"));
        peer.wait_until_client_closes();
    });
    begin();
    EXPECT_TRUE(sink.wait("Pod", [](const TableSink::Rows& rows) {
        const auto at = rows.find("n/" + std::string(253, 'a'));
        return at != rows.end() && at->second.as<tables::Pod>().labels.size() == 10'000;
    }));
    EXPECT_TRUE(sink.wait_problem("n/bad: Pod n/bad: metadata.labels: is no object"));
}

TEST_F(Wire, AServerThatRestarts) {
    begin();
    ASSERT_TRUE(sink.wait_keys("Pod", {"n/p1", "n/p2"}));
    for (int round = 0; round < 3; ++round) {
        server.stop();
        ASSERT_TRUE(eventually([&] { return reflector->status().phase == ReflectorPhase::backing_off; }));
        EXPECT_THAT(reflector->status().trouble, HasSubstr("pods"));
        {
            const std::lock_guard lock(mutex);
            watches.push_back([round](const HttpRequest&, Peer& peer) {
                peer.head(200);
                peer.chunk(event("ADDED", pod("r" + std::to_string(round), 20 + round)));
                peer.wait_until_client_closes();
            });
        }
        server.listen();
        ASSERT_TRUE(sink.wait(
            "Pod", [&](const TableSink::Rows& rows) { return rows.contains("n/r" + std::to_string(round)); }));
    }
    EXPECT_EQ(reflector->status().lists, 1U) << "nothing was forgotten, so nothing is listed anew";
    EXPECT_TRUE(eventually([&] { return reflector->status().trouble.empty(); }));
}

// The client
// -------------------------------------------------------------------------------------------------------------

class WireClient : public testing::Test {
  protected:
    void start(ScriptedServer::Script script) {
        server.emplace(std::move(script));
        Access access;
        access.server = server->url();
        client.emplace(access);
        client->start();
    }
    std::optional<ScriptedServer> server;
    std::optional<Client> client;
};

TEST_F(WireClient, SendsWhatItIsToldAndKeepsItsConnection) {
    start([](const HttpRequest& request, Peer& peer) {
        peer.reply(request.method == "DELETE" ? 404 : 200, request.method + " " + request.path + " " +
                                                               request.headers.at("content-type") + " " +
                                                               request.headers.at("accept") + " " + request.body);
    });
    Request request;
    request.method = Method::patch;
    request.path = "/api/v1/nodes/n1/status?x=%2F..";
    request.body = "{\"a\":\"ü\"}";
    request.content_type = "application/merge-patch+json";
    request.accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    for (int i = 0; i < 20; ++i) {
        for (const auto method : {Method::patch, Method::post, Method::put, Method::get}) {
            request.method = method;
            const Answer answer = client->call(request);
            EXPECT_TRUE(answer.ok());
            EXPECT_EQ(answer.body, std::string(to_string(method)) + " " + request.path +
                                       " application/merge-patch+json " + std::string(request.accept) + " " +
                                       (method == Method::get ? "" : request.body));
        }
        request.method = Method::del;
        EXPECT_EQ(client->call(request).http, 404);
    }
    EXPECT_EQ(server->connections(), 1U);
    EXPECT_EQ(client->counters().requests, 100U);
}

TEST_F(WireClient, DeadlinesCancelAndStop) {
    std::atomic<int> waiting{0};
    start([&](const HttpRequest&, Peer& peer) {
        ++waiting;
        peer.wait_until_client_closes();
    });
    Request request;
    request.path = "/slow";
    request.deadline = 50ms;
    const Answer late = client->call(request);
    EXPECT_EQ(late.http, 0);
    EXPECT_THAT(late.trouble, HasSubstr("not done after 0.050"));
    request.deadline = 1h;
    request.silence = 50ms;
    EXPECT_THAT(client->call(request).trouble, HasSubstr("no byte for"));
    request.silence = 1h;
    std::atomic<int> called{0};
    client->run([&] {
        const auto first = client->start(request, [&](const Answer&) { ++called; });
        const auto second = client->start(request, [&](const Answer&) { ++called; });
        client->after(10ms, [&, second] { client->cancel(second); });
        client->cancel(first);
        client->cancel(first);
        client->start(request, [&](const Answer&) { ++called; });
    });
    EXPECT_TRUE(eventually([&] { return waiting >= 4; }));
    client->stop();
    EXPECT_EQ(called, 0);
}

TEST_F(WireClient, CallbacksMayCancelThemselvesAndStartOthers) {
    start([](const HttpRequest& request, Peer& peer) {
        peer.head(200);
        for (int i = 0; i < 100; ++i)
            peer.chunk(request.path + "\n");
        peer.wait_until_client_closes();
    });
    std::atomic<int> pieces{0};
    std::atomic<bool> second_began{false};
    Transport::Exchange first{};
    client->run([&] {
        Request request;
        request.path = "/one";
        first = client->start(
            request, [](const Answer&) { ADD_FAILURE(); },
            [&](std::string_view) {
                ++pieces;
                client->cancel(first);
                Request other;
                other.path = "/two";
                client->start(
                    other, [](const Answer&) {}, [&](std::string_view) { second_began = true; });
            });
    });
    EXPECT_TRUE(eventually([&] { return second_began.load(); }));
    EXPECT_EQ(pieces, 1);
    client->stop();
}

TEST_F(WireClient, NobodyThere) {
    start([](const HttpRequest&, Peer&) {});
    server->stop();
    const Answer answer = client->call({});
    EXPECT_EQ(answer.http, 0);
    EXPECT_THAT(answer.error("get").text(), HasSubstr("Failed to connect"));
    EXPECT_EQ(client->counters().failures, 1U);
}

TEST_F(WireClient, TimersRunInTheirOrder) {
    start([](const HttpRequest&, Peer&) {});
    std::vector<int> order;
    std::atomic<bool> done{false};
    client->run([&] {
        client->after(20ms, [&] { order.push_back(2); });
        client->after(10ms, [&] { order.push_back(1); });
        const auto never = client->after(15ms, [&] { order.push_back(9); });
        client->after(30ms, [&] {
            order.push_back(3);
            client->post([&] { done = true; });
        });
        client->cancel(never);
    });
    EXPECT_TRUE(eventually([&] { return done.load(); }));
    EXPECT_THAT(order, testing::ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace weft::kube
