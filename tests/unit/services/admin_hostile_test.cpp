#include "services/admin_client.hpp"
#include "services/admin_server.hpp"
#include "support.hpp"

#include <atomic>
#include <random>

#include <poll.h>

/// Peers that do what no weftctl does. Whatever they do, the next honest call is answered.
namespace weft::services {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class HostilePeer : public ::testing::Test {
  protected:
    void start(AdminOptions options = {}) {
        options.socket = socket();
        server_.emplace(std::move(options), [this](std::function<void()> task) { engine_.post(std::move(task)); });
        server_->on("ping", [](const JsonView&) -> Result<std::string> { return std::string("\"pong\""); });
        server_->on("large",
                    [](const JsonView&) -> Result<std::string> { return json_quote(std::string(32 << 20, 'x')); });
        ASSERT_TRUE(server_->start());
    }
    void TearDown() override {
        EXPECT_TRUE(eventually([&] {
            const auto reply = admin_call(socket(), "ping");
            return reply && reply->root()["result"].string() == "pong";
        }));
    }
    std::string socket() const { return dir_.path("admin.sock"); }
    /// What the server says to one line.
    std::string answer(std::string_view line) {
        RawPeer peer(socket());
        peer.send(line);
        peer.send("\n");
        return peer.line();
    }

    TempDir dir_;
    TaskThread engine_;
    std::atomic<bool> strangers_{false};  ///< may speak
    std::optional<AdminServer> server_;
};

TEST_F(HostilePeer, LinesThatAreNoRequest) {
    start();
    for (const char* line :
         {"", "x", "{", "[]", "1", "null", "\"ping\"", "{}", "{\"call\":\"ping\"}", "{\"version\":1}",
          "{\"version\":1,\"call\":5}", "{\"version\":1,\"call\":\"\"}", "{\"version\":\"1\",\"call\":\"ping\"}",
          "{\"version\":1,\"call\":\"ping\",\"args\":[]}", "{\"version\":1,\"call\":\"ping\",\"args\":1}", "\xff\xfe",
          "{\"version\":1,\"call\":\"ping\"} trailing"}) {
        EXPECT_THAT(answer(line), HasSubstr("\"error\"")) << line;
    }
    EXPECT_THAT(answer(std::string_view("\0\0\0", 3)), HasSubstr("\"error\""));
    EXPECT_THAT(
        answer("{\"version\":2,\"call\":\"ping\"}"),
        HasSubstr("version 2 of the admin protocol, not 1\",\"where\":\"\",\"mend\":\"use the weftctl of the release"));
    EXPECT_THAT(answer(std::string(10'000, '[')), HasSubstr("\"error\""));
}

TEST_F(HostilePeer, AnOversizedLineEndsTheConnection) {
    start();
    RawPeer peer(socket());
    std::thread sender([&] {
        const std::string chunk(std::size_t{64} * 1024, 'a');
        for (int i = 0; i < 64 && peer.send(chunk); ++i) {
        }
    });
    EXPECT_THAT(peer.line(), HasSubstr("the request is larger than 1048576 bytes"));
    sender.join();
}

TEST_F(HostilePeer, TensOfThousandsOfEmptyLinesAtOnce) {
    start();
    RawPeer peer(socket());
    std::thread sender([&] { peer.send(std::string(50'000, '\n')); });
    for (int i = 0; i < 50'000; ++i)
        ASSERT_THAT(peer.line(), HasSubstr("\"error\"")) << i;
    sender.join();
}

TEST_F(HostilePeer, BytesOneByOneAndHalfLines) {
    start();
    RawPeer peer(socket());
    for (char c : write_request("ping") + "\n")
        ASSERT_TRUE(peer.send(std::string_view(&c, 1)));
    EXPECT_THAT(peer.line(), HasSubstr("pong"));
    for (int i = 0; i < 20; ++i) {
        RawPeer half(socket());
        half.send("{\"version\":1,\"ca");
    }
    RawPeer shut(socket());
    shut.send(write_request("ping"));
    ::shutdown(shut.fd(), SHUT_WR);
    EXPECT_TRUE(shut.at_end()) << "a line without its end is no request";
}

TEST_F(HostilePeer, SilentPeersAreDroppedInTime) {
    start({.read_limit = 50ms});
    RawPeer peer(socket());
    ASSERT_TRUE(peer.connected());
    EXPECT_TRUE(peer.at_end());
}

TEST_F(HostilePeer, PeersThatDontReadAreDroppedInTime) {
    start({.write_limit = 50ms});
    RawPeer peer(socket());
    ASSERT_TRUE(peer.send(write_request("large") + "\n"));
    // It reads nothing until the server has given up; then what is left of the answer has an end.
    std::atomic<bool> other{false};
    while (!other) {
        auto reply = admin_call(socket(), "ping");
        ASSERT_TRUE(reply);
        pollfd fd{peer.fd(), POLLRDHUP, 0};
        other = ::poll(&fd, 1, 0) == 1 && (fd.revents & (POLLRDHUP | POLLHUP)) != 0;
    }
    EXPECT_LT(peer.line().size(), std::size_t{32} << 20);
}

TEST_F(HostilePeer, AHangingEngineIsToldAsSuch) {
    start({.answer_limit = 50ms});
    engine_.hold();
    EXPECT_THAT(answer(write_request("ping")), HasSubstr("weftd has not answered in time"));
    engine_.release();
}

TEST_F(HostilePeer, TooManyConnections) {
    start({.max_connections = 4});
    std::vector<std::unique_ptr<RawPeer>> peers;
    for (int i = 0; i < 4; ++i) {
        peers.push_back(std::make_unique<RawPeer>(socket()));
        peers.back()->send(write_request("ping") + "\n");
        EXPECT_THAT(peers.back()->line(), HasSubstr("pong"));
    }
    RawPeer fifth(socket());
    EXPECT_THAT(fifth.line(), HasSubstr("too many connections"));
    peers.clear();
    EXPECT_TRUE(eventually([&] { return admin_call(socket(), "ping").ok(); }));
}

TEST_F(HostilePeer, StrangersAreTurnedAway) {
    start({.allowed = [&](uid_t uid) { return strangers_ && uid == ::geteuid(); }});
    RawPeer peer(socket());
    EXPECT_THAT(peer.line(), HasSubstr("only root may speak to weftd"));
    EXPECT_THAT(admin_call(socket(), "ping").error().text(),
                HasSubstr("only root may speak to weftd (run weftctl as root)"));
    strangers_ = true;
}

TEST_F(HostilePeer, PeersThatVanishWhileTheyWait) {
    start();
    engine_.hold();
    for (int i = 0; i < 10; ++i) {
        RawPeer peer(socket());
        peer.send(write_request("ping") + "\n");
    }
    engine_.release();
}

TEST_F(HostilePeer, RandomBytes) {
    start();
    std::mt19937 random(42);
    for (int i = 0; i < 100; ++i) {
        RawPeer peer(socket());
        std::string bytes(random() % 2000, '\0');
        for (char& c : bytes)
            c = static_cast<char>(random() % 256);
        peer.send(bytes + "\n");
        EXPECT_THAT(peer.line(), HasSubstr("\"error\""));
    }
}

}  // namespace
}  // namespace weft::services
