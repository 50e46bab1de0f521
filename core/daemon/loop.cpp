#include "daemon/loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace weft::daemon {

Loop::Loop(const Clock& clock) : clock_(clock), wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (wake_fd_ < 0) throw std::runtime_error("eventfd: out of file descriptors");
}

Loop::~Loop() {
    ::close(wake_fd_);
    if (signal_fd_ >= 0) ::close(signal_fd_);
}

void Loop::post(std::function<void()> task) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    wake();
}

void Loop::wake() {
    const std::uint64_t one = 1;
    // A full counter means that a wake is pending already.
    (void)!::write(wake_fd_, &one, sizeof(one));
}

void Loop::handle_signals(const std::vector<int>& signals, std::function<void(int)> on_signal) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals)
        sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal_fd_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signal_fd_ < 0) throw std::runtime_error("signalfd: out of file descriptors");
    on_signal_ = std::move(on_signal);
}

void Loop::run(const std::function<std::optional<TimePoint>()>& work) {
    while (!stopping_) {
        run_tasks();
        if (stopping_) break;
        sleep_until(work());
        read_signals();
    }
    run_tasks();
}

void Loop::sleep_until(std::optional<TimePoint> deadline) {
    int timeout = -1;
    if (deadline) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - clock_.now()).count();
        timeout = static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
    }
    std::array<pollfd, 2> fds{{{wake_fd_, POLLIN, 0}, {signal_fd_, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), timeout) <= 0) return;
    std::uint64_t count = 0;
    (void)!::read(wake_fd_, &count, sizeof(count));
}

void Loop::run_tasks() {
    std::vector<std::function<void()>> tasks;
    {
        const std::lock_guard lock(mutex_);
        tasks.swap(tasks_);
    }
    for (auto& task : tasks)
        task();
}

void Loop::read_signals() {
    signalfd_siginfo info{};
    while (signal_fd_ >= 0 && ::read(signal_fd_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
        on_signal_(static_cast<int>(info.ssi_signo));
    }
}

}  // namespace weft::daemon
