#include "integration/cni/bed.hpp"

#include <filesystem>
#include <fstream>
#include <future>
#include <random>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace weft::cni {
namespace {

using ::testing::HasSubstr;

/// Whatever comes in over the socket: an error, and the server goes on.
class HostileTest : public testing::Bed {
  protected:
    std::optional<Reply> send(const std::string& bytes, bool finish = true) {
        const Fd socket = connect();
        (void)!::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (finish) ::shutdown(socket.get(), SHUT_WR);
        return read_reply(socket);
    }
    void expect_refused(const std::string& bytes, Code code, const std::string& text) {
        const auto reply = send(bytes);
        ASSERT_TRUE(reply) << text;
        ASSERT_TRUE(reply->error) << text;
        EXPECT_EQ(reply->error->code, code) << reply->error->msg;
        EXPECT_THAT(reply->error->msg, HasSubstr(text));
    }
    void expect_alive() {
        const auto pod = make_pod(77);
        put(pod.interface);
        EXPECT_FALSE(ask(request(Command::add, pod)).error);
        EXPECT_FALSE(ask(request(Command::del, pod)).error);
    }
};

TEST_F(HostileTest, WrongBodies) {
    expect_refused("GET / HTTP/1.1\r\n\r\n", Code::protocol, "no weft CNI request");
    expect_refused(std::string(100, '\0'), Code::protocol, "no weft CNI request");
    expect_refused(std::string("WCN\x02\0\0\0\0", 8), Code::protocol, "speaks protocol 2");
    expect_refused(std::string("WCN\x01\xff\xff\xff\xff", 8), Code::protocol, "too large");
    expect_refused(std::string("WCN\x01\0\0\0\x05{", 9), Code::protocol, "cut short");
    expect_refused("", Code::protocol, "cut short");
    expect_refused(frame(""), Code::protocol, "no JSON object");
    expect_refused(frame("not json"), Code::protocol, "no JSON object");
    expect_refused(frame("\xff\xfe\x01"), Code::protocol, "no JSON object");
    expect_refused(frame(std::string(max_message, '[')), Code::protocol, "no JSON object");
    expect_refused(frame("{}"), Code::invalid_environment, "CNI_COMMAND");
    expect_refused(frame(R"({"command":"VERSION","conf":"{\"cniVersion\":\"1.1.0\",\"name\":\"n\"}"})"), Code::protocol,
                   "VERSION");
    EXPECT_GE(server_->metrics().refused, 12U);
    expect_alive();
}

TEST_F(HostileTest, WrongRequests) {
    const auto pod = make_pod(5);
    const auto with_conf = [&](Command command, const std::string& conf) {
        auto wrong = request(command, pod);
        wrong.conf = conf;
        return ask(wrong).error.value_or(CniError{Code::differs, "went well", {}}).code;
    };
    EXPECT_EQ(with_conf(Command::add, "{"), Code::bad_json);
    EXPECT_EQ(with_conf(Command::add, R"({"cniVersion":"0.2.0","name":"n"})"), Code::incompatible_version);
    EXPECT_EQ(with_conf(Command::check, R"({"cniVersion":"0.3.1","name":"n"})"), Code::incompatible_version);
    EXPECT_EQ(with_conf(Command::add, R"({"cniVersion":"1.0.0","name":"n","topology":"layer3"})"), Code::invalid_conf);
    auto no_pod = request(Command::add, pod);
    no_pod.invocation.args = "K8S_POD_NAMESPACE=default";
    EXPECT_EQ(ask(no_pod).error->code, Code::invalid_environment);
    expect_alive();
}

TEST_F(HostileTest, RandomBytes) {
    std::mt19937 random(7);
    for (int i = 0; i < 200; ++i) {
        std::string bytes(random() % 300, '\0');
        for (char& c : bytes)
            c = static_cast<char>(random());
        if (i % 2 == 0) bytes = frame(bytes);
        const auto reply = send(bytes);
        ASSERT_TRUE(reply && reply->error) << i;
    }
    expect_alive();
}

TEST_F(HostileTest, SlowSendersAreCutOff) {
    stop_server();
    options_.receive_deadline = std::chrono::milliseconds(100);
    start_server();
    const Fd silent = connect();
    const Fd slow = connect();
    ASSERT_EQ(::send(slow.get(), "WCN", 3, MSG_NOSIGNAL), 3);
    for (const Fd* socket : {&silent, &slow}) {
        const auto reply = read_reply(*socket);
        ASSERT_TRUE(reply && reply->error);
        EXPECT_THAT(reply->error->msg, HasSubstr("did not arrive in time"));
    }
    expect_alive();
}

TEST_F(HostileTest, ManySilentOnesDoNotKeepOthersOut) {
    std::vector<Fd> silent;
    for (int i = 0; i < 200; ++i)
        silent.push_back(connect());
    expect_alive();
}

TEST_F(HostileTest, TheLongestSilentMakesRoom) {
    stop_server();
    options_.max_connections = 3;
    start_server();
    std::vector<Fd> some;
    for (int i = 0; i < 4; ++i)
        some.push_back(connect());
    const auto reply = read_reply(some.front());
    ASSERT_TRUE(reply && reply->error);
    EXPECT_EQ(reply->error->code, Code::try_again);
    EXPECT_THAT(reply->error->msg, HasSubstr("too many"));
    expect_alive();
}

TEST_F(HostileTest, WhoIsBeingServedIsNotPutOut) {
    stop_server();
    options_.max_connections = 3;
    start_server();
    switch_.bind_at_once(false);
    std::vector<testing::TestPod> pods;
    std::vector<std::future<Reply>> asked;
    for (int i = 0; i < 3; ++i) {
        pods.push_back(make_pod(i + 1));
        put(pods.back().interface);
        asked.push_back(ask_later(request(Command::add, pods.back())));
        ASSERT_TRUE(switch_.comes(pods.back().host_if()));
    }
    const auto reply = read_reply(connect());
    ASSERT_TRUE(reply && reply->error);
    EXPECT_EQ(reply->error->code, Code::try_again);
    for (const auto& pod : pods)
        switch_.install(pod.host_if());
    for (auto& answer : asked)
        EXPECT_FALSE(answer.get().error);
}

TEST_F(HostileTest, OnlyRootMayAsk) {
    stop_server();
    options_.allowed_uid = 4711;
    start_server();
    const auto reply = read_reply(connect());
    ASSERT_TRUE(reply && reply->error);
    EXPECT_THAT(reply->error->msg, HasSubstr("only the container runtime"));
}

TEST_F(HostileTest, TheSocketIsPrivate) {
    struct stat status {};
    ASSERT_EQ(::stat((options_.run_dir + "/cni").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0700U);
    ASSERT_EQ(::stat(server_->socket_path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(HostileTest, AFolderThatIsOpenToOthersStopsTheStart) {
    stop_server();
    const std::string folder = options_.run_dir + "/cni";
    std::filesystem::create_directories(folder);
    { std::ofstream(folder + "/mounted") << "x"; }  // it cannot be removed
    std::filesystem::permissions(folder, std::filesystem::perms(0755));
    server_ = std::make_unique<Server>(options_, pods_, switch_, probe_);
    const auto refused = server_->start();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text(), HasSubstr("mode 0700"));
    std::filesystem::permissions(folder, std::filesystem::perms(0700));
    server_ = std::make_unique<Server>(options_, pods_, switch_, probe_);
    EXPECT_TRUE(server_->start());
    EXPECT_TRUE(std::filesystem::exists(folder + "/mounted"));
    expect_alive();
}

TEST_F(HostileTest, AStaleSocketIsReplaced) {
    stop_server();
    std::filesystem::create_directories(options_.run_dir + "/cni");
    { std::ofstream(options_.run_dir + "/cni/ovn-cni-server.sock") << "x"; }
    start_server();
    expect_alive();
}

}  // namespace
}  // namespace weft::cni
