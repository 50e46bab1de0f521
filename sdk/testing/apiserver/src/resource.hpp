#pragma once

#include "json.hpp"
#include "status.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace weft::apiserver {

/// A field that a field selector may name, besides metadata.name and metadata.namespace.
struct SelectableField {
    std::string name;               ///< "spec.nodeName"
    std::vector<std::string> path;  ///< {"spec", "nodeName"}
};

/// One served form of a resource. Versions differ in their apiVersion only: nothing is converted.
struct Version {
    std::string name;
    bool served = true;
    bool storage = true;
    bool status = true;  ///< has the /status subresource
    Json columns;        ///< additionalPrinterColumns of a custom resource
    Json schema;         ///< openAPIV3Schema of a custom resource: read for its list keys only
};

/// How a kind treats its name.
enum class NameRule { subdomain, label, label_1035, path_segment };

/// A kind of object: its names and how it deviates from a plain object.
struct Resource {
    Names names;
    std::string singular;
    std::string list_kind;
    std::vector<std::string> short_names;
    std::vector<std::string> categories;
    std::vector<Version> versions;
    std::vector<SelectableField> fields;
    NameRule name_rule = NameRule::subdomain;
    bool namespaced = true;
    bool custom = false;
    bool status_writes_metadata = true;  ///< labels and annotations may change through /status
    bool counts_generations = false;
    bool unconditional_update = true;  ///< PUT without a resource version is accepted
    bool create_on_update = false;
    bool returns_deleted = false;  ///< DELETE answers with the object instead of a Status

    const Version* version(std::string_view name) const;
    /// "v1", "networking.k8s.io/v1"
    std::string api_version(std::string_view version) const;
    bool is(std::string_view group, std::string_view plural) const {
        return names.group == group && names.plural == plural;
    }
    /// True when `word` is its plural, singular, kind or a short name, with or without ".group".
    bool answers_to(std::string_view word) const;
};

/// What is served without any CustomResourceDefinition.
std::vector<Resource> builtin_resources();

/// The resource that a CustomResourceDefinition (in this shape already checked by validate_definition) describes.
Resource resource_of_definition(const Json& definition);
std::vector<FieldError> validate_definition(const Json& definition);

}  // namespace weft::apiserver
