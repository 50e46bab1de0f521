#include "cases.hpp"

#include <cmath>
#include <thread>

namespace weft::bench {

namespace {

double count_of(const Result<ApiCounts>& counts, std::string_view what) {
    if (!counts) return 0;
    const auto at = counts->find(what);
    return at == counts->end() ? 0 : at->second;
}

/// Everything about the host that weftd may touch.
Result<std::string> host_state() {
    std::string all;
    for (const auto& what : {testing::Argv{"ip", "-o", "link"}, testing::Argv{"ip", "-o", "addr"},
                             testing::Argv{"ip", "route", "show", "table", "all"},
                             testing::Argv{"ip", "-6", "route", "show", "table", "all"}, testing::Argv{"ip", "rule"},
                             testing::Argv{"ip", "neigh", "show", "nud", "permanent"}}) {
        auto text = testing::run_ok(what);
        if (!text) return text;
        all += *text;
    }
    return all;
}

}  // namespace

Result<void> measure_restart(Bed& bed, Report& report) {
    if (auto stopped = bed.stop_weftd(); !stopped) return stopped;
    const auto before = bed.api_counts();
    const auto host = host_state();
    if (!before) return before.error();
    if (!host) return host.error();

    // The watch of pods begins when their list is in.
    std::optional<TimePoint> listed;
    std::atomic<bool> stop = false;
    std::thread lists([&] {
        const double watches = count_of(before, "watch pods");
        while (!stop && !listed) {
            if (count_of(bed.api_counts(), "watch pods") > watches) listed = SteadyClock::now();
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
    });
    const auto ready = bed.start_weftd();
    const double cpu_at_ready = ready ? cpu_seconds(bed.weftd()) : 0;
    stop = true;
    lists.join();
    if (!ready) return ready.error();
    wait_quiet(bed.weftd());
    const double cpu = cpu_seconds(bed.weftd());
    const double peak = status_mib(bed.weftd(), "VmHWM");
    wait_settled(bed.weftd());
    const auto page = bed.metrics();
    const auto after = bed.api_counts();
    const auto host_now = host_state();
    if (!page) return page.error();
    if (!after) return after.error();
    if (!host_now) return host_now.error();

    double transactions = 0;
    std::map<std::string, double> by_database;
    for (const std::string database : {"ovn-nb", "ovn-sb", "ovs"}) {
        by_database[database] = sum_of(*page, "weft_applier_requests_total", "\"" + database + "\"");
        transactions += by_database[database];
    }
    report.section("(b) restart with them, nothing changed");
    report.add(
        {"restart_ready_s", "process start to ready", seconds_between(bed.started_at(), *ready), "s", "6.8 s", ""});
    if (listed) {
        report.add({"restart_lists_s", "process start to pods listed", seconds_between(bed.started_at(), *listed), "s",
                    "", ""});
        report.add(
            {"restart_ready_after_lists_s", "lists in to ready", seconds_between(*listed, *ready), "s", "", "<= 1 s"});
    }
    report.add({"restart_cpu_ready_s", "CPU when ready", cpu_at_ready, "s", "9.5 s", ""});
    report.add({"restart_cpu_s", "CPU until quiet", cpu, "s", "9.5 s", ""});
    report.add({"restart_peak_rss_mib", "peak RSS", peak, "MiB", "494 MiB", ""});
    report.add({"restart_rss_anon_mib", "RssAnon when quiet", anonymous_mib(bed.weftd()), "MiB", "", "<= 45"});
    report.add({"restart_transactions", "database transactions", transactions, "", "", "0"});
    report.add(
        {"restart_api_writes", "API writes besides the Lease", writes_of(*after) - writes_of(*before), "", "", "0"});
    report.add({"restart_host_changes", "host state differs", *host == *host_now ? 0.0 : 1.0, "", "", "0"});
    report.add({"restart_host_messages", "messages to the kernel that change something",
                sum_of(*page, "weft_applier_changes_total", "\"netlink\""), "", "", "0"});
    return {};
}

}  // namespace weft::bench
