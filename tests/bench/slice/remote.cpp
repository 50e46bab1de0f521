// (g) and (i): a node among 249 others, as its weftd sees them.
#include "cases.hpp"
#include "pods.hpp"
#include "watchers.hpp"

#include <weft/base/json.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <thread>

namespace weft::bench {

namespace {

constexpr std::size_t joins = 20;
constexpr std::size_t namespaces = 50;
constexpr auto long_time = std::chrono::minutes(5);
constexpr auto* selected_rows = "table=\"select-all/selected\"";

std::string other_node(std::size_t number) {
    return "node-" + std::to_string(number);
}
std::string space(std::size_t number) {
    return "space-" + std::to_string(number % namespaces);
}

/// A Node as its own weftd leaves it, without what role cluster gives; with `whole` that too.
std::string node_json(std::size_t number, bool whole) {
    char chassis[64];
    std::snprintf(chassis, sizeof(chassis), "00000000-0000-4000-8000-%012zu", number);
    const std::string low = std::to_string(number / 250) + "." + std::to_string(number % 250 + 3);
    std::string annotations = std::string(R"({"k8s.ovn.org/node-chassis-id":")") + chassis +
                              R"(","k8s.ovn.org/node-encap-ips":"[\"172.19.)" + low + R"(\"]")";
    if (whole) {
        // Far above what role cluster has given so far.
        const std::size_t id = 10'000 + number;
        const std::string transit = "100.88." + std::to_string(id / 256) + "." + std::to_string(id % 256);
        const std::string subnet = "10.255." + std::to_string(number % 4 * 64) + ".0/18";
        annotations += R"(,"k8s.ovn.org/node-id":")" + std::to_string(id) +
                       R"(","k8s.ovn.org/node-subnets":"{\"default\":[\")" + subnet +
                       R"(\"]}","k8s.ovn.org/node-transit-switch-port-ifaddr":"{\"ipv4\":\")" + transit + R"(/16\"}")";
    }
    return R"({"apiVersion":"v1","kind":"Node","metadata":{"name":")" + other_node(number) + R"(","annotations":)" +
           annotations + R"(}},"status":{"addresses":[{"type":"InternalIP","address":"172.19.)" + low + R"("}]}})";
}

/// A pod that runs elsewhere, annotated as its node has left it.
std::string remote_pod(std::size_t number, std::size_t nodes) {
    const std::size_t node = number % nodes;
    const std::size_t host = number / nodes + 3;
    const std::string ip =
        "10." + std::to_string(node) + "." + std::to_string(host / 256) + "." + std::to_string(host % 256);
    PodPlace place;
    place.ns = space(number);
    place.node = other_node(node);
    place.annotations = R"({"k8s.ovn.org/pod-networks":)" + json_quote(pod_networks(number)) + "}";
    place.status = R"({"phase":"Running","conditions":[{"type":"PodScheduled","status":"True"},)"
                   R"({"type":"Ready","status":"True"}],"podIP":")" +
                   ip + R"(","podIPs":[{"ip":")" + ip + R"("}]})";
    return pod_json(pod_name(number), place);
}

Result<void> create_namespaces(Bed& bed) {
    const auto failed = send_all(bed.client(), namespaces, 8, [](std::size_t i) {
        return create_request("/api/v1/namespaces", R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":")" +
                                                        space(i) + R"(","labels":{"team":"blue"}}})");
    });
    return failed == 0 ? Result<void>() : Result<void>(again("namespaces could not be created"));
}

Result<void> create_nodes(Bed& bed, std::size_t nodes) {
    const auto failed = send_all(bed.client(), nodes, 8,
                                 [](std::size_t i) { return create_request("/api/v1/nodes", node_json(i, false)); });
    return failed == 0 ? Result<void>() : Result<void>(again("nodes could not be created"));
}

double changes_of(const MetricsPage& page, std::string_view database) {
    return sum_of(page, "weft_applier_changes_total", "\"" + std::string(database) + "\"");
}

struct Join {
    double whole_ms = 0;       ///< from the creation of the Node to all rows
    double after_echo_ms = 0;  ///< the same when the node brings its allocations along
    double north_rows = 0, south_rows = 0, cpu = 0;
};

/// Nodes come one at a time, and go again. Times are of the last of the two databases.
Result<Join> measure_joins(Bed& bed, PortWatch& ports, PortWatch& chassis, std::size_t nodes) {
    Join join;
    for (const bool whole : {false, true}) {
        std::vector<double> times;
        wait_quiet(bed.weftd());
        const std::size_t ports_before = ports.count();
        const std::size_t chassis_before = chassis.count();
        double north = 0, south = 0, cpu = 0;
        for (std::size_t i = 0; i < joins; ++i) {
            const std::size_t number = nodes + i;
            wait_quiet(bed.weftd());  // what the last one's end has to say is said
            const auto page = bed.metrics();
            if (!page) return page.error();
            const double cpu_before = cpu_seconds(bed.weftd());
            const TimePoint began = SteadyClock::now();
            const auto made = bed.client().call(create_request("/api/v1/nodes", node_json(number, whole)));
            if (!made.ok()) return made.error("create node");
            const auto port = ports.wait_count(ports_before + 1);
            const auto row = chassis.wait_count(chassis_before + 1);
            if (!port || !row) return again("a node that joins gets no rows; see weftd's log");
            times.push_back(seconds_between(began, std::max(*port, *row)) * 1e3);
            wait_quiet(bed.weftd());
            const auto after = bed.metrics();
            if (!after) return after.error();
            cpu += cpu_seconds(bed.weftd()) - cpu_before;
            north += changes_of(*after, "ovn-nb") - changes_of(*page, "ovn-nb");
            south += changes_of(*after, "ovn-sb") - changes_of(*page, "ovn-sb");
            if (auto gone = bed.api().remove("/api/v1/nodes/" + other_node(number)); !gone) return gone.error();
            if (!ports.wait_count(ports_before) || !chassis.wait_count(chassis_before)) {
                return again("the rows of a node that left stay");
            }
        }
        (whole ? join.after_echo_ms : join.whole_ms) = median(times);
        if (whole) {
            join.north_rows = north / joins;
            join.south_rows = south / joins;
            join.cpu = cpu / joins;
        }
    }
    return join;
}

void report_joins(const Join& join, const Floor& floor, std::size_t nodes, Report& report) {
    report.section("(i) a node joins " + std::to_string(nodes) + " others");
    report.add({"join_ms", "its Node to all rows of it on an existing node: median", join.whole_ms, "ms", "", ""});
    report.add({"join_annotated_ms", "the same, allocations not counted: median", join.after_echo_ms, "ms", "", ""});
    report.add({"floor_join_ms", "floor: one row committed and seen", floor.one_insert * 1e3, "ms", "", ""});
    report.add(
        {"join_ratio", "allocations not counted / floor", join.after_echo_ms / (floor.one_insert * 1e3), "", "", ""});
    report.add({"join_north_rows", "northbound changes on an existing node", join.north_rows, "", "", ""});
    report.add({"join_south_rows", "southbound changes on an existing node", join.south_rows, "", "", ""});
    report.add({"join_cpu_ms", "CPU on an existing node", join.cpu * 1e3, "ms", "", ""});
}

/// Waits until all are selected; when that was.
Result<TimePoint> wait_selected(const Bed& bed, std::size_t pods) {
    auto done = testing::wait_for(
        "selection of all pods",
        [&]() -> Result<void> {
            const auto page = bed.metrics();
            if (!page) return page.error();
            const double there = sum_of(*page, "weft_table_rows", selected_rows);
            if (there >= static_cast<double>(pods)) return {};
            std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the page is not free
            return waiting(std::to_string(there) + " are selected");
        },
        long_time);
    if (!done) return done.error();
    return SteadyClock::now();
}

Result<void> measure_remote(Bed& bed, std::size_t pods, std::size_t nodes, Report& report) {
    wait_settled(bed.weftd());
    const double idle = anonymous_mib(bed.weftd());
    if (auto done = bed.stall_watches(); !done) return done;
    const auto failed = send_all(bed.client(), pods, 16, [&](std::size_t i) {
        return create_request(pods_path(space(i)), remote_pod(i, nodes));
    });
    if (failed > 0) return again("pods could not be created");

    const PeakMeter peak(bed.weftd());
    double cpu = cpu_seconds(bed.weftd());
    const TimePoint began = SteadyClock::now();
    if (auto done = bed.heal(); !done) return done;
    const auto selected = wait_selected(bed, pods);
    if (!selected) return selected.error();
    wait_quiet(bed.weftd());
    cpu = cpu_seconds(bed.weftd()) - cpu;
    wait_settled(bed.weftd());
    const double full = anonymous_mib(bed.weftd());
    const double most = peak.mib();

    if (auto stopped = bed.stop_weftd(); !stopped) return stopped;
    const auto floor = measure_list_floor(bed, pods);
    if (!floor) return floor.error();
    if (auto ready = bed.start_weftd(); !ready) return ready.error();
    const auto again_selected = wait_selected(bed, pods);
    if (!again_selected) return again_selected.error();
    const double restart = seconds_between(bed.started_at(), *again_selected);
    wait_quiet(bed.weftd());
    const double restart_cpu = cpu_seconds(bed.weftd());
    wait_settled(bed.weftd());

    report.section("(g) " + std::to_string(pods) + " remote pods on " + std::to_string(nodes) + " nodes, all selected");
    report.add({"remote_idle_mib", "RssAnon with the nodes, no pods", idle, "MiB", "", ""});
    report.add({"remote_grown_mib", "with the pods, above that", full - idle, "MiB", "", "<= 60"});
    report.add(
        {"remote_bytes_each", "  a pod", (full - idle) * (1 << 20) / static_cast<double>(pods), "bytes", "", ""});
    report.add({"remote_peak_mib", "peak while they come, above that", most - idle, "MiB", "", ""});
    report.add({"remote_restart_mib", "after a restart among them, above that", anonymous_mib(bed.weftd()) - idle,
                "MiB", "", "<= 60"});
    report.add({"remote_s", "watch of all at once, until selected", seconds_between(began, *selected), "s", "", ""});
    report.add({"remote_cpu_s", "CPU of weftd for it", cpu, "s", "", ""});
    report.add({"remote_restart_s", "process start until selected", restart, "s", "", ""});
    report.add({"remote_restart_cpu_s", "CPU of weftd for it, until quiet", restart_cpu, "s", "", ""});
    report.add({"floor_list_s", "floor: the list parsed, nothing kept: wall", floor->parse_wall, "s", "", ""});
    report.add({"floor_list_cpu_s", "floor: the list parsed: CPU", floor->parse_cpu, "s", "", ""});
    report.add({"remote_cpu_ratio", "CPU when they come / floor", cpu / floor->parse_cpu, "", "", ""});
    report.add({"remote_restart_cpu_ratio", "CPU of the restart / floor", restart_cpu / floor->parse_cpu, "", "", ""});
    return {};
}

}  // namespace

Result<void> measure_many(testing::Testbed& testbed, const std::filesystem::path& bin_dir, const Many& what,
                          Report& report) {
    auto made = Bed::make(testbed, {bin_dir, "select-all"});
    if (!made) return made.error();
    Bed& bed = **made;
    const std::size_t others = what.nodes - 1;
    if (auto ready = bed.start_weftd(); !ready) return ready.error();
    PortWatch ports(bed.north());
    PortWatch chassis(bed.south(), ovsdb::sb_database(), "Chassis");
    wait_quiet(bed.weftd());
    const std::size_t ports_before = ports.count();
    if (auto done = create_namespaces(bed); !done) return done;
    if (auto done = create_nodes(bed, others); !done) return done;
    if (!ports.wait_count(ports_before + others)) return again("the other nodes got no ports; see weftd's log");
    if (!chassis.wait_count(others)) return again("the other nodes got no chassis; see weftd's log");
    if (what.joins) {
        const auto join = measure_joins(bed, ports, chassis, others);
        if (!join) return join.error();
        const auto floor = measure_single_commits(bed);
        if (!floor) return floor.error();
        report_joins(*join, *floor, what.nodes, report);
    }
    return what.pods > 0 ? measure_remote(bed, what.pods, others, report) : Result<void>();
}

}  // namespace weft::bench
