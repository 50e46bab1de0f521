#include "services/notifier.hpp"

#include <ctime>

#include <systemd/sd-daemon.h>

namespace weft::services {

namespace {

/// A status line is one line: a newline would begin another assignment.
std::string one_line(std::string text) {
    for (char& c : text) {
        if (c == '\n' || c == '\r') c = ' ';
    }
    return text;
}

}  // namespace

Notifier::Notifier(const Clock& clock) : clock_(clock) {
    std::uint64_t microseconds = 0;
    if (::sd_watchdog_enabled(0, &microseconds) > 0 && microseconds > 0) {
        interval_ = std::chrono::microseconds(microseconds);
    }
}

void Notifier::ready(const std::string& status) {
    last_status_ = one_line(status);
    ::sd_notify(0, ("READY=1\nSTATUS=" + last_status_).c_str());
}

void Notifier::status(const std::string& text) {
    auto line = one_line(text);
    if (line == last_status_) return;
    last_status_ = std::move(line);
    ::sd_notify(0, ("STATUS=" + last_status_).c_str());
}

void Notifier::reloading() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const auto microseconds = static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
    ::sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds)).c_str());
}

void Notifier::stopping() {
    ::sd_notify(0, "STOPPING=1");
}

void Notifier::beat() {
    if (!interval_) return;
    const auto now = clock_.now();
    if (last_beat_ && now - *last_beat_ < *interval_ / 4) return;
    last_beat_ = now;
    ::sd_notify(0, "WATCHDOG=1");
}

std::optional<TimePoint> Notifier::next_beat() const {
    if (!interval_) return std::nullopt;
    return last_beat_ ? *last_beat_ + *interval_ / 3 : clock_.now();
}

}  // namespace weft::services
