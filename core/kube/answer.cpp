#include "kube/transport.hpp"

#include <weft/base/json.hpp>

#include <algorithm>

namespace weft::kube {

std::string_view to_string(Method method) {
    switch (method) {
        case Method::get: return "GET";
        case Method::post: return "POST";
        case Method::put: return "PUT";
        case Method::patch: return "PATCH";
        case Method::del: return "DELETE";
    }
    return "GET";
}

void read_status(Answer& answer, std::string_view body) {
    constexpr std::size_t shown = 200;
    const auto document = JsonDocument::parse(body);
    if (!document || document->root()["kind"].string_or("") != "Status") {
        answer.message = std::string(body.substr(0, shown));
        return;
    }
    const JsonView status = document->root();
    answer.reason = std::string(status["reason"].string_or(""));
    answer.message = std::string(status["message"].string_or(""));
    const JsonView details = status["details"];
    if (const auto seconds = details["retryAfterSeconds"].integer(); seconds && *seconds > 0 && !answer.retry_after) {
        answer.retry_after = std::chrono::seconds(std::min<std::int64_t>(*seconds, 3600));
    }
    details["causes"].each([&](JsonView cause) {
        if (cause["reason"].string_or("") == "ResourceVersionTooLarge") answer.version_too_large = true;
    });
}

namespace {

ErrorKind kind_of(int http) {
    if (http == 409) return ErrorKind::conflict;
    if (http == 404) return ErrorKind::waiting;
    if (http == 0 || http == 410 || http == 408 || http == 429 || http >= 500 || http < 400) return ErrorKind::again;
    return ErrorKind::invalid;
}

std::string mend_of(int http) {
    switch (http) {
        case 0: return "check the API server's address, and that it runs and can be reached";
        case 401: return "check the token or client certificate";
        case 403: return "grant it: `weftctl rbac` prints the rules that are needed";
        default: return {};
    }
}

}  // namespace

Error Answer::error(std::string_view what) const {
    std::string text(what);
    text += ": ";
    if (http == 0) {
        text += trouble.empty() ? "no answer" : trouble;
    } else {
        text += "HTTP " + std::to_string(http);
        if (!reason.empty()) text += " " + reason;
        if (!message.empty()) text += ": " + message;
        if (!trouble.empty()) text += " (" + trouble + ")";
    }
    return {kind_of(http), std::move(text), {}, mend.empty() ? mend_of(http) : mend};
}

}  // namespace weft::kube
