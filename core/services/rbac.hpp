#pragma once

#include <weft/base/json.hpp>
#include <weft/engine/rule.hpp>

#include <string>
#include <vector>

/// The rights that weftd needs in the API server, as data and as manifests.
namespace weft::services {

struct Right {
    Role role = Role::node;
    std::string group;     ///< "" for core
    std::string resource;  ///< "pods/status"
    std::vector<std::string> verbs;
    std::string ns;                       ///< only there; empty: everywhere
    std::vector<std::string> names = {};  ///< only objects of these names; empty: all
    std::string subject = {};             ///< the group of users that has it; empty: the role's service account
    bool apart = false;                   ///< of users that are not weftd, the subject: a ClusterRole of its own
};

/// get, list and watch.
Right watch_right(Role role, std::string group, std::string resource);
/// What the kernel itself needs: Events, and the leader's Lease in `ns`.
std::vector<Right> kernel_rights(Role role, const std::string& ns);

struct RbacOptions {
    /// Also bind the roles: to the service accounts below, or to the group of users that a plugin puts in their place.
    bool bindings = false;
    std::string ns = "ovn-kubernetes";
    std::string node_account = "ovnkube-node";
    std::string cluster_account = "ovnkube-cluster-manager";
};

/// ClusterRoles weft-node and weft-cluster and the Roles that `rights` need: sorted, merged, the same for the same
/// rights.
std::string rbac_yaml(const std::vector<Right>& rights, const RbacOptions& options = {});

/// The answer to the admin call "rbac" and back:
/// [{"role":"node","group":"","resource":"pods","verbs":["get"],"namespace":""}], with "names", "subject" and "apart"
/// where they say something.
std::string to_json(const std::vector<Right>& rights);
Result<std::vector<Right>> rights_from_json(const JsonView& list);

}  // namespace weft::services
