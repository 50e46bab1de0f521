#pragma once

#include <weft/testing/api_server.hpp>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weft::testing {

struct HttpAnswer {
    long code = 0;  ///< 0: no answer
    std::string body;
    std::string headers;
    std::string error;  ///< libcurl's words
};

struct HttpOptions {
    std::string body;
    std::string content_type = "application/json";
    std::string token;
    std::string ca_pem;
    std::vector<std::string> headers;
};

/// One request over a connection of its own.
HttpAnswer http(const std::string& method, const std::string& url, const HttpOptions& options = {});

/// A response that is read as it comes, line by line, on a thread of its own.
class HttpStream {
  public:
    explicit HttpStream(const std::string& url, const HttpOptions& options = {});
    ~HttpStream();
    HttpStream(const HttpStream&) = delete;
    HttpStream& operator=(const HttpStream&) = delete;

    /// False when it does not come true in a generous time.
    bool wait(const std::function<bool(const std::vector<std::string>&)>& holds);
    bool wait_lines(std::size_t count);
    bool wait_end();
    /// True once it has ended; waits `pause` at most, for those who have something to do until then.
    bool ended_after(std::chrono::milliseconds pause);
    std::vector<std::string> lines() const;
    /// How it ended; empty for a proper end.
    std::string error() const;

  private:
    void run(std::string url, HttpOptions options);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> lines_;
    std::string partial_;
    std::string error_;
    bool ended_ = false;
    bool stopping_ = false;
    void* multi_;
    std::thread thread_;
    static std::size_t take(char* data, std::size_t size, std::size_t count, void* self);
};

/// type and name of a watch's line: "ADDED p1".
std::string event_name(const std::string& line);

}  // namespace weft::testing
