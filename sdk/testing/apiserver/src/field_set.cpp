#include "field_set.hpp"

#include "patch.hpp"

#include <algorithm>

namespace weft::apiserver {

namespace {

const Json& no_schema() {
    static const Json none;
    return none;
}

/// The schema of a member; custom maps have one for all.
const Json& schema_of(const Json& schema, const std::string& member) {
    if (const Json* found = find(schema, {"properties", member})) return *found;
    if (const Json* found = find(schema, {"additionalProperties"})) return *found;
    return no_schema();
}

const Json& schema_of_items(const Json& schema) {
    const Json* found = find(schema, {"items"});
    return found ? *found : no_schema();
}

/// The keys of a list element as FieldsV1 names it; nothing when it lacks all of them.
std::string element_name(const Json& element, const std::vector<std::string>& keys) {
    Json id = Json::object();
    for (const auto& key : keys) {
        if (const Json* value = find(element, {key})) id[key] = *value;
    }
    return id.empty() ? std::string() : "k:" + id.dump();
}

bool has_keys(const Json& element, const Json& keys) {
    if (!element.is_object() || !keys.is_object()) return false;
    for (const auto& [name, wanted] : keys.items()) {
        const Json* value = find(element, {name});
        if (!value || *value != wanted) return false;
    }
    return true;
}

/// The element that a "k:" or "v:" word names, or end().
template <class List>
auto find_element(List& list, const std::string& word) {
    Json id = Json::parse(word.substr(2), nullptr, false);
    return std::find_if(list.begin(), list.end(),
                        [&](const Json& element) { return word[0] == 'k' ? has_keys(element, id) : element == id; });
}

Json* step(Json& from, const std::string& word) {
    if (word.starts_with("f:")) {
        if (!from.is_object()) return nullptr;
        auto member = from.find(word.substr(2));
        return member == from.end() ? nullptr : &*member;
    }
    if (!from.is_array() || word.size() < 2) return nullptr;
    auto element = find_element(from, word);
    return element == from.end() ? nullptr : &*element;
}

/// What applies to the object as a whole, not to its fields.
Json without_server_fields(Json object) {
    for (const char* name : {"apiVersion", "kind"})
        object.erase(name);
    if (Json* metadata = find(object, {"metadata"})) {
        for (const char* name :
             {"name", "namespace", "generateName", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp",
              "deletionGracePeriodSeconds", "generation", "managedFields", "selfLink"}) {
            metadata->erase(name);
        }
        if (metadata->empty()) object.erase("metadata");
    }
    return object;
}

void collect(const Json& fields, FieldPath& path, FieldSet& out) {
    if (!fields.is_object() || fields.empty()) {
        if (!path.empty()) out.insert(path);
        return;
    }
    for (const auto& [word, inner] : fields.items()) {
        path.push_back(word);
        collect(inner, path, out);
        path.pop_back();
    }
}

}  // namespace

Shape::Rule Shape::rule(const Json& schema, const std::string& list) const {
    if (!custom_ || list == "finalizers" || list == "ownerReferences") {
        if (list == "ports" && kind_ != "Service" && !merge_key(kind_, list).empty()) {
            return {Rule::Kind::keyed, {"containerPort", "protocol"}};
        }
        if (list == "ports" && kind_ == "Service") return {Rule::Kind::keyed, {"port", "protocol"}};
        auto key = merge_key(kind_, list);
        if (key.empty()) return {};
        if (key == "*") return {Rule::Kind::scalars, {}};
        return {Rule::Kind::keyed, {std::string(key)}};
    }
    auto type = text_at(schema, {"x-kubernetes-list-type"});
    if (type == "set") return {Rule::Kind::scalars, {}};
    if (type != "map") return {};
    Rule rule{Rule::Kind::keyed, {}};
    for (const auto& key : list_at(schema, {"x-kubernetes-list-map-keys"})) {
        if (key.is_string()) rule.keys.push_back(key.get<std::string>());
    }
    return rule;
}

void Shape::walk(const Json& value, const Json& schema, const std::string& name, FieldPath& path, FieldSet& out) const {
    auto descend = [&](std::string word, const Json& inner, const Json& inner_schema, const std::string& inner_name) {
        path.push_back(std::move(word));
        walk(inner, inner_schema, inner_name, path, out);
        path.pop_back();
    };
    bool atomic = text_at(schema, {"x-kubernetes-map-type"}) == "atomic";
    if (value.is_object() && !value.empty() && !atomic) {
        for (const auto& [member, inner] : value.items()) {
            descend("f:" + member, inner, schema_of(schema, member), member);
        }
        return;
    }
    Rule by = value.is_array() ? rule(schema, name) : Rule{};
    if (by.kind == Rule::Kind::atomic) {
        out.insert(path);
        return;
    }
    for (const auto& element : value) {
        std::string word = by.kind == Rule::Kind::scalars ? "v:" + element.dump() : element_name(element, by.keys);
        if (word.empty()) continue;
        if (by.kind == Rule::Kind::keyed) {
            path.push_back(word);
            path.emplace_back(".");
            out.insert(path);
            path.resize(path.size() - 2);
        }
        descend(std::move(word), element, schema_of_items(schema), {});
    }
}

FieldSet Shape::fields_of(const Json& object) const {
    FieldSet out;
    FieldPath path;
    Json own = without_server_fields(object);
    if (!own.empty()) walk(own, schema_, {}, path, out);
    return out;
}

void Shape::merge(Json& live, const Json& config) const {
    merge(live, config, schema_, {});
}

void Shape::merge(Json& live, const Json& config, const Json& schema, const std::string& name) const {
    bool atomic = text_at(schema, {"x-kubernetes-map-type"}) == "atomic";
    if (config.is_object() && live.is_object() && !atomic) {
        for (const auto& [member, value] : config.items()) {
            merge(live[member], value, schema_of(schema, member), member);
        }
        return;
    }
    Rule by = config.is_array() && live.is_array() ? rule(schema, name) : Rule{};
    if (by.kind == Rule::Kind::atomic) {
        live = config;
        return;
    }
    for (const auto& element : config) {
        std::string word = by.kind == Rule::Kind::scalars ? "v:" + element.dump() : element_name(element, by.keys);
        auto have = word.empty() ? live.end() : find_element(live, word);
        if (have == live.end()) {
            live.push_back(element);
        } else if (by.kind == Rule::Kind::keyed) {
            merge(*have, element, schema_of_items(schema), {});
        }
    }
}

const Json* value_at(const Json& object, const FieldPath& path) {
    Json* here = const_cast<Json*>(&object);
    for (const auto& word : path) {
        if (word == ".") break;
        here = step(*here, word);
        if (!here) return nullptr;
    }
    return here;
}

void remove_at(Json& object, const FieldPath& path) {
    FieldPath steps = path;
    if (!steps.empty() && steps.back() == ".") steps.pop_back();
    if (steps.empty()) return;
    std::string last = steps.back();
    steps.pop_back();
    Json* parent = const_cast<Json*>(value_at(object, steps));
    if (!parent) return;
    if (last.starts_with("f:") && parent->is_object()) {
        parent->erase(last.substr(2));
    } else if (parent->is_array() && last.size() > 2) {
        auto element = find_element(*parent, last);
        if (element != parent->end()) parent->erase(element);
    }
}

std::string path_text(const FieldPath& path) {
    std::string text;
    for (const auto& word : path) {
        if (word == ".") continue;
        text += word.starts_with("f:") ? "." + word.substr(2) : "[" + word.substr(2) + "]";
    }
    return text;
}

Json to_fields_v1(const FieldSet& fields) {
    Json out = Json::object();
    for (const auto& path : fields) {
        Json* here = &out;
        for (const auto& word : path)
            here = &object_at(*here, word);
    }
    return out;
}

FieldSet from_fields_v1(const Json& fields) {
    FieldSet out;
    FieldPath path;
    collect(fields, path, out);
    return out;
}

}  // namespace weft::apiserver
