#include "config/config.hpp"

#include "config/ini.hpp"
#include "config/layers.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <filesystem>
#include <set>

namespace weft::config {

namespace {

/// Values of keys that apply on reload from `now`, all others from `running`.
std::vector<Value> live_values(const std::vector<Value>& running, const std::vector<Value>& now) {
    std::vector<Value> mixed = running;
    for (std::size_t i = 0; i < mixed.size(); ++i) {
        if (schema()[i].applies == Applies::on_reload) mixed[i] = now[i];
    }
    return mixed;
}

Result<Settings> make_settings(Layers& layers, const LoadOptions& options) {
    auto settings = assign(layers);
    if (!settings) return settings;
    const Blame blame = [&](std::string_view section, std::string_view key) {
        const auto* spec = find_key(section, key);
        return spec ? layers.values[static_cast<std::size_t>(spec - schema().data())].origin.text() : std::string();
    };
    if (auto settled = settle(*settings, options, blame, layers.warnings); !settled) return std::move(settled).error();
    return settings;
}

std::string shown(const KeySpec& spec, const std::string& text) {
    return spec.secret && !text.empty() ? "(hidden)" : text;
}

void compare_values(const Layers& before, const Layers& now, Reload& reload) {
    for (std::size_t i = 0; i < schema().size(); ++i) {
        const auto& spec = schema()[i];
        if (before.values[i].text == now.values[i].text) continue;
        reload.changed.push_back({"[" + std::string(spec.section) + "] " + std::string(spec.key),
                                  shown(spec, before.values[i].text), shown(spec, now.values[i].text),
                                  now.values[i].origin, spec.applies == Applies::on_restart});
    }
}

std::string hashes_text(const PluginsSection& set) {
    std::string out;
    for (const auto& [name, hex] : set.sha256)
        out.append(name).append(":").append(hex).append(" ");
    return out;
}

void compare_plugins(const Layers& before, const Layers& now, Reload& reload) {
    const auto& a = before.plugin_set;
    const auto& b = now.plugin_set;
    const auto add = [&](std::string key, std::string was, std::string is) {
        if (was == is) return;
        reload.changed.push_back(
            {"[plugins] " + std::move(key), std::move(was), std::move(is), now.plugin_set_origin, false});
    };
    add("enable", write_value(a.enable), write_value(b.enable));
    add("disable", write_value(a.disable), write_value(b.disable));
    add("sha256", hashes_text(a), hashes_text(b));

    std::set<std::pair<std::string, std::string>> keys;
    for (const auto* layers : {&before, &now}) {
        for (const auto& [plugin, values] : layers->plugins) {
            for (const auto& [key, value] : values)
                keys.emplace(plugin, key);
        }
    }
    const auto find = [](const Layers& layers, const auto& name) -> const Value* {
        const auto plugin = layers.plugins.find(name.first);
        if (plugin == layers.plugins.end()) return nullptr;
        const auto key = plugin->second.find(name.second);
        return key == plugin->second.end() ? nullptr : &key->second;
    };
    for (const auto& name : keys) {
        const Value* was = find(before, name);
        const Value* is = find(now, name);
        if (was && is && was->text == is->text) continue;
        reload.changed.push_back({"[plugin." + name.first + "] " + name.second, was ? was->text : "",
                                  is ? is->text : "", is ? is->origin : Origin{}, false});
    }
}

}  // namespace

std::string Origin::text() const {
    switch (kind) {
        case Kind::built_in: return "default";
        case Kind::service_account: return name;
        case Kind::environment: return "$" + name;
        case Kind::file: return name + ":" + std::to_string(line);
        case Kind::flag: return "--" + name;
    }
    return {};
}

bool Reload::needs_restart() const {
    return std::ranges::any_of(changed, [](const ChangedKey& c) { return c.needs_restart; });
}

Result<Config> Config::load(LoadOptions options) {
    Config config;
    auto flags = parse_flags(options.args);
    if (!flags) return std::move(flags).error();
    config.flags_ = std::move(*flags);
    config.options_ = std::move(options);
    auto layers = read_layers(config.options_, config.flags_);
    if (!layers) return std::move(layers).error();
    config.layers_ = std::move(*layers);
    auto settings = make_settings(config.layers_, config.options_);
    if (!settings) return std::move(settings).error();
    config.settings_ = std::move(*settings);
    return config;
}

Result<Reload> Config::reload(const std::function<Result<void>(const Config& next)>& accept) {
    auto now = read_layers(options_, flags_);
    if (!now) return std::move(now).error();
    // The whole new configuration must be right, or the next restart would fail.
    if (auto whole = make_settings(*now, options_); !whole) return std::move(whole).error();
    Reload reload;
    compare_values(layers_, *now, reload);
    compare_plugins(layers_, *now, reload);
    reload.warnings = now->warnings;

    Layers mixed = std::move(*now);
    mixed.values = live_values(layers_.values, mixed.values);
    mixed.warnings.clear();
    auto settings = make_settings(mixed, options_);
    if (!settings) return std::move(settings).error();
    mixed.warnings = reload.warnings;
    Config next;
    next.options_ = options_;
    next.flags_ = flags_;
    next.layers_ = std::move(mixed);
    next.settings_ = std::move(*settings);
    if (accept) {
        if (auto accepted = accept(next); !accepted) return std::move(accepted).error();
    }
    *this = std::move(next);
    return reload;
}

Result<Config::Other> Config::with_file(const std::optional<std::string>& file) const {
    Other other{Config(), {}};
    other.config.options_ = options_;
    other.config.flags_ = flags_;
    if (file) {
        namespace fs = std::filesystem;
        const std::string given = flags_.config_file.value_or(options_.config_file);
        const auto dir = given.empty() ? fs::path(options_.default_dir) : fs::path(given).parent_path() / "conf.d";
        std::error_code failed;
        if (!flags_.config_dir && fs::is_directory(dir, failed)) other.config.flags_.config_dir = dir.string();
        other.config.flags_.config_file = *file;
    }
    auto layers = read_layers(other.config.options_, other.config.flags_);
    if (!layers) return std::move(layers).error();
    auto settings = make_settings(*layers, options_);
    if (!settings) return std::move(settings).error();
    compare_values(layers_, *layers, other.changes);
    compare_plugins(layers_, *layers, other.changes);
    other.changes.warnings = layers->warnings;
    other.config.layers_ = std::move(*layers);
    other.config.settings_ = std::move(*settings);
    return other;
}

Origin Config::origin(std::string_view section, std::string_view key) const {
    const auto* spec = find_key(section, lower_case(key));
    return spec ? layers_.values[static_cast<std::size_t>(spec - schema().data())].origin : Origin{};
}

std::optional<bool> Config::switch_on(std::string_view flag) const {
    const auto* spec = find_flag(flag);
    if (!spec || !spec->bind.is_bool) return std::nullopt;
    return spec->bind.text(settings_) == "true";
}

Result<std::vector<tables::PluginSetting>> Config::plugin_settings(const std::vector<PluginSchema>& installed) const {
    std::set<std::string> names;
    for (const auto& plugin : installed)
        names.insert(plugin.name);
    const auto where = [](const Origin& origin) {
        return origin.name + ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
    };
    for (const auto& [name, origin] : layers_.plugin_sections) {
        if (names.contains(name)) continue;
        const auto near = nearest(name, names);
        return Error{ErrorKind::invalid, "section [plugin." + name + "] is of no plugin that is installed",
                     where(origin),
                     near.empty() ? "install the plugin or remove the section" : "did you mean [plugin." + near + "]?"};
    }
    for (const auto& [name, section] : layers_.plugins) {
        const auto gates = section.find("gates");
        if (gates == section.end() || gates->second.text == "pods" || gates->second.text.empty()) continue;
        return Error{ErrorKind::invalid,
                     "[plugin." + name + "] gates: nothing is called " + json_quote(gates->second.text),
                     where(gates->second.origin), "write pods, or leave it empty"};
    }
    std::vector<tables::PluginSetting> rows;
    for (const auto& plugin : installed) {
        if (!plugin.declared) continue;
        const auto section = layers_.plugins.find(plugin.name);
        std::set<std::string> keys;
        for (const auto& spec : plugin.settings) {
            keys.insert(lower_case(spec.key));
            const Value* value = nullptr;
            if (section != layers_.plugins.end()) {
                const auto at = section->second.find(lower_case(spec.key));
                if (at != section->second.end()) value = &at->second;
            }
            const std::string& text = value ? value->text : spec.fallback;
            if (value && spec.check) {
                if (auto checked = spec.check(text); !checked) {
                    Error error = std::move(checked).error();
                    error.what = "[plugin." + plugin.name + "] " + spec.key + ": " + error.what;
                    error.where = where(value->origin);
                    return error;
                }
            }
            rows.push_back({Key<tables::PluginSetting>{plugin.name, spec.key}, text});
        }
        if (section == layers_.plugins.end()) continue;
        for (const auto& [key, value] : section->second) {
            if (keys.contains(key) || key == "gates") continue;
            const auto near = nearest(key, keys);
            return Error{ErrorKind::invalid, "unknown key " + json_quote(key) + " in [plugin." + plugin.name + "]",
                         where(value.origin),
                         near.empty()
                             ? keys.empty()
                                   ? "the plugin has no settings"
                                   : "its keys: " + write_value(std::vector<std::string>(keys.begin(), keys.end()))
                             : "did you mean " + json_quote(near) + "?"};
        }
    }
    return rows;
}

std::optional<std::string> Config::plugin_gates(const std::string& plugin) const {
    const auto section = layers_.plugins.find(plugin);
    if (section == layers_.plugins.end()) return std::nullopt;
    const auto gates = section->second.find("gates");
    return gates == section->second.end() ? std::nullopt : std::optional(gates->second.text);
}

std::vector<ShownValue> Config::show() const {
    std::vector<ShownValue> rows;
    for (std::size_t i = 0; i < schema().size(); ++i) {
        const auto& spec = schema()[i];
        const auto& value = layers_.values[i];
        rows.push_back({std::string(spec.section), std::string(spec.key), shown(spec, value.text), value.origin,
                        std::string(spec.help)});
    }
    const auto& set = layers_.plugin_set;
    if (set.listed) {
        rows.push_back({"plugins", "enable", write_value(set.enable), layers_.plugin_set_origin, "Plugins that run."});
    }
    if (!set.disable.empty()) {
        rows.push_back(
            {"plugins", "disable", write_value(set.disable), layers_.plugin_set_origin, "Plugins that don't."});
    }
    for (const auto& [name, hex] : set.sha256)
        rows.push_back({"plugins", "sha256." + name, hex, layers_.plugin_set_origin, ""});
    for (const auto& [plugin, values] : layers_.plugins) {
        for (const auto& [key, value] : values)
            rows.push_back({"plugin." + plugin, key, value.text, value.origin, ""});
    }
    return rows;
}

}  // namespace weft::config
