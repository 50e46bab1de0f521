#include "ctl/offline.hpp"

#include "daemon/modules.hpp"
#include "daemon/plugin_set.hpp"
#include "daemon/rights.hpp"
#include "plugin/registry.hpp"
#include "services/build_facts.hpp"

#include <weft/testing/objects.hpp>
#include <weft/testing/render.hpp>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <map>

namespace weft::ctl {

namespace fs = std::filesystem;

namespace {

struct Installed {
    std::unique_ptr<plugin::Registry> registry;
    std::vector<const plugin::Loaded*> enabled;
};

Result<Installed> load_enabled(const config::Config& config) {
    Installed installed;
    installed.registry =
        std::make_unique<plugin::Registry>(config.settings().plugin_dir(), daemon::admission_policy(config.settings()));
    auto names = daemon::enabled_plugins(config, *installed.registry);
    if (!names) return names.error();
    auto loaded = installed.registry->load(*names);
    if (!loaded) return loaded.error();
    installed.enabled = *std::move(loaded);
    return installed;
}

/// The files of a folder in the order of their names, or the one file.
Result<testing::RowSet> read_manifests(const std::string& path, const testing::ObjectKinds& kinds) {
    std::vector<fs::path> files;
    std::error_code code;
    if (fs::is_directory(path, code)) {
        for (const auto& entry : fs::directory_iterator(path, code)) {
            const auto extension = entry.path().extension();
            if (extension == ".yaml" || extension == ".yml" || extension == ".json") files.push_back(entry.path());
        }
        std::sort(files.begin(), files.end());
    } else if (fs::exists(path, code)) {
        files.push_back(path);
    }
    if (files.empty())
        return Error{ErrorKind::invalid, "no manifests (*.yaml, *.yml, *.json)", path, "name another folder"};
    testing::RowSet all;
    for (const auto& file : files) {
        const auto rows = testing::objects_from_file(file.string(), kinds);
        for (const auto& [table, by_key] : rows.tables()) {
            for (const auto& [key, row] : by_key)
                all.put(table, row);
        }
    }
    return all;
}

/// "node OVN_Northbound {…}" and "cluster Annotation {…}" by what comes before the row.
std::vector<RenderedRows> by_side(const std::vector<std::string>& lines) {
    std::map<std::string, RenderedRows> sides;
    for (const auto& line : lines) {
        const auto role = line.find(' ');
        const auto side = line.find(' ', role + 1);
        if (role == std::string::npos || side == std::string::npos) continue;
        const bool is_row = side + 1 < line.size() && line[side + 1] == '{';
        const std::string name = is_row ? line.substr(role + 1, side - role - 1) : "status";
        auto& rows = sides[name];
        rows.name = name;
        rows.rows.push_back(is_row ? line.substr(side + 1) : line);
    }
    std::vector<RenderedRows> out;
    for (auto& [name, rows] : sides) {
        std::sort(rows.rows.begin(), rows.rows.end());
        out.push_back(std::move(rows));
    }
    return out;
}

Result<std::vector<RenderedRows>> render(const RenderRequest& request) {
    auto installed = load_enabled(*request.config);
    if (!installed) return installed.error();
    try {
        std::vector<PluginHandle*> handles;
        for (const auto* plugin : installed->enabled)
            handles.push_back(&plugin->handle());
        auto objects = read_manifests(request.manifests, testing::ObjectKinds::of(handles));
        if (!objects) return objects.error();
        if (!objects->table("Node").contains(request.node)) {
            return Error{ErrorKind::invalid, "no Node " + json_quote(request.node) + " among the manifests",
                         request.manifests, "add the Node object, or name another node"};
        }
        testing::RenderCase input;
        input.objects = *std::move(objects);
        input.config = config::network_row(request.config->settings());
        input.node = request.node;
        auto settings =
            request.config->plugin_settings(daemon::plugin_schemas(*installed->registry, installed->enabled));
        if (!settings) return settings.error();
        input.plugin_setting_rows = *std::move(settings);
        return by_side(testing::render(input, handles));
    } catch (const std::exception& e) {
        return Error{ErrorKind::invalid, e.what(), request.manifests, ""};
    }
}

Result<std::vector<services::Right>> rights(const config::Config& config) {
    auto installed = load_enabled(config);
    if (!installed) return installed.error();
    return daemon::rights_of(installed->enabled, config.settings().kubernetes.ovn_config_namespace);
}

Result<std::vector<config::PluginSchema>> plugin_schemas(const config::Config& config) {
    auto installed = load_enabled(config);
    if (!installed) return installed.error();
    return daemon::plugin_schemas(*installed->registry, installed->enabled);
}

/// Plugins by what a recording calls them: which of them are enabled here does not matter.
Result<record::Here> here(const config::Config& config, const record::Facts& facts) {
    const auto policy = daemon::admission_policy(config.settings());
    const auto registry = std::make_shared<plugin::Registry>(config.settings().plugin_dir(), policy);
    std::vector<std::string> names;
    for (const auto& plugin : facts.plugins)
        names.push_back(plugin.name);
    if (auto loaded = registry->load(names); !loaded) return std::move(loaded).error();
    const auto find = [registry](const std::string& name) -> Result<const plugin::Loaded*> {
        auto loaded = registry->load({name});
        if (!loaded) return loaded.error();
        for (const auto* plugin : *loaded) {
            if (plugin->name() == name) return plugin;
        }
        return invalid("there is no plugin " + json_quote(name));
    };
    record::Here here;
    here.version = services::own_build().version;
    here.fingerprint = plugin::own_fingerprint();
    here.module = [find](const std::string& name) -> Result<engine::ModuleSpec> {
        if (name == "ipam") return daemon::ipam_module();
        const auto plugin = find(name);
        if (!plugin) return plugin.error();
        return daemon::module_of(**plugin);
    };
    here.plugin = [find, policy](const std::string& name) -> std::optional<record::PluginFacts> {
        const auto plugin = find(name);
        if (!plugin) return std::nullopt;
        record::PluginFacts known{name, (*plugin)->version(), ""};
        if (const auto file = plugin::admit((*plugin)->path(), policy)) known.sha256 = file->sha256;
        return known;
    };
    return here;
}

}  // namespace

Backends offline_backends() {
    return {render, rights, plugin_schemas, here};
}

}  // namespace weft::ctl
