#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

/// Clocks and counters of processes.
namespace weft::bench {

using SteadyClock = std::chrono::steady_clock;
using TimePoint = SteadyClock::time_point;

inline double seconds_between(TimePoint from, TimePoint to) {
    return std::chrono::duration<double>(to - from).count();
}
inline double seconds_since(TimePoint from) {
    return seconds_between(from, SteadyClock::now());
}

/// User and system time of all threads of a process, to the nanosecond; 0 when it is gone.
double cpu_seconds(pid_t pid);
/// Of this one.
double own_cpu_seconds();

/// Lines of /proc/PID/status in MiB.
double status_mib(pid_t pid, const std::string& line);
inline double anonymous_mib(pid_t pid) {
    return status_mib(pid, "RssAnon");
}

double median(std::vector<double> values);
/// The value that a share of all (0.99) doesn't exceed.
double percentile(std::vector<double> values, double share);

/// Looks at a process's RssAnon all the time and remembers the most.
class PeakMeter {
  public:
    explicit PeakMeter(pid_t pid);
    ~PeakMeter();
    PeakMeter(const PeakMeter&) = delete;
    PeakMeter& operator=(const PeakMeter&) = delete;
    double mib() const { return peak_; }

  private:
    std::atomic<double> peak_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

/// Returns when the process has used next to no CPU for a while: what it had to do is done.
void wait_quiet(pid_t pid);
/// The same, and then until its RssAnon has kept still for some seconds: memory is given back a little later.
void wait_settled(pid_t pid);

}  // namespace weft::bench
