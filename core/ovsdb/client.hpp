#pragma once

#include "ovsdb/event.hpp"
#include "ovsdb/framing.hpp"
#include "ovsdb/reconnect.hpp"
#include "ovsdb/remote.hpp"
#include "ovsdb/transport.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weft::ovsdb {

struct ClientSettings {
    const DatabaseInfo* database = nullptr;
    std::vector<Remote> remotes;  ///< the servers of one database; tried in turn
    TlsFiles tls;                 ///< for ssl: remotes
    bool leader_only = true;
    std::string lock;  ///< see Session::Settings
    ReconnectSettings reconnect;
    std::size_t message_limit = Framer::default_limit;
    /// When the owner takes events this slowly, reading stops until it has caught up.
    std::size_t inbox_limit = std::size_t{64} << 20;
};

/// A connection to one database that is made again whenever it breaks.
///
/// One thread does the input and output and parses; it hands events to the owner, who takes them with take() when
/// woken. Nothing is dropped: an update is given whole, in order, exactly once. All functions may be called from any
/// thread, but take() and what is done with the events is the owner's alone.
class Client {
  public:
    struct Counters {
        std::uint64_t bytes_in = 0;
        std::uint64_t bytes_out = 0;
        std::uint64_t messages_in = 0;
        std::uint64_t connects = 0;
        Duration io_cpu{};  ///< CPU time of the client's thread
    };

    /// How it stands, for people.
    struct Status {
        bool synced = false;
        std::string remote;      ///< the one connected to, or tried last
        std::string last_error;  ///< why there is no connection; empty when there is one
    };

    /// `wake` is called on the client's thread when the first event comes after a take(); it must not block.
    Client(ClientSettings settings, std::function<void()> wake, const Clock& clock = Clock::system());
    /// Drops the connection; events that weren't taken are gone.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// What to replicate. Called again, it changes what is replicated without a new connection.
    void set_monitors(MonitorRequest request);
    /// Sends a transaction; its Reply carries the number returned. Transactions are answered in any number at a time:
    /// nothing waits for the earlier ones.
    std::uint64_t transact(Transaction transaction);
    /// A burst is over: memory that the client's thread keeps for the next one goes back.
    void give_back_memory();
    /// Drops the connection and makes another.
    void reconnect(std::string reason);

    /// All events since the last call, in order.
    std::vector<Event> take();
    /// For owners without a loop of their own, such as tests: waits until there are events or the time has come.
    bool wait_for(Duration longest);

    Counters counters() const;
    Status status() const;

  private:
    class Loop;
    struct Command;

    void post(Command command);
    void deliver(std::vector<Event>& events, std::size_t bytes);

    std::function<void()> wake_;
    std::size_t inbox_limit_;

    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<Event> inbox_;
    std::vector<Command> commands_;
    Counters counters_;
    Status status_;
    std::atomic<std::size_t> inbox_bytes_{0};
    std::atomic<bool> reading_paused_{false};
    std::atomic<std::uint64_t> next_id_{1};
    int wake_fd_ = -1;
    std::unique_ptr<Loop> loop_;
    std::thread thread_;
};

}  // namespace weft::ovsdb
