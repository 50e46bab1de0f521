#include "resource.hpp"

#include <algorithm>
#include <cctype>

namespace weft::apiserver {

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
    return out;
}

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> parts;
    while (true) {
        auto end = text.find(at);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::vector<SelectableField> fields(std::initializer_list<std::string_view> names) {
    std::vector<SelectableField> out;
    for (auto name : names)
        out.push_back({std::string(name), split(name, '.')});
    return out;
}

enum Scope { cluster, in_namespace };

Resource make(std::string group, std::string plural, std::string kind, Scope scope,
              std::vector<std::string> short_names = {}, bool has_status = false) {
    Resource r;
    r.singular = lower(kind);
    r.list_kind = kind + "List";
    r.names = {std::move(group), std::move(plural), std::move(kind)};
    r.short_names = std::move(short_names);
    r.namespaced = scope == in_namespace;
    r.versions = {{.name = "v1", .status = has_status}};
    return r;
}

Resource with_status(std::string group, std::string plural, std::string kind, Scope scope,
                     std::vector<std::string> short_names) {
    return make(std::move(group), std::move(plural), std::move(kind), scope, std::move(short_names), true);
}

void add_core(std::vector<Resource>& out) {
    Resource r = with_status("", "nodes", "Node", cluster, {"no"});
    r.fields = fields({"spec.unschedulable"});
    out.push_back(r);

    r = with_status("", "namespaces", "Namespace", cluster, {"ns"});
    r.fields = fields({"status.phase"});
    r.name_rule = NameRule::label;
    r.returns_deleted = true;
    out.push_back(r);

    r = with_status("", "pods", "Pod", in_namespace, {"po"});
    r.fields = fields({"spec.nodeName", "status.phase", "spec.restartPolicy", "spec.schedulerName",
                       "spec.serviceAccountName", "spec.hostNetwork", "status.podIP", "status.nominatedNodeName"});
    r.categories = {"all"};
    r.counts_generations = true;
    r.returns_deleted = true;
    out.push_back(r);

    r = with_status("", "services", "Service", in_namespace, {"svc"});
    r.fields = fields({"spec.clusterIP", "spec.type"});
    r.categories = {"all"};
    r.name_rule = NameRule::label_1035;
    r.returns_deleted = true;
    out.push_back(r);

    r = make("", "events", "Event", in_namespace, {"ev"});
    r.fields = fields({"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
                       "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath",
                       "reason", "reportingComponent", "source", "type"});
    r.fields[9].path = {"source", "component"};
    r.create_on_update = true;
    out.push_back(r);

    r = make("", "secrets", "Secret", in_namespace);
    r.fields = fields({"type"});
    out.push_back(r);

    out.push_back(make("", "configmaps", "ConfigMap", in_namespace, {"cm"}));
    r = make("", "serviceaccounts", "ServiceAccount", in_namespace, {"sa"});
    r.returns_deleted = true;
    out.push_back(r);
    out.push_back(make("", "endpoints", "Endpoints", in_namespace, {"ep"}));
    out.back().list_kind = "EndpointsList";
}

void add_groups(std::vector<Resource>& out) {
    Resource r = make("coordination.k8s.io", "leases", "Lease", in_namespace);
    r.unconditional_update = false;
    r.create_on_update = true;
    out.push_back(r);

    r = make("discovery.k8s.io", "endpointslices", "EndpointSlice", in_namespace);
    r.counts_generations = true;
    out.push_back(r);

    r = make("networking.k8s.io", "networkpolicies", "NetworkPolicy", in_namespace, {"netpol"});
    r.singular = "networkpolicy";
    r.counts_generations = true;
    out.push_back(r);

    r = with_status("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", cluster,
                    {"crd", "crds"});
    r.counts_generations = true;
    r.unconditional_update = false;
    r.status_writes_metadata = false;
    r.categories = {"api-extensions"};
    out.push_back(r);

    for (const auto& [plural, kind, short_name] :
         {std::tuple{"deployments", "Deployment", "deploy"}, std::tuple{"daemonsets", "DaemonSet", "ds"},
          std::tuple{"replicasets", "ReplicaSet", "rs"}, std::tuple{"statefulsets", "StatefulSet", "sts"}}) {
        r = with_status("apps", plural, kind, in_namespace, {short_name});
        r.counts_generations = true;
        r.categories = {"all"};
        out.push_back(r);
    }
    for (const auto& [plural, kind, scope] :
         {std::tuple{"clusterroles", "ClusterRole", cluster},
          std::tuple{"clusterrolebindings", "ClusterRoleBinding", cluster}, std::tuple{"roles", "Role", in_namespace},
          std::tuple{"rolebindings", "RoleBinding", in_namespace}}) {
        r = make("rbac.authorization.k8s.io", plural, kind, scope);
        r.name_rule = NameRule::path_segment;
        out.push_back(r);
    }
}

std::vector<std::string> strings_at(const Json& from, Path path) {
    std::vector<std::string> out;
    for (const auto& item : list_at(from, path)) {
        if (item.is_string()) out.push_back(item.get<std::string>());
    }
    return out;
}

}  // namespace

const Version* Resource::version(std::string_view name) const {
    for (const auto& v : versions) {
        if (v.served && v.name == name) return &v;
    }
    return nullptr;
}

std::string Resource::api_version(std::string_view version) const {
    return names.group.empty() ? std::string(version) : names.group + "/" + std::string(version);
}

bool Resource::answers_to(std::string_view word) const {
    std::string wanted = lower(word);
    auto matches = [&](std::string_view name) {
        std::string plain = lower(name);
        return wanted == plain || (!names.group.empty() && wanted == plain + "." + names.group);
    };
    return matches(names.plural) || matches(names.kind) || matches(singular) ||
           std::any_of(short_names.begin(), short_names.end(), matches);
}

std::vector<Resource> builtin_resources() {
    std::vector<Resource> out;
    add_core(out);
    add_groups(out);
    return out;
}

Resource resource_of_definition(const Json& definition) {
    Resource r;
    r.names = {std::string(text_at(definition, {"spec", "group"})),
               std::string(text_at(definition, {"spec", "names", "plural"})),
               std::string(text_at(definition, {"spec", "names", "kind"}))};
    r.singular = text_at(definition, {"spec", "names", "singular"});
    if (r.singular.empty()) r.singular = lower(r.names.kind);
    r.list_kind = text_at(definition, {"spec", "names", "listKind"});
    if (r.list_kind.empty()) r.list_kind = r.names.kind + "List";
    r.short_names = strings_at(definition, {"spec", "names", "shortNames"});
    r.categories = strings_at(definition, {"spec", "names", "categories"});
    r.namespaced = text_at(definition, {"spec", "scope"}) != "Cluster";
    r.custom = true;
    r.counts_generations = true;
    r.unconditional_update = false;
    r.status_writes_metadata = false;
    for (const auto& version : list_at(definition, {"spec", "versions"})) {
        Version v;
        v.name = text_at(version, {"name"});
        v.served = bool_at(version, {"served"});
        v.storage = bool_at(version, {"storage"});
        v.status = find(version, {"subresources", "status"}) != nullptr;
        if (const Json* columns = find(version, {"additionalPrinterColumns"})) v.columns = *columns;
        if (const Json* schema = find(version, {"schema", "openAPIV3Schema"})) v.schema = *schema;
        for (const auto& field : list_at(version, {"selectableFields"})) {
            auto path = text_at(field, {"jsonPath"});
            if (!path.starts_with('.')) continue;
            path.remove_prefix(1);
            r.fields.push_back({std::string(path), split(path, '.')});
        }
        r.versions.push_back(std::move(v));
    }
    return r;
}

std::vector<FieldError> validate_definition(const Json& definition) {
    using enum FieldError::Type;
    std::vector<FieldError> errors;
    auto require = [&](const char* field, Path path) {
        if (text_at(definition, path).empty()) errors.push_back({required, field, "", ""});
    };
    require("spec.group", {"spec", "group"});
    require("spec.names.plural", {"spec", "names", "plural"});
    require("spec.names.kind", {"spec", "names", "kind"});
    auto scope = text_at(definition, {"spec", "scope"});
    if (scope != "Cluster" && scope != "Namespaced") {
        errors.push_back(
            {unsupported, "spec.scope", std::string(scope), "supported values: \"Cluster\", \"Namespaced\""});
    }
    const Json& versions = list_at(definition, {"spec", "versions"});
    if (versions.empty()) {
        errors.push_back({required, "spec.versions", "", "must have at least one version"});
        return errors;
    }
    int stored = 0;
    for (const auto& version : versions) {
        if (text_at(version, {"name"}).empty()) errors.push_back({required, "spec.versions[].name", "", ""});
        if (bool_at(version, {"storage"})) ++stored;
    }
    if (stored != 1) {
        errors.push_back({invalid, "spec.versions", std::to_string(stored),
                          "must have exactly one version marked as storage version"});
    }
    std::string expected = std::string(text_at(definition, {"spec", "names", "plural"})) + "." +
                           std::string(text_at(definition, {"spec", "group"}));
    if (errors.empty() && text_at(definition, {"metadata", "name"}) != expected) {
        errors.push_back({invalid, "metadata.name", std::string(text_at(definition, {"metadata", "name"})),
                          "must be spec.names.plural+\".\"+spec.group"});
    }
    return errors;
}

}  // namespace weft::apiserver
