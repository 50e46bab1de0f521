// bench-slice: what weftd costs on one node. tests/bench/README.md says what the rows mean.
#include "cases.hpp"
#include "compare.hpp"

#include <weft/testing/testbed/control_plane.hpp>
#include <weft/testing/testbed/kubelet.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace weft;
using namespace weft::bench;

constexpr auto* usage =
    "usage: bench-slice [--json | --json-file FILE] [--only CASES] [--compare FILE] [--pods N] [--remote-pods N]\n"
    "                   [--churn SECONDS] [--pause FILE] [--server embedded|kubernetes|both]\n"
    "  --json           one object instead of the table\n"
    "  --json-file FILE the object there, besides the table\n"
    "  --only CASES     letters, as in the table: abcd (one node; a and the floors are always part of it), e, f (a "
    "node\n"
    "                   with OVN), g (remote pods), h (churn, among the pods of a), i (joins), j (the engine alone),\n"
    "                   k (real kubelets)\n"
    "  --server WHICH   a to d against weft-apiserver, against kube-apiserver with etcd, or (where "
    "tests/kubernetes/build\n"
    "                   has made these: the default) both, as columns beside each other; the rest is embedded's\n"
    "  --no-cni         all but f; --only-cni: e and f\n"
    "  --compare FILE   what got better or worse since a run whose object FILE holds\n"
    "  --pods N         how many on the node (10000); --remote-pods N: elsewhere (60000)\n"
    "  --churn SECONDS  how long pods churn (30)\n"
    "  --pause FILE     wait with all pods there until FILE exists, for a look at weftd from outside\n";

constexpr std::string_view all_cases = "abcdefghijk";

struct Arguments {
    bool json = false;
    std::string json_file;
    std::string cases{all_cases};
    std::string compare;
    std::size_t pods = 10'000;
    std::size_t remote_pods = 60'000;
    std::chrono::seconds churn{30};
    std::string pause;
    bool embedded = true;
    bool kubernetes = !testing::ControlPlane::missing();

    bool has(char one) const { return cases.find(one) != std::string::npos; }
    bool any(std::string_view some) const { return cases.find_first_of(some) != std::string::npos; }
};

void tell(const std::string& what) {
    std::fprintf(stderr, "bench: %s\n", what.c_str());
}

void pause(const Bed& bed, const std::string& file) {
    if (file.empty()) return;
    tell("weftd is process " + std::to_string(bed.weftd()) + "; waiting for " + file);
    while (!std::filesystem::exists(file))
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
}

/// A machine that others share is not equally fast at all times, and a burst takes a second: CPU and wall time are
/// those in the middle of three.
constexpr int bursts = 3;

Result<void> burst_again(Bed& bed, std::size_t pods, Bulk& bulk) {
    std::vector<double> cpu{bulk.cpu};
    std::vector<double> wall{bulk.committed_wall};
    for (int i = 1; i < bursts; ++i) {
        const auto again = measure_bulk(bed, pods);
        if (!again) return again.error();
        cpu.push_back(again->cpu);
        wall.push_back(again->committed_wall);
        if (auto gone = measure_afterwards(bed); !gone) return gone.error();
    }
    bulk.cpu = median(std::move(cpu));
    bulk.committed_wall = median(std::move(wall));
    return {};
}

Result<Floor> measure_floors(Bed& bed, std::size_t pods, int times) {
    std::vector<Floor> floors;
    for (int i = 0; i < times; ++i) {
        if (auto gone = bed.delete_all_pods(); !gone) return gone.error();
        auto floor = measure_floor(bed, pods);
        if (!floor) return floor.error();
        floors.push_back(*floor);
    }
    const auto middle = floors.begin() + static_cast<std::ptrdiff_t>(floors.size() / 2);
    std::nth_element(floors.begin(), middle, floors.end(),
                     [](const Floor& a, const Floor& b) { return a.cpu() < b.cpu(); });
    return *middle;
}

Result<void> measure_node(testing::Testbed& testbed, const std::filesystem::path& bin_dir, const Arguments& arguments,
                          Server server, Report& report) {
    tell(std::string("databases, ") + (server == Server::kubernetes ? "kube-apiserver" : "API server") + ", cluster");
    auto made = Bed::make(testbed, {bin_dir, "", server});
    if (!made) return made.error();
    Bed& bed = **made;
    if (auto ready = bed.start_weftd(); !ready) return ready.error();
    tell("all pods at once");
    auto bulk = measure_bulk(bed, arguments.pods);
    if (!bulk) return bulk.error();
    pause(bed, arguments.pause);
    std::optional<Idle> idle;
    if (arguments.has('c')) {
        tell("one pod at idle");
        auto measured = measure_idle(bed);
        if (!measured) return measured.error();
        idle = *std::move(measured);
    }
    std::optional<Churn> churn;
    if (arguments.has('h') && server == Server::embedded) {
        tell("pods go and come");
        auto measured = measure_churn(bed, arguments.pods, arguments.churn);
        if (!measured) return measured.error();
        churn = *measured;
    }
    tell("they go");
    const auto after = measure_afterwards(bed);
    if (!after) return after.error();
    bulk->after_mib = *after;
    const bool quick = server == Server::embedded;  // kube-apiserver takes most of a minute for each
    if (quick) {
        tell("all at once again");
        if (auto done = burst_again(bed, arguments.pods, *bulk); !done) return done;
    }
    Report restart;
    if (arguments.has('b')) {
        tell("they come back; restart among them");
        if (auto created = create_all(bed, arguments.pods); !created) return created;
        if (auto done = measure_restart(bed, restart); !done) return done;
    }
    if (auto stopped = bed.stop_weftd(); !stopped) return stopped;
    tell("floors");
    const auto floor = measure_floors(bed, arguments.pods, quick ? bursts : 1);
    if (!floor) return floor.error();
    report_bulk(*bulk, *floor, arguments.pods, report);
    report.append(restart);
    if (idle) report_idle(*idle, *floor, report);
    if (churn) report_churn(*churn, *floor, arguments.pods, report);
    return {};
}

/// One bed after the other: each has namespaces and processes of its own.
Result<void> with_testbed(const std::function<Result<void>(testing::Testbed&)>& measure) {
    auto testbed = testing::Testbed::create();
    if (!testbed) return testbed.error();
    return measure(**testbed);
}

std::optional<std::string> why_no_kubelets() {
    if (auto why = testing::ControlPlane::missing({.controllers = true, .scheduler = true})) return why;
    return testing::Kubelet::missing();
}

Result<Arguments> parse(int argc, char** argv) {
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const bool last = i + 1 == argc;
        if (word == "--json") {
            arguments.json = true;
        } else if (word == "--no-cni") {
            std::erase(arguments.cases, 'f');
        } else if (word == "--only-cni") {
            arguments.cases = "ef";
        } else if (last) {
            return invalid(std::string(word) + " is unknown, or its value is missing", usage);
        } else if (word == "--json-file") {
            arguments.json_file = argv[++i];
        } else if (word == "--only") {
            arguments.cases = argv[++i];
        } else if (word == "--compare") {
            arguments.compare = argv[++i];
        } else if (word == "--pods") {
            arguments.pods = std::strtoul(argv[++i], nullptr, 10);
        } else if (word == "--remote-pods") {
            arguments.remote_pods = std::strtoul(argv[++i], nullptr, 10);
        } else if (word == "--churn") {
            arguments.churn = std::chrono::seconds(std::strtoul(argv[++i], nullptr, 10));
        } else if (word == "--server") {
            const std::string_view which = argv[++i];
            arguments.embedded = which == "embedded" || which == "both";
            arguments.kubernetes = which == "kubernetes" || which == "both";
            if (!arguments.embedded && !arguments.kubernetes) return invalid("--server: what is that?", usage);
        } else if (word == "--pause") {
            arguments.pause = argv[++i];
        } else {
            return invalid("what is " + std::string(word) + "?", usage);
        }
    }
    if (const auto why = testing::ControlPlane::missing(); arguments.kubernetes && why) return invalid(*why);
    if (arguments.pods == 0 || arguments.pods > 16'000) {
        return invalid("--pods: 1 to 16000, as many addresses as a /18 has");
    }
    if (arguments.cases.find_first_not_of(all_cases) != std::string::npos) {
        return invalid("--only: letters from " + std::string(all_cases) + ", such as \"agi\"");
    }
    return arguments;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 6 && std::string_view(argv[1]) == "--floor") {
        return floor_main(argv[2], argv[3], std::strtoul(argv[4], nullptr, 10), argv[5]);
    }
    if (argc == 5 && std::string_view(argv[1]) == "--list-floor") {
        return list_floor_main(argv[2], std::strtoul(argv[3], nullptr, 10), argv[4]);
    }
    const auto arguments = parse(argc, argv);
    if (!arguments) {
        std::fprintf(stderr, "bench-slice: %s\n", arguments.error().text().c_str());
        return 2;
    }
    std::optional<Earlier> earlier;
    if (!arguments->compare.empty()) {
        auto read = read_earlier(arguments->compare);
        if (!read) {
            std::fprintf(stderr, "bench-slice: %s\n", read.error().text().c_str());
            return 2;
        }
        earlier = *std::move(read);
    }
    std::error_code ignored;
    const auto bin_dir = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    Report report;
    const auto note = [&](const std::string& what, const Result<void>& done) {
        if (!done) report.failed(what + ": " + done.error().text());
    };
    const auto node = [&](Server server, Report& into) {
        const auto done =
            with_testbed([&](auto& testbed) { return measure_node(testbed, bin_dir, *arguments, server, into); });
        if (!done) into.failed("the node: " + done.error().text());
    };
    // Threads of their own, because they stay in a node's namespace.
    if (arguments->embedded && arguments->any("abcdh")) std::thread([&] { node(Server::embedded, report); }).join();
    if (arguments->kubernetes && arguments->any("abcd")) {
        Report beside;
        std::thread([&] { node(Server::kubernetes, beside); }).join();
        report.put_beside(beside);
    }
    if (arguments->has('e')) note("weft-cni", measure_shim(bin_dir, report));
    if (arguments->has('f')) {
        tell("a burst of CNI ADDs");
        note("CNI ADDs", with_testbed([&](auto& testbed) { return measure_cni(testbed, bin_dir, 50, report); }));
    }
    if (arguments->any("gi")) {
        tell("a node among 249 others");
        Many many;
        many.pods = arguments->has('g') ? arguments->remote_pods : 0;
        many.joins = arguments->has('i');
        std::thread([&] {
            note("many nodes",
                 with_testbed([&](auto& testbed) { return measure_many(testbed, bin_dir, many, report); }));
        }).join();
    }
    if (arguments->has('j')) {
        tell("the engine alone");
        note("the engine", measure_engine(bin_dir, report));
    }
    if (arguments->has('k')) {
        if (const auto why = why_no_kubelets()) {
            tell("no case (k): " + *why);
        } else {
            tell("a Deployment on real kubelets");
            note("real kubelets",
                 with_testbed([&](auto& testbed) { return measure_kubelets(testbed, bin_dir, 100, report); }));
        }
    }
    if (!arguments->json_file.empty()) std::ofstream(arguments->json_file) << report.json() << "\n";
    if (arguments->json) {
        std::printf("%s\n", report.json().c_str());
    } else {
        report.print();
        if (earlier) print_comparison(report, *earlier);
    }
    return report.complete() ? 0 : 1;
}
