#include "cases.hpp"
#include "pods.hpp"
#include "watchers.hpp"

#include <weft/testing/testbed/wait.hpp>

#include <thread>

namespace weft::bench {

namespace {

double patches_of(const ApiCounts& counts) {
    double sum = 0;
    for (const auto& [what, count] : counts) {
        if (what.starts_with("patch pods")) sum += count;
    }
    return sum;
}

/// How many pods have had their PATCH. kube-apiserver would need more for the answer than for a hundred of them, so
/// there it is weftd that is asked.
Result<double> patched(const Bed& bed) {
    if (bed.is_kubernetes()) {
        const auto page = bed.metrics();
        if (!page) return page.error();
        return sum_of(*page, "weft_applier_changes_total", "\"kube\"");
    }
    const auto counts = bed.api_counts();
    if (!counts) return counts.error();
    return patches_of(*counts);
}

/// Waits until so many more have it. weftd is asked now and then only: answers cost CPU.
Result<void> wait_annotated(const Bed& bed, double before, std::size_t pods) {
    constexpr auto patience = std::chrono::minutes(3);
    const auto pause = std::chrono::milliseconds(bed.is_kubernetes() ? 400 : 5);
    for (const TimePoint began = SteadyClock::now(); SteadyClock::now() < began + patience;) {
        const auto now = patched(bed);
        if (!now) return now.error();
        if (*now >= before + static_cast<double>(pods)) return {};
        std::this_thread::sleep_for(pause);
    }
    return again("pods were left without annotation");
}

/// Waits until weftd itself says that nothing is left to do in the northbound database.
Result<void> wait_in_step(const Bed& bed) {
    return testing::wait_for("northbound applier in step", [&]() -> Result<void> {
        const auto page = bed.metrics();
        if (!page) return page.error();
        const double behind = sum_of(*page, "weft_applier_behind_rows", "\"ovn-nb\"");
        return behind <= 0 ? Result<void>() : Result<void>(waiting(std::to_string(behind) + " rows are behind"));
    });
}

}  // namespace

Result<Bulk> measure_bulk(Bed& bed, std::size_t pods) {
    Bulk bulk;
    PortWatch ports(bed.north());
    wait_settled(bed.weftd());
    const std::size_t others = ports.count();
    bulk.idle_mib = anonymous_mib(bed.weftd());
    const auto page = bed.metrics();
    if (!page) return page.error();
    if (auto done = bed.prepare_pods(pods); !done) return done.error();
    const auto counts = bed.api_counts();
    if (!counts) return counts.error();
    const auto changes = patched(bed);
    if (!changes) return changes.error();

    const PeakMeter peak(bed.weftd());
    const double cpu = cpu_seconds(bed.weftd());
    const double server_cpu = bed.server_cpu_seconds();
    const TimePoint began = SteadyClock::now();
    if (auto done = bed.release_pods(); !done) return done.error();
    bulk.released_wall = seconds_since(began);
    const auto committed = ports.wait_count(others + pods);
    if (!committed) return again("weftd did not commit all ports; see its log");
    bulk.committed_wall = seconds_between(began, *committed);
    auto annotated = wait_annotated(bed, *changes, pods);
    if (!annotated) return annotated.error();
    bulk.annotated_wall = seconds_since(began);
    if (auto done = wait_in_step(bed); !done) return done.error();
    wait_quiet(bed.weftd());
    bulk.server_cpu = bed.server_cpu_seconds() - server_cpu;
    const auto counts_after = bed.api_counts();
    if (!counts_after) return counts_after.error();
    bulk.patches = patches_of(*counts_after) - patches_of(*counts);
    bulk.cpu = cpu_seconds(bed.weftd()) - cpu;
    wait_settled(bed.weftd());
    bulk.full_mib = anonymous_mib(bed.weftd());
    bulk.peak_mib = peak.mib();
    const auto after = bed.metrics();
    if (!after) return after.error();
    constexpr auto* requests = "weft_applier_requests_total";
    constexpr auto* north = "applier=\"ovn-nb\"";
    bulk.transactions = sum_of(*after, requests, north) - sum_of(*page, requests, north);
    return bulk;
}

void report_bulk(const Bulk& bulk, const Floor& floor, std::size_t pods, Report& report) {
    const double list = floor.ovsdb_wall + floor.parse_wall;
    report.section("(a) " + std::to_string(pods) + " pods on one node, all at once");
    report.add({"bulk_committed_s", "last row committed", bulk.committed_wall, "s", "200 s", ""});
    report.add({"floor_a_s", "floor A: wall", floor.ovsdb_wall, "s", "", ""});
    report.add({"floor_parse_s", "parsing the watch: wall", floor.parse_wall, "s", "", ""});
    report.add(
        {"bulk_committed_ratio", "committed / (floor A + parsing)", bulk.committed_wall / list, "", "", "<= 1.5"});
    report.add({"bulk_annotated_s", "last annotation written", bulk.annotated_wall, "s", "200 s", "may trail"});
    report.add({"server_released_s", "the server has taken them all", bulk.released_wall, "s", "", ""});
    report.add({"server_bulk_cpu_s", "CPU of API server (and etcd) meanwhile", bulk.server_cpu, "s", "", ""});
    report.add({"bulk_cpu_s", "CPU of weftd", bulk.cpu, "s", "55 s", ""});
    report.add({"floor_a_cpu_s", "floor A: CPU", floor.ovsdb_cpu, "s", "", ""});
    report.add({"floor_b_cpu_s", "floor B: CPU", floor.cpu(), "s", "", ""});
    report.add({"floor_parse_cpu_s", "  of it parsing", floor.parse_cpu, "s", "", ""});
    report.add({"floor_patch_cpu_s", "  of it a PATCH each and its echo", floor.patch_cpu, "s", "", ""});
    report.add({"bulk_cpu_ratio", "CPU / floor B", bulk.cpu / floor.cpu(), "", "", "<= 1.5"});
    report.add({"bulk_transactions", "northbound transactions", bulk.transactions, "", "", ""});
    report.add({"bulk_patches_each", "PATCHes a pod", bulk.patches / static_cast<double>(pods), "", "", "1"});
    report.section("(d) memory: RssAnon");
    report.add({"memory_idle_mib", "idle", bulk.idle_mib, "MiB", "138 MiB (RSS)", "<= 10"});
    report.add({"memory_full_mib", "with " + std::to_string(pods) + " local pods", bulk.full_mib, "MiB",
                "361 MiB (RSS)", "<= 45"});
    report.add({"memory_peak_mib", "peak while they come", bulk.peak_mib, "MiB", "376 MiB (RSS)", "<= 80"});
    report.add({"memory_after_mib", "after they are gone", bulk.after_mib, "MiB", "", ""});
    report.add({"memory_after_ratio", "after / idle", bulk.after_mib / bulk.idle_mib, "", "", "<= 1.2"});
}

Result<double> measure_afterwards(Bed& bed) {
    if (auto done = bed.delete_all_pods(); !done) return done.error();
    auto gone = testing::wait_for("end of all pods", [&]() -> Result<void> {
        const auto now = bed.metrics();
        if (!now) return now.error();
        const double left = sum_of(*now, "weft_table_rows", "table=\"Pod\"");
        return left <= 0 ? Result<void>() : Result<void>(waiting(std::to_string(left) + " are left"));
    });
    if (!gone) return gone.error();
    if (auto done = wait_in_step(bed); !done) return done.error();
    wait_settled(bed.weftd());
    return anonymous_mib(bed.weftd());
}

Result<void> create_all(Bed& bed, std::size_t pods) {
    PortWatch ports(bed.north());
    wait_settled(bed.weftd());
    const std::size_t others = ports.count();
    const auto changes = patched(bed);
    if (!changes) return changes.error();
    if (auto done = bed.prepare_pods(pods); !done) return done;
    if (auto done = bed.release_pods(); !done) return done;
    // A weftd that gets no processor looks as quiet as one that has nothing to do.
    if (!ports.wait_count(others + pods)) return again("weftd did not commit all ports; see its log");
    if (auto annotated = wait_annotated(bed, *changes, pods); !annotated) return annotated;
    if (auto done = wait_in_step(bed); !done) return done;
    wait_quiet(bed.weftd());
    return {};
}

}  // namespace weft::bench
