#include "container_leftovers.hpp"
#include "process_table.hpp"

#include <weft/testing/testbed/testbed.hpp>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <fstream>
#include <random>

#include <unistd.h>

namespace weft::testing {

namespace {

constexpr std::string_view folder_prefix = "weft-testbed-";
constexpr const char* marker_name = "WEFT_TESTBED";
constexpr std::size_t longest_prefix = 12;

std::filesystem::path folder_of(std::string_view prefix, const std::filesystem::path& root) {
    return root / (std::string(folder_prefix) + std::string(prefix));
}

bool valid_prefix(std::string_view prefix) {
    const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !prefix.empty() && prefix.size() <= longest_prefix && prefix[0] >= 'a' &&
           std::all_of(prefix.begin(), prefix.end(), good);
}

std::string random_prefix() {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    std::random_device random;
    std::string prefix = "t";
    while (prefix.size() < 8)
        prefix += letters[random() % letters.size()];
    return prefix;
}

std::vector<std::string> namespaces_of(std::string_view prefix) {
    auto names = NetworkNamespace::names();
    const auto start = std::string(prefix) + "-";
    std::erase_if(names, [&](const std::string& name) { return name.compare(0, start.size(), start) != 0; });
    return names;
}

/// The maker's pid and start time; a kept run has no maker.
Result<void> write_owner(const std::filesystem::path& dir, bool keep) {
    std::ofstream out(dir / "owner");
    if (keep) {
        out << "kept\n";
    } else {
        out << ::getpid() << ' ' << start_ticks(::getpid()).value_or(0) << '\n';
    }
    if (!out.flush()) return again("can't write " + (dir / "owner").string());
    return {};
}

bool abandoned(const std::filesystem::path& dir) {
    std::ifstream in(dir / "owner");
    pid_t pid = 0;
    unsigned long long ticks = 0;
    if (!(in >> pid >> ticks)) return false;
    return start_ticks(pid) != ticks;
}

}  // namespace

Testbed::Testbed(TestbedOptions options, std::filesystem::path dir)
    : options_(std::move(options)),
      dir_(std::move(dir)) {}

Result<std::unique_ptr<Testbed>> Testbed::create(TestbedOptions options) {
    sweep_abandoned(options.root);
    if (options.prefix.empty()) options.prefix = random_prefix();
    if (!valid_prefix(options.prefix)) {
        return invalid("testbed prefix \"" + options.prefix +
                       "\" is not a lower case word of at most 12 letters and digits");
    }
    const auto dir = folder_of(options.prefix, options.root);
    if (const auto left = leftovers(options.prefix, options.root); !left.empty()) {
        return conflict("testbed prefix \"" + options.prefix + "\" is in use: " + left.front());
    }
    std::error_code failed;
    std::filesystem::create_directories(dir / "log", failed);
    if (failed) return again("can't make " + dir.string() + ": " + failed.message());
    if (auto written = write_owner(dir, options.keep); !written) return written.error();
    return std::unique_ptr<Testbed>(new Testbed(std::move(options), dir));
}

Testbed::~Testbed() {
    if (options_.keep) return;
    [[maybe_unused]] const auto best_effort = sweep(options_.prefix, options_.root);
}

std::string Testbed::netns_name(std::string_view name) const {
    return options_.prefix + "-" + std::string(name);
}

Result<NetworkNamespace> Testbed::make_namespace(std::string_view name) const {
    return NetworkNamespace::create(netns_name(name), options_.keep);
}

Environment Testbed::marker() const {
    return {{marker_name, options_.prefix}};
}

Result<Process> Testbed::start(ProcessSpec spec) {
    spec.keep = options_.keep;
    if (spec.log.empty()) spec.log = dir_ / "log" / (spec.name + ".log");
    for (auto& entry : marker())
        spec.environment.push_back(std::move(entry));
    return Process::start(launcher_, std::move(spec));
}

Result<void> Testbed::sweep(std::string_view prefix, const std::filesystem::path& root) {
    if (!valid_prefix(prefix)) return invalid("\"" + std::string(prefix) + "\" is no testbed prefix");
    if (auto killed = kill_processes_with(marker_name, prefix, std::chrono::seconds(20)); !killed)
        return killed.error();
    for (const auto& name : namespaces_of(prefix)) {
        if (auto removed = NetworkNamespace::remove(name); !removed) return removed.error();
    }
    std::error_code failed;
    for (const auto& node : std::filesystem::directory_iterator(folder_of(prefix, root), failed))
        remove_container_leftovers(node.path() / kubelet_folder);
    unmount_below(folder_of(prefix, root));
    std::filesystem::remove_all(folder_of(prefix, root), failed);
    if (failed) return again("can't remove " + folder_of(prefix, root).string() + ": " + failed.message());
    return {};
}

void Testbed::sweep_abandoned(const std::filesystem::path& root) {
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(root, missing)) {
        const auto name = entry.path().filename().string();
        if (name.compare(0, folder_prefix.size(), folder_prefix) != 0 || !abandoned(entry.path())) continue;
        [[maybe_unused]] const auto best_effort = sweep(name.substr(folder_prefix.size()), root);
    }
}

std::vector<std::string> Testbed::leftovers(std::string_view prefix, const std::filesystem::path& root) {
    std::vector<std::string> result;
    for (const auto pid : processes_with(marker_name, prefix)) {
        result.push_back("process " + std::to_string(pid) + " " + command_line(pid));
    }
    for (const auto& name : namespaces_of(prefix))
        result.push_back("network namespace " + name);
    std::error_code ignored;
    if (const auto dir = folder_of(prefix, root); std::filesystem::exists(dir, ignored)) {
        result.push_back("folder " + dir.string());
    }
    return result;
}

}  // namespace weft::testing
