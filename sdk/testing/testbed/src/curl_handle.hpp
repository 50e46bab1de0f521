#pragma once

#include <weft/testing/testbed/kube_client.hpp>

#include <memory>
#include <string>

#include <curl/curl.h>

namespace weft::testing {

template <auto close>
struct CurlClose {
    template <class T>
    void operator()(T* handle) const {
        close(handle);
    }
};
using CurlEasy = std::unique_ptr<CURL, CurlClose<curl_easy_cleanup>>;
using CurlMulti = std::unique_ptr<CURLM, CurlClose<curl_multi_cleanup>>;
using CurlList = std::unique_ptr<curl_slist, CurlClose<curl_slist_free_all>>;

/// One request, ready to be performed. Not movable: libcurl keeps pointers into it.
class CurlRequest {
  public:
    CurlRequest(const ApiEndpoint& endpoint, const std::string& method, const std::string& path,
                const std::string& body, const std::string& content_type);
    CurlRequest(const CurlRequest&) = delete;
    CurlRequest& operator=(const CurlRequest&) = delete;

    CURL* handle() const { return handle_.get(); }
    /// Called with what comes of the body; false ends the transfer.
    std::function<bool(std::string_view)> on_body;
    long status() const;
    std::string error_text(CURLcode code) const;

  private:
    void add_header(const std::string& line);
    static std::size_t write(char* data, std::size_t size, std::size_t count, void* self);
    static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);

    const ApiEndpoint endpoint_;
    std::string body_;
    CurlEasy handle_;
    CurlList headers_;
    char error_[CURL_ERROR_SIZE] = {};
};

}  // namespace weft::testing
