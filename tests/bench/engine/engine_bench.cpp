#include "containment/run_board.hpp"
#include "engine/engine.hpp"
#include "record/recorder.hpp"

#include <weft/tables/kube.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <malloc.h>
#include <time.h>

/// What the engine costs: building 100,000 instances with four reads each, changing one row among them, and keeping
/// 30,000 selections over 10,000 pods. Numbers in microseconds unless they say otherwise; medians for single events.
namespace weft::engine {
namespace {

struct Pod {
    static constexpr std::string_view table_name = "BenchPod";
    Key<Pod> key;
    std::string node;
    std::int64_t generation = 0;
    static constexpr auto fields() {
        return std::tuple{field("key", &Pod::key), field("node", &Pod::node), field("generation", &Pod::generation)};
    }
};
struct Subnet {
    static constexpr std::string_view table_name = "BenchSubnet";
    Key<Subnet> key;
    std::int64_t number = 0;
    static constexpr auto fields() { return std::tuple{field("key", &Subnet::key), field("number", &Subnet::number)}; }
};
struct Lease {
    static constexpr std::string_view table_name = "BenchLease";
    Key<Lease> key;
    std::int64_t address = 0;
    static constexpr auto fields() { return std::tuple{field("key", &Lease::key), field("address", &Lease::address)}; }
};
struct Exempt {
    static constexpr std::string_view table_name = "BenchExempt";
    Key<Exempt> key;
    static constexpr auto fields() { return std::tuple{field("key", &Exempt::key)}; }
};
struct Port {
    static constexpr std::string_view table_name = "NbBenchPort";  // a name that recordings look at
    Key<Port> key;
    std::int64_t address = 0;
    std::int64_t subnet = 0;
    static constexpr auto fields() {
        return std::tuple{field("key", &Port::key), field("address", &Port::address), field("subnet", &Port::subnet)};
    }
};

/// Four reads: one shared by all, one by a thousand, one of its own, one of a row that is not there.
struct PortOfPod {
    using Driver = Pod;
    using Reads = Tables<Subnet, Lease, Exempt>;
    using Writes = Tables<Port>;
    static void derive(const Driver& pod, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* cluster = in.find<Subnet>(Key<Subnet>("cluster"));
        const auto* subnet = in.find<Subnet>(Key<Subnet>(pod.node));
        const auto* lease = in.find<Lease>(Key<Lease>(pod.key.text));
        if (!cluster || !subnet || !lease || in.find<Exempt>(Key<Exempt>(pod.key.text))) return out.wait("incomplete");
        out.put(Port{Key<Port>(pod.key.text), lease->address, subnet->number / 2});
    }
};
/// The same without reads, to tell what recording them costs.
struct PortWithoutReads {
    using Driver = Pod;
    using Reads = Tables<>;
    using Writes = Tables<Port>;
    static void derive(const Driver& pod, const Reader<Reads>&, Desired<Writes>& out) {
        out.put(Port{Key<Port>(pod.key.text), 1, 1});
    }
};

struct BenchPods {
    using Target = tables::Pod;
    static constexpr std::string_view selection_name = "bench-pods";
    static constexpr std::string_view member_table = "BenchPodMember";
};
struct Policy {
    static constexpr std::string_view table_name = "BenchPolicy";
    Key<Policy> key;
    std::string ns;
    std::string namespaces;
    std::string pods;
    static constexpr auto fields() {
        return std::tuple{field("key", &Policy::key), field("ns", &Policy::ns),
                          field("namespaces", &Policy::namespaces), field("pods", &Policy::pods)};
    }
};
struct SelectorOfPolicy {
    using Driver = Policy;
    using Reads = Tables<>;
    using Writes = Tables<SelectorOf<BenchPods>>;
    static void derive(const Driver& policy, const Reader<Reads>&, Desired<Writes>& out) {
        out.put(SelectorOf<BenchPods>{.in_namespace = policy.ns,
                                      .namespaces = *LabelSelector::parse_text(policy.namespaces),
                                      .targets = *LabelSelector::parse_text(policy.pods)});
    }
};

using Seconds = std::chrono::duration<double>;

class Results {
  public:
    void add(const std::string& name, double value, const std::string& unit) {
        std::printf("  %-58s %12.2f %s\n", name.c_str(), value, unit.c_str());
        std::fflush(stdout);
        json_.member(name + " [" + unit + "]", value);
    }
    void title(const std::string& text) { std::printf("%s\n", text.c_str()); }
    Results() { json_.begin_object(); }
    ~Results() {
        json_.end_object();
        std::printf("%s\n", json_.text().c_str());
    }

  private:
    JsonWriter json_;
};

template <class Work>
double timed(Work&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return Seconds(std::chrono::steady_clock::now() - start).count();
}

double heap_mib() {
    return static_cast<double>(mallinfo2().uordblks) / (1024.0 * 1024.0);
}

template <class Work>
double median_us(int times, Work&& work) {
    std::vector<double> all;
    for (int i = 0; i < times; ++i)
        all.push_back(timed([&] { work(i); }) * 1e6);
    std::nth_element(all.begin(), all.begin() + times / 2, all.end());
    return all[static_cast<std::size_t>(times / 2)];
}

Pod pod(int i, std::int64_t generation = 0) {
    return {Key<Pod>{"namespace-" + std::to_string(i % 500), "pod-" + std::to_string(i)},
            "node-" + std::to_string(i % 100), generation};
}

/// As in weftd: every run is on the board, changes are counted; null for an engine without both.
containment::RunBoard* board = nullptr;

EngineOptions options_of_weftd() {
    EngineOptions options;
    options.board = board;
    options.flap_limit = board == nullptr ? 0 : 100;
    return options;
}

void bench_marks(Results& results) {
    if (board == nullptr) return;
    const containment::RunLanes lanes(board, 1);
    const auto label = board->label("bench", "rule port");
    constexpr int marks = 10'000'000;
    const double seconds = timed([&] {
        for (int i = 0; i < marks; ++i)
            const containment::RunMark mark(lanes.at(0), label, "namespace-192/pod-79692");
    });
    results.title("Containment");
    results.add("saying what runs", seconds / marks * 1e9, "ns");
}

template <class Rule>
std::unique_ptr<Engine> port_engine(int pods, unsigned threads, Tap* tap = nullptr) {
    EngineOptions options = options_of_weftd();
    options.threads = threads;
    options.tap = tap;
    auto engine = std::make_unique<Engine>(std::move(options));
    ModuleSpec module;
    module.name = "bench";
    module.rules.push_back(rule_spec<Rule>("port", Role::node));
    for (const TableSpec& spec : {table_spec<Pod>(), table_spec<Subnet>(), table_spec<Lease>(), table_spec<Exempt>()}) {
        if (!engine->add_input(spec)) std::abort();
    }
    if (!engine->add(std::move(module))) std::abort();
    ChangeSet changes;
    std::vector<Pod> all;
    std::vector<Lease> leases;
    for (int i = 0; i < pods; ++i) {
        all.push_back(pod(i));
        leases.push_back({Key<Lease>(all.back().key.text), i});
    }
    changes.replace_all<Pod>(std::move(all));
    changes.replace_all<Lease>(std::move(leases));
    changes.put<Subnet>(Subnet{Key<Subnet>("cluster"), 1});
    for (int i = 0; i < 100; ++i)
        changes.put<Subnet>(Subnet{Key<Subnet>("node-" + std::to_string(i)), i});
    engine->post(std::move(changes));
    engine->tick();  // the rows are in; rules wait
    return engine;
}

TickReport build(Engine& engine) {
    ChangeSet changes;
    changes.complete<Pod>();
    changes.complete<Subnet>();
    changes.complete<Lease>();
    changes.complete<Exempt>();
    engine.post(std::move(changes));
    return engine.tick();
}

template <class T>
TickReport change(Engine& engine, T row) {
    ChangeSet changes;
    changes.put<T>(std::move(row));
    engine.post(std::move(changes));
    return engine.tick();
}

/// What no engine could go below: the rows that come of it made, and kept under their keys in two hash maps.
double bare_build(int pods) {
    std::vector<Pod> drivers;
    for (int i = 0; i < pods; ++i)
        drivers.push_back(pod(i));
    std::unordered_map<std::string, RowPtr> ports;
    std::unordered_map<std::string, std::int64_t> leases;
    for (const Pod& driver : drivers)
        leases.emplace(driver.key.text, 1);
    return timed([&] {
        for (const Pod& driver : drivers) {
            const auto lease = leases.find(driver.key.text);
            ports.emplace(driver.key.text, RowPtr::make(Port{Key<Port>(driver.key.text), lease->second, 1}));
        }
    });
}

/// What [debug] record adds: the same edits one after the other in an engine that is recorded and in one that is not.
void bench_record(Results& results, int pods, const std::string& file) {
    results.title("Recording: " + std::to_string(pods) + " driver rows");
    record::RecorderOptions options;
    options.file = file;
    options.most_bytes = std::size_t{1} << 30;
    options.header = "{}";
    auto started = record::Recorder::start(std::move(options));
    if (!started) std::abort();
    auto& recorder = **started;
    auto plain = port_engine<PortOfPod>(pods, 1);
    auto recorded = port_engine<PortOfPod>(pods, 1, &recorder);
    results.add("first build", timed([&] { build(*plain); }), "s");
    results.add("first build, recorded", timed([&] { build(*recorded); }), "s");
    const auto processor = [] {
        timespec now{};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
    };
    constexpr int edits = 20'000;
    for (const bool with : {false, true}) {
        Engine& engine = with ? *recorded : *plain;
        const std::string tail = with ? ", recorded" : "";
        const auto lease = [&](int i) { change(engine, Lease{Key<Lease>(pod(i % pods).key.text), -i - 1}); };
        const double before = processor();
        results.add("one lease changed, output changed" + tail, median_us(edits, lease), "us");
        results.add("the same, processor time of all threads" + tail, (processor() - before) / edits, "us");
    }
    recorder.stop();
    results.add("the recording", static_cast<double>(recorder.status().bytes) / (1 << 20), "MiB");
    // A new piece begins while everything goes on: what one slice holds up.
    auto again = record::Recorder::start({.file = file, .most_bytes = std::size_t{1} << 30, .header = "{}"});
    if (!again) std::abort();
    (*again)->begin_piece();
    double longest = 0;
    int slices = 0;
    for (bool more = true; more; ++slices)
        longest = std::max(longest, timed([&] { more = (*again)->turn(*recorded).has_value(); }));
    results.add("a new piece: longest slice", longest * 1e6, "us");
    results.add("a new piece: slices", slices, "");
    (*again)->stop();
}

void bench_rules(Results& results, int pods) {
    results.title("Rules: " + std::to_string(pods) + " driver rows, 4 reads each");
    results.add("floor: rows made and kept in hash maps", bare_build(pods), "s");
    double memory_without = 0;
    {
        auto engine = port_engine<PortWithoutReads>(pods, 1);
        const double before = heap_mib();
        results.add("first build without reads, 1 thread", timed([&] { build(*engine); }), "s");
        memory_without = heap_mib() - before;
    }
    {
        auto engine = port_engine<PortOfPod>(pods, 2);
        results.add("first build, 2 threads", timed([&] { build(*engine); }), "s");
    }
    auto engine = port_engine<PortOfPod>(pods, 1);
    const double before = heap_mib();
    results.add("first build, 1 thread", timed([&] { build(*engine); }), "s");
    const double memory = heap_mib() - before;
    results.add("memory of the build", memory, "MiB");
    results.add("of it for reads", (memory - memory_without) * 1024 * 1024 / (4.0 * pods), "bytes an edge");
    TickReport report;
    results.add("one pod changed, output equal", median_us(2000, [&](int i) { report = change(*engine, pod(i, 1)); }),
                "us");
    results.add("one lease changed, output changed",
                median_us(2000,
                          [&](int i) {
                              report = change(*engine, Lease{Key<Lease>(pod(i).key.text), -i - 1});
                          }),
                "us");
    results.add("echo of a row", median_us(2000, [&](int i) { report = change(*engine, pod(i, 1)); }), "us");
    results.add("echo: rules run", static_cast<double>(report.runs), "runs");
    results.add("one subnet changed, half the time cut off",
                median_us(40,
                          [&](int i) {
                              report = change(*engine, Subnet{Key<Subnet>("node-" + std::to_string(i)), i + 101});
                          }),
                "us");
    results.add("one subnet changed: rules run", static_cast<double>(report.runs), "runs");
    results.add("the row that all read changed", timed([&] {
                    report = change(*engine, Subnet{Key<Subnet>("cluster"), 2});
                }),
                "s");
    results.add("the row that all read changed: cut off", static_cast<double>(report.cutoffs), "runs");
    std::vector<Pod> all;
    for (int i = 0; i < pods; ++i)
        all.push_back(pod(i, i < 2000 ? 1 : 0));
    ChangeSet list;
    list.replace_all<Pod>(std::move(all));
    results.add("full list again, posting", timed([&] { engine->post(std::move(list)); }), "s");
    results.add("full list again, nothing changed", timed([&] { report = engine->tick(); }), "s");
    results.add("full list again: rules run", static_cast<double>(report.runs), "runs");
    ChangeSet none;
    none.replace_all<Pod>({});
    engine->post(std::move(none));
    results.add("all pods gone", timed([&] { report = engine->tick(); }), "s");
}

void bench_selections(Results& results, int selections, int pods) {
    results.title("Selections: " + std::to_string(selections) + " over " + std::to_string(pods) + " pods");
    constexpr int spaces = 100;
    EngineOptions options = options_of_weftd();
    Engine engine(std::move(options));
    ModuleSpec module;
    module.name = "bench";
    module.rules.push_back(rule_spec<SelectorOfPolicy>("selector", Role::node));
    module.operators.push_back({"selection", Role::node, selection_spec<BenchPods>()});
    for (const TableSpec& spec : {table_spec<Policy>(), table_spec<tables::Pod>(), table_spec<tables::Namespace>()}) {
        if (!engine.add_input(spec)) std::abort();
    }
    if (!engine.add(std::move(module))) std::abort();
    const auto space_name = [](int i) { return "namespace-" + std::to_string(i % spaces); };
    const auto make_pod = [&](int i, int app) {
        tables::Pod made;
        made.ns = space_name(i);
        made.name = "pod-" + std::to_string(i);
        made.key = Key<tables::Pod>{made.ns, made.name};
        made.labels = {
            {"app", "app-" + std::to_string(app)}, {"env", "prod"}, {"pod-template-hash", std::to_string(i)}};
        return made;
    };
    const auto make_space = [&](int i, int team) {
        tables::Namespace made;
        made.key = Key<tables::Namespace>(space_name(i));
        made.labels = {{"kubernetes.io/metadata.name", space_name(i)}, {"team", "team-" + std::to_string(team)}};
        return made;
    };
    const auto make_policy = [&](int i) {
        Policy made;
        made.key = Key<Policy>("policy-" + std::to_string(i));
        // Of ten policies eight select in their namespace, one by a team's namespaces, one all pods of the namespace.
        made.ns = i % 10 == 8 ? "" : space_name(i / 10);
        if (i % 10 == 8) made.namespaces = "team=team-" + std::to_string(i % 50);
        made.pods = i % 10 == 9 ? "env" : "app=app-" + std::to_string(i) + ",env=prod";
        if (i % 10 < 2) made.pods = "app in (app-" + std::to_string(i % 100) + ",app-" + std::to_string(i) + ")";
        return made;
    };
    ChangeSet changes;
    for (int i = 0; i < spaces; ++i)
        changes.put<tables::Namespace>(make_space(i, i % 50));
    for (int i = 0; i < pods; ++i)
        changes.put<tables::Pod>(make_pod(i, i % 100));
    for (int i = 0; i < selections; ++i)
        changes.put<Policy>(make_policy(i));
    changes.complete<tables::Namespace>();
    changes.complete<tables::Pod>();
    changes.complete<Policy>();
    engine.post(std::move(changes));
    const double before = heap_mib();
    results.add("first build", timed([&] { engine.tick(); }), "s");
    results.add("memory of the build", heap_mib() - before, "MiB");
    const auto evaluations = [&] {
        for (const RuleReport& report : engine.rule_reports()) {
            if (report.is_operator) return static_cast<double>(report.evaluations);
        }
        return 0.0;
    };
    results.add("first build: evaluations", evaluations(), "");
    results.add("selectors after interning", static_cast<double>(engine.size("bench-pods")), "");
    results.add("members", static_cast<double>(engine.size("BenchPodMember")), "");
    double seen = evaluations();
    results.add("pod comes", median_us(1000, [&](int i) { change(engine, make_pod(pods + i, i % 100)); }), "us");
    results.add("pod comes: evaluations an event", (evaluations() - seen) / 1000, "");
    seen = evaluations();
    results.add("pod changes a label", median_us(1000, [&](int i) { change(engine, make_pod(i, (i + 1) % 100)); }),
                "us");
    results.add("pod changes a label: evaluations an event", (evaluations() - seen) / 1000, "");
    seen = evaluations();
    results.add("selection comes", median_us(1000, [&](int i) { change(engine, make_policy(selections + i)); }), "us");
    results.add("selection comes: evaluations an event", (evaluations() - seen) / 1000, "");
    seen = evaluations();
    results.add("namespace changes a label",
                median_us(100, [&](int i) { change(engine, make_space(i, (i + 1) % 50)); }), "us");
    results.add("namespace changes a label: evaluations an event", (evaluations() - seen) / 100, "");
}

}  // namespace
}  // namespace weft::engine

int main(int argc, char** argv) {
    const double scale = argc > 1 ? std::strtod(argv[1], nullptr) : 1.0;
    const bool bare = argc > 2 && std::string_view(argv[2]) == "bare";
    char folder[] = "/tmp/weft-bench-XXXXXX";
    std::unique_ptr<weft::containment::RunBoard> board;
    if (!bare && ::mkdtemp(folder) != nullptr) {
        if (auto made = weft::containment::RunBoard::make(std::string(folder) + "/running")) board = *std::move(made);
        std::filesystem::remove_all(folder);  // mapped all the same
    }
    weft::engine::board = board.get();
    weft::engine::Results results;
    if (argc > 2) {
        weft::engine::bench_record(results, std::max(4000, static_cast<int>(100'000 * scale)), argv[2]);
        return 0;
    }
    weft::engine::bench_marks(results);
    weft::engine::bench_rules(results, std::max(4000, static_cast<int>(100'000 * scale)));
    weft::engine::bench_selections(results, static_cast<int>(30'000 * scale), static_cast<int>(10'000 * scale));
    return 0;
}
