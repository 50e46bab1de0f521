#include "daemon/modules.hpp"

#include "ipam/ipam.hpp"
#include "ovsdb/table.hpp"

#include <algorithm>

namespace weft::daemon {

engine::ModuleSpec module_of(const plugin::Loaded& loaded) {
    const auto& declared = loaded.declared();
    engine::ModuleSpec module;
    module.name = loaded.name();
    module.rules = declared.rules;
    for (const auto& op : declared.operators)
        module.operators.push_back({op.name, op.role, op.spec});
    for (const auto& adapter : declared.adapters)
        module.adapters.push_back({adapter.name, adapter.role, adapter.spec});
    module.extension_points = declared.extension_points;
    for (const auto& resource : declared.resources)
        module.inputs.push_back(resource.spec.table);
    return module;
}

engine::ModuleSpec ipam_module() {
    engine::ModuleSpec module;
    module.name = "ipam";
    module.operators = {{"addresses", Role::node, ipam::address_allocator()},
                        {"subnets", Role::cluster, ipam::subnet_allocator()},
                        {"ids", Role::cluster, ipam::id_allocator()}};
    // What the allocators are asked for comes from plugins, of which none need be enabled.
    module.extension_points = {};
    for (const auto& op : module.operators) {
        for (const auto& input : op.spec.inputs) {
            if (!input.name.starts_with("replica/")) module.extension_points.push_back(input);
        }
    }
    return module;
}

Result<void> check_claims(const std::vector<const plugin::Loaded*>& plugins, Role role) {
    std::string faults;
    for (const auto* plugin : plugins) {
        const auto& declared = plugin->declared();
        for (const auto& rule : declared.rules) {
            if (!runs_in(rule.role, role)) continue;
            for (const auto& table : rule.writes) {
                if (ovsdb::find_table(*table.type) == nullptr) continue;
                const bool claimed =
                    std::any_of(declared.claims.begin(), declared.claims.end(), [&](const auto& claim) {
                        return runs_in(claim.role, role) && claim.spec.type->same_as(*table.type);
                    });
                if (claimed) continue;
                faults += (faults.empty() ? "" : "\n") +
                          ("plugin \"" + plugin->name() + "\": rule " + rule.name + " writes " +
                           std::string(table.name) + ", of which the plugin claims no row");
            }
        }
    }
    if (faults.empty()) return {};
    return invalid(
        faults,
        "the plugin must say with Declare::claim() or adopt() which rows of the table are its own, or add to rows "
        "of others by Member and ForeignColumn; until then disable it in [plugins]");
}

std::vector<TableSpec> replica_tables(const std::vector<engine::ModuleSpec>& modules, Role role) {
    std::map<std::string_view, TableSpec> found;
    const auto note = [&](const TableSpec& table) {
        if (table.name.starts_with("replica/")) found.emplace(table.name, table);
    };
    for (const auto& module : modules) {
        for (const auto& rule : module.rules) {
            if (!runs_in(rule.role, role)) continue;
            note(rule.driver);
            for (const auto& read : rule.reads)
                note(read.table);
        }
        for (const auto& op : module.operators) {
            if (!runs_in(op.role, role)) continue;
            for (const auto& input : op.spec.inputs)
                note(input);
        }
    }
    std::vector<TableSpec> out;
    out.reserve(found.size());
    for (const auto& [name, table] : found)
        out.push_back(table);
    return out;
}

std::vector<Watch> watches(const std::vector<const plugin::Loaded*>& plugins, Role role) {
    std::map<std::string_view, Watch> merged;
    const auto note = [&](const TableSpec& table, WatchScope scope, const ResourceSpec* resource) {
        const auto [at, fresh] = merged.try_emplace(table.name, Watch{table, scope, resource});
        if (!fresh && scope == WatchScope::all) at->second.scope = WatchScope::all;
    };
    for (const auto* plugin : plugins) {
        for (const auto& watch : plugin->declared().watches) {
            if (runs_in(watch.role, role)) note(watch.spec, watch.scope, nullptr);
        }
        for (const auto& resource : plugin->declared().resources) {
            if (runs_in(resource.role, role)) note(resource.spec.table, resource.scope, &resource.spec);
        }
    }
    std::vector<Watch> out;
    out.reserve(merged.size());
    for (const auto& [name, watch] : merged)
        out.push_back(watch);
    return out;
}

std::map<std::string, std::vector<std::string>> writes_of_rules(const std::vector<engine::ModuleSpec>& modules,
                                                                Role role) {
    std::map<std::string, std::vector<std::string>> out;
    for (const auto& module : modules) {
        for (const auto& rule : module.rules) {
            if (!runs_in(rule.role, role)) continue;
            auto& tables = out[module.name + "/" + rule.name];
            for (const auto& table : rule.writes)
                tables.emplace_back(table.name);
        }
    }
    return out;
}

}  // namespace weft::daemon
