#include "rows.hpp"

#include <array>
#include <sstream>

namespace weft::testing {

namespace {

struct Question {
    const char* table;
    const char* columns;
};

constexpr std::array northbound{
    Question{"ACL", "priority,direction,match,action,external_ids"},
    Question{"Address_Set", "name,addresses,external_ids"},
    Question{"Copp", "name,external_ids"},
    Question{"Gateway_Chassis", "name,chassis_name,priority"},
    Question{"Load_Balancer_Group", "name"},
    Question{"Logical_Router", "name,options,external_ids"},
    Question{"Logical_Router_Port", "name,mac,networks,options,external_ids"},
    Question{"Logical_Router_Static_Route", "ip_prefix,nexthop,policy,output_port,external_ids"},
    Question{"Logical_Switch", "name,other_config,external_ids"},
    Question{"Logical_Switch_Port", "name,type,addresses,port_security,options,external_ids"},
    Question{"Meter", "name,unit,external_ids"},
    Question{"Meter_Band", "action,rate,burst_size"},
    Question{"Port_Group", "name,external_ids"},
};
constexpr std::array southbound{
    Question{"Chassis", "name,hostname"},
    Question{"Encap", "type,ip,chassis_name"},
};

void read(const std::string& table, const std::string& csv, Rows& rows) {
    std::istringstream in(csv);
    for (std::string line; std::getline(in, line);) {
        const auto comma = line.find(',');
        if (comma != std::string::npos) rows[table + " " + line.substr(0, comma)] = line.substr(comma + 1);
    }
}

Argv list(const Question& question) {
    return {"--format=csv", "--no-headings", std::string("--columns=_uuid,") + question.columns, "list",
            question.table};
}

}  // namespace

bool names(const std::string& row, const std::string& object) {
    return !object.empty() && row.find(object) != std::string::npos;
}

Result<Rows> rows_of(const OvnNode& node) {
    Rows rows;
    for (const auto& question : northbound) {
        const auto csv = node.nbctl(list(question));
        if (!csv) return csv.error();
        read(question.table, *csv, rows);
    }
    for (const auto& question : southbound) {
        const auto csv = node.sbctl(list(question));
        if (!csv) return csv.error();
        read(question.table, *csv, rows);
    }
    return rows;
}

RowChanges compare(const Rows& before, const Rows& now, const std::string& left, const std::string& came) {
    RowChanges changes;
    for (const auto& [id, row] : before) {
        if (names(row, left)) continue;
        const auto found = now.find(id);
        if (found != now.end() && found->second == row) continue;
        ++changes.changed;
        changes.text +=
            "changed: " + id + " " + row + " is now " + (found == now.end() ? "gone" : found->second) + "\n";
    }
    for (const auto& [id, row] : now) {
        const bool wanted = names(row, came) || (before.contains(id) && !names(row, left));
        if (wanted) continue;
        ++changes.stale;
        changes.text += "stale: " + id + " " + row + "\n";
    }
    return changes;
}

}  // namespace weft::testing
