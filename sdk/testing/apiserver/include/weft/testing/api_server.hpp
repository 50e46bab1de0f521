#pragma once

#include <weft/base/clock.hpp>
#include <weft/base/json.hpp>
#include <weft/base/result.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::testing {

/// Something that goes wrong with requests, until it has happened `times` times or is healed.
struct Fault {
    enum class Kind {
        error,        ///< answered with `code` instead of being done
        drop,         ///< the connection is closed, nothing is done
        lose_answer,  ///< it is done, but the connection is closed instead of answering
        truncate,     ///< it is done, but the connection is closed after `bytes` of the answer
        stall,        ///< taken, but not done until healed; running watches fall silent
        delay,        ///< done `delay` later
        expire,       ///< a watch starts with 410 Expired
        duplicate,    ///< a watch tells every change twice
    };
    Kind kind = Kind::error;
    std::string method;   ///< "PATCH", "WATCH" for watches; empty for all
    std::string path;     ///< prefix of the path, "/api/v1/pods"; empty for all
    int times = -1;       ///< -1: until healed
    int code = 500;       ///< error: 429, 500, 503, ...
    int retry_after = 0;  ///< error: seconds in Retry-After; 0 leaves it out
    std::chrono::milliseconds delay{0};
    std::size_t bytes = 0;
};

/// Requests of one kind since the start or the last reset.
struct RequestCount {
    std::uint64_t requests = 0;
    std::uint64_t refused = 0;  ///< answered with 400 or above
    std::uint64_t changed = 0;  ///< that changed an object
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
};

struct ApiStats {
    /// By verb and resource: "list pods", "patch pods/status", "watch nodes".
    std::map<std::string, RequestCount, std::less<>> requests;
    std::uint64_t connections = 0;  ///< open now
    std::uint64_t watches = 0;      ///< open now
    std::uint64_t stalled = 0;      ///< requests that a stall holds now

    /// Sum over a verb, of one resource or of all ("").
    RequestCount of(std::string_view verb, std::string_view resource = {}) const;
    /// Requests that create, update, patch or delete, but for those to `except` ("leases").
    std::uint64_t writes(const std::vector<std::string>& except = {}) const;
};

struct ApiServerOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  ///< 0: any free one
    std::string token;       ///< the bearer token that is asked for; empty: none is
    bool tls = false;
    std::string certificate_pem;  ///< with tls; both empty: made at start, see ca_pem()
    std::string key_pem;
    std::string client_ca_pem;     ///< clients with a certificate of this authority need no token
    std::size_t history = 20'000;  ///< changes of each resource that a watch can still be told
    std::chrono::milliseconds bookmark_every = std::chrono::minutes(1);
    std::vector<std::string> service_cidrs = {"10.96.0.0/16", "fd00:10:96::/112"};
    std::filesystem::path state_file;  ///< what survives the process; empty: nothing does
    std::string version = "v1.32.0";   ///< the Kubernetes release it claims to be
    const Clock* clock = &Clock::system();
};

/// What the server answers: code and body.
struct ApiReply {
    int code = 0;
    std::string body;
    bool ok() const { return code >= 200 && code < 300; }
};

/// A Kubernetes API server in memory, with faults on demand: an honest subset of the real one (README.md says where it
/// ends). One thread of its own; every member may be called from any thread. What a test does through these members is
/// not counted as requests and meets no faults. `kind` is a plural, singular, kind or short name, with ".group" where
/// that is needed; objects are JSON text.
class ApiServer {
  public:
    static Result<std::unique_ptr<ApiServer>> start(ApiServerOptions options = {});
    /// Closes everything; open watches end.
    ~ApiServer();
    ApiServer(const ApiServer&) = delete;
    ApiServer& operator=(const ApiServer&) = delete;

    std::uint16_t port() const;
    /// "http://127.0.0.1:41234"
    std::string url() const;
    /// The authority that a client has to trust; empty without TLS.
    const std::string& ca_pem() const;
    /// A kubeconfig with all that a client needs.
    std::string kubeconfig() const;
    /// From now on only this token is taken.
    void set_token(std::string token);

    // --- objects
    /// Creates or, where they exist, merges the objects of a YAML or JSON text, status included.
    Result<void> apply_yaml(std::string_view text);
    /// The same for a file, or all .yaml, .yml and .json files of a folder in the order of their names.
    Result<void> apply_path(const std::filesystem::path& path);
    /// Puts objects as they are: with uid, status, deletion timestamp; over what is there.
    Result<void> restore(std::string_view text);
    std::optional<std::string> get(std::string_view kind, std::string_view space, std::string_view name) const;
    /// All of a namespace, or of all namespaces.
    std::vector<std::string> list(std::string_view kind, std::string_view space = {}) const;
    Result<void> remove(std::string_view kind, std::string_view space, std::string_view name, int grace_seconds = 0);
    /// Any request, as if by HTTP: request("PATCH", "/api/v1/nodes/n1", R"(...)", "application/merge-patch+json").
    ApiReply request(std::string_view method, std::string_view path, std::string_view body = {},
                     std::string_view content_type = "application/json") const;
    std::uint64_t revision() const;

    /// Waits until `holds` says yes to the object (an absent view: there is none); no polling.
    bool wait_for(std::string_view kind, std::string_view space, std::string_view name,
                  const std::function<bool(JsonView)>& holds, Duration within = std::chrono::seconds(30)) const;
    bool wait_gone(std::string_view kind, std::string_view space, std::string_view name,
                   Duration within = std::chrono::seconds(30)) const;

    // --- faults
    int inject(Fault fault);
    void heal(int id);
    void heal_all();
    /// Closes connections that hold a watch, all of them or those whose path starts so.
    void drop_watches(std::string_view path = {});
    void drop_connections();
    /// Closes all connections and refuses new ones, until listen() or for a while. State is kept.
    void close();
    Result<void> listen();
    void restart(std::chrono::milliseconds down);
    /// Forgets history: who asks for an older version gets 410.
    void compact();
    /// Sends a bookmark to every watch that allows them and hasn't been told the present version.
    void send_bookmarks();

    // --- counters
    ApiStats stats() const;
    void reset_stats();
    bool wait_stats(const std::function<bool(const ApiStats&)>& holds,
                    Duration within = std::chrono::seconds(30)) const;

  private:
    struct Impl;
    explicit ApiServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace weft::testing
