#pragma once

#include <weft/base/result.hpp>
#include <weft/testing/testbed/cluster.hpp>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace weft::testing {

/// How one of the specs ended.
struct SpecOutcome {
    std::string state;    ///< "passed", "failed", "skipped", "timedout", ...
    std::string message;  ///< why, when it did not pass
    double seconds = 0;
};

/// Kubernetes' e2e.test.
class E2eProgram {
  public:
    explicit E2eProgram(std::filesystem::path path) : path_(std::move(path)) {}

    /// The texts of all specs that it has.
    Result<std::set<std::string>> specs() const;
    /// The images that its pods ask for.
    Result<std::vector<std::string>> images() const;
    /// Runs specs against the cluster, shared out among several of it that run side by side: most of a spec's time is
    /// waiting. Logs are in the testbed's folder.
    Result<std::map<std::string, SpecOutcome>> run(Cluster& cluster, const std::vector<std::string>& specs,
                                                   std::size_t workers) const;

  private:
    Argv arguments(Cluster& cluster, const std::filesystem::path& report, const std::vector<std::string>& specs) const;

    std::filesystem::path path_;
};

}  // namespace weft::testing
