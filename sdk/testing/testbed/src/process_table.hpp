#pragma once

#include <weft/base/result.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace weft::testing {

/// Processes, but this one, whose environment holds exactly NAME=VALUE.
std::vector<pid_t> processes_with(std::string_view name, std::string_view value);
/// Their command line, for people.
std::string command_line(pid_t pid);
/// When the process started, in the kernel's ticks: with the pid it says which process is meant.
std::optional<unsigned long long> start_ticks(pid_t pid);
/// kill -9 for all of them, again until none is left.
Result<void> kill_processes_with(std::string_view name, std::string_view value, std::chrono::milliseconds deadline);

}  // namespace weft::testing
