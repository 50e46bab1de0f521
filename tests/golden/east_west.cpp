#include "golden/east_west.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

namespace weft::golden {

namespace {

std::string text_of(JsonView row, std::string_view member) {
    return std::string(row[member].string_or(""));
}

/// A route that the gateway part puts: of the node's own subnet by source, or to its own join address.
bool is_gateway_route(const std::string& prefix, const std::string& policy, const std::string& port) {
    return policy == "src-ip" || !port.empty() || prefix.find('/') == std::string::npos;
}

bool is_left_out(JsonView row) {
    const std::string table = text_of(row, "table");
    const std::string name = text_of(row, "name");
    static const std::set<std::string> tables{"NAT", "Static_MAC_Binding", "Logical_Router_Policy", "Load_Balancer"};
    if (tables.contains(table)) return true;
    if (name.starts_with("GR_") || name.starts_with("ext_") || name.starts_with("br-ex_")) return true;
    for (const char* part : {"rtoe-", "rtoj-GR_", "etor-", "jtor-GR_"}) {
        if (name.starts_with(part)) return true;
    }
    if (table != "Logical_Router_Static_Route") return false;
    const std::string prefix = text_of(row, "ip_prefix");
    const std::string next_hop = text_of(row, "nexthop");
    // The gateway router's routes to the cluster lead to the cluster router.
    const bool to_cluster = next_hop == "100.64.0.1" || next_hop == "fd98::1";
    return to_cluster || is_gateway_route(prefix, text_of(row, "policy"), text_of(row, "output_port"));
}

/// Is this member of `column` one of a row that is left out?
bool is_left_out_member(std::string_view column, std::string_view member) {
    if (column == "policies" || column == "load_balancer") return true;
    if (column == "ports") return member.find("jtor-GR_") != std::string_view::npos;
    if (column != "static_routes") return false;
    const bool bare = member.find("ip_prefix=\"100.64.0.2\",") != std::string_view::npos ||
                      member.find("ip_prefix=\"100.64.0.3\",") != std::string_view::npos ||
                      member.find("ip_prefix=\"fd98::2\",") != std::string_view::npos ||
                      member.find("ip_prefix=\"fd98::3\",") != std::string_view::npos;
    return bare || member.find("policy=\"src-ip\"") != std::string_view::npos;
}

/// One row, in a form in which both sides can be compared.
std::string normal(JsonView row) {
    JsonWriter w;
    w.begin_object();
    row.members([&](std::string_view name, JsonView value) {
        std::vector<std::string> members;
        if (value.is_array()) {
            value.each([&](JsonView member) {
                if (!is_left_out_member(name, member.string_or(""))) members.push_back(member.dump());
            });
        } else if (!is_left_out_member(name, value.string_or(""))) {
            members.push_back(value.dump());
        }
        if (members.empty()) return;
        w.key(name).array([&] {
            for (const auto& member : members)
                w.raw(member);
        });
    });
    w.end_object();
    return w.take();
}

}  // namespace

Rows east_west(const std::vector<std::string>& lines) {
    Rows out;
    for (const auto& line : lines) {
        const auto document = JsonDocument::parse(line);
        if (!document) throw std::runtime_error(document.error().text());
        if (is_left_out(document->root())) {
            ++out.left_out;
        } else {
            out.rows.push_back(normal(document->root()));
        }
    }
    std::sort(out.rows.begin(), out.rows.end());
    return out;
}

std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);)
        lines.push_back(line);
    if (lines.empty()) throw std::runtime_error("nothing to read in " + path);
    return lines;
}

std::string difference(const std::vector<std::string>& expected, const std::vector<std::string>& found) {
    std::vector<std::string> missing, surplus;
    std::set_difference(expected.begin(), expected.end(), found.begin(), found.end(), std::back_inserter(missing));
    std::set_difference(found.begin(), found.end(), expected.begin(), expected.end(), std::back_inserter(surplus));
    std::string text;
    for (const auto& row : missing)
        text += "- " + row + "\n";
    for (const auto& row : surplus)
        text += "+ " + row + "\n";
    return text;
}

}  // namespace weft::golden
