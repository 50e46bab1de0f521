#pragma once

#include "config/config.hpp"
#include "record/replay.hpp"
#include "services/rbac.hpp"

#include <weft/base/result.hpp>

#include <functional>
#include <string>
#include <vector>

/// What weftctl can do only with the engine and the plugins at hand. A function that is not set makes its command say
/// so; the command line and the output are weftctl's own business.
namespace weft::ctl {

struct RenderRequest {
    std::string manifests;  ///< folder of YAML files
    std::string node;       ///< the node whose rows are wanted
    const config::Config* config = nullptr;
};

/// Rows of one far side.
struct RenderedRows {
    std::string name;               ///< "ovn-nb", "ovn-sb", "ovs", "host", "kubernetes"
    std::vector<std::string> rows;  ///< one JSON object a row, with "table", without UUIDs; sorted
};

struct Backends {
    /// Runs both roles over the manifests, without any far side, and returns what would be there.
    std::function<Result<std::vector<RenderedRows>>(const RenderRequest&)> render;
    /// The rights of the plugins that the configuration enables; used when no weftd answers.
    std::function<Result<std::vector<services::Right>>(const config::Config&)> rights;
    /// The plugins that are installed, with their settings, so that `config check` can check [plugin.<name>] too.
    std::function<Result<std::vector<config::PluginSchema>>(const config::Config&)> plugin_schemas;
    /// What a recording may need of this place: its modules are those of plugins in the configured folder.
    std::function<Result<record::Here>(const config::Config&, const record::Facts&)> here;
};

}  // namespace weft::ctl
