#include "patch.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

namespace weft::apiserver {

namespace {

using Steps = std::vector<std::string>;

std::optional<Steps> parse_pointer(std::string_view text) {
    Steps steps;
    if (text.empty()) return steps;
    if (text[0] != '/') return {};
    std::string step;
    for (std::size_t i = 1; i <= text.size(); ++i) {
        if (i == text.size() || text[i] == '/') {
            steps.push_back(std::move(step));
            step.clear();
        } else if (text[i] == '~') {
            if (++i == text.size() || (text[i] != '0' && text[i] != '1')) return {};
            step += text[i] == '0' ? '~' : '/';
        } else {
            step += text[i];
        }
    }
    return steps;
}

/// A place in an array of `size` elements; `end` allows the place behind the last.
std::optional<std::size_t> parse_index(const std::string& step, std::size_t size, bool end) {
    if (end && step == "-") return size;
    std::size_t index = 0;
    auto [stop, error] = std::from_chars(step.data(), step.data() + step.size(), index);
    if (error != std::errc() || stop != step.data() + step.size()) return {};
    if (index > size || (index == size && !end)) return {};
    return index;
}

Json* child(Json& parent, const std::string& step) {
    if (parent.is_object()) {
        auto member = parent.find(step);
        return member == parent.end() ? nullptr : &*member;
    }
    if (!parent.is_array()) return nullptr;
    auto index = parse_index(step, parent.size(), false);
    return index ? &parent[*index] : nullptr;
}

/// The container of the last step.
Json* parent_of(Json& document, const Steps& steps) {
    Json* here = &document;
    for (std::size_t i = 0; here && i + 1 < steps.size(); ++i)
        here = child(*here, steps[i]);
    return here;
}

Json* value_at(Json& document, const Steps& steps) {
    if (steps.empty()) return &document;
    Json* parent = parent_of(document, steps);
    return parent ? child(*parent, steps.back()) : nullptr;
}

bool add(Json& document, const Steps& steps, Json value) {
    if (steps.empty()) {
        document = std::move(value);
        return true;
    }
    Json* parent = parent_of(document, steps);
    if (!parent) return false;
    if (parent->is_object()) {
        (*parent)[steps.back()] = std::move(value);
        return true;
    }
    if (!parent->is_array()) return false;
    auto index = parse_index(steps.back(), parent->size(), true);
    if (!index) return false;
    parent->insert(parent->begin() + static_cast<Json::difference_type>(*index), std::move(value));
    return true;
}

bool remove(Json& document, const Steps& steps) {
    Json* parent = steps.empty() ? nullptr : parent_of(document, steps);
    if (!parent || !child(*parent, steps.back())) return false;
    if (parent->is_object()) {
        parent->erase(steps.back());
    } else {
        parent->erase(*parse_index(steps.back(), parent->size(), false));
    }
    return true;
}

bool replace(Json& document, const Steps& steps, Json value) {
    Json* target = value_at(document, steps);
    if (target) *target = std::move(value);
    return target != nullptr;
}

bool test(Json& document, const Steps& steps, const Json& value) {
    if (!steps.empty() && !parent_of(document, steps)) return false;
    Json* target = value_at(document, steps);
    return target ? *target == value : value.is_null();
}

bool is_prefix(const Steps& prefix, const Steps& of) {
    return prefix.size() <= of.size() && std::equal(prefix.begin(), prefix.end(), of.begin());
}

/// False when the operation does not apply, also because there is no such operation: that shows when it is its turn.
Outcome<bool> apply(Json& document, const Json& operation) {
    auto op = text_at(operation, {"op"});
    const Json* path_json = find(operation, {"path"});
    if (!path_json || !path_json->is_string()) return false;
    auto path = parse_pointer(text_at(operation, {"path"}));
    if (!path) return false;
    if (op == "remove") return remove(document, *path);
    if (op == "move" || op == "copy") {
        auto from = parse_pointer(text_at(operation, {"from"}));
        if (!from || from->empty()) return false;
        Json* source = value_at(document, *from);
        if (!source) return false;
        Json value = *source;
        if (op == "move") {
            if (is_prefix(*from, *path)) return *from == *path;
            remove(document, *from);
        }
        return add(document, *path, std::move(value));
    }
    const Json* value = find(operation, {"value"});
    if (op == "test") return test(document, *path, value ? *value : Json());
    if (!value) return false;
    if (op == "add") return add(document, *path, *value);
    if (op == "replace") return replace(document, *path, *value);
    return false;
}

}  // namespace

Outcome<Json> json_patch(Json document, const Json& patch) {
    constexpr std::size_t operations_limit = 10'000;
    if (!patch.is_array()) return bad_request("error decoding patch: a JSON patch is an array of operations");
    if (!std::all_of(patch.begin(), patch.end(), [](const Json& operation) { return operation.is_object(); }))
        return bad_request("error decoding patch: an operation of a JSON patch is an object");
    if (patch.size() > operations_limit) return too_large();
    for (const auto& operation : patch) {
        auto applied = apply(document, operation);
        if (!applied) return applied.take_error();
        if (!*applied) return unprocessable();
    }
    return document;
}

namespace {

void merge_into(Json& target, const Json& patch) {
    if (!patch.is_object()) {
        target = patch;
        return;
    }
    if (!target.is_object()) target = Json::object();
    for (const auto& [name, value] : patch.items()) {
        if (value.is_null()) {
            target.erase(name);
        } else {
            merge_into(target[name], value);
        }
    }
}

}  // namespace

Json merge_patch(Json document, const Json& patch) {
    merge_into(document, patch);
    return document;
}

}  // namespace weft::apiserver
