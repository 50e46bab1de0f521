#include "cni/json.hpp"
#include "integration/cni/bed.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

namespace weft::cni {
namespace {

using ::testing::HasSubstr;

/// The real shim against the real server.
class ShimTest : public testing::Bed {
  protected:
    ShimTest() { std::signal(SIGPIPE, SIG_IGN); }  // a shim that refuses its input does not read it all

    struct Outcome {
        int exit = -1;
        std::string out;
        Json json() const { return Json::parse(out, nullptr, false); }
    };

    static Outcome run(const std::map<std::string, std::string>& environment, const std::string& input) {
        const char* program = std::getenv("WEFT_CNI");
        if (program == nullptr) throw std::runtime_error("WEFT_CNI names no shim");
        int in[2];
        int out[2];
        if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
        std::vector<std::string> texts;
        for (const auto& [name, value] : environment)
            texts.push_back(name + "=" + value);
        std::vector<char*> variables;
        for (auto& text : texts)
            variables.push_back(text.data());
        variables.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in[0], 0);
        posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        pid_t pid = -1;
        std::string name = program;
        char* arguments[] = {name.data(), nullptr};
        const int failed = ::posix_spawn(&pid, program, &actions, nullptr, arguments, variables.data());
        posix_spawn_file_actions_destroy(&actions);
        ::close(in[0]);
        ::close(out[1]);
        if (failed != 0) throw std::runtime_error("cannot start the shim");
        std::thread writer([&] {
            for (std::size_t sent = 0; sent < input.size();) {
                const ssize_t size = ::write(in[1], input.data() + sent, input.size() - sent);
                if (size <= 0) break;
                sent += static_cast<std::size_t>(size);
            }
            ::close(in[1]);
        });
        Outcome outcome;
        char buffer[4096];
        for (ssize_t size = 0; (size = ::read(out[0], buffer, sizeof(buffer))) > 0;) {
            outcome.out.append(buffer, static_cast<std::size_t>(size));
        }
        ::close(out[0]);
        writer.join();
        int status = 0;
        ::waitpid(pid, &status, 0);
        outcome.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        return outcome;
    }

    std::map<std::string, std::string> environment(const std::string& command, const testing::TestPod& pod) const {
        return {{"CNI_COMMAND", command},
                {"CNI_CONTAINERID", pod.container},
                // The shim only passes it on, and the server is in this process.
                {"CNI_NETNS", pod.netns()},
                {"CNI_IFNAME", "eth0"},
                {"CNI_PATH", "/opt/cni/bin"},
                {"CNI_ARGS", "K8S_POD_NAMESPACE=default;K8S_POD_NAME=" + pod.name + ";K8S_POD_UID=" + pod.uid}};
    }
    std::string conf(const std::string& version, const std::string& extra = {}) const {
        return R"({"cniVersion":")" + version +
               R"(","name":"ovn-kubernetes","type":"ovn-k8s-cni-overlay","weftSocket":")" + server_->socket_path() +
               "\"" + extra + "}";
    }
    static void expect_error(const Outcome& outcome, unsigned code, const std::string& text) {
        EXPECT_EQ(outcome.exit, 1);
        const Json json = outcome.json();
        ASSERT_TRUE(json.is_object()) << outcome.out;
        EXPECT_EQ(json["code"], code) << outcome.out;
        EXPECT_TRUE(json.contains("cniVersion"));
        EXPECT_THAT(outcome.out, HasSubstr(text));
    }
};

TEST_F(ShimTest, EveryVersionGetsItsResult) {
    const auto pod = make_pod(5);
    put(pod.interface);
    for (const auto* version : {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}) {
        const Outcome add = run(environment("ADD", pod), conf(version));
        ASSERT_EQ(add.exit, 0) << add.out;
        const Json json = add.json();
        EXPECT_EQ(json["cniVersion"], version);
        EXPECT_EQ(json["interfaces"][1]["name"], "eth0");
        EXPECT_EQ(json["interfaces"][1]["sandbox"], pod.netns());
        EXPECT_EQ(json["ips"][0]["address"], "10.244.1.5/24");
        EXPECT_EQ(json["ips"][0].contains("version"), version[0] == '0') << version;
        if (std::string(version) >= "0.4.0") {
            const Outcome check = run(environment("CHECK", pod), conf(version, R"(,"prevResult":)" + add.out));
            EXPECT_EQ(check.exit, 0) << check.out;
            EXPECT_EQ(check.out, "");
        }
        const Outcome del = run(environment("DEL", pod), conf(version));
        EXPECT_EQ(del.exit, 0) << del.out;
        EXPECT_EQ(del.out, "");
        expect_clean(pod);
    }
}

TEST_F(ShimTest, ErrorsAreTheSpecifications) {
    const auto pod = make_pod(5);
    expect_error(run(environment("ADD", pod), conf("0.2.0")), 1, "incompatible CNI versions");
    expect_error(run(environment("ADD", pod), conf("0.1.0")), 1, "incompatible CNI versions");
    expect_error(run(environment("CHECK", pod), conf("0.3.1")), 1, "does not allow CHECK");
    expect_error(run({{"CNI_COMMAND", "GC"}}, conf("1.0.0")), 1, "does not allow GC");
    expect_error(run({}, conf("1.0.0")), 4, "CNI_COMMAND");
    expect_error(run({{"CNI_COMMAND", "ADD"}}, conf("1.0.0")), 4, "CNI_CONTAINERID");
    expect_error(run(environment("ADD", pod), "{"), 6, "not valid JSON");
    expect_error(run(environment("ADD", pod), std::string(3 * max_message, ' ')), 6, "larger than 1 MiB");
    expect_error(run(environment("ADD", pod), std::string(100000, '[')), 6, "not valid JSON");
    expect_error(run(environment("ADD", pod), R"({"cniVersion":"1.0.0"})"), 7, "missing network name");
    pods_.erase("default/web-5");
    expect_error(run(environment("ADD", pod), conf("1.0.0")), 101, "is not in the cluster");
}

TEST_F(ShimTest, StatusAndGc) {
    expect_error(run({{"CNI_COMMAND", "STATUS"}}, conf("1.1.0")), 50, "no plugin has said");
    condition("p/x", "");
    EXPECT_EQ(run({{"CNI_COMMAND", "STATUS"}}, conf("1.1.0")).exit, 0);
    EXPECT_EQ(run({{"CNI_COMMAND", "GC"}}, conf("1.1.0", R"(,"cni.dev/valid-attachments":[])")).exit, 0);
}

TEST_F(ShimTest, WithoutAServer) {
    const auto pod = make_pod(5);
    const std::string text = conf("1.1.0");
    server_->stop();
    expect_error(run(environment("ADD", pod), text), 11, "is weftd running");
    expect_error(run(environment("DEL", pod), text), 11, "is weftd running");
    expect_error(run({{"CNI_COMMAND", "STATUS"}}, text), 50, "is weftd running");
    const Outcome version = run({{"CNI_COMMAND", "VERSION"}}, R"({"cniVersion":"0.4.0"})");
    EXPECT_EQ(version.exit, 0);
    EXPECT_EQ(version.json()["supportedVersions"].size(), 5U);
    const std::string far = R"({"cniVersion":"1.1.0","name":"n","weftSocket":"/)" + std::string(200, 'x') + "\"}";
    expect_error(run(environment("ADD", pod), far), 7, "too long");
}

TEST_F(ShimTest, IsSmall) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_LE(std::filesystem::file_size(std::getenv("WEFT_CNI")), 3U * 1024 * 1024);
#endif
}

}  // namespace
}  // namespace weft::cni
