#include "columns.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace weft::apiserver {

namespace {

using Cell = std::function<Json(const Json&)>;

Json text_or(const Json& object, Path path, const char* otherwise) {
    auto text = text_at(object, path);
    return text.empty() ? Json(otherwise) : Json(text);
}

const Json* condition(const Json& object, std::string_view type) {
    for (const auto& item : list_at(object, {"status", "conditions"})) {
        if (text_at(item, {"type"}) == type) return &item;
    }
    return nullptr;
}

std::string join(const std::vector<std::string>& parts, const char* none) {
    std::string out;
    for (const auto& part : parts)
        out += (out.empty() ? "" : ",") + part;
    return out.empty() ? none : out;
}

// --- pods ------------------------------------------------------------------------------------------------------------

Json pod_ready(const Json& pod) {
    int ready = 0;
    for (const auto& status : list_at(pod, {"status", "containerStatuses"}))
        ready += bool_at(status, {"ready"});
    return std::to_string(ready) + "/" + std::to_string(list_at(pod, {"spec", "containers"}).size());
}

Json pod_status(const Json& pod) {
    if (find(pod, {"metadata", "deletionTimestamp"})) return "Terminating";
    for (const auto& status : list_at(pod, {"status", "containerStatuses"})) {
        for (const char* state : {"waiting", "terminated"}) {
            auto reason = text_at(status, {"state", state, "reason"});
            if (!reason.empty()) return reason;
        }
    }
    auto reason = text_at(pod, {"status", "reason"});
    return reason.empty() ? text_or(pod, {"status", "phase"}, "Unknown") : Json(reason);
}

Json pod_restarts(const Json& pod) {
    std::int64_t count = 0;
    for (const auto& status : list_at(pod, {"status", "containerStatuses"})) {
        count += integer_at(status, {"restartCount"}).value_or(0);
    }
    return std::to_string(count);
}

// --- nodes -----------------------------------------------------------------------------------------------------------

Json node_status(const Json& node) {
    const Json* ready = condition(node, "Ready");
    std::string text = !ready ? "Unknown" : text_at(*ready, {"status"}) == "True" ? "Ready" : "NotReady";
    if (bool_at(node, {"spec", "unschedulable"})) text += ",SchedulingDisabled";
    return text;
}

Json node_roles(const Json& node) {
    constexpr std::string_view prefix = "node-role.kubernetes.io/";
    std::vector<std::string> roles;
    for (const auto& [label, value] : map_at(node, {"metadata", "labels"}).items()) {
        if (label.starts_with(prefix)) roles.push_back(label.substr(prefix.size()));
    }
    return join(roles, "<none>");
}

Cell node_address(const char* type) {
    return [type](const Json& node) -> Json {
        for (const auto& address : list_at(node, {"status", "addresses"})) {
            if (text_at(address, {"type"}) == type) return text_at(address, {"address"});
        }
        return "<none>";
    };
}

// --- services --------------------------------------------------------------------------------------------------------

Json service_ports(const Json& service) {
    std::vector<std::string> ports;
    for (const auto& port : list_at(service, {"spec", "ports"})) {
        std::string text = std::to_string(integer_at(port, {"port"}).value_or(0));
        if (auto node_port = integer_at(port, {"nodePort"})) text += ":" + std::to_string(*node_port);
        ports.push_back(text + "/" + std::string(text_at(port, {"protocol"})));
    }
    return join(ports, "<none>");
}

Json service_external(const Json& service) {
    std::vector<std::string> addresses;
    for (const auto& ingress : list_at(service, {"status", "loadBalancer", "ingress"})) {
        addresses.emplace_back(text_at(ingress, {"ip"}));
    }
    for (const auto& ip : list_at(service, {"spec", "externalIPs"})) {
        if (ip.is_string()) addresses.push_back(ip.get<std::string>());
    }
    bool pending = addresses.empty() && text_at(service, {"spec", "type"}) == "LoadBalancer";
    return join(addresses, pending ? "<pending>" : "<none>");
}

Json selector_text(const Json& selector) {
    std::vector<std::string> parts;
    for (const auto& [key, value] : map_at(selector, {"matchLabels"}).items()) {
        parts.push_back(key + "=" + (value.is_string() ? value.get<std::string>() : value.dump()));
    }
    return join(parts, "<none>");
}

// --- others ----------------------------------------------------------------------------------------------------------

Json slice_endpoints(const Json& slice) {
    std::vector<std::string> addresses;
    for (const auto& endpoint : list_at(slice, {"endpoints"})) {
        for (const auto& address : list_at(endpoint, {"addresses"})) {
            if (address.is_string()) addresses.push_back(address.get<std::string>());
        }
    }
    constexpr std::size_t shown = 3;
    if (addresses.size() <= shown) return join(addresses, "<unset>");
    std::string more = " + " + std::to_string(addresses.size() - shown) + " more...";
    addresses.resize(shown);
    return join(addresses, "") + more;
}

Json event_object(const Json& event) {
    std::string kind(text_at(event, {"involvedObject", "kind"}));
    std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char c) { return std::tolower(c); });
    return kind + "/" + std::string(text_at(event, {"involvedObject", "name"}));
}

Json event_seen(const Json& event) {
    for (const char* field : {"lastTimestamp", "eventTime"}) {
        if (auto time = text_at(event, {field}); !time.empty()) return age_of(time);
    }
    return age_of(text_at(event, {"metadata", "creationTimestamp"}));
}

Json age(const Json& object) {
    return age_of(text_at(object, {"metadata", "creationTimestamp"}));
}

}  // namespace

std::string age_of(std::string_view rfc3339) {
    std::tm parts{};
    std::string text(rfc3339);
    if (text.empty() || !strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts)) return "<unknown>";
    auto seconds = std::max<std::int64_t>(0, std::time(nullptr) - timegm(&parts));
    auto minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
    auto with = [](std::int64_t big, const char* unit, std::int64_t small, const char* small_unit) {
        return std::to_string(big) + unit + (small ? std::to_string(small) + small_unit : "");
    };
    if (seconds < 120) return std::to_string(seconds) + "s";
    if (minutes < 10) return with(minutes, "m", seconds % 60, "s");
    if (minutes < 180) return std::to_string(minutes) + "m";
    if (hours < 8) return with(hours, "h", minutes % 60, "m");
    if (hours < 48) return std::to_string(hours) + "h";
    if (days < 8) return with(days, "d", hours % 24, "h");
    return std::to_string(days) + "d";
}

Columns::Columns(const Resource& resource, std::string_view version) {
    columns_.push_back({"Name", "string", 0, "name", [](const Json& object) -> Json {
                            return text_at(object, {"metadata", "name"});
                        }});
    const Version* served = resource.version(version);
    if (served && served->columns.is_array() && !served->columns.empty()) {
        add_custom(served->columns);
        return;
    }
    add_builtin(resource);
}

void Columns::add_builtin(const Resource& resource) {
    auto add = [&](const char* name, Cell cell, int priority = 0) {
        columns_.push_back({name, "string", priority, "", std::move(cell)});
    };
    auto text = [](std::vector<std::string> path, const char* otherwise) -> Cell {
        return [path = std::move(path), otherwise](const Json& object) -> Json {
            const Json* here = &object;
            for (const auto& step : path)
                here = here ? find(*here, {step}) : nullptr;
            return here && here->is_string() ? *here : Json(otherwise);
        };
    };
    auto count = [](const char* member) -> Cell {
        return [member](const Json& object) -> Json { return map_at(object, {member}).size(); };
    };
    const auto& plural = resource.names.plural;
    if (resource.custom) {
    } else if (plural == "pods") {
        add("Ready", pod_ready);
        add("Status", pod_status);
        add("Restarts", pod_restarts);
        add("Age", age);
        add("IP", text({"status", "podIP"}, "<none>"), 1);
        add("Node", text({"spec", "nodeName"}, "<none>"), 1);
        add("Nominated Node", text({"status", "nominatedNodeName"}, "<none>"), 1);
        add(
            "Readiness Gates", [](const Json&) -> Json { return "<none>"; }, 1);
        return;
    } else if (plural == "nodes") {
        add("Status", node_status);
        add("Roles", node_roles);
        add("Age", age);
        add("Version", text({"status", "nodeInfo", "kubeletVersion"}, ""));
        add("Internal-IP", node_address("InternalIP"), 1);
        add("External-IP", node_address("ExternalIP"), 1);
        add("OS-Image", text({"status", "nodeInfo", "osImage"}, "<unknown>"), 1);
        add("Kernel-Version", text({"status", "nodeInfo", "kernelVersion"}, "<unknown>"), 1);
        add("Container-Runtime", text({"status", "nodeInfo", "containerRuntimeVersion"}, "<unknown>"), 1);
        return;
    } else if (plural == "namespaces") {
        add("Status", text({"status", "phase"}, ""));
    } else if (plural == "services") {
        add("Type", text({"spec", "type"}, ""));
        add("Cluster-IP", text({"spec", "clusterIP"}, "<none>"));
        add("External-IP", service_external);
        add("Port(s)", service_ports);
    } else if (plural == "endpointslices") {
        add("AddressType", text({"addressType"}, ""));
        add("Endpoints", slice_endpoints);
    } else if (plural == "events") {
        columns_.clear();
        add("Last Seen", event_seen);
        add("Type", text({"type"}, ""));
        add("Reason", text({"reason"}, ""));
        add("Object", event_object);
        add("Message", text({"message"}, ""));
        return;
    } else if (plural == "leases") {
        add("Holder", text({"spec", "holderIdentity"}, ""));
    } else if (plural == "networkpolicies") {
        add("Pod-Selector", [](const Json& policy) { return selector_text(map_at(policy, {"spec", "podSelector"})); });
    } else if (plural == "configmaps") {
        add("Data", count("data"));
    } else if (plural == "secrets") {
        add("Type", text({"type"}, ""));
        add("Data", count("data"));
    } else if (plural == "customresourcedefinitions") {
        add("Created At", text({"metadata", "creationTimestamp"}, ""));
        return;
    }
    add("Age", age);
}

void Columns::add_custom(const Json& printer_columns) {
    for (const auto& column : printer_columns) {
        std::string path(text_at(column, {"jsonPath"}));
        std::string type(text_at(column, {"type"}));
        auto cell = [path, date = type == "date"](const Json& object) -> Json {
            Json value = json_path(object, path);
            if (date && value.is_string()) return age_of(value.get_ref<const std::string&>());
            return value;
        };
        columns_.push_back({std::string(text_at(column, {"name"})), type == "date" ? "string" : type,
                            static_cast<int>(integer_at(column, {"priority"}).value_or(0)),
                            std::string(text_at(column, {"format"})), std::move(cell)});
    }
}

Json Columns::definitions() const {
    Json out = Json::array();
    for (const auto& column : columns_) {
        out.push_back({{"name", column.name},
                       {"type", column.type},
                       {"format", column.format},
                       {"description", ""},
                       {"priority", column.priority}});
    }
    return out;
}

Json Columns::cells(const Json& object) const {
    Json out = Json::array();
    for (const auto& column : columns_)
        out.push_back(column.cell(object));
    return out;
}

namespace {

/// One bracket: an index, a quoted member or ?(@.key=="value").
const Json* bracket(const Json& from, std::string_view inside) {
    if (inside.starts_with("?(@.") && inside.ends_with(")")) {
        inside = inside.substr(4, inside.size() - 5);
        auto equals = inside.find("==");
        if (equals == std::string_view::npos || !from.is_array()) return nullptr;
        auto key = inside.substr(0, equals);
        auto wanted = inside.substr(equals + 2);
        while (key.ends_with(' '))
            key.remove_suffix(1);
        wanted.remove_prefix(std::min(wanted.find_first_not_of(" \"'"), wanted.size()));
        wanted = wanted.substr(0, wanted.find_last_not_of(" \"'") + 1);
        for (const auto& item : from) {
            if (text_at(item, {key}) == wanted) return &item;
        }
        return nullptr;
    }
    if (inside.size() >= 2 && (inside[0] == '\'' || inside[0] == '"')) {
        return find(from, {inside.substr(1, inside.size() - 2)});
    }
    std::size_t index = 0;
    if (inside != "*") std::from_chars(inside.data(), inside.data() + inside.size(), index);
    return from.is_array() && index < from.size() ? &from[index] : nullptr;
}

}  // namespace

Json json_path(const Json& object, std::string_view path) {
    const Json* here = &object;
    while (here && !path.empty()) {
        if (path[0] == '[') {
            auto end = path.find(']');
            if (end == std::string_view::npos) return {};
            here = bracket(*here, path.substr(1, end - 1));
            path.remove_prefix(end + 1);
            continue;
        }
        if (path[0] == '.') path.remove_prefix(1);
        std::string member;
        while (!path.empty() && path[0] != '.' && path[0] != '[') {
            if (path[0] == '\\' && path.size() > 1) path.remove_prefix(1);
            member += path[0];
            path.remove_prefix(1);
        }
        if (!member.empty()) here = find(*here, {member});
    }
    return here ? *here : Json();
}

}  // namespace weft::apiserver
