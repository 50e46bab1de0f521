#include "appliers/actions/conntrack.hpp"
#include "appliers/actions/unixctl.hpp"
#include "integration/netlink/scratch.hpp"
#include "integration/ovsdb/harness.hpp"

#include <weft/testing/testbed/process.hpp>

#include <cstring>
#include <fstream>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft::appliers::actions {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A real ovs-vswitchd that forwards in userspace, in a network namespace of the test's own.
class SwitchActionsTest : public netlink::testing::ScratchTest {
  protected:
    void SetUp() override {
        ScratchTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        add_pair("port1", "pod1");
        add_pair("port2", "pod2");
        for (const char* name : {"port1", "pod1", "port2", "pod2"})
            up(name);
        database_ = std::make_unique<test::Server>(dir_, "vswitch-8.3.1.ovsschema");
        ASSERT_TRUE(soon([&] { return ::access(database_->socket().c_str(), F_OK) == 0; }));
        vsctl({"init"});
        launcher_ = std::make_unique<weft::testing::Launcher>();  // its thread is in the namespace of this one
        auto started = weft::testing::Process::start(
            *launcher_, {.name = "ovs-vswitchd",
                         .argv = {"ovs-vswitchd", database_->remote(), "--pidfile=" + (dir_ / "ovs-vswitchd.pid"),
                                  "--no-chdir", "--disable-system"},
                         .environment = {{"OVS_RUNDIR", dir_ / ""}},
                         .log = dir_ / "vswitchd.log"});
        ASSERT_TRUE(started) << started.error().text();
        switch_ = *std::move(started);
        vsctl({"add-br", "br0",   "--", "set", "bridge",    "br0",   "datapath_type=netdev", "--", "add-port",
               "br0",    "port1", "--", "set", "interface", "port1", "ofport_request=1",     "--", "add-port",
               "br0",    "port2", "--", "set", "interface", "port2", "ofport_request=2"});
        const auto socket = control_socket(dir_ / "", "ovs-vswitchd");
        ASSERT_TRUE(socket) << socket.error().text();
        control_ = *socket;
        run({"ovs-ofctl", "del-flows", "unix:" + (dir_ / "br0.mgmt")});
        run({"ovs-ofctl", "add-flow", "unix:" + (dir_ / "br0.mgmt"),
             "in_port=1,ip,actions=ct(commit,zone=5),output:2"});
    }
    void vsctl(std::vector<std::string> arguments) {
        std::vector<std::string> argv{"ovs-vsctl", "--timeout=30", "--db=" + database_->remote()};
        if (arguments.front() == "init") argv.push_back("--no-wait");
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        run(argv);
    }
    static void run(const weft::testing::Argv& argv) {
        const auto done = weft::testing::run_ok(argv);
        ASSERT_TRUE(done) << done.error().text();
    }
    static bool soon(const std::function<bool()>& holds) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!holds()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            std::this_thread::yield();
        }
        return true;
    }
    /// A datagram from pod1, as it comes off the wire.
    void send(const Ip& from, const Ip& to, std::uint16_t port) {
        std::vector<std::uint8_t> frame{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
        std::vector<std::uint8_t> ip{0x45, 0, 0, 32, 0, 0, 0, 0, 64, IPPROTO_UDP, 0, 0};
        ip.insert(ip.end(), from.bytes().begin(), from.bytes().begin() + 4);
        ip.insert(ip.end(), to.bytes().begin(), to.bytes().begin() + 4);
        std::uint32_t sum = 0;
        for (std::size_t i = 0; i < ip.size(); i += 2)
            sum += static_cast<std::uint32_t>(ip[i] << 8 | ip[i + 1]);
        while (sum >> 16)
            sum = (sum & 0xffff) + (sum >> 16);
        ip[10] = static_cast<std::uint8_t>(~sum >> 8);
        ip[11] = static_cast<std::uint8_t>(~sum);
        frame.insert(frame.end(), ip.begin(), ip.end());
        // UDP without a checksum, four bytes of data, padded to what Ethernet wants.
        const std::uint8_t udp[] = {
            0x30, 0x39, static_cast<std::uint8_t>(port >> 8), static_cast<std::uint8_t>(port), 0, 12, 0, 0, 1, 2, 3, 4};
        frame.insert(frame.end(), std::begin(udp), std::end(udp));
        frame.resize(60);
        const netlink::Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
        sockaddr_ll at{};
        at.sll_family = AF_PACKET;
        at.sll_ifindex = static_cast<int>(::if_nametoindex("pod1"));
        ASSERT_EQ(::sendto(fd.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&at), sizeof(at)), 60);
    }
    std::string connections() {
        const auto all = unixctl(control_, "dpctl/dump-conntrack", {"netdev@ovs-netdev"});
        EXPECT_TRUE(all) << all.error().text();
        return all ? *all : "";
    }
    bool knows(const std::string& what) {
        return soon([&] { return connections().find(what) != std::string::npos; });
    }

    test::TempDir dir_;
    std::unique_ptr<test::Server> database_;
    std::unique_ptr<weft::testing::Launcher> launcher_;
    weft::testing::Process switch_;
    std::string control_;
};

TEST_F(SwitchActionsTest, ForgetsTheConnectionsOfAnAddress) {
    const Ip one = *Ip::parse("10.0.0.1");
    const Ip two = *Ip::parse("10.0.0.2");
    const Ip three = *Ip::parse("10.0.0.3");
    send(one, two, 80);
    send(one, three, 80);
    send(one, two, 81);
    ASSERT_TRUE(knows("dport=81"));
    ASSERT_TRUE(knows("dst=10.0.0.3"));
    const auto by_port = flush_switch(control_, {.ip = two, .protocol = IPPROTO_UDP, .port = 81});
    ASSERT_TRUE(by_port) << by_port.error().text();
    EXPECT_THAT(connections(), Not(HasSubstr("dport=81")));
    EXPECT_THAT(connections(), HasSubstr("dst=10.0.0.2"));
    const auto other_zone = flush_switch(control_, {.ip = two, .zone = 6});
    ASSERT_TRUE(other_zone) << other_zone.error().text();
    EXPECT_THAT(connections(), HasSubstr("dst=10.0.0.2"));
    const auto all = flush_switch(control_, {.ip = two, .zone = 5});
    ASSERT_TRUE(all) << all.error().text();
    EXPECT_THAT(connections(), Not(HasSubstr("10.0.0.2")));
    EXPECT_THAT(connections(), HasSubstr("10.0.0.3"));
    const auto source = flush_switch(control_, {.ip = one});
    ASSERT_TRUE(source) << source.error().text();
    EXPECT_THAT(connections(), Not(HasSubstr("10.0.0.3")));
}

TEST_F(SwitchActionsTest, TellsWhatTheDaemonSaysAndWhenItIsGone) {
    const auto wrong = unixctl(control_, "no/such-command", {});
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().kind, ErrorKind::invalid);
    EXPECT_THAT(wrong.error().text(), HasSubstr("no/such-command"));
    switch_.kill();
    const auto gone = flush_switch(control_, {.ip = *Ip::parse("10.0.0.1")});
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().kind, ErrorKind::again);
    const auto nobody = control_socket(dir_ / "nowhere", "ovs-vswitchd");
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().kind, ErrorKind::again);
}

/// A daemon that answers nonsense, or nothing.
TEST(UnixctlTest, ABadPeerIsNoHarm) {
    test::TempDir dir;
    for (const std::string answer : {"", "garbage", "{\"id\":0,", "[1,2]"}) {
        const std::string path = dir / "bad.ctl";
        test::FakePeer peer(path, [&](int fd) {
            char request[512];
            (void)::recv(fd, request, sizeof(request), 0);
            (void)::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
        });
        const auto got = unixctl(path, "version", {});
        ASSERT_FALSE(got) << answer;
        EXPECT_EQ(got.error().kind, ErrorKind::again);
    }
}

}  // namespace
}  // namespace weft::appliers::actions
