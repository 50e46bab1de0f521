#pragma once

#include "http.hpp"
#include "store.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace weft::apiserver {

/// What a client asks before it asks for objects: versions, groups, resources, health. Nothing for other paths.
std::optional<HttpResponse> discover(const Store& store, const std::string& version, std::string_view path);

}  // namespace weft::apiserver
