#pragma once

#include <weft/base/ip.hpp>
#include <weft/ovsdb/nb.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace weft::ipam {

/// The addresses in a switch port's column: words such as "router" and the MAC in front are passed over.
inline std::vector<Ip> addresses_of(const nb::LogicalSwitchPort& port) {
    std::vector<Ip> ips;
    if (!port.addresses.declared()) return ips;
    for (const std::string& line : *port.addresses) {
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

}  // namespace weft::ipam
