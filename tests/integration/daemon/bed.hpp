#pragma once

#include <weft/base/json.hpp>
#include <weft/testing/api_server.hpp>
#include <weft/testing/testbed/assert.hpp>
#include <weft/testing/testbed/control_plane.hpp>
#include <weft/testing/testbed/kube_client.hpp>
#include <weft/testing/testbed/testbed.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <gmock/gmock.h>

/// weftd and weftctl as programs, with an API server in this process or a real one: what the tests in this folder and
/// some others share.
namespace weft::testing {

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& text);

/// A program of this build, by the variable that ctest sets ("WEFTD").
std::string program_path(const char* variable);

struct WeftdOptions {
    std::string name = "weftd";  ///< of its folder and log
    std::string role = "cluster";
    std::string config;   ///< more lines for the configuration file
    std::string api_url;  ///< empty: the bed's server
    std::string access;   ///< lines of [kubernetes] that replace those that lead to the bed's server
    std::string plugins = "default-network";
    Environment environment;
    std::string cluster_subnets = "10.244.0.0/16/24,fd00:10:244::/48/64";
};

/// A weftd that runs, with a run directory and a configuration file of its own.
struct Weftd {
    std::string role;
    std::filesystem::path dir;
    std::filesystem::path config_file;
    Process process;

    std::string socket() const { return (dir / ("admin-" + role + ".sock")).string(); }
    std::string log() const { return read_file(process.spec().log); }
    Result<JsonDocument> call(std::string_view name, std::string_view args = {}) const;
    /// Waits for a text in the log.
    Result<void> wait_log(const std::string& text) const;
    /// Waits until the answer to "status" satisfies `holds`, which says why not.
    Result<void> wait_status(const std::string& what, const std::function<bool(JsonView)>& holds) const;
    Result<void> wait_ready() const {
        return wait_status("ready", [](JsonView s) { return s["ready"].boolean().value_or(false); });
    }
};

struct BedOptions {
    /// With a network namespace everything but the test itself lives in that: for role node, which changes its kernel.
    bool namespaced = false;
    /// How a real API server is to be started instead of the embedded one; told the folder of the bed.
    std::function<ControlPlaneOptions(const std::filesystem::path& dir)> kubernetes;
};

class Bed {
  public:
    static Result<std::unique_ptr<Bed>> make(const BedOptions& options = {});
    ~Bed();

    /// The embedded API server.
    ApiServer& api() { return *api_; }
    /// The real one.
    ControlPlane& plane() { return *plane_; }
    const NetworkNamespace& network() const { return netns_; }
    Testbed& testbed() { return *testbed_; }
    const std::filesystem::path& dir() const { return testbed_->dir(); }
    std::string netns() const { return namespaced_ ? netns_.name() : std::string(); }

    std::string config_text(const WeftdOptions& options) const;
    Result<Weftd> start(const WeftdOptions& options = {});
    /// What start() does without starting it: its folder and configuration file are there.
    Weftd prepare(const WeftdOptions& options) const;
    Result<Output> weftctl(const Weftd& weftd, std::vector<std::string> arguments, Environment environment = {});
    /// GET of a path at "host:port".
    Result<KubeClient::Reply> get(const std::string& address, const std::string& path) const;

  private:
    std::unique_ptr<Testbed> testbed_;
    NetworkNamespace netns_;
    bool namespaced_ = false;
    std::unique_ptr<ApiServer> api_;
    std::unique_ptr<ControlPlane> plane_;
};

/// A Node object's YAML.
std::string node_yaml(const std::string& name, int number);

}  // namespace weft::testing
