#pragma once

#include "ovsdb/client.hpp"
#include "ovsdb/replica.hpp"

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

/// Real ovsdb-servers, fake peers and an owner for a client: what the tests in this folder share.
namespace weft::test {

/// A folder of its own under /tmp, removed at the end.
class TempDir {
  public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    const std::filesystem::path& path() const { return path_; }
    std::string operator/(const std::string& name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

std::string schema_path(const std::string& name);

/// One ovsdb-server with one database, which it listens for on a unix socket.
class Server {
  public:
    /// A standalone database with this schema.
    Server(const TempDir& dir, const std::string& schema, std::vector<std::string> arguments = {});
    /// A server of a cluster: the first of them, or one that joins `first`.
    static std::unique_ptr<Server> cluster_member(const TempDir& dir, const std::string& name,
                                                  const std::string& schema, const Server* first);

    ~Server();

    void start();
    void kill9();
    void stop_reading();
    void go_on();
    void restart() {
        kill9();
        start();
    }

    std::string remote() const { return "unix:" + socket_; }
    const std::string& socket() const { return socket_; }

  private:
    struct Named {
        std::string name;
    };
    Server(const TempDir& dir, const Named& named);

    std::string database_;
    std::string socket_;
    std::string raft_;
    std::string log_;
    std::vector<std::string> arguments_;
    struct Running;
    std::unique_ptr<Running> running_;
};

/// The owner of a client: takes events, applies updates, remembers what it saw.
class Owner {
  public:
    struct Options {
        std::string lock;
        bool leader_only = true;
        ovsdb::TlsFiles tls;
        Duration probe_interval = std::chrono::seconds(30);
        std::size_t inbox_limit = std::size_t{64} << 20;
        std::size_t message_limit = ovsdb::Framer::default_limit;
    };

    Owner(const ovsdb::DatabaseInfo& database, const std::string& remotes, ovsdb::MonitorRequest request);
    Owner(const ovsdb::DatabaseInfo& database, const std::string& remotes, ovsdb::MonitorRequest request,
          Options options);

    /// Handles events until `done` holds; a test failure when it doesn't within a minute.
    bool until(const std::function<bool()>& done);
    bool until_synced() {
        return until([this] { return synced; });
    }
    /// Sends and waits for the outcome.
    ovsdb::Outcome commit(ovsdb::Transaction transaction);
    std::optional<ovsdb::Outcome> outcome(std::uint64_t id) const;

    const ovsdb::TableInfo& table(std::string_view name) const { return *database.table(name); }

    const ovsdb::DatabaseInfo& database;
    ovsdb::DatabaseReplica replica;
    bool synced = false;
    int connects = 0;
    bool resumed = false;
    bool locked = false;
    std::shared_ptr<const ovsdb::Capabilities> capabilities;
    std::string last_disconnect;
    std::optional<Error> refused;
    std::map<std::uint64_t, ovsdb::Outcome> outcomes;
    std::vector<ovsdb::RowChange> row_changes;
    std::vector<ovsdb::MemberChange> member_changes;
    std::vector<std::string> order;  ///< kinds of events as they came
    std::unique_ptr<ovsdb::Client> client;

  private:
    void handle(ovsdb::Event& event);
};

/// Names that resolve to nothing: for rows without references.
const ovsdb::RefResolver& no_references();

/// A switch with ports, as pods make them.
class Ports {
  public:
    explicit Ports(Owner& owner);
    /// Adds to the transaction: a new port in the switch.
    void add(ovsdb::Transaction& t, const std::string& name, const Uuid& uuid) const;
    /// Commits the switch itself.
    void make_switch();
    const Uuid switch_uuid;

  private:
    Owner& owner_;
};

/// Listens on a unix socket and lets `serve` do what it wants with each connection, on a thread; the fd is closed
/// after.
class FakePeer {
  public:
    FakePeer(const std::string& socket, std::function<void(int fd)> serve);
    ~FakePeer();
    int accepted() const { return accepted_; }

  private:
    void loop(const std::function<void(int fd)>& serve);
    int listener_ = -1;
    std::atomic<int> accepted_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

/// Passes bytes between clients and a server, unless told otherwise.
class Proxy {
  public:
    Proxy(const std::string& socket, std::string server_socket);
    /// On the connections there are, what the server says is thrown away from now on.
    void swallow_answers() { swallowing_ = cuts_.load(); }
    /// Ends the connections; those made afterwards pass bytes again.
    void cut() { ++cuts_; }
    std::uint64_t to_server() const { return to_server_; }
    std::uint64_t swallowed() const { return swallowed_; }
    std::uint64_t to_client() const { return to_client_; }

  private:
    void serve(int fd);
    std::string server_socket_;
    std::atomic<int> cuts_{0};         ///< connections belong to the number of cuts before them
    std::atomic<int> swallowing_{-1};  ///< those whose answers are thrown away
    std::atomic<std::uint64_t> to_server_{0};
    std::atomic<std::uint64_t> to_client_{0};
    std::atomic<std::uint64_t> swallowed_{0};
    FakePeer peer_;
};

/// Resident anonymous memory of this process.
std::size_t resident_bytes();

}  // namespace weft::test
