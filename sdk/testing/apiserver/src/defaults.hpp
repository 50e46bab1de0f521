#pragma once

#include "resource.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace weft::apiserver {

/// Brings what a client sent into the stored form: no nulls, no empty maps in the metadata, kind and apiVersion set.
void normalise(const Resource& resource, const Version& version, Json& object);

/// Fills in what the real server fills in and clients rely on. `now` is RFC 3339.
void default_create(const Resource& resource, const Version& version, Json& object, const std::string& now);
/// What an update leaves out and the server knows stays as it was `before`.
void default_update(const Resource& resource, const Json& before, Json& object);

/// The status that a definition has once its resource is served.
void establish(Json& definition, const std::string& now);

/// UTC, to the second: "2026-01-02T03:04:05Z".
std::string rfc3339(std::int64_t unix_seconds);
/// The way back; nothing when the text is no such time.
std::optional<std::int64_t> unix_seconds(const std::string& rfc3339);

std::string base64(std::string_view bytes);
std::string base64_decode(std::string_view text);

}  // namespace weft::apiserver
