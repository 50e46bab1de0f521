#include "services/rbac.hpp"

#include <map>
#include <set>
#include <tuple>

namespace weft::services {

namespace {

std::string role_name(Role role) {
    return role == Role::cluster ? "weft-cluster" : "weft-node";
}

/// A YAML string that needs no thought: everything in double quotes is JSON, which YAML reads.
std::string quoted_list(const auto& texts) {
    std::string out = "[";
    for (const auto& text : texts)
        out += (out.size() > 1 ? ", " : "") + json_quote(text);
    return out + "]";
}

/// Rules of one role in one namespace: resources that share group and verbs stand together.
using Verbs = std::set<std::string>;
struct Rules {
    std::map<std::pair<std::string, std::string>, Verbs> by_resource;  ///< (group, resource)

    std::string yaml() const {
        std::map<std::pair<std::string, Verbs>, std::set<std::string>> merged;
        for (const auto& [name, verbs] : by_resource)
            merged[{name.first, verbs}].insert(name.second);
        std::string out = "rules:\n";
        for (const auto& [rule, resources] : merged) {
            out += "- apiGroups: [" + json_quote(rule.first) + "]\n";
            out += "  resources: " + quoted_list(resources) + "\n";
            out += "  verbs: " + quoted_list(rule.second) + "\n";
        }
        return out;
    }
};

std::string head(std::string_view kind, const std::string& name, const std::string& ns) {
    std::string out = "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: " + std::string(kind) +
                      "\nmetadata:\n  name: " + name + "\n";
    if (!ns.empty()) out += "  namespace: " + ns + "\n";
    return out;
}

std::string binding(Role role, const std::string& ns, const RbacOptions& options) {
    const std::string kind = ns.empty() ? "ClusterRole" : "Role";
    return head(kind + "Binding", role_name(role), ns) +
           "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: " + kind + "\n  name: " + role_name(role) +
           "\nsubjects:\n- kind: ServiceAccount\n  name: " +
           (role == Role::cluster ? options.cluster_account : options.node_account) + "\n  namespace: " + options.ns +
           "\n";
}

}  // namespace

Right watch_right(Role role, std::string group, std::string resource) {
    return {role, std::move(group), std::move(resource), {"get", "list", "watch"}, {}};
}

std::vector<Right> kernel_rights(Role role, const std::string& ns) {
    std::vector<Right> rights;
    for (Role one : {Role::node, Role::cluster}) {
        if (runs_in(one, role)) rights.push_back({one, "", "events", {"create", "patch"}, {}});
    }
    if (runs_in(Role::cluster, role)) {
        rights.push_back({Role::cluster, "coordination.k8s.io", "leases", {"create", "get", "update"}, ns});
    }
    return rights;
}

std::string rbac_yaml(const std::vector<Right>& rights, const RbacOptions& options) {
    std::map<std::tuple<std::string, Role>, Rules> documents;  // cluster-wide ones first
    for (const auto& right : rights) {
        for (Role role : {Role::node, Role::cluster}) {
            if (!runs_in(right.role, role)) continue;
            auto& verbs = documents[{right.ns, role}].by_resource[{right.group, right.resource}];
            verbs.insert(right.verbs.begin(), right.verbs.end());
        }
    }
    std::string out;
    for (const auto& [where, rules] : documents) {
        const auto& [ns, role] = where;
        out += head(ns.empty() ? "ClusterRole" : "Role", role_name(role), ns) + rules.yaml();
        if (options.bindings) out += binding(role, ns, options);
    }
    return out;
}

std::string to_json(const std::vector<Right>& rights) {
    JsonWriter w;
    w.array([&] {
        for (const auto& right : rights) {
            w.object([&] {
                w.member("role", right.role == Role::both ? "both" : right.role == Role::cluster ? "cluster" : "node");
                w.member("group", right.group).member("resource", right.resource);
                w.key("verbs").array([&] {
                    for (const auto& verb : right.verbs)
                        w.value(verb);
                });
                w.member("namespace", right.ns);
            });
        }
    });
    return w.take();
}

Result<std::vector<Right>> rights_from_json(const JsonView& list) {
    if (!list.is_array()) return invalid("rights must be a JSON array");
    std::vector<Right> rights;
    bool good = true;
    list.each([&](JsonView entry) {
        Right right;
        const auto role = entry["role"].string_or("");
        good = good && (role == "node" || role == "cluster" || role == "both") && entry["resource"].is_string();
        right.role = role == "cluster" ? Role::cluster : role == "both" ? Role::both : Role::node;
        right.group = entry["group"].string_or("");
        right.resource = entry["resource"].string_or("");
        right.ns = entry["namespace"].string_or("");
        entry["verbs"].each([&](JsonView verb) { right.verbs.emplace_back(verb.string_or("")); });
        rights.push_back(std::move(right));
    });
    if (!good) return invalid("a right needs a role (node, cluster or both) and a resource");
    return rights;
}

}  // namespace weft::services
