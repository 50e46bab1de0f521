#pragma once

#include "services/health.hpp"
#include "services/metrics.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::services {

struct TlsOptions {
    std::string certificate;  ///< PEM files, read again at every handshake, so that rotation needs nothing
    std::string private_key;
    std::string min_version;                 ///< "VersionTLS12"; empty is that too
    std::vector<std::string> cipher_suites;  ///< IANA names; empty: OpenSSL's choice
};

struct HttpOptions {
    std::string address;  ///< "127.0.0.1:9410", "[::1]:9410" or ":9410" for all addresses
    std::optional<TlsOptions> tls;
    Duration retry = std::chrono::seconds(5);  ///< after a failed bind
};

struct HttpAnswer {
    int status = 200;
    std::string type = "application/json";
    std::string body;
};

/// Answers GET requests of fixed paths on threads of its own. A bind that fails is logged and tried again for ever:
/// weftd does its work without a metrics port.
class HttpServer {
  public:
    /// The time that the caller gives, from X-Prometheus-Scrape-Timeout-Seconds, less half a second; 8 s without.
    using Route = std::function<HttpAnswer(Duration budget)>;

    /// The error says what is wrong with the address or the cipher names.
    static Result<std::unique_ptr<HttpServer>> make(HttpOptions options, std::map<std::string, Route> routes);
    /// Stops.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    void start();
    /// Open requests are answered; nothing calls a route afterwards.
    void stop();
    /// The port it listens on once it does, also when the address asked for port 0; 0 before.
    int port() const;
    /// The last bind error, empty when it listens.
    std::string trouble() const;

  private:
    class Impl;
    explicit HttpServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// /metrics from the registry. `refresh` may bring values up to date first, within the budget; when it takes longer the
/// values of the last scrape are served.
HttpServer::Route metrics_route(const Metrics& metrics, std::function<void(Duration budget)> refresh = {});
/// /healthz, /livez and /readyz: 200 or 503, the reasons in JSON.
std::map<std::string, HttpServer::Route> health_routes(Health& health);

struct HostPort {
    std::string host;  ///< empty: all addresses
    int port = 0;
};
Result<HostPort> parse_bind_address(std::string_view text);

}  // namespace weft::services
