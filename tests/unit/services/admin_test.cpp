#include "services/admin_client.hpp"
#include "services/admin_server.hpp"
#include "support.hpp"

#include <atomic>
#include <fstream>

#include <sys/stat.h>

namespace weft::services {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class AdminTest : public ::testing::Test {
  protected:
    std::string socket() const { return dir_.path("run/admin.sock"); }
    AdminServer& make(AdminOptions options = {}) {
        options.socket = socket();
        server_.emplace(std::move(options), [this](std::function<void()> task) { engine_.post(std::move(task)); });
        server_->on("echo",
                    [](const JsonView& args) -> Result<std::string> { return args ? args.dump() : "\"nothing\""; });
        server_->on("fail", [](const JsonView&) -> Result<std::string> {
            return Error{ErrorKind::conflict, "it is taken", "row x", "free it"};
        });
        server_->on("throw", [](const JsonView&) -> Result<std::string> { throw std::runtime_error("boom"); });
        return *server_;
    }
    void start(AdminOptions options = {}) {
        auto started = make(std::move(options)).start();
        ASSERT_TRUE(started) << started.error().text();
    }
    /// The result as JSON, or the error's text.
    std::string call(std::string_view name, std::string_view args = {}, Duration limit = 30s) {
        auto reply = admin_call(socket(), name, args, limit);
        return reply ? reply->root()["result"].dump() : reply.error().text();
    }

    TempDir dir_;
    TaskThread engine_;
    std::optional<AdminServer> server_;
};

TEST_F(AdminTest, CallsAndErrorsComeThrough) {
    start();
    EXPECT_EQ(call("echo", R"({"a":[1,"ü\n"]})"), R"({"a":[1,"ü\n"]})");
    EXPECT_EQ(call("echo"), "\"nothing\"");
    EXPECT_EQ(call("fail"), "row x: it is taken (free it)");
    EXPECT_EQ(admin_call(socket(), "fail").error().kind, ErrorKind::conflict);
    EXPECT_EQ(call("throw"), "call throw failed: boom");
    EXPECT_EQ(call("nothing"), "weftd knows no call \"nothing\" (it knows echo, fail, throw)");
    EXPECT_EQ(call("echo"), "\"nothing\"") << "errors harm nobody";
}

TEST_F(AdminTest, HandlersRunOnTheEngineThread) {
    std::thread::id engine, handler;
    std::atomic<bool> known{false};
    engine_.post([&] {
        engine = std::this_thread::get_id();
        known = true;
    });
    make().on("where", [&](const JsonView&) -> Result<std::string> {
        handler = std::this_thread::get_id();
        return std::string("1");
    });
    ASSERT_TRUE(server_->start());
    EXPECT_EQ(call("where"), "1");
    EXPECT_TRUE(eventually([&] { return known.load(); }));
    EXPECT_EQ(handler, engine);
}

TEST_F(AdminTest, ManyCallsOnOneConnectionAndManyConnections) {
    start();
    RawPeer peer(socket());
    ASSERT_TRUE(peer.connected());
    for (int i = 0; i < 50; ++i) {
        const auto number = std::to_string(i);
        ASSERT_TRUE(peer.send(write_request("echo", "{\"i\":" + number + "}") + "\n"));
        EXPECT_EQ(peer.line(), "{\"version\":1,\"result\":{\"i\":" + number + "}}");
    }
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 20; ++i) {
                const auto args = "{\"i\":" + std::to_string(t * 100 + i) + "}";
                EXPECT_EQ(call("echo", args), args);
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
}

TEST_F(AdminTest, SlowHandlersAnswerWhenTheyCan) {
    AdminReply later;
    std::atomic<bool> asked{false};
    make().on_slow("slow", [&](const JsonView& args, AdminReply reply) {
        EXPECT_EQ(args["x"].integer(), 1);
        later = std::move(reply);
        asked = true;
    });
    ASSERT_TRUE(server_->start());
    std::thread answerer([&] {
        EXPECT_TRUE(eventually([&] { return asked.load(); }));
        later(std::string("\"done\""));
        later(std::string("\"twice\""));
    });
    EXPECT_EQ(call("slow", R"({"x":1})"), "\"done\"");
    answerer.join();
    EXPECT_EQ(call("echo"), "\"nothing\"");
}

TEST_F(AdminTest, LargeResultsComeWhole) {
    const std::string large(8 << 20, 'x');
    make().on("large", [&](const JsonView&) -> Result<std::string> { return json_quote(large); });
    ASSERT_TRUE(server_->start());
    auto reply = admin_call(socket(), "large");
    ASSERT_TRUE(reply) << reply.error().text();
    EXPECT_EQ(reply->root()["result"].string_or("").size(), large.size());
}

TEST_F(AdminTest, TheSocketIsForItsOwnerOnly) {
    start();
    struct stat facts {};
    ASSERT_EQ(::stat(socket().c_str(), &facts), 0);
    EXPECT_TRUE(S_ISSOCK(facts.st_mode));
    EXPECT_EQ(facts.st_mode & 0777, 0600u);
    server_->stop();
    EXPECT_NE(::stat(socket().c_str(), &facts), 0) << "removed when it stops";
}

TEST_F(AdminTest, AStaleSocketIsReplacedALivingOneIsNot) {
    start();
    AdminServer second({.socket = socket()}, [](const std::function<void()>& task) { task(); });
    auto started = second.start();
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().text(), HasSubstr("another weftd listens here"));
    EXPECT_EQ(call("echo"), "\"nothing\"");
    server_->stop();

    // What a kill -9 leaves: a socket nobody listens at.
    {
        Descriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, socket().data(), socket().size());
        ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    }
    EXPECT_THAT(call("echo"), HasSubstr("weftd is not running: nobody listens at " + socket()));
    start();
    EXPECT_EQ(call("echo"), "\"nothing\"");
    server_->stop();

    std::ofstream(socket()) << "a file";
    auto blocked = make().start();
    ASSERT_FALSE(blocked);
    EXPECT_THAT(blocked.error().text(), HasSubstr("no socket"));
    EXPECT_TRUE(std::filesystem::exists(socket())) << "what isn't ours stays";
}

TEST_F(AdminTest, ClientSaysWhatToDo) {
    EXPECT_THAT(call("echo"), HasSubstr("is weftd running? no socket at " + socket()));
    EXPECT_THAT(admin_call(std::string(200, 'x'), "echo").error().text(), HasSubstr("1 to 107 bytes"));
    start();
    EXPECT_THAT(call("echo", "{\"x\":" + json_quote(std::string(max_request_size, 'x')) + "}"),
                HasSubstr("the request is too large"));
    engine_.hold();
    EXPECT_THAT(call("echo", {}, 1ms), HasSubstr("weftd does not answer"));
    engine_.release();
}

TEST_F(AdminTest, StopWithACallOnItsWay) {
    start();
    engine_.hold();
    RawPeer peer(socket());
    ASSERT_TRUE(peer.send(write_request("echo") + "\n"));
    server_.reset();
    EXPECT_TRUE(peer.at_end());
    engine_.release();  // the handler, if it was posted, runs into nothing
    std::atomic<bool> done{false};
    engine_.post([&] { done = true; });
    EXPECT_TRUE(eventually([&] { return done.load(); }));
}

TEST_F(AdminTest, CallsAreNamedOnceAndBeforeStart) {
    make();
    EXPECT_THROW(server_->on("echo", {}), std::logic_error);
    ASSERT_TRUE(server_->start());
    EXPECT_THROW(server_->on("more", {}), std::logic_error);
}

}  // namespace
}  // namespace weft::services
