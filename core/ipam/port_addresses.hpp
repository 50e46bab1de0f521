#pragma once

#include "base/row_fields.hpp"

#include <weft/base/ip.hpp>
#include <weft/ovsdb/nb.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace weft::ipam {

/// Six groups of two: no IPv6 address looks like that.
inline bool is_mac(std::string_view word) {
    return word.size() == 17 && word[2] == ':' && word[5] == ':' && word[8] == ':' && word[11] == ':' &&
           word[14] == ':';
}
/// Adds the addresses in a line of a switch port's column: words such as "router" and the MAC in front are passed over.
inline void add_addresses(std::string_view line, std::vector<Ip>& ips) {
    while (!line.empty()) {
        const auto word = line.substr(0, line.find(' '));
        line.remove_prefix(std::min(word.size() + 1, line.size()));
        if (word.find_first_of(".:") == std::string_view::npos || word.find('/') != std::string_view::npos) continue;
        if (is_mac(word)) continue;
        if (const auto ip = Ip::parse(word)) ips.push_back(*ip);
    }
}
/// What a switch port's column says.
inline std::vector<Ip> addresses_of(const nb::LogicalSwitchPort& port) {
    std::vector<Ip> ips;
    for (const std::string& line : port.addresses.get())
        add_addresses(line, ips);
    return ips;
}
/// The same of a port's row.
inline std::vector<Ip> addresses_of(const RowPtr& port) {
    std::vector<Ip> ips;
    each_text<&nb::LogicalSwitchPort::addresses>(port, [&](std::string_view line) { add_addresses(line, ips); });
    return ips;
}

}  // namespace weft::ipam
