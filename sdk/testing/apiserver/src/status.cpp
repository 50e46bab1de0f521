#include "status.hpp"

namespace weft::apiserver {

namespace {

Json details_of(const Names& names, std::string_view name) {
    Json details = {{"kind", names.plural}};
    if (!name.empty()) details["name"] = name;
    if (!names.group.empty()) details["group"] = names.group;
    return details;
}

std::string in_quotes(std::string_view text) {
    return '"' + std::string(text) + '"';
}

}  // namespace

std::string_view FieldError::reason() const {
    switch (type) {
        case Type::required: return "FieldValueRequired";
        case Type::forbidden: return "FieldValueForbidden";
        case Type::unsupported: return "FieldValueNotSupported";
        case Type::duplicate: return "FieldValueDuplicate";
        case Type::too_long: return "FieldValueTooLong";
        case Type::invalid: break;
    }
    return "FieldValueInvalid";
}

std::string FieldError::message() const {
    std::string text;
    switch (type) {
        case Type::required: text = "Required value"; break;
        case Type::forbidden: text = "Forbidden"; break;
        case Type::unsupported: text = "Unsupported value: " + in_quotes(value); break;
        case Type::duplicate: text = "Duplicate value: " + in_quotes(value); break;
        case Type::too_long: text = "Too long"; break;
        case Type::invalid: text = "Invalid value: " + in_quotes(value); break;
    }
    return detail.empty() ? text : text + ": " + detail;
}

Json ApiError::status() const {
    Json meta = Json::object();
    if (!continue_token.empty()) meta["continue"] = continue_token;
    Json body = {{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", std::move(meta)},
                 {"status", "Failure"}, {"message", message}, {"code", code}};
    if (!reason.empty()) body["reason"] = reason;
    if (!details.is_null()) body["details"] = details;
    if (retry_after > 0) body["details"]["retryAfterSeconds"] = retry_after;
    return body;
}

ApiError bad_request(std::string message) {
    return {400, "BadRequest", std::move(message), {}, {}, 0};
}

ApiError unauthorized() {
    return {401, "Unauthorized", "Unauthorized", {}, {}, 0};
}

ApiError forbidden(const Names& names, std::string_view name, std::string_view why) {
    return {403,
            "Forbidden",
            names.qualified() + " " + in_quotes(name) + " is forbidden: " + std::string(why),
            details_of(names, name),
            {},
            0};
}

ApiError not_found(const Names& names, std::string_view name) {
    return {404, "NotFound", names.qualified() + " " + in_quotes(name) + " not found", details_of(names, name), {}, 0};
}

ApiError no_such_resource() {
    return {404, "NotFound", "the server could not find the requested resource", Json::object(), {}, 0};
}

ApiError already_exists(const Names& names, std::string_view name) {
    return {409,
            "AlreadyExists",
            names.qualified() + " " + in_quotes(name) + " already exists",
            details_of(names, name),
            {},
            0};
}

ApiError conflict(const Names& names, std::string_view name, std::string_view why) {
    return {409,
            "Conflict",
            "Operation cannot be fulfilled on " + names.qualified() + " " + in_quotes(name) + ": " + std::string(why),
            details_of(names, name),
            {},
            0};
}

ApiError modified(const Names& names, std::string_view name) {
    return conflict(names, name,
                    "the object has been modified; please apply your changes to the latest version and try again");
}

ApiError invalid_object(const Names& names, std::string_view name, const std::vector<FieldError>& errors) {
    Json details = {{"kind", names.kind}, {"name", name}, {"causes", Json::array()}};
    if (!names.group.empty()) details["group"] = names.group;
    std::string text;
    for (const auto& error : errors) {
        details["causes"].push_back({{"reason", error.reason()}, {"message", error.message()}, {"field", error.field}});
        if (!text.empty()) text += ", ";
        text += error.field + ": " + error.message();
    }
    if (errors.size() > 1) text = "[" + text + "]";
    return {422, "Invalid", names.qualified_kind() + " " + in_quotes(name) + " is invalid: " + text, std::move(details),
            {},  0};
}

ApiError unprocessable() {
    return {422, "Invalid", "the server rejected our request due to an error in our request", Json::object(), {}, 0};
}

ApiError method_not_allowed() {
    return {
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource", Json::object(), {},
        0};
}

ApiError not_acceptable() {
    return {406, "NotAcceptable", "only the following media types are accepted: application/json", {}, {}, 0};
}

ApiError unsupported_media_type(std::string_view accepted) {
    return {415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: " + std::string(accepted),
            {},
            {},
            0};
}

ApiError expired(std::string message) {
    return {410, "Expired", std::move(message), {}, {}, 0};
}

ApiError version_from_the_future(std::uint64_t asked, std::uint64_t current) {
    Json details = {
        {"causes", Json::array({{{"reason", "ResourceVersionTooLarge"}, {"message", "Too large resource version"}}})}};
    return {504,
            "Timeout",
            "Too large resource version: " + std::to_string(asked) + ", current: " + std::to_string(current),
            std::move(details),
            {},
            1};
}

ApiError too_large() {
    return {413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728", {}, {}, 0};
}

ApiError internal_error(const std::string& message) {
    return {500, "InternalError", "Internal error occurred: " + message, {}, {}, 0};
}

}  // namespace weft::apiserver
