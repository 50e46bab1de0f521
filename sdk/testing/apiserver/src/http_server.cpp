#include "http_server.hpp"

#include "anonymous.hpp"

#include <weft/base/log.hpp>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

namespace weft::apiserver {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t body_limit = std::size_t{3} << 20;
constexpr std::size_t header_limit = std::size_t{64} << 10;
constexpr std::size_t watch_write = std::size_t{256} << 10;

std::string response_head(const HttpResponse& response, bool close) {
    std::string head = "HTTP/1.1 " + std::to_string(response.code) + " " + std::string(reason_phrase(response.code)) +
                       "\r\nContent-Type: " + response.content_type +
                       "\r\nContent-Length: " + std::to_string(response.body.size()) + "\r\n";
    for (const auto& [name, value] : response.headers)
        head.append(name).append(": ").append(value).append("\r\n");
    if (close) head += "Connection: close\r\n";
    return head + "\r\n";
}

}  // namespace

/// One connection, whatever carries it. All of it runs on the server's thread.
class Session {
  public:
    Session() = default;
    virtual ~Session() = default;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    virtual void run() = 0;
    /// `truncate`: just so many bytes of the body, then the connection is closed.
    virtual void respond(HttpResponse response, std::optional<std::size_t> truncate) = 0;
    virtual void start_watch(Reply reply) = 0;
    /// Tells what is new, if this is a watch and nothing is on its way already.
    virtual void pump() = 0;
    virtual void bookmark() = 0;
    virtual void close() = 0;

    bool watching() const { return watch_ != nullptr; }
    std::string path;   ///< of the request in hand
    std::string label;  ///< how it is counted; empty: not at all

  protected:
    std::unique_ptr<Watch> watch_;
};

struct HttpServer::Impl {
    Impl(ServerOptions opts, Api& a, Faults& f, Counters& c, std::function<HttpResponse(const HttpRequest&)> ctl)
        : options(std::move(opts)),
          api(a),
          faults(f),
          counters(c),
          control(std::move(ctl)) {}

    ServerOptions options;
    Api& api;
    Faults& faults;
    Counters& counters;
    std::function<HttpResponse(const HttpRequest&)> control;

    asio::io_context io{1};
    std::optional<asio::ssl::context> tls;
    tcp::acceptor acceptor{io};
    tcp::endpoint endpoint;
    asio::steady_timer bookmark_timer{io};
    asio::steady_timer restart_timer{io};
    std::set<std::shared_ptr<Session>> sessions;
    std::vector<std::pair<std::shared_ptr<Session>, HttpRequest>> stalled;
    const Session* current = nullptr;  ///< whose order is being carried out: it gets its answer
    std::atomic<bool> awake = false;
    std::thread thread;

    Result<void> open();
    void accept();
    void dispatch(const std::shared_ptr<Session>& session, HttpRequest request);
    void perform(const std::shared_ptr<Session>& session, const HttpRequest& request,
                 const std::optional<Fault>& fault);
    std::optional<HttpResponse> refuse(const HttpRequest& request, const RequestInfo& info) const;
    void finished(const std::shared_ptr<Session>& session);
    void pump_all();
    void close_all(const std::function<bool(const Session&)>& chosen);
    void close_acceptor();
    void tick_bookmarks();
    void after(std::chrono::milliseconds delay, std::function<void()> call);

    /// Runs on the server's thread and waits for it; directly when that thread has ended.
    template <class Call>
    void on_thread(Call call) {
        if (!thread.joinable() || thread.get_id() == std::this_thread::get_id()) return call();
        std::promise<void> done;
        asio::post(io, [&] {
            call();
            done.set_value();
        });
        done.get_future().wait();
    }
};

namespace {

template <class Stream>
class StreamSession final : public Session, public std::enable_shared_from_this<StreamSession<Stream>> {
  public:
    StreamSession(HttpServer::Impl& server, Stream stream)
        : server_(server),
          stream_(std::move(stream)),
          timer_(server.io) {}

    void run() override {
        error_code ignored;
        beast::get_lowest_layer(stream_).set_option(tcp::no_delay(true), ignored);
        if constexpr (secure) {
            stream_.async_handshake(asio::ssl::stream_base::server, [self = self()](error_code error) {
                if (error) return self->close();
                self->certified_ = SSL_get0_verified_chain(self->stream_.native_handle()) != nullptr;
                self->read_head();
            });
        } else {
            read_head();
        }
    }

    void respond(HttpResponse response, std::optional<std::size_t> truncate) override {
        if (closed_) return;
        bool close = truncate || !keep_alive_;
        head_ = response_head(response, close);
        body_ = std::move(response.body);
        // An answer that comes before the whole request was read must not be lost in a reset.
        bool linger = close && !truncate;
        RequestCount count;
        count.refused = response.code >= 400;
        if (truncate) body_.resize(std::min(*truncate, body_.size()));
        count.bytes_out = head_.size() + body_.size();
        if (!label.empty()) server_.counters.count(label, count);
        std::array<asio::const_buffer, 2> parts{asio::buffer(head_), asio::buffer(body_)};
        asio::async_write(stream_, parts, [self = self(), close, linger](error_code error, std::size_t) {
            if (!error && linger) return self->linger();
            if (error || close) return self->close();
            self->body_ = {};
            self->read_head();
        });
    }

    void start_watch(Reply reply) override {
        if (closed_) return;
        watch_ = std::move(reply.watch);
        server_.counters.watches(1);
        head_ =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
            "Connection: close\r\n\r\n";
        if (reply.watch_for) {
            timer_.expires_after(*reply.watch_for);
            timer_.async_wait([self = self()](error_code error) {
                if (error || !self->watch_) return;
                self->watch_->finish();
                self->pump();
            });
        }
        notice_end();
        pump();
    }

    void pump() override {
        if (closed_ || !watch_ || writing_) return;
        bool silent = server_.faults.stalls_watch(path);
        auto state = Watch::State::waiting;
        body_.clear();
        if (!silent) {
            watch_->set_duplicating(server_.faults.duplicates_watch(path));
            state = watch_->fill(body_, watch_write);
        }
        std::string frame = std::move(head_);
        head_.clear();
        if (!body_.empty()) {
            std::array<char, 24> size{};
            std::snprintf(size.data(), size.size(), "%zx\r\n", body_.size());
            frame += size.data();
            frame += body_;
            frame += "\r\n";
        }
        if (state == Watch::State::ended) frame += "0\r\n\r\n";
        if (frame.empty()) return;
        body_ = std::move(frame);
        RequestCount count;
        count.bytes_out = body_.size();
        server_.counters.count(label, count);
        writing_ = true;
        asio::async_write(stream_, asio::buffer(body_), [self = self(), state](error_code error, std::size_t) {
            self->writing_ = false;
            if (error || state == Watch::State::ended) return self->close();
            self->pump();
        });
    }

    void bookmark() override {
        if (!watch_) return;
        watch_->want_bookmark();
        pump();
    }

    void close() override {
        if (closed_) return;
        closed_ = true;
        if (watch_) server_.counters.watches(-1);
        watch_.reset();
        timer_.cancel();
        error_code ignored;
        auto& socket = beast::get_lowest_layer(stream_);
        socket.shutdown(tcp::socket::shutdown_both, ignored);
        socket.close(ignored);
        server_.finished(self());
    }

  private:
    static constexpr bool secure = !std::is_same_v<Stream, tcp::socket>;

    std::shared_ptr<StreamSession> self() { return this->shared_from_this(); }

    void read_head() {
        parser_.emplace();
        parser_->header_limit(header_limit);
        parser_->body_limit(body_limit);
        http::async_read_header(stream_, buffer_, *parser_, [self = self()](error_code error, std::size_t) {
            if (error) return self->refuse(error);
            if (beast::iequals(self->parser_->get()[http::field::expect], "100-continue")) return self->go_on();
            self->read_body();
        });
    }

    /// The client waits to be asked for the body.
    void go_on() {
        head_ = "HTTP/1.1 100 Continue\r\n\r\n";
        asio::async_write(stream_, asio::buffer(head_), [self = self()](error_code error, std::size_t) {
            if (error) return self->close();
            self->read_body();
        });
    }

    void read_body() {
        http::async_read(stream_, buffer_, *parser_, [self = self()](error_code error, std::size_t) {
            if (error) return self->refuse(error);
            self->take();
        });
    }

    void refuse(error_code error) {
        bool too_big = error == http::error::body_limit;
        if (error.category() != http::make_error_code(http::error::bad_method).category() ||
            error == http::error::end_of_stream || error == http::error::partial_message) {
            return close();
        }
        keep_alive_ = false;
        label = "bad request";
        auto problem = too_big ? too_large() : bad_request("the request is no HTTP: " + error.message());
        HttpResponse response;
        response.code = problem.code;
        response.body = problem.status().dump() + "\n";
        respond(std::move(response), {});
    }

    void take() {
        auto message = parser_->release();
        keep_alive_ = message.keep_alive();
        auto text = [](beast::string_view view) { return std::string(view.data(), view.size()); };
        HttpRequest request;
        request.method = text(message.method_string());
        request.target = text(message.target());
        request.accept = text(message[http::field::accept]);
        request.content_type = text(message[http::field::content_type]);
        request.authorization = text(message[http::field::authorization]);
        request.user_agent = text(message[http::field::user_agent]);
        request.certified = certified_;
        request.body = std::move(message.body());
        server_.dispatch(self(), std::move(request));
    }

    /// While watching, a client has nothing to say: reading is how its end is noticed.
    void notice_end() {
        stream_.async_read_some(asio::buffer(trash_), [self = self()](error_code error, std::size_t) {
            if (error) return self->close();
            self->notice_end();
        });
    }

    /// No more to say: waits a moment for the client to close first.
    void linger() {
        error_code ignored;
        beast::get_lowest_layer(stream_).shutdown(tcp::socket::shutdown_send, ignored);
        timer_.expires_after(std::chrono::milliseconds(500));
        timer_.async_wait([self = self()](error_code error) {
            if (!error) self->close();
        });
        notice_end();
    }

    HttpServer::Impl& server_;
    Stream stream_;
    asio::steady_timer timer_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::string head_;
    std::string body_;
    std::array<char, 256> trash_{};
    bool keep_alive_ = true;
    bool certified_ = false;
    bool writing_ = false;
    bool closed_ = false;
};

}  // namespace

// --- the server ------------------------------------------------------------------------------------------------------

Result<void> HttpServer::Impl::open() {
    error_code error;
    auto address = asio::ip::make_address(options.address, error);
    if (error) return invalid("\"" + options.address + "\" is no address to listen on");
    if (endpoint.port() == 0) endpoint = tcp::endpoint(address, options.port);
    auto failed = [&] {
        error_code ignored;
        acceptor.close(ignored);
        return again("can't listen on " + options.address + " port " + std::to_string(endpoint.port()) + ": " +
                     error.message());
    };
    acceptor.open(endpoint.protocol(), error);
    if (error) return failed();
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (endpoint.protocol() == tcp::v6()) acceptor.set_option(asio::ip::v6_only(false), error);
    acceptor.bind(endpoint, error);
    if (error) return failed();
    acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return failed();
    endpoint = acceptor.local_endpoint(error);
    accept();
    return {};
}

void HttpServer::Impl::accept() {
    acceptor.async_accept([this](error_code error, tcp::socket socket) {
        if (!acceptor.is_open()) return;
        if (error) {
            // Out of file descriptors, most likely: wait for some to come back.
            after(std::chrono::milliseconds(20), [this] {
                if (acceptor.is_open()) accept();
            });
            return;
        }
        std::shared_ptr<Session> session;
        if (tls) {
            using Secure = asio::ssl::stream<tcp::socket>;
            session = std::make_shared<StreamSession<Secure>>(*this, Secure(std::move(socket), *tls));
        } else {
            session = std::make_shared<StreamSession<tcp::socket>>(*this, std::move(socket));
        }
        sessions.insert(session);
        counters.connections(1);
        session->run();
        accept();
    });
}

void HttpServer::Impl::finished(const std::shared_ptr<Session>& session) {
    if (sessions.erase(session) > 0) counters.connections(-1);
    if (std::erase_if(stalled, [&](const auto& entry) { return entry.first == session; }) > 0) {
        counters.stalled(stalled.size());
    }
}

void HttpServer::Impl::after(std::chrono::milliseconds delay, std::function<void()> call) {
    auto timer = std::make_shared<asio::steady_timer>(io, delay);
    timer->async_wait([timer, call = std::move(call)](error_code error) {
        if (!error) call();
    });
}

std::optional<HttpResponse> HttpServer::Impl::refuse(const HttpRequest& request, const RequestInfo& info) const {
    if (options.token.empty() || request.certified || request.authorization == "Bearer " + options.token) return {};
    const bool anonymous = request.authorization.empty();
    if (anonymous && open_to_anybody(info)) return {};
    auto problem = anonymous ? forbidden_to_anonymous(request.method, info) : unauthorized();
    return HttpResponse{problem.code, dump(problem.status()) + "\n", "application/json", {}};
}

void HttpServer::Impl::dispatch(const std::shared_ptr<Session>& session, HttpRequest request) {
    auto info = parse_target(request.target);
    session->path = info.path;
    session->label = request_label(request.method, info);
    if (info.path == "/_faults" || info.path == "/_stats") {
        session->label.clear();
        current = session.get();
        auto answer = control(request);
        current = nullptr;
        return session->respond(std::move(answer), {});
    }
    auto fault = faults.take(request.method, info.path, is_watch(request.method, info));
    if (fault && fault->kind == Fault::Kind::stall) {
        stalled.emplace_back(session, std::move(request));
        counters.stalled(stalled.size());
        return;
    }
    RequestCount count;
    count.requests = 1;
    count.bytes_in = request.target.size() + request.body.size();
    counters.count(session->label, count);
    if (fault && fault->kind == Fault::Kind::drop) return session->close();
    if (fault && fault->kind == Fault::Kind::delay) {
        after(fault->delay, [this, session, request = std::move(request)] { perform(session, request, {}); });
        return;
    }
    perform(session, request, fault);
}

void HttpServer::Impl::perform(const std::shared_ptr<Session>& session, const HttpRequest& request,
                               const std::optional<Fault>& fault) {
    if (auto refused = refuse(request, parse_target(request.target))) return session->respond(std::move(*refused), {});
    auto is = [&](Fault::Kind kind) { return fault && fault->kind == kind; };
    if (is(Fault::Kind::error)) {
        ApiError problem{fault->code,
                         fault->code == 429   ? "TooManyRequests"
                         : fault->code == 503 ? "ServiceUnavailable"
                                              : "InternalError",
                         "a fault was asked for",
                         {},
                         {},
                         fault->retry_after};
        HttpResponse response{problem.code, problem.status().dump() + "\n", "application/json", {}};
        if (fault->retry_after > 0) response.headers.emplace_back("Retry-After", std::to_string(fault->retry_after));
        return session->respond(std::move(response), {});
    }
    auto reply = api.handle(request);
    if (reply.changed) counters.count(session->label, {.changed = 1});
    if (log_enabled(LogLevel::debug, "apiserver")) {
        log(LogLevel::debug, "apiserver", session->label,
            {{"method", request.method}, {"target", request.target}, {"code", std::to_string(reply.response.code)}});
    }
    if (is(Fault::Kind::lose_answer)) return session->close();
    if (reply.watch) {
        if (is(Fault::Kind::expire)) reply.watch->expire();
        return session->start_watch(std::move(reply));
    }
    session->respond(std::move(reply.response), is(Fault::Kind::truncate) ? std::optional(fault->bytes) : std::nullopt);
}

void HttpServer::Impl::pump_all() {
    awake = false;
    // A session that closes leaves the set.
    auto now = std::vector(sessions.begin(), sessions.end());
    for (const auto& session : now)
        session->pump();
}

void HttpServer::Impl::close_all(const std::function<bool(const Session&)>& chosen) {
    auto now = std::vector(sessions.begin(), sessions.end());
    for (const auto& session : now) {
        if (session.get() != current && chosen(*session)) session->close();
    }
}

void HttpServer::Impl::close_acceptor() {
    error_code ignored;
    acceptor.close(ignored);
    close_all([](const Session&) { return true; });
}

void HttpServer::Impl::tick_bookmarks() {
    bookmark_timer.expires_after(options.bookmark_every);
    bookmark_timer.async_wait([this](error_code error) {
        if (error) return;
        for (const auto& session : std::vector(sessions.begin(), sessions.end()))
            session->bookmark();
        tick_bookmarks();
    });
}

HttpServer::HttpServer(ServerOptions options, Api& api, Faults& faults, Counters& counters,
                       std::function<HttpResponse(const HttpRequest&)> control)
    : impl_(std::make_unique<Impl>(std::move(options), api, faults, counters, std::move(control))) {}

HttpServer::~HttpServer() {
    if (!impl_->thread.joinable()) return;
    impl_->on_thread([this] { impl_->close_acceptor(); });
    impl_->io.stop();
    impl_->thread.join();
}

Result<void> HttpServer::start() {
    auto& o = impl_->options;
    if (!o.certificate_pem.empty()) {
        try {
            auto& tls = impl_->tls.emplace(asio::ssl::context::tls_server);
            tls.use_certificate_chain(asio::buffer(o.certificate_pem));
            tls.use_private_key(asio::buffer(o.key_pem), asio::ssl::context::pem);
            if (!o.client_ca_pem.empty()) {
                tls.add_certificate_authority(asio::buffer(o.client_ca_pem));
                tls.set_verify_mode(asio::ssl::verify_peer);
            }
        } catch (const boost::system::system_error& error) {
            return invalid(std::string("the TLS certificate, key or client authority can't be used: ") + error.what());
        }
    }
    if (auto opened = impl_->open(); !opened) return opened;
    impl_->tick_bookmarks();
    impl_->thread = std::thread([this] { impl_->io.run(); });
    return {};
}

std::uint16_t HttpServer::port() const {
    return impl_->endpoint.port();
}

void HttpServer::set_token(std::string token) {
    impl_->on_thread([&] { impl_->options.token = std::move(token); });
}

void HttpServer::wake() {
    if (impl_->awake.exchange(true)) return;
    asio::post(impl_->io, [this] { impl_->pump_all(); });
}

void HttpServer::faults_changed() {
    asio::post(impl_->io, [this] {
        auto held = std::move(impl_->stalled);
        impl_->stalled.clear();
        impl_->counters.stalled(0);
        for (auto& [session, request] : held)
            impl_->dispatch(session, std::move(request));
        impl_->pump_all();
    });
}

void HttpServer::drop_watches(std::string path) {
    impl_->on_thread(
        [&] { impl_->close_all([&](const Session& s) { return s.watching() && s.path.starts_with(path); }); });
}

void HttpServer::drop_connections() {
    impl_->on_thread([&] { impl_->close_all([](const Session&) { return true; }); });
}

void HttpServer::send_bookmarks() {
    impl_->on_thread([&] {
        for (const auto& session : std::vector(impl_->sessions.begin(), impl_->sessions.end()))
            session->bookmark();
    });
}

void HttpServer::close() {
    impl_->on_thread([&] { impl_->close_acceptor(); });
}

Result<void> HttpServer::listen() {
    Result<void> result;
    impl_->on_thread([&] {
        if (!impl_->acceptor.is_open()) result = impl_->open();
    });
    return result;
}

void HttpServer::restart(std::chrono::milliseconds down) {
    impl_->on_thread([&] {
        impl_->close_acceptor();
        impl_->restart_timer.expires_after(down);
        impl_->restart_timer.async_wait([this](error_code error) {
            if (error || impl_->acceptor.is_open()) return;
            if (auto opened = impl_->open(); !opened)
                log(LogLevel::error, "apiserver", "not listening", opened.error());
        });
    });
}

}  // namespace weft::apiserver
