// Processes, namespaces and what is left of them.
#include <weft/testing/testbed/assert.hpp>
#include <weft/testing/testbed/ovn_node.hpp>
#include <weft/testing/testbed/probe.hpp>
#include <weft/testing/testbed/testbed.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <thread>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::testing {
namespace {

std::string contents(const std::filesystem::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Run, GivesOutputAndExitCode) {
    const auto result = run({"sh", "-c", "cat; echo bad >&2; exit 3"}, {.input = "hello"});
    WEFT_ASSERT_OK(result);
    EXPECT_EQ(result->status, 3);
    EXPECT_EQ(result->out, "hello");
    EXPECT_EQ(result->err, "bad\n");
}

TEST(Run, LargeInputAndOutputDoNotBlock) {
    const std::string input(3'000'000, 'x');
    const auto result = run({"cat"}, {.input = input});
    WEFT_ASSERT_OK(result);
    EXPECT_TRUE(result->out == input);
}

TEST(Run, EndsWhatTakesTooLong) {
    const auto result = run({"sleep", "1000"}, {.deadline = std::chrono::milliseconds(50)});
    ASSERT_FALSE(result.ok());
    EXPECT_NE(result.error().text().find("sleep 1000"), std::string::npos);
}

TEST(Run, SaysWhatIsMissing) {
    const auto result = run({"no-such-program-here"});
    ASSERT_FALSE(result.ok());
    EXPECT_NE(result.error().text().find("no-such-program-here"), std::string::npos);
}

TEST(Run, FailedCommandsTellWhatTheyWroteToStderr) {
    const auto result = run_ok({"sh", "-c", "echo why >&2; false"});
    ASSERT_FALSE(result.ok());
    EXPECT_NE(result.error().text().find("why"), std::string::npos);
}

TEST(TestbedRun, RefusesOddPrefixes) {
    for (const auto* prefix : {"a-b", "A", "1a", "abcdefghijklm", "a/b"}) {
        EXPECT_FALSE(Testbed::create({.prefix = prefix}).ok()) << prefix;
    }
    EXPECT_FALSE(Testbed::sweep("").ok());
}

TEST(TestbedRun, TwoRunsDoNotShareAPrefix) {
    auto first = Testbed::create();
    WEFT_ASSERT_OK(first);
    EXPECT_FALSE(Testbed::create({.prefix = (*first)->prefix()}).ok());
}

TEST(TestbedRun, ProcessStopsRestartsAndDies) {
    auto testbed = Testbed::create();
    WEFT_ASSERT_OK(testbed);
    auto process = (*testbed)->start({.name = "sleeper", .argv = {"sleep", "1000"}});
    WEFT_ASSERT_OK(process);
    EXPECT_TRUE(process->running());
    const auto first = process->pid();
    WEFT_ASSERT_OK(process->restart());
    EXPECT_NE(process->pid(), first);
    EXPECT_TRUE(process->running());
    WEFT_ASSERT_OK(process->stop());
    EXPECT_EQ(process->exit_status(), 128 + SIGTERM);
    WEFT_ASSERT_OK(process->restart());
    process->kill();
    EXPECT_EQ(process->exit_status(), 128 + SIGKILL);
}

TEST(TestbedRun, ProcessThatIgnoresSigtermIsKilled) {
    auto testbed = Testbed::create();
    WEFT_ASSERT_OK(testbed);
    auto process = (*testbed)->start(
        {.name = "stubborn", .argv = {"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done"}});
    WEFT_ASSERT_OK(process);
    ASSERT_TRUE(wait_until([&] { return contents(process->spec().log) == "ready\n"; }));
    EXPECT_FALSE(process->stop(std::chrono::milliseconds(100)).ok());
    EXPECT_FALSE(process->running());
}

TEST(TestbedRun, ProcessOutlivesTheThreadThatAskedForIt) {
    auto testbed = Testbed::create();
    WEFT_ASSERT_OK(testbed);
    Result<Process> process = broken("not started");
    std::thread([&] { process = (*testbed)->start({.name = "sleeper", .argv = {"sleep", "1000"}}); }).join();
    WEFT_ASSERT_OK(process);
    // A child bound to the thread's life would be dead by the time another program has run.
    WEFT_ASSERT_OK(run_ok({"true"}));
    EXPECT_TRUE(process->running());
}

TEST(TestbedRun, NamespaceHoldsItsOwnSysctlsAndDevices) {
    auto testbed = Testbed::create();
    WEFT_ASSERT_OK(testbed);
    auto netns = (*testbed)->make_namespace("x");
    WEFT_ASSERT_OK(netns);
    WEFT_ASSERT_OK(netns->sysctl("net.ipv4.ip_forward", "1"));
    const auto value = netns->run({"cat", "/proc/sys/net/ipv4/ip_forward"});
    WEFT_ASSERT_OK(value);
    EXPECT_EQ(*value, "1\n");
    const auto links = netns->ip({"-o", "link"});
    WEFT_ASSERT_OK(links);
    EXPECT_EQ(std::count(links->begin(), links->end(), '\n'), 1) << *links;
}

TEST(TestbedRun, NothingIsLeftOfARunThatEnds) {
    std::string prefix;
    {
        auto testbed = Testbed::create();
        WEFT_ASSERT_OK(testbed);
        prefix = (*testbed)->prefix();
        auto underlay = Underlay::create(**testbed);
        WEFT_ASSERT_OK(underlay);
        auto node = OvnNode::start(**testbed, *underlay, {.name = "n1"});
        WEFT_ASSERT_OK(node);
        EXPECT_FALSE(Testbed::leftovers(prefix).empty());
        const auto disk = (*testbed)->dir() / "disk";
        std::filesystem::create_directories(disk);
        ASSERT_EQ(::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k"), 0);
    }
    EXPECT_EQ(Testbed::leftovers(prefix), std::vector<std::string>{});
}

/// A process that builds a node, also one daemon that isn't bound to its life, says so and waits to be killed.
[[noreturn]] void build_and_wait(const std::string& prefix, int report) {
    auto testbed = Testbed::create({.prefix = prefix});
    if (!testbed) ::_exit(1);
    auto underlay = Underlay::create(**testbed);
    if (!underlay) ::_exit(2);
    auto node = OvnNode::start(**testbed, *underlay, {.name = "n1"});
    if (!node) ::_exit(3);
    const auto probe = sibling_program("weft-netprobe");
    if (!probe) ::_exit(4);
    auto daemon = run_ok({probe->string(), "serve", "--daemon"},
                         {.netns = (*node)->netns().name(), .environment = (*testbed)->marker()});
    if (!daemon) ::_exit(5);
    [[maybe_unused]] const auto written = ::write(report, "!", 1);
    for (;;)
        ::pause();
}

TEST(TestbedRun, SweepAfterSigkillLeavesNothing) {
    const std::string prefix = "k" + std::to_string(::getpid());
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) build_and_wait(prefix, ends[1]);
    ::close(ends[1]);
    char ready = 0;
    ASSERT_EQ(::read(ends[0], &ready, 1), 1) << "the child could not build its node";
    ::close(ends[0]);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);

    const auto before = Testbed::leftovers(prefix);
    EXPECT_TRUE(std::any_of(before.begin(), before.end(), [](const auto& left) {
        return left.find("weft-netprobe") != left.npos;
    })) << "the daemon survives its maker";
    EXPECT_TRUE(std::any_of(before.begin(), before.end(),
                            [](const auto& left) { return left.find("namespace") != left.npos; }));
    WEFT_ASSERT_OK(Testbed::sweep(prefix));
    EXPECT_EQ(Testbed::leftovers(prefix), std::vector<std::string>{});
    WEFT_ASSERT_OK(Testbed::sweep(prefix));
}

TEST(ParsePing, ReadsStatistics) {
    const auto result = parse_ping(
        "PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.\n\n--- 10.0.0.1 ping statistics ---\n"
        "5 packets transmitted, 4 received, 20% packet loss, time 803ms\n"
        "rtt min/avg/max/mdev = 0.482/0.642/1.792/0.123 ms\n");
    WEFT_ASSERT_OK(result);
    EXPECT_EQ(result->sent, 5);
    EXPECT_EQ(result->lost(), 1);
    EXPECT_DOUBLE_EQ(result->average_ms, 0.642);
    EXPECT_DOUBLE_EQ(result->max_ms, 1.792);
}

TEST(ParsePing, UnderstandsTotalLossAndErrors) {
    const auto result = parse_ping("2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 202ms\n");
    WEFT_ASSERT_OK(result);
    EXPECT_EQ(result->lost(), 2);
    EXPECT_FALSE(parse_ping("ping: unknown host\n").ok());
}

}  // namespace
}  // namespace weft::testing
