#pragma once

#include "cni/server/conf_file.hpp"
#include "cni/server/metrics.hpp"
#include "cni/server/sources.hpp"
#include "cni/server/switch_ports.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>
#include <weft/engine/operator.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::cni {

struct ServerOptions {
    std::string run_dir = "/var/run/ovn-kubernetes";  ///< the socket is <run_dir>/cni/ovn-cni-server.sock
    std::string conf_dir = "/etc/cni/net.d";
    ConfContent conf;  ///< `socket` is filled in
    std::size_t workers = 4;
    Duration deadline = std::chrono::minutes(2);           ///< of a request
    Duration receive_deadline = std::chrono::seconds(10);  ///< for a request to arrive whole
    Duration cleanup_deadline = std::chrono::seconds(10);  ///< for Open vSwitch to remove a port in DEL and roll-back
    Duration scrub_delay = std::chrono::seconds(60);       ///< how long a port may look stale before it is removed
    std::size_t max_connections = 512;
    unsigned allowed_uid = 0;  ///< of who may connect
    // Told on the server's thread, without a lock held; each may be unset.
    /// `serving` or `reason` of the status have changed.
    std::function<void()> status_changed;
    /// A request is answered.
    std::function<void(std::string_view command, bool failed, Duration took)> request_done;
    /// A part of an ADD is done; the parts are those of CniMetrics::add_stages.
    std::function<void(std::string_view stage, Duration took)> add_stage_done;
};

struct ServerStatus {
    bool serving = false;  ///< the CNI configuration file is there
    std::string reason;    ///< why not
    bool switch_connected = false;
    std::size_t pod_interfaces = 0;
    std::size_t requests = 0;  ///< in progress
};

/// The node's CNI server: answers weft-cni on a unix socket. It knows no network; it makes what PodInterface rows say.
/// One thread of its own decides, workers enter namespaces; nothing polls.
class Server {
  public:
    /// The three must outlive the server.
    Server(ServerOptions options, PodSource& pods, SwitchPorts& ports, ProgressProbe& probe);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Makes the folder and the socket, and starts the threads. The network namespace of the calling thread is the
    /// host's.
    Result<void> start();
    /// Removes the configuration file and the socket; requests in progress are rolled back and told to try again.
    void stop();

    /// PodInterface and ServingCondition rows; others are ignored. Any thread.
    void changed(std::span<const Change> changes);
    /// The first derivation is complete: all rows that there are have been told. Until then (or until the request
    /// deadline has passed since the start) a configuration file that is there stays, so that a restart changes
    /// nothing.
    void rows_known();
    /// What weftd itself says about serving pods, besides the rows; an empty reason: nothing against it. Any thread.
    void condition(const std::string& name, std::string reason);
    /// The same, and an ADD that comes nevertheless gets an error with the reason: better no pod than one that lacks
    /// it.
    void gate(const std::string& name, std::string reason);
    /// What runs the containers, as status.nodeInfo of the own Node has it: says which version the configuration has.
    /// Any thread.
    void container_runtime(std::string name);
    /// Looks for stale ports soon; weft calls it when the list of local pods is complete or pods went.
    void pods_changed();

    std::string socket_path() const;
    ServerStatus status() const;
    CniMetrics metrics() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace weft::cni
