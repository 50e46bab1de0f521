#include "services/run_lock.hpp"

#include "support.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

namespace weft::services {
namespace {

using ::testing::HasSubstr;

TEST(RunLock, OneAtATime) {
    TempDir dir;
    const auto file = dir.path("run/weftd.lock");
    {
        auto first = RunLock::take(file);
        ASSERT_TRUE(first) << first.error().text();
        auto second = RunLock::take(file);
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().kind, ErrorKind::conflict);
        EXPECT_THAT(second.error().text(),
                    HasSubstr("another weftd runs here (process " + std::to_string(::getpid()) + ")"));
        const RunLock moved = std::move(*first);
        EXPECT_FALSE(RunLock::take(file)) << "a moved lock is still held";
    }
    EXPECT_TRUE(RunLock::take(file).ok());
}

TEST(RunLock, SaysWhyItCantBeMade) {
    auto lock = RunLock::take("/proc/nowhere/weftd.lock");
    ASSERT_FALSE(lock);
    EXPECT_THAT(lock.error().text(), HasSubstr("run-dir"));
}

TEST(PidFile, IsWrittenAndRemoved) {
    TempDir dir;
    const auto file = dir.path("pid");
    {
        auto pid = PidFile::write(file);
        ASSERT_TRUE(pid) << pid.error().text();
        long written = 0;
        std::ifstream(file) >> written;
        EXPECT_EQ(written, ::getpid());
    }
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(PidFile, ALiveProcessIsAConflictADeadOneIsNot) {
    TempDir dir;
    const auto file = dir.path("pid");
    std::ofstream(file) << 1 << "\n";
    auto pid = PidFile::write(file);
    ASSERT_FALSE(pid);
    EXPECT_THAT(pid.error().text(), HasSubstr("process 1 runs"));

    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    std::ofstream(file, std::ios::trunc) << child << "\n";
    EXPECT_TRUE(PidFile::write(file).ok());
    std::ofstream(file, std::ios::trunc) << "no number\n";
    EXPECT_TRUE(PidFile::write(file).ok());
    EXPECT_FALSE(PidFile::write("/proc/nowhere/pid").ok());
}

}  // namespace
}  // namespace weft::services
