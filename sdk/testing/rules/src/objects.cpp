#include "weft/testing/objects.hpp"

#include "appliers/kube/json_map.hpp"
#include "kube/objects.hpp"
#include "weft/testing/rule_test.hpp"

#include <weft/base/json.hpp>
#include <weft/tables/kube.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <yaml-cpp/yaml.h>

namespace weft::testing {

namespace {

/// YAML's plain scalars are what they look like, unless they are quoted.
void write_scalar(JsonWriter& w, const YAML::Node& node) {
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") {
        w.value(text);
    } else if (text == "true" || text == "false") {
        w.value(text == "true");
    } else if (text.empty() || text == "null" || text == "~") {
        w.null();
    } else if (text.find_first_not_of("0123456789") == std::string::npos && (text.size() == 1 || text[0] != '0') &&
               text.size() < 19) {
        w.raw(text);
    } else {
        w.value(text);
    }
}

void write_json(JsonWriter& w, const YAML::Node& node) {
    if (node.IsMap()) {
        w.object([&] {
            for (const auto& entry : node) {
                w.key(entry.first.Scalar());
                write_json(w, entry.second);
            }
        });
    } else if (node.IsSequence()) {
        w.array([&] {
            for (const auto& element : node)
                write_json(w, element);
        });
    } else if (node.IsScalar()) {
        write_scalar(w, node);
    } else {
        w.null();
    }
}

void ensure_identity(YAML::Node object) {
    YAML::Node metadata = object["metadata"];
    if (!metadata["uid"]) {
        const std::string ns = metadata["namespace"] ? metadata["namespace"].Scalar() + "-" : "";
        metadata["uid"] = "uid-" + ns + metadata["name"].Scalar();
    }
}

const ResourceSpec* find_kind(const std::vector<ResourceSpec>& resources, const std::string& kind) {
    const auto at = std::find_if(resources.begin(), resources.end(), [&](const auto& r) { return r.kind == kind; });
    return at == resources.end() ? nullptr : &*at;
}

void add_object(ReadObjects& to, YAML::Node object, const std::vector<ResourceSpec>& resources) {
    const std::string kind = object["kind"] ? object["kind"].Scalar() : "";
    if (kind == "List" || (kind.ends_with("List") && object["items"])) {
        for (const auto& item : object["items"])
            add_object(to, item, resources);
        return;
    }
    const ResourceSpec* resource = find_kind(resources, kind);
    if (!resource) return;
    ensure_identity(object);
    JsonWriter w;
    write_json(w, object);
    const auto document = JsonDocument::parse(w.text());
    if (!document) throw std::runtime_error(document.error().text());
    const auto meta = kube::meta_of(document->root());
    const ObjectRef ref{kind, std::string(meta.ns), std::string(meta.name), std::string(meta.uid)};
    to.objects.push_back(ref);
    auto row = resource->parse(document->root());
    if (!row) {
        to.malformed.emplace_back(ref, row.error());
    } else if (*row) {
        to.rows.put(resource->table.name, *std::move(row));
    }
}

void set_annotation(tables::Annotations& annotations, const tables::Annotation& wanted) {
    const auto at = std::lower_bound(annotations.begin(), annotations.end(), wanted.annotation,
                                     [](const auto& entry, const auto& name) { return entry.first < name; });
    const bool there = at != annotations.end() && at->first == wanted.annotation;
    std::string value = wanted.value;
    if (!wanted.sub_key.empty()) {
        const appliers::SubKey sub_key{wanted.sub_key, wanted.value};
        const auto current = there ? std::optional<std::string_view>(at->second) : std::nullopt;
        const auto merged = appliers::merge_sub_keys(current, {&sub_key, 1});
        if (!merged) throw std::runtime_error(merged.error().text());
        value = merged->text.value_or("");
    }
    if (there) {
        at->second = std::move(value);
    } else {
        annotations.insert(at, {wanted.annotation, std::move(value)});
    }
}

template <class T>
void annotate(RowSet& objects, const std::string& key, const tables::Annotation& wanted) {
    const auto object = objects.find<T>(key);
    if (!object) return;
    T changed = *object;
    set_annotation(changed.annotations, wanted);
    objects.put(std::move(changed));
}

}  // namespace

ObjectKinds ObjectKinds::of(const std::vector<PluginHandle*>& plugins) {
    ObjectKinds kinds;
    for (auto* plugin : plugins) {
        const PluginRules rules(*plugin);
        for (const auto& resource : rules.resources())
            kinds.resources.push_back(resource.spec);
        const auto& prefixes = rules.annotation_prefixes();
        kinds.annotation_prefixes.insert(kinds.annotation_prefixes.end(), prefixes.begin(), prefixes.end());
    }
    return kinds;
}

ReadObjects read_objects(std::string_view text, const ObjectKinds& kinds) {
    std::vector<ResourceSpec> resources{kube::node_resource(kinds.annotation_prefixes),
                                        kube::namespace_resource(kinds.annotation_prefixes),
                                        kube::pod_resource(kinds.annotation_prefixes)};
    resources.insert(resources.end(), kinds.resources.begin(), kinds.resources.end());
    ReadObjects read;
    for (const auto& document : YAML::LoadAll(std::string(text))) {
        if (document.IsMap()) add_object(read, document, resources);
    }
    return read;
}

RowSet objects_from_text(std::string_view text, const ObjectKinds& kinds) {
    ReadObjects read = read_objects(text, kinds);
    if (!read.malformed.empty()) {
        const auto& [object, error] = read.malformed.front();
        throw std::runtime_error(object.kind + " " + object.name + ": " + error.text());
    }
    return std::move(read.rows);
}

RowSet objects_from_file(const std::string& path, const ObjectKinds& kinds) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("can't read " + path);
    std::ostringstream text;
    text << file.rdbuf();
    return objects_from_text(text.str(), kinds);
}

namespace {

void add_json(std::vector<std::string>& out, const YAML::Node& object) {
    const std::string kind = object["kind"] ? object["kind"].Scalar() : "";
    if (kind == "List" || (kind.ends_with("List") && object["items"])) {
        for (const auto& item : object["items"])
            add_json(out, item);
        return;
    }
    JsonWriter w;
    write_json(w, object);
    out.push_back(w.take());
}

}  // namespace

std::vector<std::string> json_objects_from_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("can't read " + path);
    std::ostringstream text;
    text << file.rdbuf();
    std::vector<std::string> out;
    try {
        for (const auto& document : YAML::LoadAll(text.str())) {
            if (document.IsMap()) add_json(out, document);
        }
    } catch (const YAML::Exception& e) {
        throw std::runtime_error(path + ": " + e.what());
    }
    return out;
}

void apply_annotations(RowSet& objects, const std::vector<RowPtr>& annotations) {
    for (const auto& row : annotations) {
        const auto& wanted = row.as<tables::Annotation>();
        if (wanted.kind == "Node") annotate<tables::Node>(objects, wanted.name, wanted);
        if (wanted.kind == "Pod") annotate<tables::Pod>(objects, wanted.ns + "/" + wanted.name, wanted);
    }
}

}  // namespace weft::testing
