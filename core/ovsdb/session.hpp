#pragma once

#include "ovsdb/event.hpp"

#include <weft/base/json.hpp>
#include <weft/base/result.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weft::ovsdb {

/// The dialogue with one OVSDB server: who leads, which schema, the lock, the monitor, transactions. It knows no
/// sockets: messages come in whole, bytes to send are appended to `out`, events go to a list.
///
///   connected ─► _Server (leader?) ─► get_schema ─► lock, monitor ─► synced
///
/// Any error that message() returns means that the connection must be dropped.
class Session {
  public:
    struct Settings {
        const DatabaseInfo* database = nullptr;
        bool leader_only = true;  ///< of a cluster, talk to the leader only
        std::string lock;         ///< name of the lock without which no transaction is carried out; empty: none
    };

    Session(Settings settings, std::string& out, std::vector<Event>& events);

    /// Replaces what is monitored; the difference comes as one Update with `reset`.
    void set_monitors(MonitorRequest request);

    /// The stream is up.
    void connected(std::string remote);
    Result<void> message(std::string_view json);
    /// Frees what only the next burst needs; not from within message().
    void give_back_memory() { document_ = JsonDocument(); }
    /// Sends it, or answers at once when there is no connection.
    void transact(std::uint64_t id, const Transaction& transaction);
    /// Asks for a sign of life.
    void probe();
    /// The stream is gone: everything in flight is lost.
    void disconnected(const std::string& reason);

    /// The contents have come.
    bool synced() const { return phase_ == Phase::synced; }

  private:
    enum class Phase { down, server, schema, monitor, synced };
    enum class Method { since, conditional, plain };
    struct InFlight {
        std::uint64_t id = 0;
        std::vector<Operation> operations;
    };
    /// This database's row of the server's own database.
    struct ServerRow {
        bool known = false;
        bool clustered = false;
        bool connected = false;
        bool leader = false;
        bool has_schema = false;
        std::string uuid;
        std::string cid;
        std::int64_t index = 0;
    };

    std::uint64_t request(std::string_view method, std::string_view params);
    void send_monitor();
    Result<void> answer(std::uint64_t id, const JsonView& result, const JsonView& error);
    Result<void> notification(std::string_view method, const JsonView& params, const JsonView& id);
    Result<void> on_server(const JsonView& result, const JsonView& error);
    Result<void> on_schema(const JsonView& result, const JsonView& error);
    Result<void> on_monitor(const JsonView& result, const JsonView& error);
    Result<void> on_update(const JsonView& updates, Method method, std::string_view last);
    Result<void> read_server(const JsonView& updates);
    Result<void> check_server();
    void set_lock(bool held);

    Settings settings_;
    std::string& out_;
    std::vector<Event>& events_;
    JsonDocument document_;

    Phase phase_ = Phase::down;
    std::string remote_;
    MonitorRequest request_;
    std::shared_ptr<const Capabilities> capabilities_;
    ServerRow server_;
    std::string cluster_;           ///< the cluster whose contents we have
    std::int64_t least_index_ = 0;  ///< servers of it that are behind this are stale
    std::string last_refusal_;
    std::string absent_logged_;

    Method method_ = Method::since;
    std::uint64_t monitor_number_ = 0;
    std::string last_transaction_;  ///< where to resume; empty: can't

    std::uint64_t next_id_ = 1;
    std::uint64_t first_id_ = 1;  ///< of the requests on this connection
    std::uint64_t server_id_ = 0;
    std::uint64_t schema_id_ = 0;
    std::uint64_t lock_id_ = 0;
    std::uint64_t monitor_id_ = 0;
    bool locked_ = false;
    std::map<std::uint64_t, InFlight> in_flight_;
};

}  // namespace weft::ovsdb
