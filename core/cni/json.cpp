#include "cni/json.hpp"

namespace weft::cni {

std::optional<Json> parse_json(std::string_view text) {
    constexpr int max_depth = 64;
    bool too_deep = false;
    const auto watch = [&](int depth, Json::parse_event_t event, Json&) {
        const bool opens = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
        if (opens && depth >= max_depth) too_deep = true;
        return !too_deep;
    };
    Json value = Json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
    if (too_deep || value.is_discarded()) return std::nullopt;
    return value;
}

std::string write_json(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<std::string> text_member(const Json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || found->is_null()) return std::string();
    if (!found->is_string()) return std::nullopt;
    return found->get<std::string>();
}

}  // namespace weft::cni
