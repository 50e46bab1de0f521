// The handler of signals, in children that die of them.
#include "containment/crash_handler.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::containment {
namespace {

int deeper(int depth) {
    volatile char room[4096] = {};
    room[0] = static_cast<char>(depth);
    return depth < 0 ? 0 : deeper(depth + 1) + room[0];
}

class Crash : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "weft-crash-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        dir = name;
        file = (dir / "running").string();
    }
    void TearDown() override { std::filesystem::remove_all(dir); }

    /// What a process leaves that does `last` on rule "mine", beside an innocent one; and the signal it died of.
    RunBoard::Left left_by(const std::function<void()>& last, int& signal, bool on_thread = false) {
        const ::pid_t child = ::fork();
        if (child == 0) {
            const ::rlimit no_core{0, 0};
            ::setrlimit(RLIMIT_CORE, &no_core);
            auto board = RunBoard::make(file);
            if (!board) ::_exit(1);
            const CrashHandler handler(**board);
            const RunLanes lanes(board->get(), 2);
            const auto act = [&] {
                const RunMark mark(lanes.at(1), (*board)->label("p", "rule mine"), "k");
                last();
            };
            const RunMark innocent(lanes.at(0), (*board)->label("q", "rule other"), "x");
            on_thread ? std::thread(act).join() : act();
            ::_exit(0);
        }
        int how = 0;
        EXPECT_EQ(::waitpid(child, &how, 0), child);
        signal = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
        const auto left = RunBoard::read(file);
        EXPECT_TRUE(left);
        return left.value_or(RunBoard::Left());
    }
    void expect_mine(const std::function<void()>& last, int expected, bool on_thread = false) {
        int signal = 0;
        const auto left = left_by(last, signal, on_thread);
        EXPECT_EQ(signal, expected) << "the signal still does what it always did";
        EXPECT_EQ(left.signal, expected);
        ASSERT_TRUE(left.crashed);
        EXPECT_EQ(left.crashed->plugin + "/" + left.crashed->text(), "p/rule mine on k");
        EXPECT_FALSE(left.clean);
    }
    std::filesystem::path dir;
    std::string file;
};

TEST_F(Crash, Abort) {
    expect_mine([] { std::abort(); }, SIGABRT);
    expect_mine([] { std::abort(); }, SIGABRT, true);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(Crash, ABadPointer) {
    const auto bad = [] { *reinterpret_cast<volatile int*>(std::uintptr_t{8}) = 1; };
    expect_mine(bad, SIGSEGV);
    expect_mine(bad, SIGSEGV, true);
}
TEST_F(Crash, AnArithmeticFault) {
    expect_mine([] { std::raise(SIGFPE); }, SIGFPE);
}
TEST_F(Crash, NoStackLeft) {
    expect_mine([] { std::exit(deeper(0)); }, SIGSEGV);
}
#endif

TEST_F(Crash, OutsideOfPluginsNobodyIsNamed) {
    const ::pid_t child = ::fork();
    if (child == 0) {
        auto board = RunBoard::make(file);
        if (!board) ::_exit(1);
        const CrashHandler handler(**board);
        std::abort();
    }
    int how = 0;
    ASSERT_EQ(::waitpid(child, &how, 0), child);
    const auto left = RunBoard::read(file);
    ASSERT_TRUE(left);
    EXPECT_EQ(left->signal, SIGABRT);
    EXPECT_FALSE(left->crashed);
}

}  // namespace
}  // namespace weft::containment
