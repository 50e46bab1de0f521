#include "process_table.hpp"

#include "child.hpp"

#include <weft/testing/testbed/wait.hpp>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <sys/syscall.h>
#include <unistd.h>

namespace weft::testing {

namespace {

std::string proc_file(pid_t pid, const char* name) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

bool carries(pid_t pid, const std::string& entry) {
    const std::string environment = proc_file(pid, "environ");
    for (std::size_t at = environment.find(entry); at != std::string::npos; at = environment.find(entry, at + 1)) {
        const bool begins = at == 0 || environment[at - 1] == '\0';
        const bool ends = at + entry.size() == environment.size() || environment[at + entry.size()] == '\0';
        if (begins && ends) return true;
    }
    return false;
}

std::string entry_of(std::string_view name, std::string_view value) {
    return std::string(name) + "=" + std::string(value);
}

}  // namespace

std::vector<pid_t> processes_with(std::string_view name, std::string_view value) {
    const auto entry = entry_of(name, value);
    std::vector<pid_t> result;
    std::error_code gone;
    for (const auto& folder : std::filesystem::directory_iterator("/proc", gone)) {
        const auto text = folder.path().filename().string();
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
        if (error != std::errc{} || *end != '\0' || pid == ::getpid()) continue;
        if (carries(pid, entry)) result.push_back(pid);
    }
    return result;
}

std::string command_line(pid_t pid) {
    auto text = proc_file(pid, "cmdline");
    std::replace(text.begin(), text.end(), '\0', ' ');
    return text;
}

std::optional<unsigned long long> start_ticks(pid_t pid) {
    const auto stat = proc_file(pid, "stat");
    const auto name_end = stat.rfind(')');  // a name may hold spaces and parentheses
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream fields(stat.substr(name_end + 1));
    std::string field;
    for (int number = 3; number <= 22 && fields >> field; ++number) {
        if (number == 3 && (field == "Z" || field == "X")) return std::nullopt;
    }
    unsigned long long ticks = 0;
    std::from_chars(field.data(), field.data() + field.size(), ticks);
    return ticks;
}

Result<void> kill_processes_with(std::string_view name, std::string_view value, std::chrono::milliseconds deadline) {
    const auto entry = entry_of(name, value);
    const bool done = wait_until(
        [&] {
            const auto left = processes_with(name, value);
            for (const auto pid : left) {
                // The descriptor pins the process, so that the check and the signal mean the same one.
                const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
                if (process.valid() && carries(pid, entry)) {
                    ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
                }
            }
            return left.empty();
        },
        deadline);
    if (done) return {};
    return again("processes with " + entry + " don't end");
}

}  // namespace weft::testing
