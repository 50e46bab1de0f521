#pragma once

#include <stdexcept>
#include <string>

namespace weft::testing {

[[noreturn]] inline void fail_json(const char* what) {
    throw std::logic_error("JSON is not as expected: " + std::string(what));
}

}  // namespace weft::testing

/// A member that an answer lacks fails the test that asks for it, not the whole program. With diagnostics the library's
/// names are others than those of the API server, which is in the same program and has plain assertions.
#define JSON_DIAGNOSTICS 1
#define JSON_ASSERT(holds) ((holds) ? void() : weft::testing::fail_json(#holds))

#include <nlohmann/json.hpp>
