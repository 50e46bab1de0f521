#pragma once

#include "api.hpp"
#include "counters.hpp"
#include "faults.hpp"

#include <weft/base/result.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace weft::apiserver {

struct ServerOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    std::string token;
    std::string certificate_pem;  ///< TLS when it is given
    std::string key_pem;
    std::string client_ca_pem;
    std::chrono::milliseconds bookmark_every = std::chrono::minutes(1);
};

/// HTTP/1.1 on one thread of its own: connections, watches that wait, and the faults that concern both.
class HttpServer {
  public:
    HttpServer(ServerOptions options, Api& api, Faults& faults, Counters& counters,
               std::function<HttpResponse(const HttpRequest&)> control);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// Binds and starts the thread.
    Result<void> start();
    std::uint16_t port() const;
    void set_token(std::string token);

    /// From any thread, cheap: watches have something to tell.
    void wake();
    /// From any thread: stalled requests go on if nothing stalls them any more.
    void faults_changed();
    void drop_watches(std::string path);
    void drop_connections();
    void send_bookmarks();
    /// Refuses connections until listen(); returns when that is so.
    void close();
    Result<void> listen();
    void restart(std::chrono::milliseconds down);

    struct Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace weft::apiserver
