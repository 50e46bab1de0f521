#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::apiserver {

struct HttpRequest {
    std::string method;
    std::string target;  ///< path and query as they came
    std::string accept;
    std::string content_type;
    std::string authorization;
    std::string user_agent;
    bool certified = false;  ///< the client showed a certificate that we trust
    std::string body;
};

struct HttpResponse {
    int code = 200;
    std::string body;
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;
};

/// What a target says, decoded.
struct RequestInfo {
    std::string path;  ///< without the query
    std::map<std::string, std::string, std::less<>> query;
    bool about_resource = false;  ///< the following are set
    std::string group, version, space, plural, name, subresource;
    bool named_space = false;  ///< the path has /namespaces/<space>/<plural>

    std::string_view parameter(std::string_view name) const;
    bool flag(std::string_view name) const;
};

RequestInfo parse_target(std::string_view target);

/// "list pods", "patch nodes/status", "get /version".
std::string request_label(std::string_view method, const RequestInfo& info);
bool is_watch(std::string_view method, const RequestInfo& info);

std::string_view reason_phrase(int code);

}  // namespace weft::apiserver
