#include "daemon/monitors.hpp"

#include <map>

namespace weft::daemon {

using weft::ovsdb::DatabaseInfo;
using weft::ovsdb::MonitorRequest;
using weft::ovsdb::TableInfo;
using weft::ovsdb::TableRequest;

namespace {

/// Columns that OVN writes back; nobody here reads them, and they change with every round of northd. (How far it has
/// come, NB_Global's *_cfg, changes only when somebody asks.)
const std::map<std::string_view, std::vector<std::string_view>> written_by_ovn{
    {"NB_Global", {"nb_cfg_timestamp", "sb_cfg_timestamp", "hv_cfg_timestamp", "connections", "ssl"}},
    {"Logical_Switch_Port", {"up", "dynamic_addresses"}},
    {"Logical_Router_Port", {"ipv6_prefix", "status"}},
    {"Chassis", {"nb_cfg"}},
};

TableRequest quiet(const TableInfo& table) {
    TableRequest request = TableRequest::all(table);
    if (const auto noisy = written_by_ovn.find(table.name); noisy != written_by_ovn.end()) {
        for (const auto name : noisy->second) {
            if (const auto* column = table.column(name)) request.columns.reset(column->index);
        }
    }
    return request;
}

TableRequest only(const TableInfo& table, std::initializer_list<std::string_view> columns) {
    const std::vector<std::string_view> names(columns);
    return {&table, table.columns_named(names), {}};
}

MonitorRequest of_tables(const DatabaseInfo& database, const std::set<std::string>& names) {
    MonitorRequest request;
    for (const auto& table : database.tables()) {
        if (table->required || names.contains(std::string(table->name))) request.push_back(quiet(*table));
    }
    return request;
}

}  // namespace

std::set<std::string> tables_in_use(std::string_view prefix, const std::vector<engine::ModuleSpec>& modules,
                                    const std::vector<const plugin::Loaded*>& plugins, Role role) {
    std::set<std::string> names;
    const auto note = [&](std::string_view table) {
        constexpr std::string_view replica = "replica/";
        if (table.starts_with(replica)) table.remove_prefix(replica.size());
        if (table.starts_with(prefix)) names.emplace(table.substr(prefix.size()));
    };
    for (const auto& module : modules) {
        for (const auto& rule : module.rules) {
            if (!runs_in(rule.role, role)) continue;
            note(rule.driver.name);
            for (const auto& read : rule.reads)
                note(read.table.name);
            for (const auto& write : rule.writes)
                note(write.name);
        }
        for (const auto& op : module.operators) {
            if (!runs_in(op.role, role)) continue;
            for (const auto& input : op.spec.inputs)
                note(input.name);
        }
    }
    for (const auto* plugin : plugins) {
        for (const auto& claim : plugin->declared().claims) {
            if (runs_in(claim.role, role)) note(claim.spec.type->name);
        }
    }
    return names;
}

MonitorRequest northbound_monitor(const std::set<std::string>& in_use) {
    auto names = in_use;
    names.insert("NB_Global");
    return of_tables(weft::ovsdb::nb_database(), names);
}

MonitorRequest southbound_monitor(const std::set<std::string>& in_use) {
    const DatabaseInfo& database = weft::ovsdb::sb_database();
    auto names = in_use;
    names.insert({"Chassis", "Encap"});
    names.erase("Port_Binding");
    MonitorRequest request = of_tables(database, names);
    TableRequest bindings = only(*database.table("Port_Binding"), {"logical_port", "chassis", "type"});
    bindings.where.push_back(weft::ovsdb::Clause::equals("type", "remote"));
    request.push_back(std::move(bindings));
    return request;
}

MonitorRequest switch_monitor() {
    const DatabaseInfo& database = weft::ovsdb::ovs_database();
    return {only(*database.table("Open_vSwitch"), {"bridges", "external_ids", "other_config"}),
            only(*database.table("Bridge"), {"name", "ports", "datapath_type", "external_ids", "other_config"}),
            only(*database.table("Port"), {"name", "interfaces", "external_ids", "other_config", "tag", "qos"}),
            only(*database.table("Interface"),
                 {"name", "type", "external_ids", "ofport", "error", "mac", "mac_in_use", "mtu_request", "options",
                  "ingress_policing_rate", "ingress_policing_burst"})};
}

}  // namespace weft::daemon
