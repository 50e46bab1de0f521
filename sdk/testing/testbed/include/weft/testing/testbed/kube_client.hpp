#pragma once

#include <weft/base/json.hpp>
#include <weft/base/result.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weft::testing {

struct ApiEndpoint {
    std::string url;         ///< "http://172.18.0.1:8080"
    std::string token = {};  ///< bearer token
    std::string ca_file = {};
    std::string unix_socket = {};  ///< connections are made to this; the URL's host and port are only spoken of
    std::string netns = {};        ///< where connections are made from; empty: the caller's namespace
    std::vector<std::string> headers = {};  ///< of every request: "Impersonate-User: system:node:n1"
};

/// The little of the Kubernetes API that tests and the pod runner need. Every call is a request of its own; any thread.
/// It shares no code with weft's own client, so that it can't share its mistakes.
class KubeClient {
  public:
    struct Reply {
        long status = 0;
        std::string body;
        bool ok() const { return status >= 200 && status < 300; }
    };

    explicit KubeClient(ApiEndpoint endpoint) : endpoint_(std::move(endpoint)) {}

    const ApiEndpoint& endpoint() const { return endpoint_; }
    /// An error only when there was no answer.
    Result<Reply> send(const std::string& method, const std::string& path, const std::string& body = {},
                       const std::string& content_type = "application/json") const;

    /// These give the object that the server answers with; a status other than 2xx is an error with its message.
    Result<JsonDocument> get(const std::string& path) const;
    Result<JsonDocument> create(const std::string& collection, const std::string& object) const;
    Result<JsonDocument> merge_patch(const std::string& path, const std::string& patch) const;
    Result<JsonDocument> strategic_patch(const std::string& path, const std::string& patch) const;
    /// No error when it isn't there.
    Result<void> remove(const std::string& path, const std::string& options = {}) const;

  private:
    Result<JsonDocument> call(const std::string& method, const std::string& path, const std::string& body,
                              const std::string& content_type) const;

    ApiEndpoint endpoint_;
};

/// Keeps a picture of one collection: lists, watches from there, lists again when the server has forgotten the place.
/// Handlers run on the watch's own thread; the destructor ends it at once.
class ObjectWatch {
  public:
    struct Handlers {
        std::function<void(JsonView list)> listed;                            ///< everything there is
        std::function<void(std::string_view type, JsonView object)> changed;  ///< ADDED, MODIFIED or DELETED
        std::function<void(const Error& error)> failed;                       ///< it goes on all the same
    };
    /// `query` without '?', such as "fieldSelector=spec.nodeName%3Dn1".
    ObjectWatch(ApiEndpoint endpoint, std::string path, std::string query, Handlers handlers);
    ~ObjectWatch();
    ObjectWatch(const ObjectWatch&) = delete;
    ObjectWatch& operator=(const ObjectWatch&) = delete;

  private:
    class Loop;
    std::unique_ptr<Loop> loop_;
};

}  // namespace weft::testing
