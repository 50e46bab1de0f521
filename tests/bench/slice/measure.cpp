#include "measure.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include <sys/resource.h>
#include <time.h>

namespace weft::bench {

double cpu_seconds(pid_t pid) {
    clockid_t clock = 0;
    timespec time{};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double own_cpu_seconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double status_mib(pid_t pid, const std::string& name) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(name + ":")) return std::strtod(line.c_str() + name.size() + 1, nullptr) / 1024;
    }
    return 0;
}

double percentile(std::vector<double> values, double share) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const auto last = static_cast<double>(values.size() - 1);
    return values[static_cast<std::size_t>(std::lround(share * last))];
}

double median(std::vector<double> values) {
    return percentile(std::move(values), 0.5);
}

PeakMeter::PeakMeter(pid_t pid)
    : thread_([this, pid] {
          while (!stop_) {
              peak_ = std::max(peak_.load(), anonymous_mib(pid));
              std::this_thread::sleep_for(std::chrono::milliseconds(10));
          }
      }) {}

PeakMeter::~PeakMeter() {
    stop_ = true;
    thread_.join();
}

void wait_quiet(pid_t pid) {
    constexpr int looks = 5;
    constexpr double next_to_nothing = 0.002;
    for (int quiet = 0; quiet < looks;) {
        const double before = cpu_seconds(pid);
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        quiet = cpu_seconds(pid) - before < next_to_nothing ? quiet + 1 : 0;
    }
}

void wait_settled(pid_t pid) {
    constexpr int looks = 8;
    wait_quiet(pid);
    double before = anonymous_mib(pid);
    for (int still = 0, look = 0; still < looks && look < 60; ++look) {
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        const double now = anonymous_mib(pid);
        still = now == before ? still + 1 : 0;
        before = now;
    }
}

}  // namespace weft::bench
