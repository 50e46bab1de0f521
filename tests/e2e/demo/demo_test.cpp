// weft-demo as tests/demo runs it: what it tells, and that nothing of it is left however it ends.
#include <weft/testing/testbed/assert.hpp>
#include <weft/testing/testbed/control_plane.hpp>
#include <weft/testing/testbed/kubelet.hpp>
#include <weft/testing/testbed/namespace.hpp>
#include <weft/testing/testbed/process.hpp>
#include <weft/testing/testbed/testbed.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <fstream>
#include <iterator>
#include <sstream>

#include <gmock/gmock.h>

namespace weft::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string binaries = WEFT_BINARY_DIR "/bin";

class Demo : public ::testing::Test {
  protected:
    ~Demo() override {
        [[maybe_unused]] const auto gone = Testbed::sweep(prefix_);
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    Argv argv(const Argv& more) const {
        const std::string manifests = WEFT_SOURCE_DIR "/tests/" + manifests_;
        Argv all{binaries + "/weft-demo", "--prefix", prefix_, "--manifests", manifests, "--logs", folder_ / "logs"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    Result<Output> demo(const Argv& more) const { return run(argv(more), {.deadline = std::chrono::minutes(4)}); }
    /// One that goes on while the test does; it may outlive nothing.
    Result<Process> start(const Argv& more) {
        std::error_code ignored;
        std::filesystem::create_directories(folder_, ignored);
        return Process::start(launcher_, {.name = "weft-demo", .argv = argv(more), .log = log()});
    }
    std::filesystem::path log() const { return folder_ / "demo.log"; }
    std::string said() const {
        std::ifstream in(log());
        return {std::istreambuf_iterator<char>(in), {}};
    }
    std::vector<std::string> left() const { return Testbed::leftovers(prefix_); }
    /// The commands of "Look around", as somebody pastes them; how many there are.
    static int paste_commands(const std::string& told) {
        std::istringstream lines(told.substr(told.find("Look around")));
        int commands = 0;
        for (std::string line; std::getline(lines, line);) {
            if (!line.starts_with("  ") || line.starts_with("  #")) continue;
            const auto done = run({"sh", "-c", line});
            if (!done) {
                ADD_FAILURE() << line << "\n" << done.error().text();
                continue;
            }
            EXPECT_EQ(done->status, 0) << line << "\n" << done->err;
            EXPECT_NE(done->out, "") << line;
            ++commands;
        }
        return commands;
    }

    std::string manifests_ = "demo.d";
    const std::string prefix_ = "demo" + std::to_string(::getpid() % 1'000'000);
    const std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("weft-" + prefix_ + "-test");
    Launcher launcher_;
};

TEST_F(Demo, ShowsThatEverybodyReachesEverybodyAndLeavesNothing) {
    const auto output = demo({});
    WEFT_ASSERT_OK(output);
    EXPECT_EQ(output->status, 0) << output->out << output->err;
    EXPECT_THAT(output->out, HasSubstr("everybody reaches everybody"));
    for (const auto* part : {"on the same node", "across nodes", "management port"})
        EXPECT_THAT(output->out, HasSubstr(part));
    EXPECT_THAT(left(), IsEmpty());
    EXPECT_FALSE(std::filesystem::exists(folder_ / "logs")) << "logs are kept of what failed";
}

TEST_F(Demo, WhatIsKeptCanBeLookedAtWithTheCommandsThatItTells) {
    const auto output = demo({"--keep"});
    WEFT_ASSERT_OK(output);
    ASSERT_EQ(output->status, 0) << output->out << output->err;
    EXPECT_GE(paste_commands(output->out), 8) << output->out;

    const auto down = demo({"--down"});
    WEFT_ASSERT_OK(down);
    EXPECT_EQ(down->status, 0) << down->err;
    EXPECT_THAT(left(), IsEmpty());
    const auto nothing = demo({"--down"});
    WEFT_ASSERT_OK(nothing);
    EXPECT_EQ(nothing->status, 0);
    EXPECT_THAT(nothing->out, HasSubstr("nothing to remove"));
}

TEST_F(Demo, RunsOnARealKubernetesAsWell) {
    if (const auto why = ControlPlane::missing({.controllers = true, .scheduler = true})) GTEST_SKIP() << *why;
    if (const auto why = Kubelet::missing()) GTEST_SKIP() << *why;
    manifests_ = "demo-kubernetes.d";
    const auto output = demo({"--kubernetes", "--keep"});
    WEFT_ASSERT_OK(output);
    ASSERT_EQ(output->status, 0) << output->out << output->err;
    for (const auto* part : {"Through the API server and the kubelets", "(n1)", "(n2)", "everybody reaches everybody"})
        EXPECT_THAT(output->out, HasSubstr(part));
    EXPECT_GE(paste_commands(output->out), 8) << output->out;
    const auto down = demo({"--down"});
    WEFT_ASSERT_OK(down);
    EXPECT_EQ(down->status, 0) << down->err;
    EXPECT_THAT(left(), IsEmpty());
}

TEST_F(Demo, RunsOnceAtATimeAndDownEndsWhatRuns) {
    auto first = start({});
    WEFT_ASSERT_OK(first);
    ASSERT_TRUE(wait_until([&] { return !left().empty(); }));
    const auto second = demo({});
    WEFT_ASSERT_OK(second);
    EXPECT_EQ(second->status, 1);
    EXPECT_THAT(second->err, HasSubstr("another demo is running (process " + std::to_string(first->pid()) + ")"));
    EXPECT_TRUE(first->running()) << said();

    const auto down = demo({"--down"});
    WEFT_ASSERT_OK(down);
    EXPECT_EQ(down->status, 0) << down->err;
    EXPECT_THAT(left(), IsEmpty());
    const auto ended = first->wait(patience);
    WEFT_ASSERT_OK(ended);
    EXPECT_EQ(*ended, 128 + SIGTERM) << said();
}

TEST_F(Demo, WhatACrashLeftIsRemovedByDownAndByTheNextRun) {
    for (const bool next_run : {false, true}) {
        auto crashing = start({});
        WEFT_ASSERT_OK(crashing);
        // Somewhere half way: nodes and daemons are there, pods are not.
        ASSERT_TRUE(wait_until([&] { return NetworkNamespace::exists(prefix_ + "-n1") || !crashing->running(); }));
        crashing->kill();
        EXPECT_THAT(left(), ::testing::Not(IsEmpty())) << said();
        const auto after = demo(next_run ? Argv{} : Argv{"--down"});
        WEFT_ASSERT_OK(after);
        EXPECT_EQ(after->status, 0) << after->out << after->err;
        EXPECT_THAT(left(), IsEmpty());
    }
}

}  // namespace
}  // namespace weft::testing
