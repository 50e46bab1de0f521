#include "daemon/daemon.hpp"

#include <algorithm>

/// What weftd knows beside its engine, for the calls that explain it.
namespace weft::daemon {

std::vector<insight::IdlePlugin> Daemon::idle_plugins() const {
    const Role role = config_.settings().role;
    std::vector<insight::IdlePlugin> idle;
    for (const auto& entry : registry_->list()) {
        const auto runs = [&](const plugin::Loaded* plugin) { return plugin->name() == entry.name; };
        if (std::any_of(plugins_.begin(), plugins_.end(), runs)) continue;
        insight::IdlePlugin plugin;
        plugin.name = entry.name;
        plugin.state = entry.problem.empty() ? "disabled" : "broken";
        plugin.reason = entry.problem.empty() ? reason_of(entry.name, false) : entry.problem;
        if (const auto why = frozen_.find(entry.name); why != frozen_.end()) {
            plugin.state = "frozen";
            plugin.reason = why->second;
        }
        const auto loaded = std::find_if(switched_off_.begin(), switched_off_.end(), runs);
        if (loaded != switched_off_.end()) {
            for (const auto& rule : (*loaded)->declared().rules) {
                if (!runs_in(rule.role, role)) continue;
                auto& idle_rule = plugin.rules.emplace_back();
                idle_rule.name = rule.name;
                idle_rule.driver = rule.driver.name;
                for (const auto& table : rule.writes)
                    idle_rule.writes.emplace_back(table.name);
            }
            if (plugin.rules.empty()) continue;  // nothing for this role
        }
        idle.push_back(std::move(plugin));
    }
    return idle;
}

insight::Surroundings Daemon::surroundings() const {
    insight::Surroundings around;
    around.far_side = [this](const insight::RowName& row) -> std::optional<insight::FarSide> {
        return node_ ? node_->far_side(row) : std::nullopt;
    };
    around.row_with_uuid = [this](std::string_view uuid) -> std::optional<insight::RowName> {
        return node_ ? node_->row_with_uuid(uuid) : std::nullopt;
    };
    around.idle_plugins = [this] { return idle_plugins(); };
    return around;
}

}  // namespace weft::daemon
