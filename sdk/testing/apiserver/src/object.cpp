#include "object.hpp"

namespace weft::apiserver {

namespace {

/// A scalar as a field selector compares it.
std::string field_text(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
    if (value.is_number()) return value.dump();
    return {};
}

std::string field_of(const Json& json, const SelectableField& field) {
    const Json* here = &json;
    for (const auto& step : field.path) {
        if (!here->is_object()) return {};
        auto member = here->find(step);
        if (member == here->end()) return {};
        here = &*member;
    }
    return field_text(*here);
}

}  // namespace

void append_head(std::string& out, std::uint64_t revision) {
    out += R"("metadata":{"resourceVersion":")";
    out += std::to_string(revision);
    out += '"';
}

ObjectPtr make_object(const Resource& resource, const Json& json, std::uint64_t revision) {
    auto object = std::make_shared<Object>();
    object->revision = revision;
    object->space = resource.namespaced ? text_at(json, {"metadata", "namespace"}) : std::string_view();
    object->name = text_at(json, {"metadata", "name"});
    object->deleting = find(json, {"metadata", "deletionTimestamp"}) != nullptr;
    if (const Json* labels = find(json, {"metadata", "labels"})) {
        for (const auto& [key, value] : labels->items())
            object->labels.emplace_back(key, field_text(value));
    }
    object->fields.reserve(resource.fields.size());
    for (const auto& field : resource.fields)
        object->fields.push_back(field_of(json, field));

    Json metadata = json.at("metadata");
    metadata.erase("resourceVersion");
    std::string text = metadata.dump();
    text[0] = ',';  // instead of '{': it goes on after the resource version
    object->metadata_size = text.size();
    for (const auto& [name, value] : json.items()) {
        if (name == "metadata" || name == "kind" || name == "apiVersion") continue;
        text += ',';
        text += Json(name).dump();
        text += ':';
        text += value.dump();
    }
    text += '}';
    text.shrink_to_fit();
    object->text = std::move(text);
    return object;
}

Json Object::json(const Resource& resource, std::string_view version) const {
    std::string whole = "{";
    append_head(whole, revision);
    whole += text;
    Json json = Json::parse(whole);
    json["kind"] = resource.names.kind;
    json["apiVersion"] = resource.api_version(version);
    return json;
}

}  // namespace weft::apiserver
