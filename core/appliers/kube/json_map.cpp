#include "appliers/kube/json_map.hpp"

#include <weft/base/text.hpp>

#include <map>

namespace weft::appliers {

namespace {

bool numbers_equal(JsonView a, JsonView b) {
    if (const auto x = a.integer(), y = b.integer(); x && y) return *x == *y;
    if (const auto x = a.unsigned_integer(), y = b.unsigned_integer(); x && y) return *x == *y;
    return a.number() == b.number();
}

bool arrays_equal(JsonView a, JsonView b) {
    if (a.size() != b.size()) return false;
    std::vector<JsonView> others;
    others.reserve(b.size());
    b.each([&](JsonView element) { others.push_back(element); });
    bool equal = true;
    std::size_t i = 0;
    a.each([&](JsonView element) { equal = equal && i < others.size() && json_equal(element, others[i++]); });
    return equal;
}

bool objects_equal(JsonView a, JsonView b) {
    if (a.size() != b.size()) return false;
    bool equal = true;
    a.members([&](std::string_view name, JsonView value) {
        const JsonView other = b[name];
        equal = equal && other.present() && json_equal(value, other);
    });
    return equal;
}

}  // namespace

bool json_equal(JsonView a, JsonView b) {
    if (a.is_string() && b.is_string()) return a.string() == b.string();
    if (a.is_object() && b.is_object()) return objects_equal(a, b);
    if (a.is_array() && b.is_array()) return arrays_equal(a, b);
    if (a.is_number() && b.is_number()) return numbers_equal(a, b);
    if (a.is_bool() && b.is_bool()) return a.boolean() == b.boolean();
    return a.is_null() && b.is_null();
}

bool same_annotation(std::string_view a, std::string_view b) {
    if (a == b) return true;
    const auto may_be_json = [](std::string_view text) { return text.starts_with('{') || text.starts_with('['); };
    if (!may_be_json(a) || !may_be_json(b)) return false;
    const auto x = JsonDocument::parse(a);
    const auto y = JsonDocument::parse(b);
    return x && y && json_equal(x->root(), y->root());
}

bool is_just(std::string_view text, std::span<const SubKey> sub_keys) {
    JsonWriter w;
    w.begin_object();
    for (std::size_t i = 0; i < sub_keys.size(); ++i) {
        if (!sub_keys[i].value || (i > 0 && sub_keys[i].name <= sub_keys[i - 1].name)) return false;
        w.key(sub_keys[i].name).raw(*sub_keys[i].value);
    }
    return w.end_object().text() == text;
}

Result<Merged> merge_sub_keys(std::optional<std::string_view> current, std::span<const SubKey> sub_keys) {
    JsonDocument parser;
    return merge_sub_keys(current, sub_keys, parser);
}

Result<Merged> merge_sub_keys(std::optional<std::string_view> current, std::span<const SubKey> sub_keys,
                              JsonDocument& parser) {
    if (current && is_just(*current, sub_keys)) return Merged{false, std::string(*current)};
    std::map<std::string, std::string, std::less<>> members;
    if (current && !current->empty()) {
        if (auto parsed = parser.reparse(*current); !parsed || !parser.root().is_object()) {
            return invalid("holds no JSON object: " + json_quote(beginning(*current, 80)),
                           "correct or remove the annotation");
        }
        parser.root().members(
            [&](std::string_view name, JsonView value) { members.insert_or_assign(std::string(name), value.dump()); });
    }
    Merged merged;
    for (const auto& sub_key : sub_keys) {
        const auto at = members.find(sub_key.name);
        if (!sub_key.value) {
            merged.changed |= at != members.end();
            if (at != members.end()) members.erase(at);
            continue;
        }
        if (auto wanted = parser.reparse(*sub_key.value); !wanted) {
            return broken("the value for " + json_quote(sub_key.name) + " is " + wanted.error().what);
        }
        if (at != members.end()) {
            if (at->second == *sub_key.value) continue;
            const auto there = JsonDocument::parse(at->second);
            if (there && json_equal(there->root(), parser.root())) continue;
        }
        merged.changed = true;
        members.insert_or_assign(std::string(sub_key.name), std::string(*sub_key.value));
    }
    if (!merged.changed) {
        if (current) merged.text = std::string(*current);
        return merged;
    }
    if (members.empty()) return merged;
    JsonWriter w;
    w.object([&] {
        for (const auto& [name, value] : members)
            w.key(name).raw(value);
    });
    merged.text = w.take();
    return merged;
}

}  // namespace weft::appliers
