#include "services/http_server.hpp"

#include "services/worker_queue.hpp"

#include <weft/base/ip.hpp>
#include <weft/base/json.hpp>
#include <weft/base/log.hpp>

#include <charconv>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <httplib.h>
#include <openssl/ssl.h>

namespace weft::services {

namespace {

constexpr std::size_t most_threads = 32;
constexpr Duration default_budget = std::chrono::seconds(8);

/// Only one weftd may have the port: no SO_REUSEPORT.
void socket_options(int fd) {
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const int off = 0;
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
}

int tls_version(std::string_view name) {
    if (name == "VersionTLS10") return TLS1_VERSION;
    if (name == "VersionTLS11") return TLS1_1_VERSION;
    if (name == "VersionTLS13") return TLS1_3_VERSION;
    return TLS1_2_VERSION;
}

/// IANA names of TLS 1.2 suites go by another name in OpenSSL; those of TLS 1.3 are the same.
struct CipherNames {
    std::string tls12, tls13;
};
Result<CipherNames> cipher_names(const std::vector<std::string>& iana) {
    CipherNames names;
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), SSL_free);
    const auto* all = SSL_get_ciphers(ssl.get());
    for (const auto& wanted : iana) {
        const SSL_CIPHER* found = nullptr;
        for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
            const auto* cipher = sk_SSL_CIPHER_value(all, i);
            const char* standard = SSL_CIPHER_standard_name(cipher);
            if (standard && wanted == standard) found = cipher;
        }
        if (!found)
            return invalid("unknown cipher suite " + json_quote(wanted) + " in tls-cipher-suites", "use IANA names");
        const bool tls13 = std::string_view(SSL_CIPHER_get_version(found)) == "TLSv1.3";
        auto& list = tls13 ? names.tls13 : names.tls12;
        list += (list.empty() ? "" : ":") + std::string(SSL_CIPHER_get_name(found));
    }
    return names;
}

/// Gives a handshake the pair as it is on disk now.
int use_current_pair(SSL* ssl, void* context) {
    const auto& tls = *static_cast<const TlsOptions*>(context);
    const bool good = SSL_use_certificate_chain_file(ssl, tls.certificate.c_str()) == 1 &&
                      SSL_use_PrivateKey_file(ssl, tls.private_key.c_str(), SSL_FILETYPE_PEM) == 1;
    return good ? 1 : 0;
}

bool set_up_tls(SSL_CTX& context, const TlsOptions& tls, const CipherNames& ciphers) {
    SSL_CTX_set_min_proto_version(&context, tls_version(tls.min_version));
    SSL_CTX_set_cert_cb(&context, use_current_pair, const_cast<TlsOptions*>(&tls));
    const bool tls12 = ciphers.tls12.empty() || SSL_CTX_set_cipher_list(&context, ciphers.tls12.c_str()) == 1;
    const bool tls13 = ciphers.tls13.empty() || SSL_CTX_set_ciphersuites(&context, ciphers.tls13.c_str()) == 1;
    return tls12 && tls13;
}

Duration budget_of(const httplib::Request& request) {
    const auto text = request.get_header_value("X-Prometheus-Scrape-Timeout-Seconds");
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (text.empty() || error != std::errc{} || !(seconds > 0) || seconds > 3600) return default_budget;
    const auto budget = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds - 0.5));
    return std::max<Duration>(budget, std::chrono::milliseconds(100));
}

}  // namespace

Result<HostPort> parse_bind_address(std::string_view text) {
    const auto fail = [&] {
        return invalid(json_quote(text) + " is no address to listen on", "write address:port, [address]:port or :port");
    };
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return fail();
    HostPort to{std::string(text.substr(0, colon)), 0};
    const auto digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), to.port);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || to.port < 0 ||
        to.port > 65535) {
        return fail();
    }
    if (to.host.empty()) return to;
    const bool bracketed = to.host.front() == '[' && to.host.back() == ']';
    if (bracketed) to.host = to.host.substr(1, to.host.size() - 2);
    const auto ip = Ip::parse(to.host);
    if (bracketed ? !ip || ip->is_v4() : to.host.find(':') != std::string::npos) return fail();
    return to;
}

class HttpServer::Impl {
  public:
    Impl(HttpOptions options, HostPort address, CipherNames ciphers, std::map<std::string, Route> routes)
        : options_(std::move(options)),
          address_(std::move(address)),
          ciphers_(std::move(ciphers)),
          routes_(std::move(routes)) {
        if (options_.tls) {
            server_ = std::make_unique<httplib::SSLServer>(
                [this](SSL_CTX& context) { return set_up_tls(context, *options_.tls, ciphers_); });
        } else {
            server_ = std::make_unique<httplib::Server>();
        }
        server_->new_task_queue = [] { return new WorkerQueue(most_threads); };
        server_->set_socket_options(socket_options);
        // One request a connection: an idle peer holds no thread.
        server_->set_keep_alive_max_count(1);
        server_->set_read_timeout(5);
        server_->set_write_timeout(5);
        server_->set_payload_max_length(4096);
        // Paths are compared as they are; no patterns, so nothing a peer sends is matched against one.
        server_->set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
            serve(request, response);
            return httplib::Server::HandlerResponse::Handled;
        });
    }

    ~Impl() { stop(); }

    void start() {
        thread_ = std::thread([this] {
            run();
            const std::scoped_lock lock(mutex_);
            finished_ = true;
            changed_.notify_all();
        });
    }

    void stop() {
        if (!thread_.joinable()) return;
        std::unique_lock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
        // The library forgets a stop that comes between its bind and its listen, so it is told until the thread is
        // through.
        do {
            lock.unlock();
            server_->stop();
            lock.lock();
        } while (!changed_.wait_for(lock, std::chrono::milliseconds(20), [&] { return finished_; }));
        lock.unlock();
        thread_.join();
    }

    int port() const {
        const std::scoped_lock lock(mutex_);
        return port_;
    }
    std::string trouble() const {
        const std::scoped_lock lock(mutex_);
        return trouble_;
    }

  private:
    void serve(const httplib::Request& request, httplib::Response& response);
    void run();
    /// The port, or why it can't be had.
    Result<int> bind();
    bool wait_to_retry();

    HttpOptions options_;
    HostPort address_;
    CipherNames ciphers_;
    std::map<std::string, Route> routes_;
    std::unique_ptr<httplib::Server> server_;
    std::thread thread_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    bool finished_ = false;
    int port_ = 0;
    std::string trouble_;
};

void HttpServer::Impl::serve(const httplib::Request& request, httplib::Response& response) {
    const auto route = routes_.find(request.path);
    if (route == routes_.end()) {
        response.status = 404;
        response.set_content("not found\n", "text/plain");
        return;
    }
    if (request.method != "GET" && request.method != "HEAD") {
        response.status = 405;
        response.set_header("Allow", "GET, HEAD");
        response.set_content("only GET\n", "text/plain");
        return;
    }
    try {
        auto answer = route->second(budget_of(request));
        response.status = answer.status;
        response.set_content(answer.body, answer.type);
    } catch (const std::exception& e) {
        log(LogLevel::error, "http", "a page can't be made", {{"path", request.path}, {"error", e.what()}});
        response.status = 500;
        response.set_content("see weftd's log\n", "text/plain");
    }
}

Result<int> HttpServer::Impl::bind() {
    if (!server_->is_valid()) return invalid("the TLS settings are refused by OpenSSL");
    if (options_.tls) {
        for (const auto& file : {options_.tls->certificate, options_.tls->private_key}) {
            if (::access(file.c_str(), R_OK) != 0) return again("can't read " + file + ": " + std::strerror(errno));
        }
    }
    // All addresses: one socket for both families, or IPv4 alone where the kernel has no IPv6.
    const std::vector<std::string> hosts =
        address_.host.empty() ? std::vector<std::string>{"::", "0.0.0.0"} : std::vector<std::string>{address_.host};
    for (const auto& host : hosts) {
        errno = 0;
        if (address_.port == 0) {
            const int port = server_->bind_to_any_port(host);
            if (port > 0) return port;
        } else if (server_->bind_to_port(host, address_.port)) {
            return address_.port;
        }
    }
    return again("can't listen on " + options_.address + (errno != 0 ? ": " + std::string(std::strerror(errno)) : ""));
}

bool HttpServer::Impl::wait_to_retry() {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, options_.retry, [&] { return stopping_; });
}

void HttpServer::Impl::run() {
    while (true) {
        auto bound = bind();
        if (bound) {
            {
                const std::scoped_lock lock(mutex_);
                if (stopping_) return;
                port_ = *bound;
                trouble_.clear();
            }
            log(LogLevel::info, "http", "listening", {{"address", options_.address}, {"port", std::to_string(*bound)}});
            server_->listen_after_bind();
            const std::scoped_lock lock(mutex_);
            port_ = 0;
            if (stopping_) return;
            trouble_ = "stopped listening";
        } else {
            log(LogLevel::warn, "http", "metrics and health can't be served yet", bound.error());
            const std::scoped_lock lock(mutex_);
            trouble_ = bound.error().text();
        }
        if (!wait_to_retry()) return;
    }
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::make(HttpOptions options, std::map<std::string, Route> routes) {
    auto address = parse_bind_address(options.address);
    if (!address) return std::move(address).error();
    CipherNames ciphers;
    if (options.tls) {
        auto names = cipher_names(options.tls->cipher_suites);
        if (!names) return std::move(names).error();
        ciphers = std::move(*names);
    }
    return std::unique_ptr<HttpServer>(new HttpServer(
        std::make_unique<Impl>(std::move(options), std::move(*address), std::move(ciphers), std::move(routes))));
}

void HttpServer::start() {
    impl_->start();
}
void HttpServer::stop() {
    impl_->stop();
}
int HttpServer::port() const {
    return impl_->port();
}
std::string HttpServer::trouble() const {
    return impl_->trouble();
}

HttpServer::Route metrics_route(const Metrics& metrics, std::function<void(Duration budget)> refresh) {
    return [&metrics, refresh = std::move(refresh)](Duration budget) {
        if (refresh) refresh(budget);
        return HttpAnswer{200, "text/plain; version=0.0.4; charset=utf-8", metrics.text()};
    };
}

std::map<std::string, HttpServer::Route> health_routes(Health& health) {
    const auto route = [&health](Health::Answer (Health::*ask)()) {
        return [&health, ask](Duration) {
            auto answer = (health.*ask)();
            return HttpAnswer{answer.good ? 200 : 503, "application/json", std::move(answer.json)};
        };
    };
    return {{"/healthz", route(&Health::health)}, {"/livez", route(&Health::live)}, {"/readyz", route(&Health::ready)}};
}

}  // namespace weft::services
