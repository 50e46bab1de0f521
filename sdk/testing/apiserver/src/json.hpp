#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace weft::apiserver {

using Json = nlohmann::json;
using Path = std::initializer_list<std::string_view>;

/// The value at `path`, or null when any step is missing or no object.
const Json* find(const Json& from, Path path);
Json* find(Json& from, Path path);

/// The text at `path`; empty when it is missing or no string.
std::string_view text_at(const Json& from, Path path);
bool bool_at(const Json& from, Path path);
std::optional<std::int64_t> integer_at(const Json& from, Path path);

/// The array (object) at `path`; an empty one when there is none.
const Json& list_at(const Json& from, Path path);
const Json& map_at(const Json& from, Path path);

/// Takes out members that are null, at every depth: to a typed server they were never there.
void drop_nulls(Json& value);

/// The object member `name`, made when it is missing or null.
Json& object_at(Json& from, std::string_view name);

/// Sets `name` unless it is there already (null counts as missing).
void set_default(Json& object, std::string_view name, Json value);

/// Nesting that the recursive parts of the server can bear.
inline constexpr int max_depth = 500;
bool too_deep(std::string_view json);

bool too_deep(const Json& json);

/// Compact text, whatever bytes a client put into strings.
std::string dump(const Json& json);

/// Nothing for text that is not one JSON value; `why` tells what is wrong with it.
std::optional<Json> parse_json(std::string_view text, std::string& why);

}  // namespace weft::apiserver
