#pragma once

#include "resource.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace weft::apiserver {

/// Each says what is wrong with the text, or nothing.
std::string subdomain_error(std::string_view name);
std::string dns_label_error(std::string_view name);
std::string label_1035_error(std::string_view name);
std::string label_key_error(std::string_view key);
std::string label_value_error(std::string_view value);

/// Types of the members that the server itself reads. Anything else in the object is free-form.
Problem check_shape(const Resource& resource, const Json& object);
/// Name, labels, annotations, finalizers.
std::vector<FieldError> validate_metadata(const Resource& resource, const Json& object);
std::vector<FieldError> validate_create(const Resource& resource, const Json& object);
std::vector<FieldError> validate_update(const Resource& resource, const Json& before, const Json& object);

}  // namespace weft::apiserver
