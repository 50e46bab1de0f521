#include "services/standard_metrics.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/resource.h>
#include <unistd.h>

namespace weft::services {

namespace {

/// Fields of /proc/self/stat from the third on: the second is a name in brackets that may hold anything.
std::vector<double> stat_fields() {
    std::ifstream in("/proc/self/stat");
    std::string line;
    std::getline(in, line);
    std::istringstream rest(line.substr(std::min(line.rfind(')'), line.size() - 1) + 1));
    std::vector<double> out;
    std::string state;
    rest >> state;
    for (double value; rest >> value;)
        out.push_back(value);
    return out;
}

/// Field `number` of proc(5); 0 when it is not there.
double stat_field(std::size_t number) {
    const auto fields = stat_fields();
    return number >= 4 && number - 4 < fields.size() ? fields[number - 4] : 0;
}

double boot_time() {
    std::ifstream in("/proc/stat");
    for (std::string word; in >> word;) {
        double value = 0;
        if (word == "btime" && in >> value) return value;
    }
    return 0;
}

double open_descriptors() {
    std::error_code failed;
    double count = 0;
    for (auto at = std::filesystem::directory_iterator("/proc/self/fd", failed);
         !failed && at != std::filesystem::directory_iterator(); at.increment(failed)) {
        ++count;
    }
    return count > 0 ? count - 1 : 0;  // one of them is the folder itself
}

double descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<double>(limit.rlim_cur);
}

}  // namespace

void add_process_metrics(Metrics& metrics) {
    static const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    static const double page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    const auto add = [&](Metrics::Kind kind, const char* name, const char* help, double (*read)()) {
        metrics.pull(kind, name, help, {}, [read] { return std::vector<Sample>{{{}, read()}}; });
    };
    using enum Metrics::Kind;
    add(counter, "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
        [] { return (stat_field(14) + stat_field(15)) / ticks; });
    add(gauge, "process_resident_memory_bytes", "Resident memory size in bytes.", [] { return stat_field(24) * page; });
    add(gauge, "process_virtual_memory_bytes", "Virtual memory size in bytes.", [] { return stat_field(23); });
    add(gauge, "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
        [] { return boot_time() + stat_field(22) / ticks; });
    add(gauge, "process_open_fds", "Number of open file descriptors.", open_descriptors);
    add(gauge, "process_max_fds", "Maximum number of open file descriptors.", descriptor_limit);
    add(gauge, "process_threads", "Number of threads.", [] { return stat_field(20); });
}

}  // namespace weft::services
