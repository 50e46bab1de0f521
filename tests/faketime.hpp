#pragma once

#include <filesystem>
#include <system_error>

namespace weft::testing {

/// libfaketime, wherever this architecture has it; empty when it is not installed.
inline std::filesystem::path faketime() {
    for (const auto& entry : std::filesystem::directory_iterator("/usr/lib")) {
        auto library = entry.path() / "faketime" / "libfaketime.so.1";
        std::error_code unreadable;
        if (std::filesystem::exists(library, unreadable)) return library;
    }
    return {};
}

}  // namespace weft::testing
