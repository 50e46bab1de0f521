#pragma once

#include <weft/base/ip.hpp>
#include <weft/ovsdb/nb.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace weft::ipam {

/// The addresses in a switch port's column: words such as "router" and the MAC in front are passed over.
inline std::vector<Ip> addresses_in(const weft::ovsdb::Column<weft::ovsdb::Set<std::string>>& column) {
    std::vector<Ip> ips;
    if (!column.declared()) return ips;
    for (const std::string& line : *column) {
        std::string_view rest = line;
        while (!rest.empty()) {
            const auto word = rest.substr(0, rest.find(' '));
            rest.remove_prefix(std::min(word.size() + 1, rest.size()));
            if (word.find_first_of(".:") == std::string_view::npos || word.find('/') != std::string_view::npos)
                continue;
            if (const auto ip = Ip::parse(word)) ips.push_back(*ip);
        }
    }
    return ips;
}
inline std::vector<Ip> addresses_of(const nb::LogicalSwitchPort& port) {
    return addresses_in(port.addresses);
}
/// The same of a port's row.
inline std::vector<Ip> addresses_of(const RowPtr& port) {
    return addresses_in(port.read<&nb::LogicalSwitchPort::addresses>());
}

}  // namespace weft::ipam
