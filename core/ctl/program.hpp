#pragma once

#include <weft/base/result.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::ctl {

/// What another program said.
struct ProgramOutput {
    int status = 0;  ///< its exit code; 128 + the signal that ended it
    std::string out;
    std::string errors;
};

/// Runs a program, found along PATH, without a shell, and waits for it. Nothing when there is no such program.
Result<std::optional<ProgramOutput>> run_program(std::vector<std::string> argv, std::string_view input = {});

}  // namespace weft::ctl
