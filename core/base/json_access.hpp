#pragma once

#include <weft/base/json.hpp>

#include <simdjson.h>

namespace weft {

/// For core only: between the SDK's opaque JsonView and simdjson's element.
struct JsonAccess {
    static const simdjson::dom::element& element_of(const JsonView& view);
    static JsonView view_of(const simdjson::dom::element& e);
};

}  // namespace weft
