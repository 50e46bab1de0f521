// weftd and its plugins exchanged and switched under way.
#include "world.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace weft::testing {
namespace {

/// What a process holds.
struct Holdings {
    std::uint64_t anonymous_kib = 0;
    std::size_t files = 0;
};

Holdings holdings_of(const Process& process) {
    Holdings h;
    const std::filesystem::path proc = "/proc/" + std::to_string(process.pid());
    std::ifstream status(proc / "status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("RssAnon:")) h.anonymous_kib = std::stoull(line.substr(8));
    }
    h.files = static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(proc / "fd"), {}));
    return h;
}

/// The least that it holds while it has nothing to do: a moment's buffers and connections don't count.
Holdings least_of(const Process& process) {
    Holdings least = holdings_of(process);
    int same = 0;
    wait_until([&] {
        const auto now = holdings_of(process);
        const bool less = now.anonymous_kib < least.anonymous_kib || now.files < least.files;
        least = {std::min(now.anonymous_kib, least.anonymous_kib), std::min(now.files, least.files)};
        same = less ? 0 : same + 1;
        return same > 20;
    });
    return least;
}

Result<void> wait_groups(WeftCluster& weft, std::size_t expected) {
    return wait_for(std::to_string(expected) + " rows of plugin ledger", [&]() -> Result<void> {
        const auto found = weft.find("n1", "Port_Group", "name", "external_ids:ledger!=\"\"");
        if (!found) return found.error();
        std::istringstream names(*found);
        const auto count = std::distance(std::istream_iterator<std::string>(names), {});
        return static_cast<std::size_t>(count) == expected
                   ? Result<void>()
                   : Result<void>(waiting("there are " + std::to_string(count)));
    });
}

std::string plugin_version(World& world, const std::string& plugin) {
    std::string version;
    if (const auto status = world.status("n1")) {
        status->root()["plugins"].each([&](JsonView one) {
            if (one["name"].string_or("") == plugin) version = one["version"].string_or("");
        });
    }
    return version;
}

TEST_F(Faults, UpgradeWithAnotherRowType) {
    // Plugin ledger keeps its rows in a type that its next version has changed.
    EXPECT_EQ(plugin_version(*world, "ledger"), "1.0.0");
    const auto file = world->cluster().options().plugin_dir / "ledger.so";
    const auto exchange = [&](int version) -> Result<void> {
        world->weftd("n1").kill();
        std::error_code failed;
        std::filesystem::copy_file(ledger_file(version), file.string() + ".new", failed);
        if (!failed) std::filesystem::rename(file.string() + ".new", file, failed);
        return failed ? again(failed.message()) : Result<void>();
    };
    const auto begin = [] { return world->weftd("n1").restart(); };
    expect_unharmed(
        world->suffer({.name = "upgrade, a row type changed", .strike = [&] { return exchange(2); }, .mend = begin}));
    EXPECT_EQ(plugin_version(*world, "ledger"), "2.0.0");
    expect_unharmed(world->suffer({.name = "and back", .strike = [&] { return exchange(1); }, .mend = begin}));
    EXPECT_EQ(plugin_version(*world, "ledger"), "1.0.0");
}

TEST_F(Faults, APluginOffAndOnAHundredTimes) {
    const auto spaces = world->cluster().api().get("/api/v1/namespaces");
    WEFT_ASSERT_OK(spaces);
    const std::size_t groups = spaces->root()["items"].size();
    const int times = setting("WEFT_TOGGLES", 100);
    Holdings before;
    const auto toggle = [&](int from, int to) -> Result<void> {
        for (int i = from; i < to; ++i) {
            for (const auto& [verb, expected] : {std::pair{"disable", std::size_t{0}}, std::pair{"enable", groups}}) {
                if (auto done = world->weftctl("n1", {"plugins", verb, "ledger"}); !done) return done.error();
                if (auto there = wait_groups(world->weft(), expected); !there) return there;
            }
        }
        return {};
    };
    expect_unharmed(world->suffer({.name = "a plugin off and on " + std::to_string(times) + " times",
                                   .strike = [&]() -> Result<void> {
                                       // The allocator's pools and lazy tables are there after some rounds.
                                       auto warm = toggle(0, times / 5);
                                       before = least_of(world->weftd("n1"));
                                       return warm;
                                   },
                                   .meanwhile = [&] { return toggle(times / 5, times); },
                                   .note = "its own rows aside",
                                   .own_rows = "ledger_"}));
    const auto after = least_of(world->weftd("n1"));
    world->note("RssAnon " + std::to_string(before.anonymous_kib) + " to " + std::to_string(after.anonymous_kib) +
                " KiB, files " + std::to_string(before.files) + " to " + std::to_string(after.files));
    EXPECT_LE(after.files, before.files);
    EXPECT_LE(after.anonymous_kib, before.anonymous_kib + before.anonymous_kib / 20);
}

}  // namespace
}  // namespace weft::testing
