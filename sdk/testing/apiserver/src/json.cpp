#include "json.hpp"

#include <algorithm>

namespace weft::apiserver {

const Json* find(const Json& from, Path path) {
    const Json* here = &from;
    for (auto step : path) {
        if (!here->is_object()) return nullptr;
        auto member = here->find(step);
        if (member == here->end()) return nullptr;
        here = &*member;
    }
    return here;
}

Json* find(Json& from, Path path) {
    return const_cast<Json*>(find(std::as_const(from), path));
}

std::string_view text_at(const Json& from, Path path) {
    const Json* value = find(from, path);
    return value && value->is_string() ? std::string_view(value->get_ref<const std::string&>()) : std::string_view();
}

bool bool_at(const Json& from, Path path) {
    const Json* value = find(from, path);
    return value && value->is_boolean() && value->get<bool>();
}

std::optional<std::int64_t> integer_at(const Json& from, Path path) {
    const Json* value = find(from, path);
    if (!value || !value->is_number_integer()) return {};
    return value->get<std::int64_t>();
}

const Json& list_at(const Json& from, Path path) {
    static const Json none = Json::array();
    const Json* value = find(from, path);
    return value && value->is_array() ? *value : none;
}

const Json& map_at(const Json& from, Path path) {
    static const Json none = Json::object();
    const Json* value = find(from, path);
    return value && value->is_object() ? *value : none;
}

void drop_nulls(Json& value) {
    if (value.is_object()) {
        for (auto member = value.begin(); member != value.end();) {
            if (member->is_null()) {
                member = value.erase(member);
            } else {
                drop_nulls(*member++);
            }
        }
    } else if (value.is_array()) {
        for (auto& item : value)
            drop_nulls(item);
    }
}

Json& object_at(Json& from, std::string_view name) {
    Json& value = from[std::string(name)];
    if (value.is_null()) value = Json::object();
    return value;
}

void set_default(Json& object, std::string_view name, Json value) {
    Json& member = object[std::string(name)];
    if (member.is_null()) member = std::move(value);
}

bool too_deep(std::string_view json) {
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < json.size(); ++i) {
        char c = json[i];
        if (quoted) {
            if (c == '\\') ++i;
            if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > max_depth) return true;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

namespace {

bool deeper_than(const Json& json, int levels) {
    if (!json.is_structured()) return false;
    if (levels == 0) return true;
    return std::any_of(json.begin(), json.end(), [&](const Json& inner) { return deeper_than(inner, levels - 1); });
}

}  // namespace

bool too_deep(const Json& json) {
    return deeper_than(json, max_depth);
}

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Json> parse_json(std::string_view text, std::string& why) {
    if (too_deep(text)) {
        why = "nested deeper than " + std::to_string(max_depth) + " levels";
        return {};
    }
    try {
        return Json::parse(text);
    } catch (const Json::exception& error) {
        why = error.what();
        return {};
    }
}

}  // namespace weft::apiserver
