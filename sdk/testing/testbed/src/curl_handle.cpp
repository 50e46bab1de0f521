#include "curl_handle.hpp"

#include <weft/testing/testbed/namespace.hpp>

#include <sys/socket.h>

namespace weft::testing {

namespace {

constexpr long connect_timeout_ms = 5000;

}  // namespace

CurlRequest::CurlRequest(const ApiEndpoint& endpoint, const std::string& method, const std::string& path,
                         const std::string& body, const std::string& content_type)
    : endpoint_(endpoint),
      body_(body),
      handle_(curl_easy_init()) {
    CURL* curl = handle_.get();
    curl_easy_setopt(curl, CURLOPT_URL, (endpoint_.url + path).c_str());
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &CurlRequest::write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, &CurlRequest::open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, this);
    if (!endpoint_.unix_socket.empty()) curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, endpoint_.unix_socket.c_str());
    if (!endpoint_.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, endpoint_.ca_file.c_str());
    add_header("Accept: application/json");
    add_header("Expect:");
    if (!endpoint_.token.empty()) add_header("Authorization: Bearer " + endpoint_.token);
    for (const auto& header : endpoint_.headers)
        add_header(header);
    if (!body_.empty()) {
        add_header("Content-Type: " + content_type);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body_.data());
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_.get());
}

void CurlRequest::add_header(const std::string& line) {
    headers_.reset(curl_slist_append(headers_.release(), line.c_str()));
}

long CurlRequest::status() const {
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    return status;
}

std::string CurlRequest::error_text(CURLcode code) const {
    return error_[0] != '\0' ? std::string(error_) : std::string(curl_easy_strerror(code));
}

std::size_t CurlRequest::write(char* data, std::size_t size, std::size_t count, void* self) {
    const auto& request = *static_cast<CurlRequest*>(self);
    return request.on_body({data, size * count}) ? size * count : 0;
}

// A socket belongs to the namespace of the thread that made it.
curl_socket_t CurlRequest::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    const auto& request = *static_cast<CurlRequest*>(self);
    curl_socket_t made = CURL_SOCKET_BAD;
    const auto open = [&]() -> Result<void> {
        made = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
        return {};
    };
    if (request.endpoint_.netns.empty()) {
        [[maybe_unused]] const auto always = open();
    } else if (!NetworkNamespace::adopt(request.endpoint_.netns, true).inside(open)) {
        return CURL_SOCKET_BAD;
    }
    return made;
}

}  // namespace weft::testing
