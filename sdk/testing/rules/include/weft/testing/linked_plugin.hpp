#pragma once

#include <weft/plugin/plugin.hpp>
#include <weft/testing/render.hpp>
#include <weft/testing/rule_test.hpp>

#include <map>
#include <string>
#include <string_view>

extern "C" weft::PluginHandle* weft_plugin_create() noexcept;
extern "C" void weft_plugin_destroy(weft::PluginHandle* plugin) noexcept;
extern "C" const weft::Manifest weft_plugin_manifest;

namespace weft::testing {

/// The plugin whose sources are linked into this test program, made as the loader would make it.
///
///   const LinkedPlugin plugin;
///   RuleTest rule(plugin.rules().rule("limit-pod"));
///   rule.given(plugin.settings({{"default-rate", "500"}}));
class LinkedPlugin {
  public:
    LinkedPlugin() : handle_(weft_plugin_create()), rules_(*handle_) {}
    ~LinkedPlugin() { weft_plugin_destroy(handle_); }
    LinkedPlugin(const LinkedPlugin&) = delete;
    LinkedPlugin& operator=(const LinkedPlugin&) = delete;

    PluginHandle* get() const { return handle_; }
    std::string name() const { return weft_plugin_manifest.name; }
    std::string version() const { return weft_plugin_manifest.version; }
    /// What it declares.
    const PluginRules& rules() const { return rules_; }

    /// The rows of its section of the configuration: `given`, and defaults for the other keys.
    RowSet settings(const std::map<std::string, std::string>& given = {}) const {
        RowSet rows;
        for (auto& row : rules_.settings_rows(name(), given))
            rows.put(std::move(row));
        return rows;
    }
    /// A folder of a render case, with this plugin's kinds of objects and settings. See RenderCase::load.
    RenderCase load_case(const std::string& folder) const {
        RenderCase input = RenderCase::load(folder, ObjectKinds::of({handle_}));
        input.plugin_setting_rows = rules_.settings_rows(name(), input.plugin_settings);
        return input;
    }

  private:
    PluginHandle* handle_;
    PluginRules rules_;
};

}  // namespace weft::testing
