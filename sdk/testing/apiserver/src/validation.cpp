#include "validation.hpp"

#include <algorithm>
#include <set>

namespace weft::apiserver {

namespace {

using enum FieldError::Type;

bool is_lower_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_alnum(char c) {
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

bool is_dns_label(std::string_view text) {
    return !text.empty() && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_lower_alnum(c) || c == '-'; });
}

/// What may follow the '/' of a label key; also a label's value.
bool is_qualified_part(std::string_view text) {
    return !text.empty() && is_alnum(text.front()) && is_alnum(text.back()) &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

std::string too_long_text(std::size_t limit) {
    return "must be no more than " + std::to_string(limit) + " characters";
}

constexpr std::string_view subdomain_text =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

std::string path_segment_error(std::string_view name) {
    if (name == "." || name == "..") return "may not be '" + std::string(name) + "'";
    if (name.find_first_of("/%") != std::string_view::npos) return "may not contain '/' or '%'";
    return {};
}

std::string name_error(NameRule rule, std::string_view name) {
    switch (rule) {
        case NameRule::label: return dns_label_error(name);
        case NameRule::label_1035: return label_1035_error(name);
        case NameRule::path_segment: return path_segment_error(name);
        case NameRule::subdomain: break;
    }
    return subdomain_error(name);
}

void check_map(const Json& metadata, std::string_view name, bool labels, std::vector<FieldError>& errors) {
    std::string field = "metadata." + std::string(name);
    std::size_t size = 0;
    for (const auto& [key, value] : map_at(metadata, {name}).items()) {
        const auto& text = value.get_ref<const std::string&>();
        size += key.size() + text.size();
        std::string checked = key;
        if (!labels)
            std::transform(checked.begin(), checked.end(), checked.begin(),
                           [](unsigned char c) { return std::tolower(c); });
        if (auto why = label_key_error(checked); !why.empty()) errors.push_back({invalid, field, key, why});
        if (!labels) continue;
        if (auto why = label_value_error(text); !why.empty()) errors.push_back({invalid, field, text, why});
    }
    constexpr std::size_t annotations_limit = std::size_t{256} << 10;
    if (!labels && size > annotations_limit) {
        errors.push_back({too_long, field, "", "may not be more than " + std::to_string(annotations_limit) + " bytes"});
    }
}

std::vector<FieldError> validate_pod(const Json& pod) {
    std::vector<FieldError> errors;
    const Json& containers = list_at(pod, {"spec", "containers"});
    if (containers.empty()) errors.push_back({required, "spec.containers", "", ""});
    int index = 0;
    std::set<std::string_view> names;
    for (const auto& container : containers) {
        std::string field = "spec.containers[" + std::to_string(index++) + "]";
        auto name = text_at(container, {"name"});
        if (name.empty()) {
            errors.push_back({required, field + ".name", "", ""});
        } else if (auto why = dns_label_error(name); !why.empty()) {
            errors.push_back({invalid, field + ".name", std::string(name), why});
        } else if (!names.insert(name).second) {
            errors.push_back({FieldError::Type::duplicate, field + ".name", std::string(name), ""});
        }
        if (text_at(container, {"image"}).empty()) errors.push_back({required, field + ".image", "", ""});
    }
    if (auto node = text_at(pod, {"spec", "nodeName"}); !node.empty()) {
        if (auto why = subdomain_error(node); !why.empty()) {
            errors.push_back({invalid, "spec.nodeName", std::string(node), why});
        }
    }
    return errors;
}

/// The pod's spec without what may change in its life.
Json frozen_spec(const Json& pod) {
    const Json* spec = find(pod, {"spec"});
    if (!spec) return Json::object();
    Json frozen = *spec;
    for (const char* list : {"containers", "initContainers"}) {
        if (!frozen.contains(list) || !frozen[list].is_array()) continue;
        for (auto& container : frozen[list]) {
            if (container.is_object()) container.erase("image");
        }
    }
    for (const char* field : {"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds",
                              "schedulingGates", "ephemeralContainers"}) {
        frozen.erase(field);
    }
    return frozen;
}

/// What is going takes no more finalizers.
void no_new_finalizers(const Json& before, const Json& object, std::vector<FieldError>& errors) {
    const Json& had = list_at(before, {"metadata", "finalizers"});
    std::set<std::string> extra;
    for (const auto& finalizer : list_at(object, {"metadata", "finalizers"})) {
        if (std::find(had.begin(), had.end(), finalizer) == had.end()) extra.insert(finalizer.dump());
    }
    std::string added;
    for (const auto& finalizer : extra)
        added += (added.empty() ? "" : ", ") + finalizer;
    if (added.empty()) return;
    errors.push_back({FieldError::Type::forbidden, "metadata.finalizers", "",
                      "no new finalizers can be added if the object is being deleted, found new finalizers []string{" +
                          added + "}"});
}

std::string path_text(Path path) {
    std::string text;
    for (auto step : path)
        text += (text.empty() ? "" : ".") + std::string(step);
    return text;
}

/// Every such value is checked here once, so that the rest of the server may rely on it.
Problem check_type(const Json& object, Path path, Json::value_t type) {
    const Json* value = find(object, path);
    if (!value || value->is_null() || value->type() == type) return {};
    return bad_request("the object cannot be handled: cannot unmarshal " + std::string(value->type_name()) +
                       " into field " + path_text(path) + " of type " + Json(type).type_name());
}

Problem check_string_map(const Json& object, Path path) {
    if (auto problem = check_type(object, path, Json::value_t::object)) return problem;
    for (const auto& [key, value] : map_at(object, path).items()) {
        if (!value.is_string() && !value.is_null()) {
            return bad_request("the object cannot be handled: cannot unmarshal " + std::string(value.type_name()) +
                               " into field " + path_text(path) + "[" + key + "] of type string");
        }
    }
    return {};
}

}  // namespace

std::string subdomain_error(std::string_view name) {
    if (name.size() > 253) return too_long_text(253);
    std::string_view rest = name;
    while (true) {
        auto dot = rest.find('.');
        if (!is_dns_label(rest.substr(0, dot))) return std::string(subdomain_text);
        if (dot == std::string_view::npos) return {};
        rest.remove_prefix(dot + 1);
    }
}

std::string dns_label_error(std::string_view name) {
    if (name.size() > 63) return too_long_text(63);
    if (is_dns_label(name)) return {};
    return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
           "end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
           "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
}

std::string label_1035_error(std::string_view name) {
    if (name.size() > 63) return too_long_text(63);
    if (is_dns_label(name) && !(name.front() >= '0' && name.front() <= '9')) return {};
    return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
           "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
           "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
}

std::string label_key_error(std::string_view key) {
    auto name = key;
    if (auto slash = key.find('/'); slash != std::string_view::npos) {
        auto prefix = key.substr(0, slash);
        name = key.substr(slash + 1);
        if (prefix.empty()) return "prefix part must be non-empty";
        if (auto why = subdomain_error(prefix); !why.empty()) return "prefix part " + why;
    }
    if (name.empty()) return "name part must be non-empty";
    if (name.size() > 63) return "name part " + too_long_text(63);
    if (is_qualified_part(name)) return {};
    return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
           "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
           "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
}

std::string label_value_error(std::string_view value) {
    if (value.size() > 63) return too_long_text(63);
    if (value.empty() || is_qualified_part(value)) return {};
    return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
           "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
           "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
}

Problem check_shape(const Resource& resource, const Json& object) {
    if (!object.is_object()) return bad_request("the object provided is no JSON object");
    // A patch can put one deep value into another.
    if (too_deep(object)) return bad_request("the object is nested too deep");
    using Type = Json::value_t;
    if (auto problem = check_type(object, {"metadata"}, Type::object)) return problem;
    for (auto name :
         {"name", "namespace", "generateName", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp"}) {
        if (auto problem = check_type(object, {"metadata", name}, Type::string)) return problem;
    }
    for (auto name : {"labels", "annotations"}) {
        if (auto problem = check_string_map(object, {"metadata", name})) return problem;
    }
    for (auto name : {"finalizers", "ownerReferences", "managedFields"}) {
        if (auto problem = check_type(object, {"metadata", name}, Type::array)) return problem;
    }
    if (resource.custom) return {};
    for (auto name : {"spec", "status"}) {
        if (auto problem = check_type(object, {name}, Type::object)) return problem;
    }
    const auto& plural = resource.names.plural;
    if (plural != "pods" && plural != "services") return {};
    for (auto name : {"containers", "ports"}) {
        if (auto problem = check_type(object, {"spec", name}, Type::array)) return problem;
    }
    for (auto name : {"nodeName", "clusterIP"}) {
        if (auto problem = check_type(object, {"spec", name}, Type::string)) return problem;
    }
    return check_type(object, {"status", "conditions"}, Type::array);
}

namespace {

void check_finalizers(const Resource& resource, const Json& finalizers, std::vector<FieldError>& errors) {
    const auto text_of = [](const Json& finalizer) {
        return finalizer.is_string() ? finalizer.get<std::string>() : finalizer.dump();
    };
    for (const auto& finalizer : finalizers) {
        const auto text = text_of(finalizer);
        if (auto why = label_key_error(text); !why.empty())
            errors.push_back({invalid, "metadata.finalizers", text, why});
    }
    if (resource.custom) return;
    int index = 0;
    for (const auto& finalizer : finalizers) {
        const auto text = text_of(finalizer);
        const auto field = "metadata.finalizers[" + std::to_string(index++) + "]";
        const bool standard = text == "kubernetes" || text == "orphan" || text == "foregroundDeletion";
        if (text.find('/') == std::string::npos && !standard) {
            errors.push_back(
                {invalid, field, text, "name is neither a standard finalizer name nor is it fully qualified"});
        }
    }
}

}  // namespace

std::vector<FieldError> validate_metadata(const Resource& resource, const Json& object) {
    std::vector<FieldError> errors;
    auto name = text_at(object, {"metadata", "name"});
    if (auto why = name_error(resource.name_rule, name); !why.empty()) {
        errors.push_back({invalid, "metadata.name", std::string(name), why});
    }
    const Json& metadata = object.at("metadata");
    check_map(metadata, "labels", true, errors);
    check_map(metadata, "annotations", false, errors);
    check_finalizers(resource, list_at(metadata, {"finalizers"}), errors);
    return errors;
}

std::vector<FieldError> validate_create(const Resource& resource, const Json& object) {
    auto errors = validate_metadata(resource, object);
    std::vector<FieldError> more;
    if (resource.is("", "pods")) more = validate_pod(object);
    if (resource.is("apiextensions.k8s.io", "customresourcedefinitions")) more = validate_definition(object);
    errors.insert(errors.end(), more.begin(), more.end());
    return errors;
}

std::vector<FieldError> validate_update(const Resource& resource, const Json& before, const Json& object) {
    auto errors = validate_create(resource, object);
    if (find(before, {"metadata", "deletionTimestamp"})) no_new_finalizers(before, object, errors);
    if (resource.is("", "pods") && map_at(before, {"spec"}) != map_at(object, {"spec"}) &&
        frozen_spec(before) != frozen_spec(object)) {
        errors.push_back({FieldError::Type::forbidden, "spec", "",
                          "pod updates may not change fields other than `spec.containers[*].image`,"
                          "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
                          "additions to existing tolerations),`spec.terminationGracePeriodSeconds`"});
    }
    if (resource.is("", "services")) {
        auto had = text_at(before, {"spec", "clusterIP"});
        auto has = text_at(object, {"spec", "clusterIP"});
        if (!had.empty() && had != has && text_at(object, {"spec", "type"}) != "ExternalName") {
            errors.push_back({invalid, "spec.clusterIPs[0]", std::string(has), "field is immutable"});
        }
    }
    return errors;
}

}  // namespace weft::apiserver
