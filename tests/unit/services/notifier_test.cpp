#include "services/notifier.hpp"

#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::services {
namespace {

using namespace std::chrono_literals;
using ::testing::MatchesRegex;

/// Plays systemd: a datagram socket in $NOTIFY_SOCKET.
class NotifierTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto path = dir_.path("notify");
        socket_ = Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    }
    void TearDown() override {
        for (auto name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
            ::unsetenv(name);
    }
    /// The next message, empty when there is none.
    std::string message() const {
        char buffer[1024];
        const auto size = ::recv(socket_.get(), buffer, sizeof(buffer), 0);
        return size < 0 ? "" : std::string(buffer, static_cast<std::size_t>(size));
    }

    TempDir dir_;
    Descriptor socket_;
    ManualClock clock_;
};

TEST_F(NotifierTest, TellsItsState) {
    Notifier notifier(clock_);
    notifier.ready("2 plugins\nrun");
    EXPECT_EQ(message(), "READY=1\nSTATUS=2 plugins run");
    notifier.status("2 plugins run");
    EXPECT_EQ(message(), "") << "nothing new";
    notifier.status("syncing");
    EXPECT_EQ(message(), "STATUS=syncing");
    notifier.reloading();
    EXPECT_THAT(message(), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
    notifier.stopping();
    EXPECT_EQ(message(), "STOPPING=1");
}

TEST_F(NotifierTest, NoWatchdogNoBeats) {
    Notifier notifier(clock_);
    notifier.beat();
    EXPECT_EQ(message(), "");
    EXPECT_EQ(notifier.next_beat(), std::nullopt);
}

TEST_F(NotifierTest, BeatsAFewTimesAnInterval) {
    ::setenv("WATCHDOG_USEC", "30000000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    Notifier notifier(clock_);
    EXPECT_EQ(notifier.next_beat(), clock_.now());
    notifier.beat();
    EXPECT_EQ(message(), "WATCHDOG=1");
    EXPECT_EQ(notifier.next_beat(), clock_.now() + 10s);
    clock_.advance(1s);
    notifier.beat();
    EXPECT_EQ(message(), "") << "a busy loop doesn't flood systemd";
    clock_.advance(9s);
    notifier.beat();
    EXPECT_EQ(message(), "WATCHDOG=1");
}

TEST_F(NotifierTest, OutsideSystemdItIsSilent) {
    ::unsetenv("NOTIFY_SOCKET");
    Notifier notifier(clock_);
    notifier.ready("x");
    notifier.stopping();
    EXPECT_EQ(message(), "");
}

}  // namespace
}  // namespace weft::services
