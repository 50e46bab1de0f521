#pragma once

#include <weft/base/result.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace weft::testing {

/// One of Kubernetes' tests, and when it is run here.
struct Spec {
    /// "always", "full" (with WEFT_ALL_SPECS), or the feature that it waits for.
    std::string when;
    std::string text;  ///< as e2e.test --list-tests has it

    bool runs(bool all) const { return when == "always" || (all && when == "full"); }
    bool waits() const { return when != "always" && when != "full"; }
};

/// Reads lines "WHEN | TEXT"; those that are empty or begin with # are left out.
Result<std::vector<Spec>> read_specs(const std::filesystem::path& file);

}  // namespace weft::testing
