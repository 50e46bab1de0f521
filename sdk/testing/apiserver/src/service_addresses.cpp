#include "service_addresses.hpp"

#include <algorithm>

namespace weft::apiserver {

namespace {

using enum FieldError::Type;

std::string_view family_name(const Ip& ip) {
    return ip.is_v4() ? "IPv4" : "IPv6";
}

std::vector<std::string> texts(const Json& list) {
    std::vector<std::string> out;
    for (const auto& item : list) {
        if (item.is_string()) out.push_back(item.get<std::string>());
    }
    return out;
}

constexpr std::int64_t first_node_port = 30000;
constexpr std::int64_t last_node_port = 32767;

}  // namespace

std::vector<FieldError> ServiceAddresses::assign(Json& service) {
    Json& spec = object_at(service, "spec");
    auto type = text_at(spec, {"type"});
    if (type == "ExternalName") return {};
    auto errors = assign_addresses(spec);
    if (errors.empty() && (type == "NodePort" || type == "LoadBalancer")) errors = assign_ports(spec);
    return errors;
}

std::vector<FieldError> ServiceAddresses::assign_addresses(Json& spec) {
    auto wanted = texts(list_at(spec, {"clusterIPs"}));
    auto asked = std::string(text_at(spec, {"clusterIP"}));
    if (wanted.empty() && !asked.empty()) wanted = {asked};
    bool headless = !wanted.empty() && wanted[0] == "None";
    auto families = texts(list_at(spec, {"ipFamilies"}));
    auto policy = text_at(spec, {"ipFamilyPolicy"});
    if (policy.empty()) policy = families.size() > 1 ? "RequireDualStack" : "SingleStack";
    bool dual = policy != "SingleStack" && ranges_.size() > 1;

    if (families.empty() && !headless) {
        for (const auto& text : wanted) {
            if (auto ip = Ip::parse(text)) families.emplace_back(family_name(*ip));
        }
    }
    for (const auto& range : ranges_) {
        std::string family(family_name(range.ip()));
        bool listed = std::find(families.begin(), families.end(), family) != families.end();
        if (!listed && (families.empty() || dual)) families.push_back(family);
    }
    spec["ipFamilies"] = families;
    spec["ipFamilyPolicy"] = std::string(policy);
    if (headless) {
        spec["clusterIP"] = "None";
        spec["clusterIPs"] = Json::array({"None"});
        return {};
    }
    std::vector<std::string> got;
    for (std::size_t i = 0; i < families.size(); ++i) {
        const IpPrefix* range = range_of(families[i]);
        if (!range) {
            return {
                {invalid, "spec.ipFamilies[" + std::to_string(i) + "]", families[i], "not configured on this cluster"}};
        }
        std::string address = i < wanted.size() ? wanted[i] : next_address(*range);
        if (address.empty()) return {{invalid, "spec.clusterIPs", "", "range is full"}};
        auto ip = Ip::parse(address);
        if (!ip || !range->contains(*ip)) {
            return {{invalid, "spec.clusterIPs", address,
                     "failed to allocate IP " + address + ": the provided IP is not in the valid range"}};
        }
        if (addresses_.contains(address)) {
            return {{invalid, "spec.clusterIPs", address,
                     "failed to allocate IP " + address + ": provided IP is already allocated"}};
        }
        got.push_back(std::move(address));
    }
    if (got.empty()) return {};
    addresses_.insert(got.begin(), got.end());
    spec["clusterIP"] = got[0];
    spec["clusterIPs"] = got;
    return {};
}

std::vector<FieldError> ServiceAddresses::assign_ports(Json& spec) {
    if (!spec.contains("ports") || !spec["ports"].is_array()) return {};
    if (spec.contains("allocateLoadBalancerNodePorts") && spec["allocateLoadBalancerNodePorts"] == false) return {};
    int index = 0;
    for (auto& port : spec["ports"]) {
        std::string field = "spec.ports[" + std::to_string(index++) + "].nodePort";
        if (!port.is_object()) continue;
        auto asked = integer_at(port, {"nodePort"}).value_or(0);
        if (asked == 0) asked = next_port();
        if (asked < first_node_port || asked > last_node_port) {
            return {{invalid, field, std::to_string(asked),
                     "provided port is not in the valid range. The range of valid ports is 30000-32767"}};
        }
        if (ports_.contains(asked)) {
            return {{invalid, field, std::to_string(asked), "provided port is already allocated"}};
        }
        ports_.insert(asked);
        port["nodePort"] = asked;
    }
    return {};
}

std::string ServiceAddresses::next_address(const IpPrefix& range) {
    // The first addresses stay free for those who ask for one by number, such as 10.96.0.10 for DNS.
    const std::int64_t first = range.ip().bits() - range.length() > 6 ? 16 : 1;
    auto& last = last_.try_emplace(range, first - 1).first->second;
    for (bool wrapped = false;;) {
        auto ip = range.first().plus(++last);
        if (!ip || !range.contains(*ip) || (ip->is_v4() && *ip == range.last())) {
            if (wrapped) return {};
            wrapped = true;
            last = first - 1;
        } else if (auto text = ip->text(); !addresses_.contains(text)) {
            return text;
        }
    }
}

std::int64_t ServiceAddresses::next_port() {
    auto port = first_node_port;
    while (ports_.contains(port))
        ++port;
    return port;
}

const IpPrefix* ServiceAddresses::range_of(std::string_view family) const {
    auto found = std::find_if(ranges_.begin(), ranges_.end(),
                              [&](const IpPrefix& range) { return family_name(range.ip()) == family; });
    return found == ranges_.end() ? nullptr : &*found;
}

void ServiceAddresses::release(const Json& service) {
    for (const auto& address : texts(list_at(service, {"spec", "clusterIPs"})))
        addresses_.erase(address);
    for (const auto& port : list_at(service, {"spec", "ports"})) {
        if (auto number = integer_at(port, {"nodePort"})) ports_.erase(*number);
    }
}

void ServiceAddresses::adopt(const Json& service) {
    for (const auto& address : texts(list_at(service, {"spec", "clusterIPs"}))) {
        if (address != "None") addresses_.insert(address);
    }
    for (const auto& port : list_at(service, {"spec", "ports"})) {
        if (auto number = integer_at(port, {"nodePort"})) ports_.insert(*number);
    }
}

}  // namespace weft::apiserver
