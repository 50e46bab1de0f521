// What systemd is told.
#include "bed.hpp"

#include <csignal>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace weft::testing {
namespace {

using ::testing::HasSubstr;

/// systemd's end of NOTIFY_SOCKET.
class Systemd {
  public:
    explicit Systemd(const std::filesystem::path& path)
        : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
        if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
            throw std::runtime_error("no notify socket");
        }
    }
    ~Systemd() { ::close(fd_); }
    Systemd(const Systemd&) = delete;
    Systemd& operator=(const Systemd&) = delete;

    const std::string& told() {
        char buffer[4096];
        for (ssize_t size; (size = ::recv(fd_, buffer, sizeof(buffer), 0)) >= 0;)
            told_.append(buffer, static_cast<std::size_t>(size)).append("\n");
        return told_;
    }
    Result<void> wait(const std::string& text) {
        return wait_for("\"" + text + "\" to be told", [&]() -> Result<void> {
            if (told().find(text) != std::string::npos) return {};
            return waiting("told was: " + told_);
        });
    }

  private:
    int fd_;
    std::string told_;
};

TEST(Notify, ReadyStatusWatchdogReloadAndStop) {
    auto made = Bed::make();
    WEFT_ASSERT_OK(made);
    auto& bed = **made;
    const auto socket = bed.dir() / "notify.sock";
    Systemd systemd(socket);
    // No WATCHDOG_PID: it is for whoever has the variable.
    WeftdOptions options{.environment = {{"NOTIFY_SOCKET", socket.string()}, {"WATCHDOG_USEC", "300000"}}};
    auto weftd = bed.start(options);
    WEFT_ASSERT_OK(weftd);
    WEFT_ASSERT_OK(systemd.wait("READY=1\nSTATUS=running"));
    WEFT_ASSERT_OK(systemd.wait("WATCHDOG=1"));
    EXPECT_EQ(systemd.told().find("RELOADING=1"), std::string::npos);
    weftd->process.signal(SIGHUP);
    WEFT_ASSERT_OK(systemd.wait("RELOADING=1\nMONOTONIC_USEC="));
    const auto ready_again = systemd.told().find("READY=1", systemd.told().find("RELOADING=1"));
    if (ready_again == std::string::npos) {
        WEFT_ASSERT_OK(wait_for("READY=1 after the reload", [&]() -> Result<void> {
            const auto& told = systemd.told();
            if (told.find("READY=1", told.find("RELOADING=1")) != std::string::npos) return {};
            return waiting(told);
        }));
    }
    WEFT_ASSERT_OK(weftd->process.stop());
    EXPECT_EQ(weftd->process.exit_status(), 0);
    EXPECT_THAT(systemd.told(), HasSubstr("STOPPING=1"));
}

TEST(Notify, NotReadyUntilTheListsAreIn) {
    auto made = Bed::make();
    WEFT_ASSERT_OK(made);
    auto& bed = **made;
    const auto socket = bed.dir() / "notify.sock";
    Systemd systemd(socket);
    const int stall = bed.api().inject({.kind = Fault::Kind::stall, .path = "/api/v1/nodes"});
    auto weftd = bed.start({.environment = {{"NOTIFY_SOCKET", socket.string()}}});
    WEFT_ASSERT_OK(weftd);
    WEFT_ASSERT_OK(systemd.wait("STATUS=waiting for "));
    WEFT_ASSERT_OK(weftd->wait_status("a word about what it waits for", [](JsonView s) {
        bool nodes = false;
        s["awaiting"].each([&](JsonView table) { nodes |= table.string_or("") == "Node"; });
        return nodes && !s["ready"].boolean().value_or(true);
    }));
    EXPECT_EQ(systemd.told().find("READY=1"), std::string::npos);
    bed.api().heal(stall);
    WEFT_ASSERT_OK(systemd.wait("READY=1"));
}

}  // namespace
}  // namespace weft::testing
