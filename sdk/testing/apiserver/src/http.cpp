#include "http.hpp"

#include <algorithm>
#include <cctype>

namespace weft::apiserver {

namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            int high = hex_digit(text[i + 1]);
            int low = hex_digit(text[i + 2]);
            if (high >= 0 && low >= 0) {
                out += static_cast<char>(high * 16 + low);
                i += 2;
                continue;
            }
        }
        out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
    return out;
}

std::vector<std::string> segments_of(std::string_view path) {
    std::vector<std::string> out;
    while (!path.empty()) {
        if (path[0] == '/') {
            path.remove_prefix(1);
            continue;
        }
        auto end = path.find('/');
        out.push_back(decode(path.substr(0, end), false));
        path.remove_prefix(end == std::string_view::npos ? path.size() : end);
    }
    return out;
}

void read_query(std::string_view text, RequestInfo& info) {
    while (!text.empty()) {
        auto end = text.find('&');
        auto pair = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        auto equals = pair.find('=');
        auto value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
        info.query.emplace(decode(pair.substr(0, equals), true), decode(value, true));
    }
}

}  // namespace

std::string_view RequestInfo::parameter(std::string_view wanted) const {
    auto found = query.find(wanted);
    return found == query.end() ? std::string_view() : std::string_view(found->second);
}

bool RequestInfo::flag(std::string_view wanted) const {
    auto value = parameter(wanted);
    return value == "true" || value == "1";
}

RequestInfo parse_target(std::string_view target) {
    RequestInfo info;
    auto question = target.find('?');
    if (question != std::string_view::npos) read_query(target.substr(question + 1), info);
    auto raw_path = target.substr(0, question);
    info.path = decode(raw_path, false);
    auto parts = segments_of(raw_path);
    std::size_t at = 0;
    if (parts.size() >= 3 && parts[0] == "api") {
        info.version = parts[1];
        at = 2;
    } else if (parts.size() >= 4 && parts[0] == "apis") {
        info.group = parts[1];
        info.version = parts[2];
        at = 3;
    } else {
        return info;
    }
    info.about_resource = true;
    // /namespaces/x/status and /namespaces/x/finalize are about the namespace itself.
    bool inside =
        parts.size() - at >= 3 && parts[at] == "namespaces" && parts[at + 2] != "status" && parts[at + 2] != "finalize";
    if (inside) {
        info.space = parts[at + 1];
        info.named_space = true;
        at += 2;
    }
    info.plural = parts[at++];
    if (at < parts.size()) info.name = parts[at++];
    while (at < parts.size())
        info.subresource += (info.subresource.empty() ? "" : "/") + parts[at++];
    return info;
}

bool is_watch(std::string_view method, const RequestInfo& info) {
    return method == "GET" && info.about_resource && info.flag("watch");
}

std::string request_label(std::string_view method, const RequestInfo& info) {
    std::string verb(method);
    std::transform(verb.begin(), verb.end(), verb.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!info.about_resource) return verb + " " + info.path;
    if (is_watch(method, info)) {
        verb = "watch";
    } else if (verb == "get" && info.name.empty()) {
        verb = "list";
    } else if (verb == "post") {
        verb = "create";
    } else if (verb == "put") {
        verb = "update";
    } else if (verb == "delete" && info.name.empty()) {
        verb = "deletecollection";
    }
    std::string label = verb + " " + info.plural;
    if (!info.group.empty() && info.group.find(".k8s.io") == std::string::npos) label += "." + info.group;
    if (!info.subresource.empty()) label += "/" + info.subresource;
    return label;
}

std::string_view reason_phrase(int code) {
    switch (code) {
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 409: return "Conflict";
        case 410: return "Gone";
        case 413: return "Request Entity Too Large";
        case 415: return "Unsupported Media Type";
        case 422: return "Unprocessable Entity";
        case 429: return "Too Many Requests";
        case 500: return "Internal Server Error";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        default: return "Unknown";
    }
}

}  // namespace weft::apiserver
