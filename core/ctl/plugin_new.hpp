#pragma once

#include <weft/base/result.hpp>

#include <string>
#include <vector>

/// `weftctl plugin new`: a working plugin with its tests, to go on from.
namespace weft::ctl {

struct NewPlugin {
    std::string name;       ///< "my-feature"
    std::string folder;     ///< where to; must not be there, or be empty
    std::string templates;  ///< folder of the template; empty: that of the installation this program is part of
};

/// Is this a name for a plugin? The error says why not.
Result<void> check_plugin_name(const std::string& name);
/// "my-feature" as "MyFeature" and as "my_feature".
std::string pascal_case(const std::string& name);
std::string snake_case(const std::string& name);

/// Writes the plugin; the names of its files, as they were written.
Result<std::vector<std::string>> write_plugin(const NewPlugin& plugin);

}  // namespace weft::ctl
