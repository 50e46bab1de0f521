#pragma once

#include "config/settings.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// One table that lists every key weft reads: where it stands, its default, its flag, what it means and how it is
/// checked. Reading files, flags and environment, conf/weft.conf, `weftctl config` and the help all follow from it.
namespace weft::config {

/// Ties a key to its member of Settings.
struct Binding {
    std::string_view type;
    bool is_bool = false;
    Result<void> (*assign)(Settings&, std::string_view text, Spelling) = nullptr;
    std::string (*text)(const Settings&) = nullptr;
};

template <auto Section, auto Member>
constexpr Binding bind_to() {
    using Value = std::remove_reference_t<decltype((std::declval<Settings&>().*Section).*Member)>;
    return {type_name(static_cast<const Value*>(nullptr)), std::is_same_v<Value, bool>,
            [](Settings& s, std::string_view text, Spelling spelling) {
                return read_value(text, spelling, (s.*Section).*Member);
            },
            [](const Settings& s) { return write_value((s.*Section).*Member); }};
}

using Check = Result<void> (*)(std::string_view value);

/// When a changed value takes effect.
enum class Applies { on_reload, on_restart };

struct KeySpec {
    std::string_view section;   ///< lower case
    std::string_view key;       ///< as documented; compared in lower case
    std::string_view fallback;  ///< the default, spelled as in the file
    std::string_view help;
    std::string flags;      ///< long names without dashes, separated by blanks; empty: no flag
    std::string_view env;   ///< environment variable that sets it when not empty
    Check check = nullptr;  ///< of this one value; what concerns several keys is in check.hpp
    Applies applies = Applies::on_restart;
    bool secret = false;  ///< never shown
    Binding bind;

    bool of_weft() const { return section == "weft"; }
};

/// All keys, grouped by section in the order of conf/weft.conf.
const std::vector<KeySpec>& schema();
/// The key of a file, or null. Both names in lower case.
const KeySpec* find_key(std::string_view section, std::string_view key);
/// The key that a flag sets, or null.
const KeySpec* find_flag(std::string_view flag);
bool known_section(std::string_view section);
/// What a section is for: the comment above it in conf/weft.conf.
std::string_view section_help(std::string_view section);

/// Keys and flags that earlier OVN-Kubernetes had: accepted with a warning, so that old files and manifests start.
struct RemovedKey {
    std::string_view section;
    std::string_view key;
    std::string_view why;
};
struct RemovedFlag {
    std::string_view flag;
    bool takes_value;
    std::string_view why;
};
const std::vector<RemovedKey>& removed_keys();
const std::vector<RemovedFlag>& removed_flags();

}  // namespace weft::config
