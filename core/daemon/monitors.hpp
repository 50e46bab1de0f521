#pragma once

#include "engine/engine.hpp"
#include "ovsdb/monitor.hpp"
#include "plugin/registry.hpp"

#include <set>
#include <string>
#include <vector>

/// What weft replicates of each database: the tables that rules write, read or claim, without the columns that change
/// by themselves all the time.
namespace weft::daemon {

/// OVSDB names of the tables with this prefix ("NB/") that modules write or read and plugins claim.
std::set<std::string> tables_in_use(std::string_view prefix, const std::vector<engine::ModuleSpec>& modules,
                                    const std::vector<const plugin::Loaded*>& plugins, Role role);

weft::ovsdb::MonitorRequest northbound_monitor(const std::set<std::string>& in_use);
/// Port_Binding only of remote ports: one row for each other node, whatever the number of pods.
weft::ovsdb::MonitorRequest southbound_monitor(const std::set<std::string>& in_use);
weft::ovsdb::MonitorRequest switch_monitor();

}  // namespace weft::daemon
