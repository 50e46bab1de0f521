#include "services/rbac.hpp"

#include <algorithm>
#include <compare>
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

/// Rules of one role in one namespace: resources that share group, verbs and names stand together.
using Names = std::set<std::string>;
struct Rules {
    std::map<std::tuple<std::string, std::string, Names>, std::set<std::string>> verbs;  ///< by group, resource, names

    std::string yaml() const {
        std::map<std::tuple<std::string, std::set<std::string>, Names>, std::set<std::string>> merged;
        for (const auto& [what, how] : verbs)
            merged[{std::get<0>(what), how, std::get<2>(what)}].insert(std::get<1>(what));
        std::string out = "rules:\n";
        for (const auto& [rule, resources] : merged) {
            const auto& [group, how, names] = rule;
            out += "- apiGroups: [" + json_quote(group) + "]\n";
            out += "  resources: " + quoted_list(resources) + "\n";
            if (!names.empty()) out += "  resourceNames: " + quoted_list(names) + "\n";
            out += "  verbs: " + quoted_list(how) + "\n";
        }
        return out;
    }
};

/// Where a right is written down: cluster-wide ones first.
struct Place {
    std::string ns;
    Role role;
    std::string apart;  ///< the group of users that has a ClusterRole of its own

    std::strong_ordering operator<=>(const Place&) const = default;
    std::string kind() const { return ns.empty() ? "ClusterRole" : "Role"; }
    std::string name() const {
        if (apart.empty()) return role_name(role);
        std::string name = "weft-" + apart;
        std::ranges::replace(name, ':', '-');
        return name;
    }
};

std::string head(std::string_view kind, const Place& place) {
    std::string out = "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: " + std::string(kind) +
                      "\nmetadata:\n  name: " + place.name() + "\n";
    if (!place.ns.empty()) out += "  namespace: " + place.ns + "\n";
    return out;
}

std::string binding(const Place& place, const std::string& group, const RbacOptions& options) {
    std::string out = head(place.kind() + "Binding", place) +
                      "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: " + place.kind() +
                      "\n  name: " + place.name() + "\nsubjects:\n";
    if (!group.empty())
        return out + "- apiGroup: rbac.authorization.k8s.io\n  kind: Group\n  name: " + json_quote(group) + "\n";
    return out + "- kind: ServiceAccount\n  name: " +
           (place.role == Role::cluster ? options.cluster_account : options.node_account) +
           "\n  namespace: " + options.ns + "\n";
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
    std::map<Place, Rules> documents;
    std::map<Role, std::string> groups;  ///< that stand for a role's service account
    for (const auto& right : rights) {
        for (Role role : {Role::node, Role::cluster}) {
            if (!runs_in(right.role, role)) continue;
            if (!right.apart && !right.subject.empty()) groups[role] = right.subject;
            auto& rules = documents[{right.ns, role, right.apart ? right.subject : std::string()}];
            auto& verbs = rules.verbs[{right.group, right.resource, Names(right.names.begin(), right.names.end())}];
            verbs.insert(right.verbs.begin(), right.verbs.end());
        }
    }
    std::string out;
    for (const auto& [place, rules] : documents) {
        out += head(place.kind(), place) + rules.yaml();
        if (!options.bindings) continue;
        out += binding(place, place.apart.empty() ? groups[place.role] : place.apart, options);
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
                if (!right.names.empty()) {
                    w.key("names").array([&] {
                        for (const auto& name : right.names)
                            w.value(name);
                    });
                }
                if (!right.subject.empty()) w.member("subject", right.subject);
                if (right.apart) w.member("apart", true);
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
        entry["names"].each([&](JsonView name) { right.names.emplace_back(name.string_or("")); });
        right.subject = entry["subject"].string_or("");
        right.apart = entry["apart"].boolean().value_or(false);
        rights.push_back(std::move(right));
    });
    if (!good) return invalid("a right needs a role (node, cluster or both) and a resource");
    return rights;
}

}  // namespace weft::services
