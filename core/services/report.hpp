#pragma once

#include "appliers/status.hpp"

#include <weft/base/clock.hpp>
#include <weft/engine/status.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What weftd tells weftctl, as it goes over the admin socket. README.md describes the JSON.
namespace weft::services {

/// The answer to "status".
struct StatusReport {
    struct Leader {
        std::string identity;  ///< who holds the Lease; empty: nobody
        bool self = false;     ///< this weftd leads; otherwise it stands by
        std::string trouble;   ///< why the Lease could not be read or kept
    };
    /// Role node: what the container runtime gets.
    struct Cni {
        bool serving = false;        ///< the CNI configuration file is there
        std::string reason;          ///< why not
        std::uint64_t requests = 0;  ///< in progress
    };
    struct Connection {
        std::string name;     ///< "ovn-nb", "kubernetes"
        std::string address;  ///< "unix:/var/run/ovn/ovnnb_db.sock"
        bool up = false;
        std::string detail;  ///< why not, or which server
    };
    /// [debug] record.
    struct Recording {
        std::string file;
        bool recording = false;
        std::string trouble;  ///< why not
        std::uint64_t bytes = 0;
    };
    struct PluginState {
        std::string name, version;
        std::string state;   ///< "running", "waiting" (for inputs), "frozen"
        std::string reason;  ///< why it is frozen
        std::size_t rules = 0;
        std::size_t instances = 0;
        std::size_t failed = 0, conflicts = 0, waiting = 0, warnings = 0;
    };

    std::string version, revision;
    std::string role, node;
    std::int64_t pid = 0;
    WallTime started;
    bool ready = false;
    std::vector<std::string> awaiting;  ///< what keeps it from being ready
    std::optional<Leader> leader;       ///< role cluster
    std::optional<Cni> cni;             ///< role node
    std::optional<Recording> recording;
    std::vector<Connection> connections;
    std::vector<PluginState> plugins;
    std::vector<appliers::Status> appliers;
    std::vector<std::pair<std::string, std::uint64_t>> counts;  ///< "nodes", "pods", "local pods"
    std::vector<RuleStatus> problems;
    std::uint64_t ticks = 0;
};

/// One entry of the answer to "plugins".
struct PluginReport {
    std::string name, version, file;
    bool enabled = false;
    std::string state;   ///< "running", "disabled", "broken", "frozen"
    std::string reason;  ///< why it is enabled, or why it can't run
    std::vector<std::string> needs;
};

/// At most `most` problems, worst first; the rest is counted in "problemsOmitted".
std::string to_json(const StatusReport& report, std::size_t most = 200);
std::string to_json(const std::vector<PluginReport>& plugins);

}  // namespace weft::services
