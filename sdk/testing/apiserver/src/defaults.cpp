#include "defaults.hpp"

#include <array>
#include <ctime>

namespace weft::apiserver {

namespace {

void default_protocols(Json& ports) {
    if (!ports.is_array()) return;
    for (auto& port : ports) {
        if (port.is_object()) set_default(port, "protocol", "TCP");
    }
}

void default_containers(Json& spec, const char* list) {
    if (!spec.contains(list) || !spec[list].is_array()) return;
    for (auto& container : spec[list]) {
        if (!container.is_object()) continue;
        set_default(container, "resources", Json::object());
        auto image = text_at(container, {"image"});
        bool latest = image.find(':') == std::string_view::npos || image.ends_with(":latest");
        set_default(container, "imagePullPolicy", latest ? "Always" : "IfNotPresent");
        set_default(container, "terminationMessagePath", "/dev/termination-log");
        set_default(container, "terminationMessagePolicy", "File");
        if (container.contains("ports")) default_protocols(container["ports"]);
    }
}

void default_pod_spec(Json& spec) {
    if (!spec.is_object()) return;
    set_default(spec, "restartPolicy", "Always");
    set_default(spec, "terminationGracePeriodSeconds", 30);
    set_default(spec, "dnsPolicy", "ClusterFirst");
    set_default(spec, "schedulerName", "default-scheduler");
    set_default(spec, "securityContext", Json::object());
    set_default(spec, "enableServiceLinks", true);
    for (const char* list : {"containers", "initContainers"})
        default_containers(spec, list);
}

std::string quality_of_service(const Json& pod) {
    for (const auto& container : list_at(pod, {"spec", "containers"})) {
        if (!map_at(container, {"resources"}).empty()) return "Burstable";
    }
    return "BestEffort";
}

void default_service(Json& service) {
    Json& spec = object_at(service, "spec");
    set_default(spec, "type", "ClusterIP");
    set_default(spec, "sessionAffinity", "None");
    auto type = text_at(spec, {"type"});
    if (type != "ExternalName") set_default(spec, "internalTrafficPolicy", "Cluster");
    if (type == "NodePort" || type == "LoadBalancer") set_default(spec, "externalTrafficPolicy", "Cluster");
    if (type == "LoadBalancer") set_default(spec, "allocateLoadBalancerNodePorts", true);
    if (text_at(spec, {"sessionAffinity"}) == "ClientIP") {
        set_default(spec, "sessionAffinityConfig", {{"clientIP", {{"timeoutSeconds", 10800}}}});
    }
    if (!spec.contains("ports") || !spec["ports"].is_array()) return;
    default_protocols(spec["ports"]);
    for (auto& port : spec["ports"]) {
        if (port.is_object() && port.contains("port")) set_default(port, "targetPort", port["port"]);
    }
}

void default_network_policy(Json& policy) {
    Json& spec = object_at(policy, "spec");
    if (!spec.is_object()) return;
    set_default(spec, "podSelector", Json::object());
    if (list_at(spec, {"policyTypes"}).empty()) {
        spec["policyTypes"] = Json::array({"Ingress"});
        if (!list_at(spec, {"egress"}).empty()) spec["policyTypes"].push_back("Egress");
    }
    for (const char* direction : {"ingress", "egress"}) {
        if (!spec.contains(direction) || !spec[direction].is_array()) continue;
        for (auto& rule : spec[direction]) {
            if (rule.is_object() && rule.contains("ports")) default_protocols(rule["ports"]);
        }
    }
}

void default_endpoint_slice(Json& slice) {
    if (!slice.contains("ports") || !slice["ports"].is_array()) return;
    default_protocols(slice["ports"]);
    for (auto& port : slice["ports"]) {
        if (port.is_object()) set_default(port, "name", "");
    }
}

void default_definition(Json& definition) {
    Json* names = find(definition, {"spec", "names"});
    if (!names || !names->is_object()) return;
    auto shape = resource_of_definition(definition);
    set_default(*names, "singular", shape.singular);
    set_default(*names, "listKind", shape.list_kind);
    set_default(definition["spec"], "conversion", {{"strategy", "None"}});
}

void default_secret(Json& secret) {
    set_default(secret, "type", "Opaque");
    if (!secret.contains("stringData")) return;
    Json plain = secret["stringData"];
    secret.erase("stringData");
    if (!plain.is_object()) return;
    for (const auto& [key, value] : plain.items()) {
        if (value.is_string()) object_at(secret, "data")[key] = base64(value.get_ref<const std::string&>());
    }
}

void default_spec(const Resource& resource, Json& object) {
    const auto& names = resource.names;
    if (resource.custom) return;
    if (names.group == "apps") {
        if (Json* spec = find(object, {"spec", "template", "spec"})) default_pod_spec(*spec);
    }
    if (names.plural == "pods") default_pod_spec(object_at(object, "spec"));
    if (names.plural == "services") default_service(object);
    if (names.plural == "networkpolicies") default_network_policy(object);
    if (names.plural == "endpointslices") default_endpoint_slice(object);
    if (names.plural == "secrets") default_secret(object);
    if (names.plural == "customresourcedefinitions") default_definition(object);
}

void drop_if_empty(Json& object, const char* name) {
    auto member = object.find(name);
    if (member != object.end() && member->empty()) object.erase(member);
}

}  // namespace

void normalise(const Resource& resource, const Version& version, Json& object) {
    Json& metadata = object_at(object, "metadata");
    if (resource.custom) {
        drop_nulls(metadata);
    } else {
        drop_nulls(object);
    }
    for (const char* name : {"labels", "annotations", "finalizers", "ownerReferences", "managedFields"}) {
        drop_if_empty(metadata, name);
    }
    if (resource.is("", "configmaps") || resource.is("", "secrets")) {
        for (const char* name : {"data", "binaryData"})
            drop_if_empty(object, name);
    }
    metadata.erase("selfLink");
    if (!resource.namespaced) metadata.erase("namespace");
    object["kind"] = resource.names.kind;
    object["apiVersion"] = resource.api_version(version.name);
}

void default_create(const Resource& resource, const Version& version, Json& object, const std::string& now) {
    default_spec(resource, object);
    if (resource.is("", "pods")) {
        object["status"] = {{"phase", "Pending"}, {"qosClass", quality_of_service(object)}};
    } else if (resource.is("", "namespaces")) {
        object["spec"] = {{"finalizers", Json::array({"kubernetes"})}};
        object["status"] = {{"phase", "Active"}};
        Json& metadata = object["metadata"];
        object_at(metadata, "labels")["kubernetes.io/metadata.name"] = metadata["name"];
    } else if (resource.is("", "services")) {
        object["status"] = {{"loadBalancer", Json::object()}};
    } else if (resource.is("", "nodes")) {
        object_at(object, "spec");
        object_at(object, "status");
    } else if (resource.is("apiextensions.k8s.io", "customresourcedefinitions")) {
        establish(object, now);
    } else if (version.status) {
        object.erase("status");
    }
}

void default_update(const Resource& resource, const Json& before, Json& object) {
    default_spec(resource, object);
    if (!resource.is("", "services") || text_at(object, {"spec", "type"}) == "ExternalName") return;
    const Json& had = map_at(before, {"spec"});
    for (const char* name : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
        if (had.contains(name)) set_default(object["spec"], name, had.at(name));
    }
}

void establish(Json& definition, const std::string& now) {
    Json stored = Json::array();
    for (const auto& version : list_at(definition, {"spec", "versions"})) {
        if (bool_at(version, {"storage"})) stored.push_back(text_at(version, {"name"}));
    }
    auto condition = [&](const char* type, const char* reason, const char* message) {
        return Json{
            {"type", type}, {"status", "True"}, {"lastTransitionTime", now}, {"reason", reason}, {"message", message}};
    };
    definition["status"] = {
        {"acceptedNames", map_at(definition, {"spec", "names"})},
        {"storedVersions", std::move(stored)},
        {"conditions",
         Json::array({condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                      condition("Established", "InitialNamesAccepted", "the initial names have been accepted")})}};
}

std::string rfc3339(std::int64_t unix_seconds) {
    auto time = static_cast<std::time_t>(unix_seconds);
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::array<char, 32> text{};
    auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text.data(), size};
}

std::optional<std::int64_t> unix_seconds(const std::string& rfc3339) {
    std::tm parts{};
    if (!::strptime(rfc3339.c_str(), "%Y-%m-%dT%H:%M:%S", &parts)) return std::nullopt;
    return ::timegm(&parts);
}

namespace {
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}

std::string base64(std::string_view bytes) {
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
        }
        for (std::size_t j = 0; j < 4; ++j) {
            out += i + j <= bytes.size() ? alphabet[group >> (18 - 6 * j) & 63] : '=';
        }
    }
    return out;
}

std::string base64_decode(std::string_view text) {
    std::string out;
    std::uint32_t group = 0;
    int bits = 0;
    for (char c : text) {
        auto digit = alphabet.find(c == '-' ? '+' : c == '_' ? '/' : c);
        if (digit == std::string_view::npos) continue;
        group = group << 6 | static_cast<std::uint32_t>(digit);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>(group >> bits & 0xff);
        }
    }
    return out;
}

}  // namespace weft::apiserver
