#pragma once

#include "config/config.hpp"
#include "plugin/registry.hpp"

#include <string>
#include <vector>

namespace weft::daemon {

/// The names of the plugins that the configuration enables: those of `[plugins] enable`, or without it the always-on
/// ones and those whose upstream switch is on; less those of `[plugins] disable`. A switch that is on and has no plugin
/// is an error: what it asks for would silently not happen.
Result<std::vector<std::string>> enabled_plugins(const config::Config& config, const plugin::Registry& registry);

/// How plugin files are judged, from `[plugins]`.
plugin::AdmissionPolicy admission_policy(const config::Settings& settings);

/// What each installed plugin lets itself be told.
std::vector<config::PluginSchema> plugin_schemas(const plugin::Registry& registry,
                                                 const std::vector<const plugin::Loaded*>& loaded);

}  // namespace weft::daemon
