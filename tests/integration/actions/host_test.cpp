#include "appliers/actions/announce.hpp"
#include "appliers/actions/conntrack.hpp"
#include "appliers/netlink/socket.hpp"
#include "integration/netlink/scratch.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace weft::appliers::actions {
namespace {

using netlink::Message;
using netlink::Socket;
using testing::HasSubstr;

/// A kernel's connections and neighbours, in a network namespace of the test's own.
class HostActionsTest : public netlink::testing::ScratchTest {
  protected:
    void SetUp() override {
        ScratchTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        auto socket = Socket::open(NETLINK_NETFILTER);
        ASSERT_TRUE(socket);
        conntrack_.emplace(*std::move(socket));
    }

    struct Connection {
        std::string source, destination;
        std::string reply_source;  ///< when it is translated
        std::uint16_t source_port = 1000, destination_port = 80;
        std::uint8_t protocol = IPPROTO_UDP;
        std::uint16_t zone = 0;
    };
    void tuple(Message& message, int attribute, const Ip& source, const Ip& destination, std::uint16_t source_port,
               std::uint16_t destination_port, std::uint8_t protocol) {
        message.nest(attribute | NLA_F_NESTED, [&] {
            message.nest(CTA_TUPLE_IP | NLA_F_NESTED, [&] {
                message.put_ip(source.is_v4() ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, source);
                message.put_ip(source.is_v4() ? CTA_IP_V4_DST : CTA_IP_V6_DST, destination);
            });
            message.nest(CTA_TUPLE_PROTO | NLA_F_NESTED, [&] {
                const std::uint16_t from = htons(source_port);
                const std::uint16_t to = htons(destination_port);
                message.put_u8(CTA_PROTO_NUM, protocol);
                message.put(CTA_PROTO_SRC_PORT, &from, sizeof(from));
                message.put(CTA_PROTO_DST_PORT, &to, sizeof(to));
            });
        });
    }
    /// As conntrackd would put one there.
    void connect(const Connection& c) {
        const Ip source = *Ip::parse(c.source);
        const Ip destination = *Ip::parse(c.destination);
        const Ip answers = *Ip::parse(c.reply_source.empty() ? c.destination : c.reply_source);
        Message message((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
        message.header(nfgenmsg{static_cast<std::uint8_t>(source.is_v4() ? AF_INET : AF_INET6), NFNETLINK_V0, 0});
        tuple(message, CTA_TUPLE_ORIG, source, destination, c.source_port, c.destination_port, c.protocol);
        tuple(message, CTA_TUPLE_REPLY, answers, source, c.destination_port, c.source_port, c.protocol);
        const std::uint32_t timeout = htonl(600);
        message.put(CTA_TIMEOUT, &timeout, sizeof(timeout));
        if (c.zone != 0) {
            const std::uint16_t zone = htons(c.zone);
            message.put(CTA_ZONE, &zone, sizeof(zone));
        }
        const auto refused = conntrack_->request(message);
        ASSERT_FALSE(refused) << refused.text();
    }
    std::size_t connections() {
        std::size_t count = 0;
        Message dump((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET, NLM_F_DUMP);
        dump.header(nfgenmsg{AF_UNSPEC, NFNETLINK_V0, 0});
        const auto refused = conntrack_->query(
            dump, [&] { count = 0; }, [&](const nlmsghdr&) { ++count; });
        EXPECT_FALSE(refused) << refused.text();
        return count;
    }
    std::size_t flush(const Connections& which) {
        const auto done = flush_kernel({&which, 1});
        EXPECT_TRUE(done) << done.error().text();
        return done ? *done : 0;
    }
    static Ip ip(const char* text) { return *Ip::parse(text); }

    std::optional<Socket> conntrack_;
};

TEST_F(HostActionsTest, ForgetsTheConnectionsOfAnAddressOnEitherSideAndNoOthers) {
    connect({.source = "10.0.0.1", .destination = "10.0.0.2"});
    connect({.source = "10.0.0.2", .destination = "10.0.0.1", .source_port = 2000});
    connect({.source = "10.0.0.3", .destination = "10.0.0.4"});
    connect({.source = "fd00::1", .destination = "fd00::2"});
    ASSERT_EQ(connections(), 4U);
    EXPECT_EQ(flush({.ip = ip("10.0.0.1")}), 2U);
    EXPECT_EQ(connections(), 2U);
    EXPECT_EQ(flush({.ip = ip("fd00::2")}), 1U);
    EXPECT_EQ(connections(), 1U);
    EXPECT_EQ(flush({.ip = ip("10.0.0.1")}), 0U);
}

TEST_F(HostActionsTest, FindsTheBackendBehindATranslation) {
    connect({.source = "10.0.0.1", .destination = "10.96.0.10", .reply_source = "10.0.0.9"});
    EXPECT_EQ(flush({.ip = ip("10.0.0.9"), .protocol = IPPROTO_UDP, .port = 80}), 1U);
    EXPECT_EQ(connections(), 0U);
}

TEST_F(HostActionsTest, MindsPortProtocolAndZone) {
    connect({.source = "10.0.0.1", .destination = "10.0.0.2", .source_port = 1});
    connect({.source = "10.0.0.1", .destination = "10.0.0.2", .source_port = 2, .destination_port = 81});
    connect({.source = "10.0.0.1", .destination = "10.0.0.2", .source_port = 3, .zone = 7});
    EXPECT_EQ(flush({.ip = ip("10.0.0.2"), .protocol = IPPROTO_TCP, .port = 80}), 0U);
    EXPECT_EQ(flush({.ip = ip("10.0.0.1"), .protocol = IPPROTO_UDP, .port = 80}), 0U)
        << "the port is of the other side";
    EXPECT_EQ(flush({.ip = ip("10.0.0.2"), .protocol = IPPROTO_UDP, .port = 80, .zone = 7}), 1U);
    EXPECT_EQ(flush({.ip = ip("10.0.0.2"), .protocol = IPPROTO_UDP, .port = 80}), 1U);
    EXPECT_EQ(connections(), 1U);
}

TEST_F(HostActionsTest, ManyAreForgottenInOnePass) {
    for (std::uint16_t port = 1; port <= 500; ++port)
        connect({.source = "10.0.0.1", .destination = "10.0.0.2", .source_port = port});
    const std::vector<Connections> which{{.ip = ip("10.9.9.9")}, {.ip = ip("10.0.0.2")}};
    const auto done = flush_kernel(which);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(*done, 500U);
    EXPECT_EQ(connections(), 0U);
}

// ---------------------------------------------------------------------------------------------------------------------

/// What neighbours that know an address by an older MAC make of it.
class NeighboursTest : public HostActionsTest {
  protected:
    void SetUp() override {
        HostActionsTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        add_pair("here", "there");
        up("here");
        up("there");
    }
    /// As if an answer had been heard some time ago.
    void learnt_before(const Ip& who, const Mac& mac) {
        auto socket = Socket::open();
        ASSERT_TRUE(socket);
        Message message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK);
        ndmsg head{};
        head.ndm_family = static_cast<std::uint8_t>(who.is_v4() ? AF_INET : AF_INET6);
        head.ndm_ifindex = link("there").index;
        head.ndm_state = NUD_STALE;
        message.header(head);
        message.put_ip(NDA_DST, who);
        message.put_mac(NDA_LLADDR, mac);
        const auto refused = socket->request(message);
        ASSERT_FALSE(refused) << refused.text();
    }
    static bool soon(const std::function<bool()>& holds) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!holds()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            std::this_thread::yield();
        }
        return true;
    }
    /// Announces until it is heard: a link that has just come up throws away what is sent on it.
    bool learns(const Ip& who, const Mac& mac) {
        return soon([&] {
            const auto done = announce("here", who, mac);
            const auto all = kernel_->neighbours(link("there").index);
            return done && all &&
                   std::any_of(all->begin(), all->end(), [&](const auto& n) { return n.ip == who && n.mac == mac; });
        });
    }
    /// The link has joined the groups that every IPv6 node listens to; before, it hears no advertisement.
    bool speaks_ipv6() {
        return soon([&] {
            const auto all = kernel_->addresses(link("there").index);
            return all &&
                   std::any_of(all->begin(), all->end(), [](const auto& a) { return a.address.ip().is_link_local(); });
        });
    }
    const Mac old = *Mac::parse("02:00:00:00:00:01");
    const Mac now = *Mac::parse("02:00:00:00:00:99");
};

TEST_F(NeighboursTest, LearnTheNewMacOfAnIpv4Address) {
    ASSERT_TRUE(kernel_->put_address(link("there"), {.address = *IpPrefix::parse("10.0.0.2/24")}));
    learnt_before(ip("10.0.0.9"), old);
    EXPECT_TRUE(learns(ip("10.0.0.9"), now));
}

TEST_F(NeighboursTest, LearnTheNewMacOfAnIpv6Address) {
    // The kernel throws away an advertisement whose checksum is wrong.
    ASSERT_TRUE(speaks_ipv6());
    learnt_before(ip("fd00::9"), old);
    EXPECT_TRUE(learns(ip("fd00::9"), now));
}

/// A raw socket that hears what comes in on a link.
class Ear {
  public:
    Ear(const std::string& link, std::uint16_t protocol)
        : fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(protocol))) {
        sockaddr_ll at{};
        at.sll_family = AF_PACKET;
        at.sll_protocol = htons(protocol);
        at.sll_ifindex = static_cast<int>(::if_nametoindex(link.c_str()));
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&at), sizeof(at)), 0);
    }
    /// The next frame for which `is_it` holds; nothing within a generous time is an empty one.
    std::vector<std::uint8_t> hear(const std::function<bool(const std::vector<std::uint8_t>&)>& is_it,
                                   const std::function<bool()>& say) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (std::chrono::steady_clock::now() < deadline) {
            pollfd waiting{fd_.get(), POLLIN, 0};
            EXPECT_TRUE(say());  // again, as a link that has just come up throws away what is sent on it
            if (::poll(&waiting, 1, 100) <= 0) continue;
            std::vector<std::uint8_t> frame(2048);
            const auto got = ::recv(fd_.get(), frame.data(), frame.size(), 0);
            if (got <= 0) continue;
            frame.resize(static_cast<std::size_t>(got));
            if (is_it(frame)) return frame;
        }
        return {};
    }

  private:
    netlink::Fd fd_;
};

TEST_F(HostActionsTest, SaysGratuitousArpWithTheLinksOwnMac) {
    add_pair("here", "there");
    up("here");
    up("there");
    Ear ear("there", ETH_P_ARP);
    for (const std::uint8_t operation : {1, 2}) {
        const auto frame = ear.hear([&](const auto& f) { return f.size() >= 42 && f[21] == operation; },
                                    [] { return announce("here", ip("10.0.0.9"), std::nullopt).ok(); });
        ASSERT_FALSE(frame.empty()) << "operation " << int(operation);
        const auto mac = link("here").mac.bytes();
        EXPECT_TRUE(std::equal(mac.begin(), mac.end(), frame.begin() + 22)) << "sender";
        const std::array<std::uint8_t, 4> address{10, 0, 0, 9};
        EXPECT_TRUE(std::equal(address.begin(), address.end(), frame.begin() + 28));
        EXPECT_TRUE(std::equal(address.begin(), address.end(), frame.begin() + 38));
    }
}

TEST_F(HostActionsTest, ALinkThatIsAbsentOrDownIsAReasonToTryAgain) {
    const auto absent = announce("nowhere", ip("10.0.0.9"), std::nullopt);
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().kind, ErrorKind::again);
    EXPECT_THAT(absent.error().text(), HasSubstr("nowhere"));
    add_pair("here", "there");
    const auto down = announce("here", ip("10.0.0.9"), std::nullopt);
    ASSERT_FALSE(down);
    EXPECT_EQ(down.error().kind, ErrorKind::again);
}

}  // namespace
}  // namespace weft::appliers::actions
