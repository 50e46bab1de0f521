#include "curl_handle.hpp"

#include <weft/testing/testbed/kube_client.hpp>

namespace weft::testing {

namespace {

constexpr long request_timeout_ms = 30'000;

/// The message of a Status object, or the start of whatever was sent instead.
std::string message_of(const KubeClient::Reply& reply) {
    if (const auto status = JsonDocument::parse(reply.body)) {
        if (const auto message = status->root()["message"].string()) return std::string(*message);
    }
    return reply.body.substr(0, 300);
}

}  // namespace

Result<KubeClient::Reply> KubeClient::send(const std::string& method, const std::string& path, const std::string& body,
                                           const std::string& content_type) const {
    CurlRequest request(endpoint_, method, path, body, content_type);
    Reply reply;
    request.on_body = [&](std::string_view bytes) {
        reply.body += bytes;
        return true;
    };
    curl_easy_setopt(request.handle(), CURLOPT_TIMEOUT_MS, request_timeout_ms);
    if (const auto code = curl_easy_perform(request.handle()); code != CURLE_OK) {
        return again(method + " " + endpoint_.url + path + ": " + request.error_text(code));
    }
    reply.status = request.status();
    return reply;
}

Result<JsonDocument> KubeClient::call(const std::string& method, const std::string& path, const std::string& body,
                                      const std::string& content_type) const {
    auto reply = send(method, path, body, content_type);
    if (!reply) return reply.error();
    if (!reply->ok()) {
        const auto what = method + " " + path + ": " + std::to_string(reply->status) + " " + message_of(*reply);
        return reply->status == 409 ? conflict(what) : invalid(what);
    }
    return JsonDocument::parse(reply->body);
}

Result<JsonDocument> KubeClient::get(const std::string& path) const {
    return call("GET", path, {}, {});
}

Result<JsonDocument> KubeClient::create(const std::string& collection, const std::string& object) const {
    return call("POST", collection, object, "application/json");
}

Result<JsonDocument> KubeClient::merge_patch(const std::string& path, const std::string& patch) const {
    return call("PATCH", path, patch, "application/merge-patch+json");
}

Result<JsonDocument> KubeClient::strategic_patch(const std::string& path, const std::string& patch) const {
    return call("PATCH", path, patch, "application/strategic-merge-patch+json");
}

Result<void> KubeClient::remove(const std::string& path, const std::string& options) const {
    auto reply = send("DELETE", path, options, "application/json");
    if (!reply) return reply.error();
    if (reply->ok() || reply->status == 404) return {};
    const auto what = "DELETE " + path + ": " + std::to_string(reply->status) + " " + message_of(*reply);
    return reply->status == 409 ? conflict(what) : invalid(what);
}

}  // namespace weft::testing
