#include "containment/crash_handler.hpp"

#include <array>
#include <atomic>
#include <csignal>

namespace weft::containment {

namespace {

constexpr std::array<int, 5> crashes{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

// A handler has no argument of ours.
std::atomic<RunBoard*> board_of_process = nullptr;
std::array<struct sigaction, crashes.size()> before;  ///< what sanitizers had there

void on_crash(int signal, siginfo_t* facts, void* context) {
    if (RunBoard* board = board_of_process.load(std::memory_order_acquire)) board->crashed(signal);
    for (std::size_t i = 0; i < crashes.size(); ++i) {
        if (crashes[i] == signal && (before[i].sa_flags & SA_SIGINFO) != 0)
            return before[i].sa_sigaction(signal, facts, context);
    }
    // SA_RESETHAND has brought the default back: an instruction that faulted does so again, and its core shows where.
    // What was sent, by abort() or by systemd, is sent once more.
    if (facts->si_code <= 0) (void)::raise(signal);
}

// Of the thread that makes the handler, the engine's: a rule that recurses without end leaves no stack to run on.
alignas(16) std::array<char, 65536> other_stack;

}  // namespace

CrashHandler::CrashHandler(RunBoard& board) {
    board_of_process.store(&board, std::memory_order_release);
    stack_t stack{};
    stack.ss_sp = other_stack.data();
    stack.ss_size = other_stack.size();
    ::sigaltstack(&stack, nullptr);
    struct sigaction action {};
    action.sa_sigaction = on_crash;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_ONSTACK | SA_SIGINFO);
    ::sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < crashes.size(); ++i)
        ::sigaction(crashes[i], &action, &before[i]);
}

CrashHandler::~CrashHandler() {
    for (std::size_t i = 0; i < crashes.size(); ++i)
        ::sigaction(crashes[i], &before[i], nullptr);
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    ::sigaltstack(&none, nullptr);
    board_of_process.store(nullptr, std::memory_order_release);
}

}  // namespace weft::containment
