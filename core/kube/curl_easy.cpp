#include "kube/curl_easy.hpp"

#include <weft/base/json.hpp>

#include <stdexcept>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft::kube {

namespace {

constexpr std::size_t body_limit = 64U << 20;
constexpr std::size_t failure_limit = 64U << 10;
constexpr std::size_t idle_limit = 32;
constexpr std::size_t kept_at_rest = 2;
constexpr long spare_connections = 1;
constexpr Duration rest_after = std::chrono::seconds(1);

/// libcurl's own process-wide state, set up once.
void initialise_libcurl() {
    static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (done != CURLE_OK) throw std::runtime_error("libcurl does not start");
}

std::size_t on_write(char* bytes, std::size_t, std::size_t count, void* context) {
    auto& exchange = *static_cast<CurlExchange*>(context);
    if (exchange.silenced) return CURL_WRITEFUNC_ERROR;
    exchange.last_byte = Clock::system().now();
    exchange.received += count;
    if (exchange.http == 0) {
        long code = 0;
        curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &code);
        exchange.http = static_cast<int>(code);
    }
    const std::string_view piece(bytes, count);
    if (exchange.succeeded() && exchange.data) {
        exchange.data(piece);
        return exchange.silenced ? CURL_WRITEFUNC_ERROR : count;
    }
    const std::size_t limit = exchange.succeeded() ? body_limit : failure_limit;
    if (exchange.body.size() + count > limit) {
        if (exchange.succeeded()) {
            exchange.oversized = true;
            return CURL_WRITEFUNC_ERROR;
        }
        return count;  // enough is known about this failure
    }
    exchange.body.append(piece);
    return count;
}

/// The line that ends the head of a successful answer is told to who streams it: a quiet watch has nothing else to
/// show.
std::size_t on_header(char* bytes, std::size_t, std::size_t count, void* context) {
    auto& exchange = *static_cast<CurlExchange*>(context);
    if (exchange.silenced) return CURL_WRITEFUNC_ERROR;
    if (std::string_view(bytes, count) != "\r\n") return count;
    if (!exchange.data) return count;
    long code = 0;
    curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &code);
    if (code < 200 || code >= 300) return count;
    long version = 0;
    curl_easy_getinfo(exchange.easy, CURLINFO_HTTP_VERSION, &version);
    exchange.heartbeat->can_ping(version == CURL_HTTP_VERSION_2_0);
    exchange.http = static_cast<int>(code);
    exchange.last_byte = Clock::system().now();
    exchange.data({});
    return exchange.silenced ? CURL_WRITEFUNC_ERROR : count;
}

/// A peer that vanished is noticed within half a minute, also when it owes us an acknowledgement.
int on_socket(void* heartbeat, curl_socket_t fd, curlsocktype) {
    const unsigned milliseconds = 30'000;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds));
    static_cast<Heartbeat*>(heartbeat)->opened(fd);
    return CURL_SOCKOPT_OK;
}

int on_close(void* heartbeat, curl_socket_t fd) {
    static_cast<Heartbeat*>(heartbeat)->closed(fd);
    return ::close(fd);
}

CURLcode on_tls_context(CURL*, void* context, void* witness) {
    static_cast<TrustWitness*>(witness)->watch(static_cast<SSL_CTX*>(context));
    return CURLE_OK;
}

void set_blob(CURL* easy, CURLoption option, const std::string& text) {
    // The text outlives the handle's use of it only by copying: credentials change.
    curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
    curl_easy_setopt(easy, option, &blob);
}

std::shared_ptr<curl_slist> append(const std::shared_ptr<curl_slist>& list, const std::string& line) {
    curl_slist* head = curl_slist_append(list.get(), line.c_str());
    if (head == nullptr) throw std::bad_alloc();
    return list ? list : std::shared_ptr<curl_slist>(head, curl_slist_free_all);
}

/// "https://host:port/prefix" cut into its parts.
struct ServerParts {
    std::string scheme, host, port, rest;
};

ServerParts split_server(const std::string& server) {
    ServerParts parts;
    const auto start = server.find("://") + 3;
    parts.scheme = server.substr(0, start);
    const auto slash = std::min(server.find('/', start), server.size());
    std::string authority = server.substr(start, slash - start);
    parts.rest = server.substr(slash);
    const auto bracket = authority.rfind(']');
    const auto colon = authority.rfind(':');
    if (colon != std::string::npos && (bracket == std::string::npos || colon > bracket)) {
        parts.port = authority.substr(colon + 1);
        authority.resize(colon);
    } else {
        parts.port = parts.scheme == "https://" ? "443" : "80";
    }
    parts.host = std::move(authority);
    return parts;
}

}  // namespace

CurlEnvironment::CurlEnvironment(const Access& access, std::string user_agent, Duration connect_timeout)
    : access_(access),
      user_agent_(std::move(user_agent)),
      connect_timeout_(connect_timeout),
      credentials_(access),
      base_url_(access.server),
      ca_(access.ca) {
    initialise_libcurl();
    multi_ = curl_multi_init();
    if (multi_ == nullptr) throw std::bad_alloc();
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
    if (access_.tls() && !access_.tls_server_name.empty()) {
        // The server is asked for, and checked, by this name, and reached at the other.
        const ServerParts parts = split_server(access_.server);
        base_url_ = parts.scheme + access_.tls_server_name + ":" + parts.port + parts.rest;
        connect_to_ = append(nullptr, access_.tls_server_name + ":" + parts.port + ":" + parts.host + ":" + parts.port);
    }
}

CurlEnvironment::~CurlEnvironment() {
    drop_idle();
    curl_multi_cleanup(multi_);
}

/// Everything that is the same for all requests; reused handles keep it.
CURL* CurlEnvironment::make_easy() {
    CURL* easy = curl_easy_init();
    if (easy == nullptr) throw std::bad_alloc();
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent_.c_str());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, &heartbeat_);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, &heartbeat_);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 20L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(connect_timeout_).count();
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(milliseconds));
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, access_.proxy.c_str());  // empty: none, whatever the environment says
    curl_easy_setopt(easy, CURLOPT_NOPROXY, access_.no_proxy.c_str());
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     static_cast<long>(access_.tls() ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    if (connect_to_) curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to_.get());
    if (access_.tls()) set_tls(easy);
    return easy;
}

void CurlEnvironment::set_tls(CURL* easy) {
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!ca_.empty()) set_blob(easy, CURLOPT_CAINFO_BLOB, ca_);
    if (access_.verify) {
        curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
        curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, &witness_);
    } else {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (!credentials_.certificate().empty()) {
        set_blob(easy, CURLOPT_SSLCERT_BLOB, credentials_.certificate());
        set_blob(easy, CURLOPT_SSLKEY_BLOB, credentials_.key());
        curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");  // or it would be asked for at a terminal
    }
}

std::shared_ptr<curl_slist> CurlEnvironment::headers_for(const Request& request) {
    auto& made = headers_[{request.accept, request.content_type}];
    if (made) return made;
    made = append(nullptr, "Accept: " + std::string(request.accept));
    made = append(made, "Content-Type: " + std::string(request.content_type));
    made = append(made, "Expect:");
    if (!credentials_.token().empty()) made = append(made, "Authorization: Bearer " + credentials_.token());
    return made;
}

Result<void> CurlEnvironment::add(CurlExchange& exchange, TimePoint now) {
    if (credentials_.refresh(now)) {
        if (credentials_.ca() != ca_.substr(0, ca_.find_last_not_of('\n') + 1)) ca_ = credentials_.ca();
        headers_.clear();
        drop_idle();
    }
    last_added_ = now;
    if (idle_.empty()) {
        exchange.easy = make_easy();
    } else {
        exchange.easy = idle_.back();
        idle_.pop_back();
    }
    CURL* easy = exchange.easy;
    exchange.heartbeat = &heartbeat_;
    exchange.url = base_url_ + exchange.request.path;
    exchange.headers = headers_for(exchange.request);
    curl_easy_setopt(easy, CURLOPT_URL, exchange.url.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange.headers.get());
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &exchange);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange.complaint.data());
    if (exchange.request.method == Method::get) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, nullptr);
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(exchange.request.body.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, exchange.request.body.data());
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, to_string(exchange.request.method).data());
    }
    if (const auto code = curl_multi_add_handle(multi_, easy); code != CURLM_OK) {
        curl_easy_cleanup(std::exchange(exchange.easy, nullptr));
        return broken(std::string("libcurl: ") + curl_multi_strerror(code));
    }
    ++active_;
    return {};
}

void CurlEnvironment::perform() {
    // As many connections as exchanges, and some: those that a burst opened are closed one by one as it ends.
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, active_ + spare_connections);
    int running = 0;
    curl_multi_perform(multi_, &running);
}

void CurlEnvironment::poll(Duration at_most) {
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(at_most).count();
    curl_multi_poll(multi_, nullptr, 0, static_cast<int>(milliseconds), nullptr);
}

void CurlEnvironment::wake() {
    curl_multi_wakeup(multi_);
}

std::optional<CurlEnvironment::Ended> CurlEnvironment::next_done() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        void* context = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &context);
        return Ended{static_cast<CurlExchange*>(context), message->data.result};
    }
    return std::nullopt;
}

Answer CurlEnvironment::finish(CurlExchange& exchange, CURLcode code) {
    Answer answer;
    long http = 0;
    long connections = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &http);
    curl_easy_getinfo(exchange.easy, CURLINFO_NUM_CONNECTS, &connections);
    curl_easy_getinfo(exchange.easy, CURLINFO_RETRY_AFTER, &retry_after);
    answer.http = static_cast<int>(http);
    exchange.http = answer.http;
    exchange.connections = static_cast<std::uint64_t>(connections);
    if (retry_after > 0) answer.retry_after = std::chrono::seconds(std::min<curl_off_t>(retry_after, 3600));
    if (exchange.oversized) {
        answer.trouble = "the answer is larger than 64 MiB";
    } else if (code != CURLE_OK) {
        answer.trouble = exchange.complaint.front() != '\0' ? exchange.complaint.c_str() : curl_easy_strerror(code);
    }
    if (exchange.succeeded()) {
        answer.body = std::move(exchange.body);
    } else if (exchange.http != 0) {
        read_status(answer, exchange.body);
    }
    explain(answer, code);
    const bool reusable = code == CURLE_OK && idle_.size() < idle_limit;
    remove(exchange);
    if (reusable) {
        idle_.push_back(std::exchange(exchange.easy, nullptr));
    } else {
        curl_easy_cleanup(std::exchange(exchange.easy, nullptr));
    }
    return answer;
}

/// Says what can be done about it. A new connection will be made: by what the files say then.
void CurlEnvironment::explain(Answer& answer, CURLcode code) {
    if (code != CURLE_OK || answer.http == 401) credentials_.doubt();
    if (answer.http == 401) {
        answer.mend = credentials_.mend_unauthorized(Clock::system().wall());
    } else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        answer.mend = explain_distrust();
    } else if (code == CURLE_SSL_CERTPROBLEM) {
        answer.mend = credentials_.mend_pair();
    } else if (answer.http == 0 && code != CURLE_OK && !access_.proxy.empty()) {
        answer.mend = "check " + access_.proxy_origin + ", " + access_.proxy +
                      ", and that it reaches the API server at " + access_.server;
    }
}

/// The server's certificate was not believed.
std::string CurlEnvironment::explain_distrust() {
    const std::string server = access_.server;
    const auto refusal = witness_.take();
    if (!refusal) {
        // The chain is fine, so it is the name.
        const std::string name = access_.tls_server_name.empty() ? split_server(server).host : access_.tls_server_name;
        return "give " + server + " a certificate for the name " + name +
               ", or name the one that it has with tls-server-name in a kubeconfig";
    }
    const std::string whose = "the certificate " + json_quote(refusal->subject) + " of " + server + " was issued by " +
                              json_quote(refusal->issuer);
    if (refusal->expired) return "renew " + whose + ", or mend this host's clock: " + refusal->reason;
    return whose + ", but trusted is only " + credentials_.describe_ca() +
           ": put the server's CA there; it is read again by itself";
}

void CurlEnvironment::remove(CurlExchange& exchange) {
    curl_multi_remove_handle(multi_, exchange.easy);
    --active_;
}

void CurlEnvironment::drop_idle() {
    for (CURL* easy : std::exchange(idle_, {}))
        curl_easy_cleanup(easy);
}

std::optional<TimePoint> CurlEnvironment::tidy(TimePoint now) {
    if (idle_.size() <= kept_at_rest) return std::nullopt;
    if (now < last_added_ + rest_after) return last_added_ + rest_after;
    for (; idle_.size() > kept_at_rest; idle_.pop_back())
        curl_easy_cleanup(idle_.back());
    idle_.shrink_to_fit();
    return std::nullopt;
}

std::optional<TimePoint> CurlEnvironment::look_after(TimePoint now) {
    if (active_ == 0) return std::nullopt;
    return heartbeat_.beat(now, [this] { ping(); });
}

/// libcurl has no call for this but one of an easy handle, which must be of the multi handle and on no connection.
void CurlEnvironment::ping() {
    CURL* easy = curl_easy_init();
    if (easy == nullptr) return;
    curl_easy_setopt(easy, CURLOPT_UPKEEP_INTERVAL_MS, 1L);
    if (curl_multi_add_handle(multi_, easy) == CURLM_OK) {
        curl_easy_upkeep(easy);
        curl_multi_remove_handle(multi_, easy);
    }
    curl_easy_cleanup(easy);
}

/// An HTTP/2 connection is shared by all exchanges, and libcurl would put new ones on it even when its peer has stopped
/// answering. From now on it goes unused.
void CurlEnvironment::leave_connections() {
    if (ca_.empty()) return;
    ca_.size() > credentials_.ca().size() + 16 ? ca_.resize(credentials_.ca().size()) : ca_.push_back('\n');
    drop_idle();
}

Answer CurlEnvironment::give_up(CurlExchange& exchange, TimePoint now) {
    const bool late = now - exchange.started >= exchange.request.deadline;
    if (exchange.http == 0 || !late) leave_connections();
    Answer answer;
    answer.http = exchange.http;
    const auto limit = late ? exchange.request.deadline : exchange.request.silence;
    const auto seconds = std::chrono::duration<double>(limit).count();
    answer.trouble = (late ? "not done after " : "no byte for ") + std::to_string(seconds).substr(0, 5) + " s";
    drop(exchange);
    return answer;
}

void CurlEnvironment::drop(CurlExchange& exchange) {
    if (exchange.easy == nullptr) return;
    remove(exchange);
    curl_easy_cleanup(std::exchange(exchange.easy, nullptr));
}

}  // namespace weft::kube
