#pragma once

#include "config/flags.hpp"
#include "config/settings.hpp"

#include <weft/base/result.hpp>
#include <weft/plugin/plugin.hpp>
#include <weft/tables/settings.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Files, flags and environment to checked Settings, with the origin of every value.
namespace weft::config {

struct Origin {
    enum class Kind { built_in, service_account, environment, file, flag };
    Kind kind = Kind::built_in;
    std::string name;  ///< file path, variable, or flag without dashes
    int line = 0;      ///< of a file
    int column = 0;

    /// "default", "/etc/weft/weft.conf:12", "--mtu", "$KUBECONFIG".
    std::string text() const;
};

struct Value {
    std::string text;
    Origin origin;

    Spelling spelling() const { return origin.kind == Origin::Kind::flag ? Spelling::flag : Spelling::file; }
};

struct LoadOptions {
    std::vector<std::string> args;  ///< the command line without the program's name
    /// A role and a usable way to the API server are needed (weftd); `weftctl config` only looks.
    bool for_start = false;
    /// Main file when no --config-file is given; must exist. Empty: the default ones, which need not.
    std::string config_file;
    std::vector<std::string> default_files = {"/etc/weft/weft.conf", "/etc/openvswitch/ovn_k8s.conf"};
    std::string default_dir = "/etc/weft/conf.d";  ///< beside the default files
    std::string service_account_dir = "/var/run/secrets/kubernetes.io/serviceaccount";
    std::string host_name;                                                      ///< empty: this machine's
    std::function<std::optional<std::string>(const std::string&)> environment;  ///< unset: the process's
};

/// Everything that was read, before it means anything.
struct Layers {
    std::vector<Value> values;                                    ///< one a schema key, same order
    std::map<std::string, std::map<std::string, Value>> plugins;  ///< [plugin.<name>]
    std::map<std::string, Origin> plugin_sections;                ///< where each is first named
    std::vector<std::string> files;
    PluginsSection plugin_set;
    Origin plugin_set_origin;
    std::vector<Error> warnings;
};

/// What a plugin lets itself be told; for checking its section.
struct PluginSchema {
    std::string name;
    /// The plugin is enabled and `settings` is complete; otherwise only its name is known and its section isn't
    /// checked.
    bool declared = false;
    std::vector<SettingSpec> settings;
};

struct ChangedKey {
    std::string name;  ///< "[default] mtu", "[plugin.x] y", "[plugins] enable"
    std::string before, after;
    Origin origin;
    bool needs_restart = false;
};

struct Reload {
    std::vector<ChangedKey> changed;
    std::vector<Error> warnings;

    bool needs_restart() const;
};

/// One row of `weftctl config show`.
struct ShownValue {
    std::string section, key, value;
    Origin origin;
    std::string help;
};

class Config {
  public:
    /// Reads everything. The error says in which file and line, or which flag, what to change.
    static Result<Config> load(LoadOptions options);

    const Settings& settings() const { return settings_; }
    /// Things to say once at start: unknown and removed keys, what is accepted but has no effect.
    const std::vector<Error>& warnings() const { return layers_.warnings; }
    /// The files read, in order.
    const std::vector<std::string>& files() const { return layers_.files; }
    const Flags& flags() const { return flags_; }

    /// Reads all again. Values that apply on reload are in settings() then; those that need a restart keep what they
    /// were and are reported. When anything is wrong, also in the eyes of `accept` (which sees the configuration as it
    /// would be and can check plugins and their settings), nothing changes.
    Result<Reload> reload(const std::function<Result<void>(const Config& next)>& accept = {});

    struct Other;
    /// What would be read at a start with `file` in place of the main file, and what is different then; this one stays
    /// as it is. conf.d, flags and environment count as ever. Without a file: what the next start would read.
    Result<Other> with_file(const std::optional<std::string>& file) const;

    /// Where a key's value came from; "default" for names that are no key.
    Origin origin(std::string_view section, std::string_view key) const;
    /// Is the upstream switch (a boolean flag's name, such as "enable-egress-ip") on? Nothing when there is no such
    /// flag.
    std::optional<bool> switch_on(std::string_view flag) const;

    /// Checks every [plugin.<name>] section against the plugins that are installed and returns all settings of those
    /// that are declared, defaults filled in, as the rows rules read. Errors carry file, line and the nearest name.
    Result<std::vector<tables::PluginSetting>> plugin_settings(const std::vector<PluginSchema>& installed) const;

    /// `gates` of [plugin.<name>], which every plugin has: nothing when it is not set; otherwise what the plugin gates
    /// while it can't run ("pods", or empty). Checked by plugin_settings().
    std::optional<std::string> plugin_gates(const std::string& plugin) const;

    /// All keys with their values; tokens are not shown.
    std::vector<ShownValue> show() const;

  private:
    Config() = default;

    LoadOptions options_;
    Flags flags_;
    Layers layers_;
    Settings settings_;
};

struct Config::Other {
    Config config;
    Reload changes;
};

/// The row that rules read.
tables::NetworkConfig network_row(const Settings& settings);

/// conf/weft.conf: every key with its default, commented out.
std::string reference_config();

}  // namespace weft::config
