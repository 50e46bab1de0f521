#pragma once

#include "json.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::apiserver {

/// One YAML document, with scalars typed as Kubernetes' own reader types them. JSON is read as such.
std::optional<Json> parse_yaml(std::string_view text, std::string& why);
/// All documents of a text, empty ones left out and kind: List taken apart.
std::optional<std::vector<Json>> parse_manifests(std::string_view text, std::string& why);

}  // namespace weft::apiserver
