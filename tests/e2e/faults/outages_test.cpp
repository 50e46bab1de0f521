// What is there but does not work: an API server out of reach, a full disk, a database that only reads, a wrong clock.
#include "effort.hpp"
#include "faketime.hpp"
#include "world.hpp"

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>

#include <sys/mount.h>

namespace weft::testing {
namespace {

std::string read_file(const std::filesystem::path& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
}

/// Waits until a text is in a weftd's log behind what was there before.
class LogMark {
  public:
    explicit LogMark(const Process& process) : file_(process.spec().log), seen_(read_file(file_).size()) {}
    Result<void> wait(const std::string& text) const {
        return wait_for("\"" + text + "\" in " + file_.string(), [&]() -> Result<void> {
            const auto fresh = read_file(file_).substr(seen_);
            return fresh.find(text) != std::string::npos ? Result<void>()
                                                         : Result<void>(waiting("the log has\n" + fresh));
        });
    }

  private:
    std::filesystem::path file_;
    std::size_t seen_;
};

Result<void> nothing(const Result<std::string>& done) {
    return done ? Result<void>() : Result<void>(done.error());
}

TEST_F(Faults, ApiServerOutOfReachThenExpired) {
    // Packets between the nodes and the API server vanish, in both directions.
    const auto routes = [](const std::string& verb) -> Result<void> {
        for (const auto* node : {"n1", "n2"}) {
            auto& ovn = world->ovn(node);
            const auto there = world->cluster().api_address().text() + "/32";
            if (auto done = ovn.netns().ip({"route", verb, "blackhole", there}); !done) return done.error();
            const auto back = ovn.address(Family::v4).ip().text() + "/32";
            const auto done = run_ok({"ip", "route", verb, "blackhole", back}, {.netns = world->cluster().api_netns()});
            if (!done) return done.error();
        }
        return {};
    };
    const auto length = std::chrono::seconds(setting("WEFT_OUTAGE_SECONDS", 8));
    const LogMark log(world->weftd("n1"));
    expect_unharmed(world->suffer({.name = "API server out of reach, then 410",
                                   .strike = [&] { return routes("add"); },
                                   .meanwhile = [&]() -> Result<void> {
                                       wait_until([] { return false; }, length);  // how long it lasts is what is tested
                                       return world->cluster().forget_history();
                                   },
                                   .mend = [&] { return routes("del"); },
                                   .settle = [&] { return log.wait("listing anew"); },
                                   .note = std::to_string(length.count()) + " s"}));
}

/// The northbound database of n1 on a small disk of its own.
class SmallDisk {
  public:
    explicit SmallDisk(World& world) : world_(world) {}
    Result<void> move_in() {
        std::filesystem::create_directories(dir());
        if (::mount("tmpfs", dir().c_str(), "tmpfs", 0, "size=2m") != 0) return again("can't mount a tmpfs");
        auto& node = world_.ovn("n1");
        node.kill(Daemon::nb_db);
        std::filesystem::copy_file(file(), dir() / "nb.db");
        std::filesystem::remove(file());
        std::filesystem::create_symlink(dir() / "nb.db", file());
        return node.restart(Daemon::nb_db);
    }
    Result<void> move_out() {
        auto& node = world_.ovn("n1");
        node.kill(Daemon::nb_db);
        std::filesystem::remove(file());
        std::filesystem::copy_file(dir() / "nb.db", file());
        return node.restart(Daemon::nb_db);
    }
    ~SmallDisk() { ::umount2(dir().c_str(), MNT_DETACH); }

    Result<void> fill() const {
        std::ofstream out(dir() / "filler", std::ios::binary);
        const std::string block(4096, 'x');
        while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
        // The database's last page has room yet, perhaps for all that comes.
        for (const std::size_t size : {2000U, 500U, 100U, 10U}) {
            int round = 0;
            while (world_.ovn("n1").nbctl(
                {"set", "NB_Global", ".", "external_ids:filler=" + std::to_string(round++) + std::string(size, 'x')})) {
            }
        }
        return {};
    }
    Result<void> free() const {
        std::filesystem::remove(dir() / "filler");
        return nothing(world_.ovn("n1").nbctl({"remove", "NB_Global", ".", "external_ids", "filler"}));
    }

  private:
    std::filesystem::path dir() const { return world_.ovn("n1").dir() / "disk"; }
    std::filesystem::path file() const { return world_.ovn("n1").ovn_dir() / "ovnnb_db.db"; }

    World& world_;
};

TEST_F(Faults, DiskFullUnderNorthbound) {
    SmallDisk disk(*world);
    WEFT_ASSERT_OK(disk.move_in());
    WEFT_ASSERT_OK(world->wait_in_step());
    const LogMark log(world->weftd("n1"));
    expect_unharmed(world->suffer({.name = "disk full under the northbound database",
                                   .strike = [&] { return disk.fill(); },
                                   .meanwhile = [&] { return log.wait("is it full or broken?"); },
                                   .mend = [&] { return disk.free(); }}));
    WEFT_ASSERT_OK(disk.move_out());
    WEFT_ASSERT_OK(world->wait_in_step());
}

TEST_F(Faults, NorthboundReadOnly) {
    // As a high-availability manager demotes a server: it follows another (which is not there) and takes no writes.
    auto& node = world->ovn("n1");
    const LogMark log(world->weftd("n1"));
    expect_unharmed(world->suffer(
        {.name = "northbound database read-only",
         .strike = [&]() -> Result<void> {
             auto told = nothing(
                 node.appctl(Daemon::nb_db, {"ovsdb-server/set-active-ovsdb-server", "unix:/nonexistent/active.sock"}));
             return told ? nothing(node.appctl(Daemon::nb_db, {"ovsdb-server/connect-active-ovsdb-server"})) : told;
         },
         .meanwhile = [&] { return log.wait("it takes no writes"); },
         .mend =
             [&] { return nothing(node.appctl(Daemon::nb_db, {"ovsdb-server/disconnect-active-ovsdb-server"})); }}));
}

/// Starts it again with a clock that a file tells how far to be off.
Result<void> restart_with_clock(World& world, Process& process, const std::filesystem::path& file) {
    auto spec = process.spec();
    process.kill();
    spec.environment.insert(spec.environment.end(), {{"LD_PRELOAD", faketime().string()},
                                                     {"FAKETIME_TIMESTAMP_FILE", file.string()},
                                                     {"FAKETIME_NO_CACHE", "1"},
                                                     {"FAKETIME_DONT_FAKE_MONOTONIC", "1"}});
    auto started = world.cluster().testbed().start(std::move(spec));
    if (!started) return started.error();
    process = *std::move(started);
    return {};
}

Result<void> restart_without_clock(World& world, Process& process) {
    auto spec = process.spec();
    process.kill();
    std::erase_if(spec.environment, [](const auto& variable) {
        return variable.first == "LD_PRELOAD" || variable.first.starts_with("FAKETIME");
    });
    auto started = world.cluster().testbed().start(std::move(spec));
    if (!started) return started.error();
    process = *std::move(started);
    return {};
}

/// The day as a weftd's log begins its lines.
std::string day(int from_now) {
    const std::time_t then = std::time(nullptr) + from_now * 86400L;
    std::tm parts{};
    ::gmtime_r(&then, &parts);
    std::string text(16, '\0');
    text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts));
    return text;
}

TEST_F(Faults, ClockJumps) {
#if defined(WEFT_UNDER_ASAN) || defined(WEFT_UNDER_TSAN)
    GTEST_SKIP() << "libfaketime and sanitizers both want to come first";
#endif
    ASSERT_FALSE(faketime().empty()) << "package libfaketime is missing";
    const auto clock = world->cluster().testbed().dir() / "clock";
    const auto set = [&](const std::string& offset) -> Result<void> {
        std::ofstream(clock.string() + ".new") << offset << "\n";
        std::filesystem::rename(clock.string() + ".new", clock);
        return {};
    };
    WEFT_ASSERT_OK(set("+0"));
    WEFT_ASSERT_OK(world->wait_leader());
    auto& node = world->weftd("n1");
    WEFT_ASSERT_OK(restart_with_clock(*world, node, clock));
    const auto found = world->leader();
    WEFT_ASSERT_OK(found);
    auto& leader = **found;
    WEFT_ASSERT_OK(restart_with_clock(*world, leader, clock));
    WEFT_ASSERT_OK(world->wait_in_step());
    const auto led = world->leader();
    WEFT_ASSERT_OK(led);
    for (const auto& [offset, days] : {std::pair{"+30d", 30}, std::pair{"-30d", -30}}) {
        expect_unharmed(world->suffer({.name = "clock jumps by a month, " + std::string(days > 0 ? "ahead" : "back"),
                                       .strike = [&, text = std::string(offset)] { return set(text); },
                                       .note = "of weftd node and the leader"}));
        // That it did jump: what both say the time is.
        const auto explained = world->weftctl("n1", {"explain", "node/" + world->last_joined()});
        WEFT_ASSERT_OK(explained);
        EXPECT_NE(explained->find(day(days)), std::string::npos) << *explained;
        WEFT_EXPECT_OK(world->wait_renewed(day(days)));
        EXPECT_TRUE(leader.running());
        const auto now = world->leader();
        WEFT_ASSERT_OK(now);
        EXPECT_EQ(*now, *led) << "the Lease changed hands because of a clock";
    }
    WEFT_ASSERT_OK(restart_without_clock(*world, node));
    WEFT_ASSERT_OK(restart_without_clock(*world, leader));
    WEFT_ASSERT_OK(world->wait_in_step());
}

}  // namespace
}  // namespace weft::testing
