#pragma once

#include <weft/base/result.hpp>
#include <weft/testing/testbed/namespace.hpp>
#include <weft/testing/testbed/process.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace weft::testing {

struct TestbedOptions {
    std::string prefix;                   ///< [a-z][a-z0-9]*, at most 12; empty: one that nobody else uses
    std::filesystem::path root = "/tmp";  ///< where the run's folder is made
    bool keep = false;                    ///< what is started stays when this object goes; end it with sweep()
};

/// One run of a test or demo and all that belongs to it, told apart from other runs by a prefix: network namespaces
/// are called <prefix>-..., files are in <root>/weft-testbed-<prefix>, processes carry WEFT_TESTBED=<prefix> in their
/// environment. So runs side by side don't meet, and what a crashed run left can be found. Must outlive what it made.
class Testbed {
  public:
    /// Refuses a prefix that is in use. Sweeps runs of the same root whose maker is dead.
    static Result<std::unique_ptr<Testbed>> create(TestbedOptions options = {});
    /// Ends and removes all that carries the prefix, unless kept.
    ~Testbed();
    Testbed(const Testbed&) = delete;
    Testbed& operator=(const Testbed&) = delete;

    const std::string& prefix() const { return options_.prefix; }
    const std::filesystem::path& dir() const { return dir_; }
    bool keep() const { return options_.keep; }

    /// Name of a namespace of this run: "<prefix>-<name>".
    std::string netns_name(std::string_view name) const;
    Result<NetworkNamespace> make_namespace(std::string_view name) const;
    /// Starts a process that carries the run's mark; its log goes to <dir>/log/<name>.log when it names none.
    Result<Process> start(ProcessSpec spec);
    /// What a process that starts others itself must hand on.
    Environment marker() const;

    /// Removes everything of a run, whoever made it and however that ended: processes, namespaces (with their devices),
    /// files. Doing it twice is no error.
    static Result<void> sweep(std::string_view prefix, const std::filesystem::path& root = "/tmp");
    /// Sweeps the runs whose maker died without doing so.
    static void sweep_abandoned(const std::filesystem::path& root = "/tmp");
    /// What sweep(prefix) would remove, one line each; empty when nothing is left.
    static std::vector<std::string> leftovers(std::string_view prefix, const std::filesystem::path& root = "/tmp");

  private:
    explicit Testbed(TestbedOptions options, std::filesystem::path dir);

    TestbedOptions options_;
    std::filesystem::path dir_;
    Launcher launcher_;
};

}  // namespace weft::testing
