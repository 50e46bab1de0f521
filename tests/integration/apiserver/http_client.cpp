#include "http_client.hpp"

#include <memory>

#include <curl/curl.h>

namespace weft::testing {

namespace {

constexpr std::chrono::seconds patience(60);

struct CurlFree {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, CurlFree>;
using Headers = std::unique_ptr<curl_slist, CurlFree>;

void initialise() {
    static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)once;
}

Headers prepare(CURL* curl, const std::string& url, const HttpOptions& options) {
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (!options.ca_pem.empty()) {
        curl_blob blob{const_cast<char*>(options.ca_pem.data()), options.ca_pem.size(), CURL_BLOB_COPY};
        curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
    }
    Headers headers(curl_slist_append(nullptr, ("Content-Type: " + options.content_type).c_str()));
    auto add = [&](const std::string& header) { headers.reset(curl_slist_append(headers.release(), header.c_str())); };
    if (!options.token.empty()) add("Authorization: Bearer " + options.token);
    for (const auto& header : options.headers)
        add(header);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    return headers;
}

std::size_t append(char* data, std::size_t size, std::size_t count, void* to) {
    static_cast<std::string*>(to)->append(data, size * count);
    return size * count;
}

}  // namespace

HttpAnswer http(const std::string& method, const std::string& url, const HttpOptions& options) {
    initialise();
    HttpAnswer answer;
    Easy curl(curl_easy_init());
    auto headers = prepare(curl.get(), url, options);
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, static_cast<long>(patience.count()));
    if (!options.body.empty()) {
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, options.body.data());
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(options.body.size()));
    }
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, append);
    curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &answer.headers);
    if (auto code = curl_easy_perform(curl.get()); code != CURLE_OK) answer.error = curl_easy_strerror(code);
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.code);
    return answer;
}

HttpStream::HttpStream(const std::string& url, const HttpOptions& options) : multi_((initialise(), curl_multi_init())) {
    thread_ = std::thread([this, url, options] { run(url, options); });
}

HttpStream::~HttpStream() {
    {
        std::lock_guard guard(mutex_);
        stopping_ = true;
    }
    curl_multi_wakeup(multi_);
    thread_.join();
    curl_multi_cleanup(multi_);
}

std::size_t HttpStream::take(char* data, std::size_t size, std::size_t count, void* to) {
    auto& self = *static_cast<HttpStream*>(to);
    std::lock_guard guard(self.mutex_);
    self.partial_.append(data, size * count);
    for (std::size_t end = 0; (end = self.partial_.find('\n')) != std::string::npos;) {
        self.lines_.push_back(self.partial_.substr(0, end));
        self.partial_.erase(0, end + 1);
    }
    self.changed_.notify_all();
    return size * count;
}

void HttpStream::run(std::string url, HttpOptions options) {
    Easy curl(curl_easy_init());
    auto headers = prepare(curl.get(), url, options);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &HttpStream::take);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, this);
    curl_multi_add_handle(multi_, curl.get());
    int running = 1;
    while (running > 0) {
        curl_multi_perform(multi_, &running);
        if (running > 0) curl_multi_poll(multi_, nullptr, 0, 60'000, nullptr);
        std::lock_guard guard(mutex_);
        if (stopping_) break;
    }
    int left = 0;
    const CURLMsg* message = curl_multi_info_read(multi_, &left);
    {
        std::lock_guard guard(mutex_);
        if (message && message->data.result != CURLE_OK) error_ = curl_easy_strerror(message->data.result);
        ended_ = true;
        changed_.notify_all();
    }
    curl_multi_remove_handle(multi_, curl.get());
}

bool HttpStream::wait(const std::function<bool(const std::vector<std::string>&)>& holds) {
    std::unique_lock guard(mutex_);
    return changed_.wait_for(guard, patience, [&] { return holds(lines_); });
}

bool HttpStream::wait_lines(std::size_t count) {
    return wait([&](const auto& lines) { return lines.size() >= count; });
}

bool HttpStream::wait_end() {
    return ended_after(patience);
}

bool HttpStream::ended_after(std::chrono::milliseconds pause) {
    std::unique_lock guard(mutex_);
    return changed_.wait_for(guard, pause, [&] { return ended_; });
}

std::vector<std::string> HttpStream::lines() const {
    std::lock_guard guard(mutex_);
    return lines_;
}

std::string HttpStream::error() const {
    std::lock_guard guard(mutex_);
    return error_;
}

std::string event_name(const std::string& line) {
    auto document = JsonDocument::parse(line);
    if (!document) return line;
    auto root = document->root();
    std::string name(root["object"]["metadata"]["name"].string_or(""));
    return std::string(root["type"].string_or("")) + (name.empty() ? "" : " ") + name;
}

}  // namespace weft::testing
