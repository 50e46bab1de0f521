#pragma once

#include "services/admin_protocol.hpp"
#include "services/posted.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>

#include <functional>
#include <memory>
#include <string>

#include <sys/types.h>

namespace weft::services {

struct AdminOptions {
    std::string socket;
    /// Who may speak, by the user id that the kernel vouches for; unset: root and weftd's own user.
    std::function<bool(uid_t)> allowed;
    Duration read_limit = std::chrono::seconds(30);    ///< for a whole request line
    Duration answer_limit = std::chrono::seconds(20);  ///< for a handler; afterwards the caller is told to try again
    Duration write_limit = std::chrono::seconds(30);   ///< for a peer that doesn't read
    std::size_t max_connections = 32;
};

/// Takes the answer of a call: JSON, or an error. Called once, from any thread, also long after the server is gone.
using AdminReply = std::function<void(Result<std::string> result_json)>;

/// The admin socket: mode 0600, peers checked by SO_PEERCRED, every size and wait bounded. It has a thread of its own;
/// handlers run on the engine thread, one closure a call through `post`.
class AdminServer {
  public:
    using Handler = std::function<Result<std::string>(const JsonView& args)>;
    /// For answers that take longer: `args` is valid until the reply has been given.
    using SlowHandler = std::function<void(const JsonView& args, AdminReply reply)>;

    AdminServer(AdminOptions options, Post post);
    /// Stops.
    ~AdminServer();
    AdminServer(const AdminServer&) = delete;
    AdminServer& operator=(const AdminServer&) = delete;

    /// Before start(). A name that is taken is a broken invariant and throws std::logic_error.
    void on(const std::string& call, Handler handler);
    void on_slow(const std::string& call, SlowHandler handler);

    /// Binds and serves. A socket that nobody listens at is replaced; a living one is an error.
    Result<void> start();
    /// Closes all connections and removes the socket. Handlers that are posted already may still run.
    void stop();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace weft::services
