#pragma once

#include "resource.hpp"

#include <set>
#include <string>
#include <vector>

namespace weft::apiserver {

/// A field's place in FieldsV1 words: {"f:status", "f:conditions", "k:{\"type\":\"Ready\"}", "f:status"}. An element of
/// a keyed list also has a place of its own that ends in ".".
using FieldPath = std::vector<std::string>;
using FieldSet = std::set<FieldPath>;

/// How lists of one kind merge: by the well-known keys of built-in kinds, by the schema of custom ones.
class Shape {
  public:
    Shape(const Resource& resource, const Version& version)
        : kind_(resource.names.kind),
          custom_(resource.custom),
          schema_(version.schema) {}

    /// The leaves of an object, without those that belong to the server.
    FieldSet fields_of(const Json& object) const;
    /// `config` laid over `live`.
    void merge(Json& live, const Json& config) const;

  private:
    struct Rule {
        enum class Kind { atomic, keyed, scalars } kind = Kind::atomic;
        std::vector<std::string> keys;
    };
    Rule rule(const Json& schema, const std::string& list) const;
    void walk(const Json& value, const Json& schema, const std::string& name, FieldPath& path, FieldSet& out) const;
    void merge(Json& live, const Json& config, const Json& schema, const std::string& name) const;

    std::string kind_;
    bool custom_;
    const Json& schema_;
};

/// Null when there is no such field.
const Json* value_at(const Json& object, const FieldPath& path);
void remove_at(Json& object, const FieldPath& path);
/// ".metadata.labels.app"
std::string path_text(const FieldPath& path);

Json to_fields_v1(const FieldSet& fields);
FieldSet from_fields_v1(const Json& fields);

}  // namespace weft::apiserver
