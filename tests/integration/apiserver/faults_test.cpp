#include "fixture.hpp"

namespace weft::testing {
namespace {

using Kind = Fault::Kind;

TEST(Faults, ErrorsForSoManyMatchingRequests) {
    Server server;
    server->inject(
        {.kind = Kind::error, .method = "GET", .path = "/api/v1/pods", .times = 2, .code = 503, .retry_after = 7});
    EXPECT_EQ(server.get("/api/v1/nodes").code, 200);
    auto refused = server.get("/api/v1/pods");
    EXPECT_EQ(refused.code, 503);
    EXPECT_NE(refused.headers.find("Retry-After: 7"), std::string::npos);
    EXPECT_NE(refused.body.find("ServiceUnavailable"), std::string::npos);
    EXPECT_EQ(server.get("/api/v1/pods").code, 503);
    EXPECT_EQ(server.get("/api/v1/pods").code, 200);
}

TEST(Faults, UntilHealed) {
    Server server;
    int id = server->inject({.kind = Kind::error, .code = 429});
    EXPECT_EQ(server.get("/api/v1/pods").code, 429);
    EXPECT_EQ(server.get("/version").code, 429);
    server->heal(id);
    EXPECT_EQ(server.get("/api/v1/pods").code, 200);
}

TEST(Faults, DropsBeforeOrAfterDoingIt) {
    Server server;
    server.pod("p");
    server->inject({.kind = Kind::drop, .method = "PATCH", .times = 1});
    EXPECT_EQ(server.merge(pods_path + "/p", R"({"metadata":{"labels":{"a":"1"}}})").code, 0);
    EXPECT_EQ(server->get("pods", "default", "p")->find("labels"), std::string::npos);
    server->inject({.kind = Kind::lose_answer, .method = "PATCH", .times = 1});
    EXPECT_EQ(server.merge(pods_path + "/p", R"({"metadata":{"labels":{"a":"1"}}})").code, 0);
    EXPECT_NE(server->get("pods", "default", "p")->find("labels"), std::string::npos);
}

TEST(Faults, TruncatesAnswers) {
    Server server;
    server.pod("p");
    server->inject({.kind = Kind::truncate, .path = "/api/v1/pods", .times = 1, .bytes = 40});
    auto cut = server.get("/api/v1/pods");
    EXPECT_FALSE(cut.error.empty());
    EXPECT_EQ(cut.body.size(), 40U);
    EXPECT_EQ(server.get("/api/v1/pods").error, "");
}

TEST(Faults, StallsRequestsUntilHealed) {
    Server server;
    int id = server->inject({.kind = Kind::stall, .path = "/api/v1/nodes"});
    HttpStream stream(server.url("/api/v1/nodes"));
    EXPECT_EQ(server.get("/api/v1/pods").code, 200);
    ASSERT_TRUE(server->wait_stats([](const ApiStats& stats) { return stats.stalled == 1; }));
    EXPECT_EQ(server->stats().of("list", "nodes").requests, 0U);
    EXPECT_TRUE(stream.lines().empty());
    server->heal(id);
    ASSERT_TRUE(stream.wait_lines(1));
}

TEST(Faults, StallsWatchesUntilHealed) {
    Server server;
    HttpStream stream(server.url(pods_path + "?watch=1"));
    ASSERT_TRUE(server.wait_watches(1));
    server.pod("a");
    ASSERT_TRUE(stream.wait_lines(1));
    int id = server->inject({.kind = Kind::stall, .method = "WATCH"});
    server.pod("b");
    HttpStream other(server.url("/api/v1/namespaces/default/pods"));  // no watch: not stalled
    ASSERT_TRUE(other.wait_lines(1));
    EXPECT_EQ(stream.lines().size(), 1U);
    server->heal(id);
    ASSERT_TRUE(stream.wait_lines(2));
    EXPECT_EQ(event_name(stream.lines()[1]), "ADDED b");
}

TEST(Faults, DelaysButAnswers) {
    Server server;
    server->inject({.kind = Kind::delay, .times = 1, .delay = std::chrono::milliseconds(20)});
    EXPECT_EQ(server.get("/api/v1/pods").code, 200);
}

TEST(Faults, ExpiresTheNextWatch) {
    Server server;
    server->inject({.kind = Kind::expire, .times = 1});
    HttpStream first(server.url(pods_path + "?watch=1"));
    ASSERT_TRUE(first.wait_end());
    ASSERT_EQ(first.lines().size(), 1U);
    EXPECT_NE(first.lines()[0].find("\"code\":410"), std::string::npos);
    HttpStream second(server.url(pods_path + "?watch=1"));
    ASSERT_TRUE(server.wait_watches(1));
}

TEST(Faults, CompactionEndsOldVersions) {
    Server server;
    server.pod("a");
    auto then = std::to_string(server->revision());
    server.pod("b");
    server->compact();
    HttpStream stream(server.url(pods_path + "?watch=1&resourceVersion=" + then));
    ASSERT_TRUE(stream.wait_end());
    EXPECT_NE(stream.lines()[0].find("too old resource version"), std::string::npos);
}

TEST(Faults, DuplicatesEvents) {
    Server server;
    server->inject({.kind = Kind::duplicate});
    HttpStream stream(server.url(pods_path + "?watch=1"));
    ASSERT_TRUE(server.wait_watches(1));
    server.pod("a");
    ASSERT_TRUE(stream.wait_lines(2));
    EXPECT_EQ(stream.lines()[0], stream.lines()[1]);
}

TEST(Faults, DropsWatchesByPath) {
    Server server;
    HttpStream pods(server.url("/api/v1/pods?watch=1"));
    HttpStream nodes(server.url("/api/v1/nodes?watch=1"));
    ASSERT_TRUE(server.wait_watches(2));
    server->drop_watches("/api/v1/pods");
    ASSERT_TRUE(pods.wait_end());
    EXPECT_NE(pods.error(), "");
    EXPECT_EQ(server->stats().watches, 1U);
    server->drop_connections();
    ASSERT_TRUE(nodes.wait_end());
}

TEST(Faults, BookmarksOnDemand) {
    Server server;
    HttpStream stream(server.url(pods_path + "?watch=1&allowWatchBookmarks=true&resourceVersion=1"));
    ASSERT_TRUE(server.wait_watches(1));
    server->send_bookmarks();
    ASSERT_TRUE(stream.wait_lines(1));
    EXPECT_EQ(event_name(stream.lines()[0]), "BOOKMARK");
}

TEST(Faults, ClosesAndListensAgainWithItsState) {
    Server server;
    server.pod("a");
    HttpStream stream(server.url(pods_path + "?watch=1"));
    ASSERT_TRUE(server.wait_watches(1));
    auto port = server->port();
    server->close();
    ASSERT_TRUE(stream.wait_end());
    EXPECT_EQ(server.get("/healthz").code, 0);
    ASSERT_TRUE(server->listen());
    EXPECT_EQ(server->port(), port);
    EXPECT_EQ(server.get(pods_path + "/a").code, 200);
    server->restart(std::chrono::milliseconds(1));
    long code = 0;
    for (auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
         code != 200 && std::chrono::steady_clock::now() < until;) {
        code = server.get(pods_path + "/a").code;
    }
    EXPECT_EQ(code, 200);
}

TEST(Faults, OverHttp) {
    Server server({.token = "secret"});  // the switches themselves need none
    auto post = [&](const std::string& body) { return http("POST", server.url("/_faults"), {.body = body}); };
    auto made = post(R"({"kind":"error","code":503,"path":"/version"})");
    EXPECT_EQ(made.body, "{\"id\":1}\n");
    EXPECT_EQ(server.get("/version").code, 503);
    EXPECT_EQ(post(R"({"action":"heal","id":1})").code, 200);
    EXPECT_EQ(server.get("/version").code, 200);
    for (const char* action : {"heal-all", "drop-watches", "drop-connections", "compact", "bookmarks"}) {
        EXPECT_EQ(post(std::string(R"({"action":")") + action + R"("})").code, 200) << action;
    }
    EXPECT_EQ(post(R"({"action":"dance"})").code, 400);
    EXPECT_EQ(post(R"({"kind":"dance"})").code, 400);
    EXPECT_EQ(post("{").code, 400);
    EXPECT_EQ(http("DELETE", server.url("/_faults")).code, 200);
    auto stats = server.get("/_stats").body;
    EXPECT_NE(stats.find("\"get /version\":{"), std::string::npos) << stats;
    EXPECT_EQ(server.get("/%ff%fe").code, 403);
    EXPECT_EQ(server.get("/_stats").code, 200);  // bytes that are no text are counted, too
    http("DELETE", server.url("/_stats"));
    EXPECT_TRUE(server->stats().requests.empty());
}

}  // namespace
}  // namespace weft::testing
