#pragma once

#include <weft/base/api.hpp>
#include <weft/base/json.hpp>
#include <weft/base/result.hpp>
#include <weft/engine/operator.hpp>

#include <cstdint>
#include <string>

/// For ResourceSpec::parse: what every Kubernetes object has.
namespace weft::tables {

/// The fields of an object's metadata that rows are made of.
struct Metadata {
    std::string ns;  ///< empty for cluster-scoped objects
    std::string name;
    std::string uid;
    std::int64_t created = 0;  ///< creationTimestamp, seconds since the epoch
    bool terminating = false;  ///< has a deletionTimestamp
    Labels labels;             ///< sorted by name
};

/// Reads metadata; the error names the field that is missing or of a wrong type.
WEFT_API Result<Metadata> read_metadata(JsonView object);

}  // namespace weft::tables
