#pragma once

#include <string>

namespace weft::services {

/// What a program was built from.
struct BuildFacts {
    std::string version;
    std::string revision;  ///< `git describe`, or the version where there was no git
    std::string branch;
    std::string build_date;

    /// "0.1.0 (v0.1.0-12-gb52a6dd)", or just the version.
    std::string text() const;
};
/// This library's own.
BuildFacts own_build();

}  // namespace weft::services
