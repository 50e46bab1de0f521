#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

/// JSON for shim and server's protocol: nlohmann's parser, which is iterative, with limits so that no text can hurt.
namespace weft::cni {

using Json = nlohmann::json;

/// One JSON value that is the whole text, nested at most 64 deep.
std::optional<Json> parse_json(std::string_view text);
/// Compact; bytes that are no UTF-8 are replaced.
std::string write_json(const Json& value);
/// The text of a member; empty when it is absent or null. Nothing when it is anything but a string.
std::optional<std::string> text_member(const Json& object, const char* name);

}  // namespace weft::cni
