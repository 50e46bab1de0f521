#pragma once

#include <weft/base/result.hpp>

#include <string>
#include <string_view>
#include <vector>

/// The git-config style files that OVN-Kubernetes reads, and weft with it:
///
///     [gateway]                 # section and key names: any case
///     mode = shared             ; value is trimmed
///     nodeport                  # no '=': true, for a flag
///     next-hop = "a # b\n"      # quotes keep spaces and comment signs; escapes are \\ \" \n \t
///     interface = br-ex
///
/// A backslash at the end of a line continues the value on the next. [plugin "x"] is another spelling of [plugin.x].
/// The parser knows no key: see schema.hpp.
namespace weft::config {

struct IniEntry {
    std::string section;  ///< lower case
    std::string key;      ///< lower case; empty for the section's own line, so that empty sections can be checked too
    std::string value;
    bool has_value = false;  ///< false: written without '='
    int line = 0;            ///< of the key, from 1
    int column = 0;
};

/// Whole text to entries, in file order; the error's `where` is "file:line:column".
Result<std::vector<IniEntry>> parse_ini(std::string_view text, std::string_view file);

/// ASCII lower case, as names in these files are compared.
std::string lower_case(std::string_view text);

}  // namespace weft::config
