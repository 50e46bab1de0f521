#include "cases.hpp"
#include "pods.hpp"
#include "watchers.hpp"

#include <algorithm>
#include <thread>

namespace weft::bench {

namespace {

constexpr int rounds = 40;
constexpr auto* runs_family = "weft_rule_runs_total";
const std::string collection = std::string("/api/v1/namespaces/") + pod_namespace + "/pods";

/// Between two pods everything is at rest.
void rest() {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

Result<void> create(const Bed& bed, const std::string& name) {
    auto made = bed.api().create(collection, pod_json(name));
    return made ? Result<void>() : Result<void>(made.error());
}

Result<void> remove(const Bed& bed, const std::string& name) {
    return bed.api().remove(collection + "/" + name,
                            R"({"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0})");
}

/// How many rules run between the commit of a pod's port and the end of its annotation's echo.
Result<double> count_echo(Bed& bed, PortWatch& ports, PodWatch& pods) {
    const std::size_t others = ports.count();
    if (auto done = bed.delay_patches(std::chrono::milliseconds(400)); !done) return done.error();
    if (auto done = create(bed, "echo"); !done) return done.error();
    if (!ports.wait_count(others + 1)) return again("no port for the pod whose echo is looked at");
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    const auto before = bed.metrics();
    if (!pods.wait("echo", [](const auto& seen) { return seen.annotated.has_value(); })) return again("no annotation");
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    const auto after = bed.metrics();
    if (auto done = bed.heal(); !done) return done.error();
    if (auto done = remove(bed, "echo"); !done) return done.error();
    if (!ports.wait_count(others)) return again("the port stays");
    if (!before) return before.error();
    if (!after) return after.error();
    return sum_of(*after, runs_family) - sum_of(*before, runs_family);
}

}  // namespace

Result<Idle> measure_idle(Bed& bed) {
    PortWatch ports(bed.north());
    PodWatch pods(bed.endpoint());
    if (!pods.wait_listed()) return again("no list of pods");
    wait_quiet(bed.weftd());
    const std::size_t others = ports.count();
    const auto page = bed.metrics();
    const auto counts = bed.api_counts();
    const double cpu = cpu_seconds(bed.weftd());
    std::vector<double> created;
    std::vector<double> deleted;
    for (int i = 0; i < rounds; ++i) {
        const std::string name = "idle-" + std::to_string(i);
        if (auto done = create(bed, name); !done) return done.error();
        const auto row = ports.wait_count(others + 1);
        const auto seen = pods.wait(name, [](const auto& s) { return s.added && s.annotated; });
        if (!row || !seen) return again("pod " + name + " got no port or annotation");
        created.push_back(seconds_between(*seen->added, *row));
        rest();
        if (auto done = remove(bed, name); !done) return done.error();
        const auto gone = ports.wait_count(others);
        const auto end = pods.wait(name, [](const auto& s) { return s.deleted.has_value(); });
        if (!gone || !end) return again("the port of pod " + name + " stays");
        deleted.push_back(seconds_between(*end->deleted, *gone));
        rest();
    }
    Idle idle;
    idle.cpu = (cpu_seconds(bed.weftd()) - cpu) / rounds;
    const auto after = bed.metrics();
    const auto counts_after = bed.api_counts();
    for (const auto* result : {&page, &after}) {
        if (!*result) return result->error();
    }
    if (!counts || !counts_after) return again("no counts of the API server");
    idle.created = median(created);
    idle.deleted = median(deleted);
    const auto grown = [&](std::string_view family, std::string_view label) {
        return (sum_of(*after, family, label) - sum_of(*page, family, label)) / rounds;
    };
    idle.transactions = grown("weft_applier_requests_total", "\"ovn-nb\"");
    idle.runs = grown(runs_family, {});
    // Creating and deleting is one write each of ours.
    idle.patches = (writes_of(*counts_after) - writes_of(*counts)) / rounds - 2;
    for (const auto& [name, value] : *after) {
        if (!name.starts_with(runs_family)) continue;
        const auto was = page->find(name);
        const double more = value - (was == page->end() ? 0 : was->second);
        if (more > 0) idle.runs_by_rule[name.substr(std::string_view(runs_family).size())] = more / rounds;
    }
    if (bed.is_kubernetes()) return idle;  // it can't be told to hold a PATCH back
    auto echo = count_echo(bed, ports, pods);
    if (!echo) return echo.error();
    idle.echo_runs = *echo;
    return idle;
}

void report_idle(const Idle& idle, const Floor& floor, Report& report) {
    report.section("(c) one pod at idle among them, created and deleted");
    const auto ms = [](double seconds) { return seconds * 1e3; };
    report.add(
        {"idle_created_ms", "pod's event to its row seen by another client: median", ms(idle.created), "ms", "", ""});
    report.add({"floor_one_insert_ms", "floor: one row committed and seen", ms(floor.one_insert), "ms", "", ""});
    report.add({"idle_created_added_ms", "added when created", ms(idle.created - floor.one_insert), "ms", "7.7 ms",
                "<= 1 ms"});
    report.add({"idle_deleted_ms", "pod's end to its row's end: median", ms(idle.deleted), "ms", "", ""});
    report.add(
        {"idle_deleted_added_ms", "added when deleted", ms(idle.deleted - floor.one_erase), "ms", "", "<= 1 ms"});
    report.add({"idle_cpu_ms", "CPU, both together", ms(idle.cpu), "ms", "13 ms", ""});
    report.add({"idle_transactions", "northbound transactions, created and deleted", idle.transactions, "", "", "2"});
    report.add({"idle_patches", "PATCHes", idle.patches, "", "", "1"});
    report.add({"idle_rule_runs", "rule runs, created and deleted", idle.runs, "", "", "<= 10"});
    for (const auto& [rule, runs] : idle.runs_by_rule)
        report.add({"idle_runs" + rule, "  " + rule, runs, "", "", ""});
    if (idle.echo_runs)
        report.add({"idle_echo_runs", "rules run by the annotation's echo", *idle.echo_runs, "", "", "0"});
}

}  // namespace weft::bench
