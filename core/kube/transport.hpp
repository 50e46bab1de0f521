#pragma once

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace weft::kube {

enum class Method : std::uint8_t { get, post, put, patch, del };

std::string_view to_string(Method method);

/// One HTTP request to the API server. Content types are literals: they are kept by reference.
struct Request {
    Method method = Method::get;
    std::string path;  ///< with the query: "/api/v1/pods?limit=500"
    std::string body;
    std::string_view content_type = "application/json";  ///< of the body
    std::string_view accept = "application/json";
    Duration deadline = std::chrono::seconds(30);  ///< for the whole exchange
    Duration silence = std::chrono::seconds(30);   ///< ends the exchange after so long without a byte
};

/// How an exchange ended.
struct Answer {
    int http = 0;         ///< 0 when no answer came
    std::string body;     ///< of a success that was not streamed
    std::string trouble;  ///< why the answer is missing or incomplete; empty when it came whole
    std::string mend;     ///< what the reader can do, when more is known than `http` says
    std::string reason;   ///< of a Kubernetes Status: "Conflict"
    std::string message;  ///< of a Kubernetes Status, or the start of whatever came instead
    std::optional<Duration> retry_after;
    bool version_too_large = false;  ///< the server has not seen the resource version that was asked for

    bool ok() const { return http >= 200 && http < 300 && trouble.empty(); }
    /// What went wrong, for people; `what` says what was tried ("list pods").
    Error error(std::string_view what) const;
};

/// Fills reason, message, retry_after and version_too_large from the body of a failure.
void read_status(Answer& answer, std::string_view body);

/// Carries requests. All on the loop's thread.
class Transport {
  public:
    enum class Exchange : std::uint64_t { none = 0 };
    using OnDone = std::function<void(Answer)>;
    /// A piece of a successful answer's body, as it came off the wire. Before the first one, when the head of the
    /// answer has come, there may be a call with nothing.
    using OnData = std::function<void(std::string_view)>;

    /// `done` runs exactly once, later, unless the exchange is cancelled. With `data` a successful body is streamed to
    /// it.
    virtual Exchange start(Request request, OnDone done, OnData data = {}) = 0;
    /// Neither callback runs any more; may be called inside one. Unknown and finished ones are fine.
    virtual void cancel(Exchange exchange) = 0;

  protected:
    ~Transport() = default;
};

}  // namespace weft::kube
