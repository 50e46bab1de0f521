#pragma once

#include "json.hpp"
#include "resource.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::apiserver {

/// One stored object. Immutable: a change makes a new one, so lists, watches and history share it without a lock.
/// Its JSON is kept as text that starts right after the resource version, so that an answer is put together by copying:
///   {"kind":"Pod","apiVersion":"v1",   by the asked version; left out in lists of built-in kinds
///   "metadata":{"resourceVersion":"42" by the revision the object is told with (a deletion tells its own)
///   ,"name":"p1"},"spec":{}}           this text
struct Object {
    std::uint64_t revision = 0;
    std::string space;  ///< its namespace; empty for cluster-wide objects
    std::string name;
    std::vector<std::pair<std::string, std::string>> labels;  ///< sorted
    std::vector<std::string> fields;                          ///< values of Resource::fields
    std::string text;
    std::size_t metadata_size = 0;  ///< the part of `text` that ends the metadata
    bool deleting = false;

    std::string key() const { return space.empty() ? name : space + "/" + name; }
    /// Whole again, with kind and apiVersion.
    Json json(const Resource& resource, std::string_view version) const;
};

using ObjectPtr = std::shared_ptr<const Object>;

/// Takes the object apart; `json` has a metadata object with a name.
ObjectPtr make_object(const Resource& resource, const Json& json, std::uint64_t revision);

/// Appends the part that stands before Object::text.
void append_head(std::string& out, std::uint64_t revision);

}  // namespace weft::apiserver
