#include "discovery.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace weft::apiserver {

namespace {

using Resources = std::vector<std::shared_ptr<const Resource>>;

Resources resources_of(const Store& store) {
    Resources out;
    auto tables = store.tables();
    auto guard = store.lock();
    for (const auto& table : tables)
        out.push_back(table->shared_resource());
    return out;
}

/// Served versions of each group, the one that clients should prefer first.
std::map<std::string, std::vector<std::string>> groups_of(const Resources& resources) {
    std::map<std::string, std::vector<std::string>> out;
    for (const auto& resource : resources) {
        auto& versions = out[resource->names.group];
        for (const auto& version : resource->versions) {
            bool known = std::find(versions.begin(), versions.end(), version.name) != versions.end();
            if (version.served && !known) versions.push_back(version.name);
        }
    }
    for (auto& [group, versions] : out) {
        // Stable before beta before alpha: "v1" sorts before "v1alpha1", so only stability has to be looked at.
        auto rank = [](const std::string& v) {
            return v.find("alpha") != std::string::npos ? 2 : v.find("beta") != std::string::npos ? 1 : 0;
        };
        std::stable_sort(versions.begin(), versions.end(),
                         [&](const auto& a, const auto& b) { return rank(a) != rank(b) ? rank(a) < rank(b) : a > b; });
    }
    return out;
}

Json group_json(const std::string& name, const std::vector<std::string>& versions) {
    Json list = Json::array();
    for (const auto& version : versions)
        list.push_back({{"groupVersion", std::string(name).append("/").append(version)}, {"version", version}});
    return {{"name", name}, {"versions", list}, {"preferredVersion", list.empty() ? Json() : list[0]}};
}

Json api_groups(const Resources& resources) {
    Json groups = Json::array();
    for (const auto& [name, versions] : groups_of(resources)) {
        if (!name.empty() && !versions.empty()) groups.push_back(group_json(name, versions));
    }
    return {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", groups}};
}

Json resource_json(const Resource& resource) {
    Json json = {{"name", resource.names.plural},
                 {"singularName", resource.singular},
                 {"namespaced", resource.namespaced},
                 {"kind", resource.names.kind},
                 {"verbs", {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}}};
    if (!resource.short_names.empty()) json["shortNames"] = resource.short_names;
    if (!resource.categories.empty()) json["categories"] = resource.categories;
    return json;
}

std::optional<Json> resource_list(const Resources& resources, std::string_view group, std::string_view version) {
    Json list = Json::array();
    for (const auto& resource : resources) {
        const Version* served = resource->version(version);
        if (resource->names.group != group || !served) continue;
        list.push_back(resource_json(*resource));
        auto add = [&](const char* name, Json verbs) {
            list.push_back({{"name", resource->names.plural + "/" + name},
                            {"singularName", ""},
                            {"namespaced", resource->namespaced},
                            {"kind", resource->names.kind},
                            {"verbs", std::move(verbs)}});
        };
        if (served->status) add("status", {"get", "patch", "update"});
        if (resource->is("", "pods")) add("binding", {"create"});
    }
    if (list.empty()) return {};
    std::string group_version = group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
    return Json{
        {"kind", "APIResourceList"}, {"apiVersion", "v1"}, {"groupVersion", group_version}, {"resources", list}};
}

std::string path_of(std::string_view group, std::string_view version) {
    return group.empty() ? "api/" + std::string(version) : "apis/" + std::string(group) + "/" + std::string(version);
}

Json openapi_index(const Resources& resources) {
    Json paths = Json::object();
    for (const auto& [group, versions] : groups_of(resources)) {
        for (const auto& version : versions) {
            auto path = path_of(group, version);
            paths[path] = {{"serverRelativeURL", "/openapi/v3/" + path}};
        }
    }
    return {{"paths", std::move(paths)}};
}

/// No schemas: just that PATCH knows fieldValidation, which is what kubectl looks for before it validates by itself.
std::optional<Json> openapi_group(const Resources& resources, const std::string& version, std::string_view wanted) {
    Json paths = Json::object();
    for (const auto& resource : resources) {
        for (const auto& served : resource->versions) {
            auto base = path_of(resource->names.group, served.name);
            if (base != wanted || !served.served) continue;
            Json parameters = Json::array();
            for (const char* name : {"dryRun", "fieldManager", "fieldValidation", "force"}) {
                parameters.push_back({{"name", name}, {"in", "query"}, {"schema", {{"type", "string"}}}});
            }
            Json type = {{"group", resource->names.group}, {"version", served.name}, {"kind", resource->names.kind}};
            auto path = "/" + base + (resource->namespaced ? "/namespaces/{namespace}/" : "/") + resource->names.plural;
            paths[path + "/{name}"] = {{"patch",
                                        {{"x-kubernetes-group-version-kind", std::move(type)},
                                         {"x-kubernetes-action", "patch"},
                                         {"parameters", std::move(parameters)},
                                         {"responses", {{"200", {{"description", "OK"}}}}}}}};
        }
    }
    if (paths.empty()) return {};
    return Json{{"openapi", "3.0.0"},
                {"info", {{"title", "Kubernetes"}, {"version", version}}},
                {"paths", std::move(paths)},
                {"components", {{"schemas", Json::object()}}}};
}

Json version_json(const std::string& version) {
    auto first = version.find('.');
    auto second = version.find('.', first + 1);
    return {{"major", version.substr(1, first - 1)},
            {"minor", version.substr(first + 1, second - first - 1)},
            {"gitVersion", version},
            {"gitCommit", ""},
            {"gitTreeState", "clean"},
            {"buildDate", "1970-01-01T00:00:00Z"},
            {"goVersion", ""},
            {"compiler", "weft"},
            {"platform", "linux/amd64"}};
}

HttpResponse ok(const Json& json) {
    return {200, json.dump() + "\n", "application/json", {}};
}

std::optional<HttpResponse> maybe(std::optional<Json> json) {
    if (!json) return {};
    return ok(*json);
}

}  // namespace

std::optional<HttpResponse> discover(const Store& store, const std::string& version, std::string_view path) {
    while (path.size() > 1 && path.ends_with('/'))
        path.remove_suffix(1);
    for (std::string_view health : {"/healthz", "/readyz", "/livez"}) {
        if (path == health || path.starts_with(std::string(health) + "/"))
            return HttpResponse{200, "ok", "text/plain", {}};
    }
    if (path == "/version") return ok(version_json(version));
    if (path == "/")
        return ok({{"paths", {"/api", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"}}});
    auto resources = resources_of(store);
    if (path == "/api") {
        return ok({{"kind", "APIVersions"}, {"versions", {"v1"}}, {"serverAddressByClientCIDRs", Json::array()}});
    }
    if (path == "/api/v1") return maybe(resource_list(resources, "", "v1"));
    if (path == "/apis") return ok(api_groups(resources));
    if (path == "/openapi/v3") return ok(openapi_index(resources));
    constexpr std::string_view openapi = "/openapi/v3/";
    if (path.starts_with(openapi)) return maybe(openapi_group(resources, version, path.substr(openapi.size())));
    constexpr std::string_view apis = "/apis/";
    if (!path.starts_with(apis)) return {};
    auto rest = path.substr(apis.size());
    auto slash = rest.find('/');
    if (slash != std::string_view::npos) {
        return maybe(resource_list(resources, rest.substr(0, slash), rest.substr(slash + 1)));
    }
    auto groups = groups_of(resources);
    auto group = groups.find(std::string(rest));
    if (group == groups.end() || group->second.empty()) return {};
    Json json = group_json(group->first, group->second);
    json["kind"] = "APIGroup";
    json["apiVersion"] = "v1";
    return ok(json);
}

}  // namespace weft::apiserver
