// bench-slice: what weftd costs on one node. tests/bench/README.md says what the rows mean.
#include "cases.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <thread>

namespace {

using namespace weft;
using namespace weft::bench;

constexpr auto* usage =
    "usage: bench-slice [--json] [--pods N] [--no-cni | --only-cni] [--pause FILE]\n"
    "  --json        one object instead of the table\n"
    "  --pods N      how many (10000)\n"
    "  --no-cni      leave out the burst of CNI ADDs, which needs a whole node\n"
    "  --only-cni    nothing else\n"
    "  --pause FILE  wait with all pods there until FILE exists, for a look at weftd from outside\n";

struct Arguments {
    bool json = false;
    bool cni = true;
    bool node = true;
    std::size_t pods = 10'000;
    std::string pause;
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

Result<void> measure_node(testing::Testbed& testbed, const std::filesystem::path& bin_dir, const Arguments& arguments,
                          Report& report) {
    tell("databases, API server, cluster");
    auto made = Bed::make(testbed, {bin_dir});
    if (!made) return made.error();
    Bed& bed = **made;
    if (auto ready = bed.start_weftd(); !ready) return ready.error();
    tell("all pods at once");
    auto bulk = measure_bulk(bed, arguments.pods);
    if (!bulk) return bulk.error();
    pause(bed, arguments.pause);
    tell("one pod at idle");
    const auto idle = measure_idle(bed);
    if (!idle) return idle.error();
    tell("they go");
    const auto after = measure_afterwards(bed);
    if (!after) return after.error();
    bulk->after_mib = *after;
    tell("they come back; restart among them");
    if (auto created = create_all(bed, arguments.pods); !created) return created;
    Report restart;
    if (auto done = measure_restart(bed, restart); !done) return done;
    if (auto stopped = bed.stop_weftd(); !stopped) return stopped;
    if (auto gone = bed.delete_all_pods(); !gone) return gone;
    tell("floors");
    const auto floor = measure_floor(bed, arguments.pods);
    if (!floor) return floor.error();
    report_bulk(*bulk, *floor, arguments.pods, report);
    report.append(restart);
    report_idle(*idle, *floor, report);
    return {};
}

/// One bed after the other: each has namespaces and processes of its own.
Result<void> with_testbed(const std::function<Result<void>(testing::Testbed&)>& measure) {
    auto testbed = testing::Testbed::create();
    if (!testbed) return testbed.error();
    return measure(**testbed);
}

Result<Arguments> parse(int argc, char** argv) {
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const bool last = i + 1 == argc;
        if (word == "--json") {
            arguments.json = true;
        } else if (word == "--no-cni") {
            arguments.cni = false;
        } else if (word == "--only-cni") {
            arguments.node = false;
        } else if (word == "--pods" && !last) {
            arguments.pods = std::strtoul(argv[++i], nullptr, 10);
        } else if (word == "--pause" && !last) {
            arguments.pause = argv[++i];
        } else {
            return invalid("what is " + std::string(word) + "?", usage);
        }
    }
    if (arguments.pods == 0 || arguments.pods > 16'000) {
        return invalid("--pods: 1 to 16000, as many addresses as a /18 has");
    }
    return arguments;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 6 && std::string_view(argv[1]) == "--floor") {
        return floor_main(argv[2], argv[3], std::strtoul(argv[4], nullptr, 10), argv[5]);
    }
    const auto arguments = parse(argc, argv);
    if (!arguments) {
        std::fprintf(stderr, "bench-slice: %s\n", arguments.error().text().c_str());
        return 2;
    }
    std::error_code ignored;
    const auto bin_dir = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    Report report;
    const auto note = [&](const std::string& what, const Result<void>& done) {
        if (!done) report.failed(what + ": " + done.error().text());
    };
    const auto node = [&] {
        note("the node",
             with_testbed([&](auto& testbed) { return measure_node(testbed, bin_dir, *arguments, report); }));
    };
    // A thread of its own, because it stays in the node's namespace.
    if (arguments->node) std::thread(node).join();
    note("weft-cni", measure_shim(bin_dir, report));
    if (arguments->cni) {
        tell("a burst of CNI ADDs");
        note("CNI ADDs", with_testbed([&](auto& testbed) { return measure_cni(testbed, bin_dir, 50, report); }));
    }
    if (arguments->json) {
        std::printf("%s\n", report.json().c_str());
    } else {
        report.print();
    }
    return report.complete() ? 0 : 1;
}
