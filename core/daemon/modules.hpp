#pragma once

#include "engine/engine.hpp"
#include "plugin/registry.hpp"

#include <map>
#include <string>
#include <vector>

/// What the enabled plugins ask of the kernel, gathered from what they declared.
namespace weft::daemon {

/// A plugin's part of the graph.
engine::ModuleSpec module_of(const plugin::Loaded& loaded);
/// The allocators of core/ipam.
engine::ModuleSpec ipam_module();
/// Every table of a database that the plugin's rules write must be one of which it claims or adopts rows: nobody could
/// tell later whose the others are. The error names plugin, rule and table, one a line.
Result<void> check_claims(const std::vector<const plugin::Loaded*>& plugins, Role role);

/// The tables "replica/…" that rules or operators of this role read.
std::vector<TableSpec> replica_tables(const std::vector<engine::ModuleSpec>& modules, Role role);

/// A resource to watch, once for all plugins: the widest scope that one of them asks for.
struct Watch {
    TableSpec table;
    WatchScope scope = WatchScope::local_node;
    const ResourceSpec* resource = nullptr;  ///< for a resource of a plugin's own; lives as long as the plugin
};
std::vector<Watch> watches(const std::vector<const plugin::Loaded*>& plugins, Role role);

/// Which tables a rule writes, by "module/rule": to tell whether an instance that waits may still want an old row.
std::map<std::string, std::vector<std::string>> writes_of_rules(const std::vector<engine::ModuleSpec>& modules,
                                                                Role role);

}  // namespace weft::daemon
