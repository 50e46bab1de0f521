#include "curl_handle.hpp"

#include <weft/testing/testbed/kube_client.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace weft::testing {

namespace {

constexpr std::chrono::milliseconds first_pause{50};
constexpr std::chrono::milliseconds longest_pause{2000};
constexpr int longest_wait_ms = 60'000;

}  // namespace

class ObjectWatch::Loop {
  public:
    Loop(ApiEndpoint endpoint, std::string path, std::string query, Handlers handlers)
        : endpoint_(std::move(endpoint)),
          path_(std::move(path)),
          query_(std::move(query)),
          handlers_(std::move(handlers)),
          multi_(curl_multi_init()),
          thread_([this] { run(); }) {}

    ~Loop() {
        stopping_ = true;
        curl_multi_wakeup(multi_.get());
        thread_.join();
    }

  private:
    void run() {
        auto pause = first_pause;
        while (!stopping_) {
            progressed_ = false;
            auto done = version_.empty() ? list() : watch();
            if (stopping_) return;
            if (!done) {
                version_.clear();
                handlers_.failed(done.error());
            }
            if (progressed_) pause = first_pause;
            if (done && progressed_) continue;
            curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(pause.count()), nullptr);
            pause = std::min(pause * 2, longest_pause);
        }
    }

    Result<void> list() {
        std::string body;
        const auto status = perform(query_, [&](std::string_view bytes) {
            body += bytes;
            return true;
        });
        if (!status) return status.error();
        if (*status != 200) return again("list of " + path_ + ": status " + std::to_string(*status));
        auto parsed = JsonDocument::parse(body);
        if (!parsed) return parsed.error();
        version_ = parsed->root()["metadata"]["resourceVersion"].string_or("");
        if (version_.empty()) return again("list of " + path_ + " without a resourceVersion");
        progressed_ = true;
        handlers_.listed(parsed->root());
        return {};
    }

    /// Until the server ends it.
    Result<void> watch() {
        std::string pending;
        bool forgotten = false;
        const auto query = query_ + "&watch=true&allowWatchBookmarks=true&resourceVersion=" + version_;
        const auto status = perform(query, [&](std::string_view bytes) {
            pending += bytes;
            std::size_t begin = 0;
            for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n', begin)) {
                if (!take(std::string_view(pending).substr(begin, end - begin))) forgotten = true;
                begin = end + 1;
            }
            pending.erase(0, begin);
            return !forgotten;
        });
        if (forgotten || (status && *status == 410)) {
            version_.clear();
            return {};
        }
        if (!status) return status.error();
        if (*status != 200) return again("watch of " + path_ + ": status " + std::to_string(*status));
        return {};
    }

    /// False when the list must be made anew.
    bool take(std::string_view line) {
        const auto event = JsonDocument::parse(line);
        if (!event) return false;
        progressed_ = true;
        const auto type = event->root()["type"].string_or("");
        const auto object = event->root()["object"];
        if (type == "ERROR") return false;
        version_ = object["metadata"]["resourceVersion"].string_or(version_);
        if (type != "BOOKMARK") handlers_.changed(type, object);
        return true;
    }

    /// Gives the status; a transfer that is cut short by us or by `on_body` is an error.
    Result<long> perform(const std::string& query, std::function<bool(std::string_view)> on_body) {
        CurlRequest request(endpoint_, "GET", path_ + "?" + query, {}, {});
        request.on_body = std::move(on_body);
        curl_multi_add_handle(multi_.get(), request.handle());
        int running = 1;
        while (running > 0 && !stopping_) {
            curl_multi_perform(multi_.get(), &running);
            if (running > 0) curl_multi_poll(multi_.get(), nullptr, 0, longest_wait_ms, nullptr);
        }
        CURLcode code = CURLE_ABORTED_BY_CALLBACK;
        int left = 0;
        while (const auto* message = curl_multi_info_read(multi_.get(), &left)) {
            if (message->msg == CURLMSG_DONE) code = message->data.result;
        }
        const auto status = request.status();
        curl_multi_remove_handle(multi_.get(), request.handle());
        if (code != CURLE_OK) return again("GET " + endpoint_.url + path_ + ": " + request.error_text(code));
        return status;
    }

    const ApiEndpoint endpoint_;
    const std::string path_;
    const std::string query_;
    const Handlers handlers_;
    std::string version_;  ///< where to watch from; empty: list first
    bool progressed_ = false;
    std::atomic<bool> stopping_{false};
    CurlMulti multi_;
    std::thread thread_;
};

ObjectWatch::ObjectWatch(ApiEndpoint endpoint, std::string path, std::string query, Handlers handlers)
    : loop_(std::make_unique<Loop>(std::move(endpoint), std::move(path), std::move(query), std::move(handlers))) {}

ObjectWatch::~ObjectWatch() = default;

}  // namespace weft::testing
