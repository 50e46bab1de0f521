#pragma once

#include "kube/certificates.hpp"
#include "kube/credentials.hpp"
#include "kube/heartbeat.hpp"
#include "kube/transport.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <curl/curl.h>

namespace weft::kube {

/// One exchange and its easy handle.
struct CurlExchange {
    std::uint64_t id = 0;
    Request request;
    Transport::OnDone done;
    Transport::OnData data;

    CURL* easy = nullptr;
    Heartbeat* heartbeat = nullptr;
    std::string url;
    std::string body;
    std::shared_ptr<curl_slist> headers;
    TimePoint started{};
    TimePoint last_byte{};
    std::uint64_t received = 0;
    std::uint64_t connections = 0;
    int http = 0;
    bool silenced = false;  ///< cancelled: no more callbacks
    bool oversized = false;
    std::string complaint = std::string(CURL_ERROR_SIZE, '\0');

    TimePoint expires() const { return std::min(started + request.deadline, last_byte + request.silence); }
    bool succeeded() const { return http >= 200 && http < 300; }
};

/// libcurl, held by its multi handle: settings, reuse of easy handles, credentials. All on one thread, but wake().
class CurlEnvironment {
  public:
    CurlEnvironment(const Access& access, std::string user_agent, Duration connect_timeout);
    CurlEnvironment(const CurlEnvironment&) = delete;
    CurlEnvironment& operator=(const CurlEnvironment&) = delete;
    ~CurlEnvironment();

    Result<void> add(CurlExchange& exchange, TimePoint now);
    /// The next exchange looks at the files of the credentials, however soon it comes.
    void doubt_credentials() { credentials_.doubt(); }
    void perform();
    void poll(Duration at_most);
    void wake();

    struct Ended {
        CurlExchange* exchange;
        CURLcode code;
    };
    std::optional<Ended> next_done();
    /// Takes the exchange off, and makes its answer.
    Answer finish(CurlExchange& exchange, CURLcode code);
    Answer give_up(CurlExchange& exchange, TimePoint now);
    void drop(CurlExchange& exchange);
    /// A burst opens handles that nobody needs later. Closes most of those that have been idle for a while; when it
    /// wants to be called again.
    std::optional<TimePoint> tidy(TimePoint now);
    /// Ends HTTP/2 connections whose peer is silent, also to a ping, so that what waits on them fails; when it wants to
    /// be called again.
    std::optional<TimePoint> look_after(TimePoint now);

  private:
    void leave_connections();
    void remove(CurlExchange& exchange);
    void drop_idle();
    CURL* make_easy();
    void set_tls(CURL* easy);
    void explain(Answer& answer, CURLcode code);
    std::string explain_distrust();
    void ping();
    std::shared_ptr<curl_slist> headers_for(const Request& request);

    const Access access_;
    const std::string user_agent_;
    const Duration connect_timeout_;
    Credentials credentials_;
    TrustWitness witness_;
    Heartbeat heartbeat_;
    std::string base_url_;
    std::string ca_;  ///< grows by a blank line to leave connections that don't answer: libcurl shares none across CAs
    std::shared_ptr<curl_slist> connect_to_;
    CURLM* multi_;
    long active_ = 0;  ///< exchanges added and not taken off
    std::vector<CURL*> idle_;
    TimePoint last_added_{};
    std::map<std::pair<std::string_view, std::string_view>, std::shared_ptr<curl_slist>> headers_;
};

}  // namespace weft::kube
