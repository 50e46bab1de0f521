#include "steps.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <thread>

#include <unistd.h>

namespace weft::demo {

namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds terminal_interval{200};
constexpr std::chrono::milliseconds log_interval{5000};

double since(Steady::time_point begin) {
    return std::chrono::duration<double>(Steady::now() - begin).count();
}

/// Shows the time on a thread of its own until it is destroyed.
class Ticker {
  public:
    Ticker(std::string title, bool terminal)
        : title_(std::move(title)),
          terminal_(terminal),
          thread_([this] { run(); }) {}
    ~Ticker() {
        {
            const std::lock_guard lock(mutex_);
            done_ = true;
        }
        changed_.notify_all();
        thread_.join();
        if (terminal_) std::cout << "\r\x1b[K" << std::flush;
    }

  private:
    void run() {
        std::unique_lock lock(mutex_);
        while (!changed_.wait_for(lock, terminal_ ? terminal_interval : log_interval, [this] { return done_; })) {
            if (terminal_) std::cout << "\r\x1b[K";
            std::cout << "...    " << title_ << " " << duration_text(since(begin_));
            std::cout << (terminal_ ? "" : "\n") << std::flush;
        }
    }

    const std::string title_;
    const bool terminal_;
    const Steady::time_point begin_ = Steady::now();
    std::mutex mutex_;
    std::condition_variable changed_;
    bool done_ = false;
    std::thread thread_;
};

}  // namespace

std::string duration_text(double seconds) {
    char text[32];
    if (seconds < 60) {
        std::snprintf(text, sizeof text, "%.1f s", seconds);
    } else {
        std::snprintf(text, sizeof text, "%d:%02d", static_cast<int>(seconds) / 60, static_cast<int>(seconds) % 60);
    }
    return text;
}

Steps::Steps() : terminal_(::isatty(STDOUT_FILENO) == 1) {}

std::string Steps::paint(const char* code, const std::string& text) const {
    return terminal_ ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
}

Result<void> Steps::run(const std::string& title, const std::function<Result<void>()>& work) const {
    const auto begin = Steady::now();
    Result<void> result;
    {
        const Ticker ticker(title, terminal_);
        result = work();
    }
    std::cout << (result ? good("ok    ") : bad("failed")) << " " << title << " "
              << dim("(" + duration_text(since(begin)) + ")") << std::endl;
    return result;
}

void Steps::heading(const std::string& text) const {
    std::cout << "\n" << bold(text) << std::endl;
}

}  // namespace weft::demo
