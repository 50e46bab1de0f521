#include "services/admin_protocol.hpp"

namespace weft::services {

namespace {

constexpr std::string_view mend_version = "use the weftctl of the release that weftd is of";

Result<void> check_version(const JsonView& root) {
    if (!root.is_object()) return invalid("a line of the admin protocol must be a JSON object");
    const auto version = root["version"].integer();
    if (version != admin_version) {
        return invalid("version " + (version ? std::to_string(*version) : "none") + " of the admin protocol, not " +
                           std::to_string(admin_version),
                       std::string(mend_version));
    }
    return {};
}

ErrorKind kind_named(std::string_view name) {
    for (ErrorKind kind : {ErrorKind::waiting, ErrorKind::again, ErrorKind::conflict, ErrorKind::invalid}) {
        if (to_string(kind) == name) return kind;
    }
    return ErrorKind::broken;
}

}  // namespace

Result<AdminRequest> parse_request(std::string_view line) {
    auto document = JsonDocument::parse(line);
    if (!document) return std::move(document).error().at("request");
    AdminRequest request{std::move(*document), {}};
    const auto root = request.document.root();
    if (auto checked = check_version(root); !checked) return std::move(checked).error();
    request.call = root["call"].string_or("");
    if (request.call.empty()) return invalid("the request names no call");
    const auto args = root["args"];
    if (args && !args.is_object()) return invalid("\"args\" must be a JSON object");
    return request;
}

std::string write_request(std::string_view call, std::string_view args_json) {
    JsonWriter w;
    w.object([&] {
        w.member("version", admin_version).member("call", call);
        if (!args_json.empty()) w.key("args").raw(args_json);
    });
    return w.take();
}

std::string write_result(std::string_view result_json) {
    JsonWriter w;
    w.object([&] {
        w.member("version", admin_version);
        w.key("result").raw(result_json.empty() ? "null" : result_json);
    });
    return w.take();
}

std::string write_error(const Error& error) {
    JsonWriter w;
    w.object([&] {
        w.member("version", admin_version);
        w.key("error").object([&] {
            w.member("kind", to_string(error.kind)).member("what", error.what);
            w.member("where", error.where).member("mend", error.mend);
        });
    });
    return w.take();
}

Result<JsonDocument> parse_reply(std::string_view line) {
    auto document = JsonDocument::parse(line);
    if (!document) return std::move(document).error().at("weftd's reply");
    const auto root = document->root();
    if (auto checked = check_version(root); !checked) return std::move(checked).error();
    const auto error = root["error"];
    if (error.is_object()) {
        return Error{kind_named(error["kind"].string_or("")), std::string(error["what"].string_or("")),
                     std::string(error["where"].string_or("")), std::string(error["mend"].string_or(""))};
    }
    if (!root["result"]) return broken("weftd's reply has neither a result nor an error");
    return document;
}

}  // namespace weft::services
