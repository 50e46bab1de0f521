#include "config/networks.hpp"

#include "config/value.hpp"

#include <weft/base/json.hpp>

#include <algorithm>

namespace weft::config {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

Result<tables::ClusterSubnet> parse_cluster_subnet(std::string_view entry) {
    const auto parts = split(entry, '/');
    if (parts.size() < 2 || parts.size() > 3) {
        return invalid("CIDR " + json_quote(entry) + " not properly formatted",
                       "write address/length/length of a node's subnet");
    }
    auto range = parse_subnet(std::string(parts[0]) + "/" + std::string(parts[1]));
    if (!range) return std::move(range).error();
    tables::ClusterSubnet subnet{*range, range->is_v4() ? 24 : 64};
    if (parts.size() == 3) {
        auto length = read_integer(parts[2], 0, 128);
        if (!length) return std::move(length).error();
        subnet.host_length = static_cast<int>(*length);
    }
    if (range->is_v6() && subnet.host_length != 64) return invalid("IPv6 only supports /64 host subnets");
    if (range->is_v4() && subnet.host_length > 32) {
        return invalid("invalid host subnet length " + std::to_string(subnet.host_length) + " of " + json_quote(entry),
                       "IPv4 has 32 bits");
    }
    if (subnet.host_length <= range->length()) {
        return invalid(
            "cannot use a host subnet length mask shorter than or equal to the cluster subnet mask. host subnet "
            "length: " +
            std::to_string(subnet.host_length) + ", cluster subnet length: " + std::to_string(range->length()));
    }
    return subnet;
}

/// "host:port" or "[v6]:port".
bool is_host_port(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const auto host = text.substr(0, colon);
    const bool bracketed = host.front() == '[' && host.back() == ']';
    if (!bracketed && host.find(':') != std::string_view::npos) return false;
    return read_integer(text.substr(colon + 1), 1, 65535).ok();
}

std::string_view name_of(SubnetPlan::Use use) {
    switch (use) {
        case SubnetPlan::Use::service: return "service subnet";
        case SubnetPlan::Use::cluster: return "cluster subnet";
        case SubnetPlan::Use::join: return "built-in join subnet";
        case SubnetPlan::Use::masquerade: return "masquerade subnet";
        case SubnetPlan::Use::hybrid: return "hybrid overlay subnet";
        case SubnetPlan::Use::transit: return "transit switch subnet";
    }
    return "subnet";
}

}  // namespace

Result<IpPrefix> parse_subnet(std::string_view text) {
    auto prefix = IpPrefix::parse(text);
    if (!prefix)
        return invalid("invalid CIDR address: " + std::string(text), "write address/length, such as 10.0.0.0/16");
    return prefix->network();
}

Result<std::vector<tables::ClusterSubnet>> parse_cluster_subnets(std::string_view text) {
    std::vector<tables::ClusterSubnet> subnets;
    for (const auto& entry : split_list(text)) {
        auto subnet = parse_cluster_subnet(entry);
        if (!subnet) return std::move(subnet).error();
        for (const auto& other : subnets) {
            if (other.range.is_v4() && subnet->range.is_v4() && other.host_length != subnet->host_length) {
                return invalid("all IPv4 cluster subnets must have the same host subnet length: /" +
                               std::to_string(other.host_length) + " and /" + std::to_string(subnet->host_length));
            }
        }
        subnets.push_back(*subnet);
    }
    if (subnets.empty()) return invalid("failed to parse any CIDRs from " + json_quote(text));
    return subnets;
}

Result<std::string> parse_database_address(std::string_view text) {
    std::string out;
    std::string_view scheme;
    for (const auto part : split(text, ',')) {
        const auto colon = part.find(':');
        if (colon == std::string_view::npos) return invalid("failed to parse OVN address " + std::string(text));
        if (!scheme.empty() && scheme != part.substr(0, colon)) {
            return invalid("invalid protocols in OVN address " + std::string(text), "use one scheme for all servers");
        }
        scheme = part.substr(0, colon);
        if (scheme != "unix" && scheme != "tcp" && scheme != "ssl") {
            return invalid("unknown OVN DB scheme " + json_quote(scheme), "use unix, tcp or ssl");
        }
        auto rest = part.substr(colon + 1);
        if (scheme != "unix") {
            if (rest.starts_with("//")) rest.remove_prefix(2);
            if (!is_host_port(rest)) {
                return invalid("failed to parse OVN DB host/port " + json_quote(rest),
                               "write address:port, [address]:port for IPv6");
            }
        }
        if (!out.empty()) out.push_back(',');
        out.append(scheme).append(":").append(rest);
    }
    return out;
}

bool is_port_range(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return false;
    const auto low = read_integer(text.substr(0, dash), 1, 65535);
    const auto high = read_integer(text.substr(dash + 1), 1, 65535);
    return low && high && *low < *high;
}

bool is_dns_label(std::string_view text) {
    static constexpr std::string_view good = "abcdefghijklmnopqrstuvwxyz0123456789-";
    return !text.empty() && text.size() <= 63 && text.find_first_not_of(good) == std::string_view::npos &&
           text.front() != '-' && text.back() != '-';
}

bool is_dns_subdomain(std::string_view text) {
    return text.size() <= 253 && std::ranges::all_of(split(text, '.'), is_dns_label);
}

std::optional<SubnetPlan::Clash> SubnetPlan::overlap() const {
    for (std::size_t i = 0; i < subnets_.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            const auto& [use, subnet] = subnets_[i];
            const auto& [other_use, other] = subnets_[j];
            if (!subnet.overlaps(other)) continue;
            return Clash{use, other_use,
                         "illegal network configuration: " + std::string(name_of(use)) + " " +
                             json_quote(subnet.text()) + " overlaps " + std::string(name_of(other_use)) + " " +
                             json_quote(other.text())};
        }
    }
    return std::nullopt;
}

std::string SubnetPlan::families_of(Use use) const {
    bool v4 = false, v6 = false;
    for (const auto& entry : subnets_) {
        if (entry.use == use) (entry.subnet.is_v4() ? v4 : v6) = true;
    }
    return v4 && v6 ? "dual-stack" : v4 ? "IPv4" : v6 ? "IPv6" : "";
}

std::optional<std::string> SubnetPlan::family_mismatch() const {
    std::string first, all;
    bool same = true;
    for (Use use : {Use::cluster, Use::service, Use::hybrid}) {
        const auto families = families_of(use);
        if (families.empty()) continue;
        if (first.empty()) first = families;
        same = same && families == first;
        all += (all.empty() ? "" : ", ") + families + " " + std::string(name_of(use));
    }
    if (same) return std::nullopt;
    return "illegal network configuration: " + all;
}

bool SubnetPlan::has(Family family) const {
    return std::ranges::any_of(subnets_, [&](const Entry& entry) {
        const bool counts = entry.use == Use::cluster || entry.use == Use::service || entry.use == Use::hybrid;
        return counts && entry.subnet.family() == family;
    });
}

}  // namespace weft::config
