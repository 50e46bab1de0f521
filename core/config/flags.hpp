#pragma once

#include "config/schema.hpp"

#include <optional>
#include <string>
#include <vector>

/// The command line of weftd: one flag a key of the schema, upstream's modes, and what earlier versions had.
namespace weft::config {

struct FlagValue {
    const KeySpec* key = nullptr;
    std::string flag;  ///< as written, without dashes
    std::string value;
};

struct Flags {
    std::vector<FlagValue> values;  ///< in the order they apply: of one key the last counts, legacy names come last
    std::optional<std::string> config_file;
    std::optional<std::string> config_dir;
    std::vector<std::string> enable_plugins;
    std::vector<std::string> disable_plugins;
    bool help = false;
    bool version = false;
    std::vector<Error> warnings;  ///< removed flags
};

/// `args` without the program's name. "--mtu 9000", "--mtu=9000" and "-mtu=9000" are the same; "--monitor-all" is true.
/// Unknown flags are errors that name the nearest one.
Result<Flags> parse_flags(const std::vector<std::string>& args);

/// The help text of all flags.
std::string flag_help();

}  // namespace weft::config
