// What only shows on a real connection.
#include "fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft::testing {
namespace {

/// Bytes to the server as they are; all that it answers until it closes.
std::string raw(const ApiServer& server, const std::string& bytes) {
    int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string answer;
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
        (void)!::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        std::array<char, 4096> part{};
        for (ssize_t n = 0; (n = ::recv(fd, part.data(), part.size(), 0)) > 0;) {
            answer.append(part.data(), static_cast<std::size_t>(n));
        }
    }
    ::close(fd);
    return answer;
}

TEST(Http, ServesAndCounts) {
    Server server;
    auto made = http("POST", server.url("/api/v1/namespaces"), {.body = R"({"metadata":{"name":"red"}})"});
    EXPECT_EQ(made.code, 201) << made.body;
    EXPECT_EQ(server.get("/api/v1/namespaces/red").code, 200);
    EXPECT_EQ(server.get("/api/v1/namespaces/blue").code, 404);
    EXPECT_EQ(server.merge("/api/v1/namespaces/red", R"({"metadata":{"labels":{"a":"b"}}})").code, 200);
    EXPECT_EQ(server.merge("/api/v1/namespaces/red", R"({"metadata":{"labels":{"a":"b"}}})").code, 200);
    auto stats = server->stats();
    EXPECT_EQ(stats.of("create", "namespaces").changed, 1U);
    EXPECT_EQ(stats.of("get", "namespaces").requests, 2U);
    EXPECT_EQ(stats.of("get", "namespaces").refused, 1U);
    EXPECT_EQ(stats.of("patch").requests, 2U);
    EXPECT_EQ(stats.of("patch").changed, 1U);
    EXPECT_EQ(stats.writes(), 3U);
    EXPECT_EQ(stats.writes({"namespaces"}), 0U);
    EXPECT_GT(stats.of("get").bytes_out, 100U);
    server->reset_stats();
    EXPECT_EQ(server->stats().writes(), 0U);
}

TEST(Http, AsksForTheToken) {
    Server server({.token = "secret"});
    EXPECT_EQ(server.get("/api/v1/pods").code, 403);
    EXPECT_EQ(http("GET", server.url("/api/v1/pods"), {.token = "wrong"}).code, 401);
    EXPECT_EQ(http("GET", server.url("/api/v1/pods"), {.token = "secret"}).code, 200);
    EXPECT_EQ(server.get("/readyz").code, 200);
    EXPECT_EQ(server.get("/version").code, 200);
    server->set_token("fresh");
    EXPECT_EQ(http("GET", server.url("/api/v1/pods"), {.token = "secret"}).code, 401);
    EXPECT_EQ(http("GET", server.url("/api/v1/pods"), {.token = "fresh"}).code, 200);
}

TEST(Http, SpeaksTls) {
    Server server({.tls = true});
    HttpOptions trusting{.ca_pem = server->ca_pem()};
    EXPECT_EQ(http("GET", server.url("/api/v1/pods"), trusting).code, 200);
    EXPECT_EQ(server.get("/api/v1/pods").code, 0);  // an authority that nobody knows
    server.pod("p");
    HttpStream stream(server.url("/api/v1/pods?watch=1"), trusting);
    ASSERT_TRUE(stream.wait_lines(1));
    server.pod("q");
    ASSERT_TRUE(stream.wait_lines(2));
    EXPECT_EQ(event_name(stream.lines()[1]), "ADDED q");
}

TEST(Http, AskedForTheBodyAndBigBodies) {
    Server server;
    std::string big(2'000'000, 'x');
    auto body = R"({"metadata":{"name":"big"},"data":{"x":")" + big + R"("}})";
    auto made = http("POST", server.url("/api/v1/namespaces/default/configmaps"),
                     {.body = body, .headers = {"Expect: 100-continue"}});
    EXPECT_EQ(made.code, 201) << made.error;
    auto refused =
        http("POST", server.url("/api/v1/namespaces/default/configmaps"), {.body = std::string(4'000'000, ' ')});
    EXPECT_EQ(refused.code, 413) << refused.error;
    EXPECT_NE(refused.body.find("RequestEntityTooLarge"), std::string::npos);
}

TEST(Http, AnswersWhatIsNoHttp) {
    Server server;
    EXPECT_TRUE(raw(*server.api, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
    EXPECT_TRUE(
        raw(*server.api, "GET /" + std::string(100'000, 'x') + " HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400"));
    EXPECT_TRUE(raw(*server.api, "POST /api/v1/namespaces HTTP/1.1\r\nContent-Length: nine\r\n\r\n")
                    .starts_with("HTTP/1.1 400"));
    EXPECT_TRUE(raw(*server.api, "GET /healthz HTTP/1.0\r\n\r\n").ends_with("ok"));
    EXPECT_EQ(server.get("/healthz").code, 200);
}

TEST(Http, TwoRequestsInOneWrite) {
    Server server;
    auto answers = raw(*server.api, "GET /healthz HTTP/1.1\r\n\r\nGET /version HTTP/1.1\r\nConnection: close\r\n\r\n");
    EXPECT_NE(answers.find("ok"), std::string::npos);
    EXPECT_NE(answers.find("gitVersion"), std::string::npos);
}

TEST(HttpWatch, StreamsAndEndsInTime) {
    Server server;
    server.pod("a");
    HttpStream stream(server.url(pods_path + "?watch=1&timeoutSeconds=1&allowWatchBookmarks=true"));
    ASSERT_TRUE(stream.wait_lines(1));
    ASSERT_TRUE(server.wait_watches(1));
    server.pod("b");
    EXPECT_EQ(http("POST", server.url("/api/v1/namespaces"), {.body = R"({"metadata":{"name":"new"}})"}).code, 201);
    ASSERT_TRUE(stream.wait_end());
    EXPECT_EQ(stream.error(), "");
    auto lines = stream.lines();
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(event_name(lines[1]), "ADDED b");
    EXPECT_EQ(event_name(lines[2]), "BOOKMARK");
    EXPECT_TRUE(server.wait_watches(0));
}

TEST(HttpWatch, NoticesThatItsClientIsGone) {
    Server server;
    {
        HttpStream stream(server.url(pods_path + "?watch=1"));
        ASSERT_TRUE(server.wait_watches(1));
    }
    EXPECT_TRUE(server.wait_watches(0));
}

TEST(HttpWatch, ManyAtOnceAndAQuickEnd) {
    Server server;
    std::vector<std::unique_ptr<HttpStream>> streams;
    for (int i = 0; i < 60; ++i) {
        streams.push_back(std::make_unique<HttpStream>(
            server.url("/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dn" + std::to_string(i % 3))));
    }
    ASSERT_TRUE(server.wait_watches(60));
    for (int i = 0; i < 30; ++i)
        server.pod("p" + std::to_string(i), "n" + std::to_string(i % 3));
    for (auto& stream : streams)
        EXPECT_TRUE(stream->wait_lines(10));
    server.api.reset();
    for (auto& stream : streams)
        EXPECT_TRUE(stream->wait_end());
}

TEST(HttpWatch, LotsOfEventsToASlowReader) {
    Server server;
    HttpStream stream(server.url(pods_path + "?watch=1"));
    ASSERT_TRUE(server.wait_watches(1));
    for (int i = 0; i < 3000; ++i)
        server.pod("p" + std::to_string(i));
    ASSERT_TRUE(stream.wait_lines(3000));
    EXPECT_EQ(event_name(stream.lines()[2999]), "ADDED p2999");
}

}  // namespace
}  // namespace weft::testing
