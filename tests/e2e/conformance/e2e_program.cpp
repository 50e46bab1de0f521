#include "e2e_program.hpp"

#include <weft/base/json.hpp>

#include <fstream>
#include <sstream>

namespace weft::testing {

namespace {

constexpr std::chrono::milliseconds longest_run = std::chrono::minutes(50);

/// A regular expression for exactly this spec: what it is matched with begins with the suite's name.
std::string exactly(const std::string& text) {
    std::string pattern = " ";
    for (const char c : text) {
        if (std::string_view(R"(\.+*?()|[]{}^$)").find(c) != std::string_view::npos) pattern += '\\';
        pattern += c;
    }
    return pattern + "$";
}

std::string text_of(JsonView spec) {
    std::string text;
    spec["ContainerHierarchyTexts"].each([&](JsonView one) { text += std::string(one.string_or("")) + " "; });
    return text + std::string(spec["LeafNodeText"].string_or(""));
}

SpecOutcome outcome_of(JsonView spec) {
    constexpr double nanoseconds = 1e9;
    return {.state = std::string(spec["State"].string_or("unknown")),
            .message = std::string(spec["Failure"]["Message"].string_or("")),
            .seconds = static_cast<double>(spec["RunTime"].integer().value_or(0)) / nanoseconds};
}

Result<void> read_report(const std::filesystem::path& file, std::map<std::string, SpecOutcome>& outcomes) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    const auto report = JsonDocument::parse(text.str());
    if (!report) return Error(report.error()).at(file.string());
    report->root().each([&](JsonView suite) {
        suite["SpecReports"].each([&](JsonView spec) {
            const auto wanted = outcomes.find(text_of(spec));
            if (wanted != outcomes.end() && spec["State"].string_or("") != "skipped") wanted->second = outcome_of(spec);
        });
    });
    return {};
}

}  // namespace

Result<std::set<std::string>> E2eProgram::specs() const {
    const auto told = run_ok({path_.string(), "--list-tests"}, {.deadline = std::chrono::minutes(5)});
    if (!told) return told.error();
    std::set<std::string> texts;
    std::istringstream lines(*told);
    for (std::string line; std::getline(lines, line);) {
        // "    k8s.io/kubernetes@VERSION/test/e2e/network/dns.go:130: TEXT"
        const auto text = line.find(": ");
        if (line.starts_with("    ") && text != std::string::npos) texts.insert(line.substr(text + 2));
    }
    return texts;
}

Result<std::vector<std::string>> E2eProgram::images() const {
    const auto told = run_ok({path_.string(), "--list-images"}, {.deadline = std::chrono::minutes(5)});
    if (!told) return told.error();
    std::vector<std::string> names;
    std::istringstream words(*told);
    for (std::string name; words >> name;)
        names.push_back(name);
    return names;
}

Argv E2eProgram::arguments(Cluster& cluster, const std::filesystem::path& report,
                           const std::vector<std::string>& specs) const {
    Argv argv{path_.string(),
              "--kubeconfig=" + cluster.kubeconfig().string(),
              "--kubectl-path=" + cluster.control_plane().program("kubectl").string(),
              "--provider=local",
              "--ginkgo.no-color",
              "--ginkgo.json-report=" + report.string()};
    for (const auto& spec : specs)
        argv.push_back("--ginkgo.focus=" + exactly(spec));
    return argv;
}

Result<std::map<std::string, SpecOutcome>> E2eProgram::run(Cluster& cluster, const std::vector<std::string>& specs,
                                                           std::size_t workers) const {
    std::map<std::string, SpecOutcome> outcomes;
    std::vector<std::vector<std::string>> shares(std::min(workers, specs.size()));
    for (std::size_t n = 0; n < specs.size(); ++n) {
        shares[n % shares.size()].push_back(specs[n]);
        outcomes[specs[n]] = {.state = "never ended", .message = "see the log of e2e.test"};
    }
    std::vector<Process> processes;
    std::vector<std::filesystem::path> reports;
    for (const auto& share : shares) {
        const auto name = "e2e-" + std::to_string(processes.size() + 1);
        reports.push_back(cluster.testbed().dir() / (name + ".json"));
        auto process = cluster.testbed().start({.name = name,
                                                .argv = arguments(cluster, reports.back(), share),
                                                .netns = cluster.underlay().netns().name()});
        if (!process) return process.error();
        processes.push_back(*std::move(process));
    }
    for (std::size_t n = 0; n < processes.size(); ++n) {
        if (auto ended = processes[n].wait(longest_run); !ended) return ended.error();
        if (auto read = read_report(reports[n], outcomes); !read) return read.error();
    }
    return outcomes;
}

}  // namespace weft::testing
