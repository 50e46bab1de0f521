#include "daemon/rights.hpp"

#include "daemon/modules.hpp"
#include "kube/objects.hpp"

#include <weft/tables/object_status.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace weft::daemon {

namespace {

std::optional<ResourceSpec> built_in(const TableSpec& table) {
    for (const auto& resource : {kube::node_resource(), kube::namespace_resource(), kube::pod_resource()}) {
        if (resource.table.name == table.name) return resource;
    }
    return std::nullopt;
}

/// One for each role, resource, namespace, names and subject, with the verbs of all who asked.
std::vector<services::Right> merged(const std::vector<services::Right>& rights) {
    using Place = std::tuple<Role, std::string, std::string, std::string, std::vector<std::string>, std::string, bool>;
    std::map<Place, std::set<std::string>> verbs;
    for (const auto& right : rights) {
        verbs[{right.role, right.group, right.resource, right.ns, right.names, right.subject, right.apart}].insert(
            right.verbs.begin(), right.verbs.end());
    }
    std::vector<services::Right> result;
    result.reserve(verbs.size());
    for (const auto& [place, all] : verbs) {
        const auto& [role, group, resource, ns, names, subject, apart] = place;
        result.push_back({role, group, resource, {all.begin(), all.end()}, ns, names, subject, apart});
    }
    return result;
}

/// The group of users that stands for a role's service account.
std::string subject_of(const std::vector<const plugin::Loaded*>& plugins, Role role) {
    for (const auto* plugin : plugins) {
        for (const auto& [declared, group] : plugin->declared().subjects) {
            if (runs_in(declared, role)) return group;
        }
    }
    return {};
}

bool writes_status(const plugin::Loaded& plugin, Role role) {
    return std::ranges::any_of(plugin.declared().rules, [&](const RuleSpec& rule) {
        return runs_in(rule.role, role) && std::ranges::any_of(rule.writes, [](const TableSpec& table) {
                   return table.name == tables::ObjectStatus::table_name;
               });
    });
}

}  // namespace

std::vector<services::Right> rights_of(const std::vector<const plugin::Loaded*>& plugins, const std::string& ns) {
    std::vector<services::Right> rights;
    for (const Role role : {Role::cluster, Role::node}) {
        for (auto& right : services::kernel_rights(role, ns))
            rights.push_back(std::move(right));
        for (const auto& watch : watches(plugins, role)) {
            const auto resource = watch.resource ? std::optional(*watch.resource) : built_in(watch.table);
            if (resource) rights.push_back(services::watch_right(role, resource->group, resource->resource));
        }
        for (const auto* plugin : plugins) {
            if (writes_status(*plugin, role)) {
                for (const auto& resource : plugin->declared().resources)
                    rights.push_back({role,
                                      resource.spec.group,
                                      resource.spec.resource + "/" + resource.spec.status,
                                      {"patch"},
                                      ""});
            }
            for (const auto& access : plugin->declared().accesses) {
                if (!runs_in(access.role, role)) continue;
                const auto& [group, resource, list, names, subject] = access.spec;
                rights.push_back({role, group, resource, list, "", names, subject, !subject.empty()});
            }
        }
        const auto subject = subject_of(plugins, role);
        for (auto& right : rights) {
            if (right.role == role && !right.apart) right.subject = subject;
        }
    }
    return merged(rights);
}

}  // namespace weft::daemon
