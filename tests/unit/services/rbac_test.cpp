#include "services/rbac.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::services {
namespace {

std::vector<Right> sample() {
    auto rights = kernel_rights(Role::both, "ovn-kubernetes");
    rights.push_back(watch_right(Role::both, "", "nodes"));
    rights.push_back(watch_right(Role::both, "", "pods"));
    rights.push_back(watch_right(Role::node, "k8s.ovn.org", "egressips"));
    rights.push_back({Role::node, "", "pods/status", {"patch"}, {}});
    rights.push_back({Role::node, "", "nodes/status", {"patch"}, {}});
    rights.push_back({Role::node, "", "pods/status", {"update"}, {}});
    return rights;
}

constexpr auto golden = R"(---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: weft-cluster
rules:
- apiGroups: [""]
  resources: ["events"]
  verbs: ["create", "patch"]
- apiGroups: [""]
  resources: ["nodes", "pods"]
  verbs: ["get", "list", "watch"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: weft-node
rules:
- apiGroups: [""]
  resources: ["events"]
  verbs: ["create", "patch"]
- apiGroups: [""]
  resources: ["nodes", "pods"]
  verbs: ["get", "list", "watch"]
- apiGroups: [""]
  resources: ["nodes/status"]
  verbs: ["patch"]
- apiGroups: [""]
  resources: ["pods/status"]
  verbs: ["patch", "update"]
- apiGroups: ["k8s.ovn.org"]
  resources: ["egressips"]
  verbs: ["get", "list", "watch"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: weft-cluster
  namespace: ovn-kubernetes
rules:
- apiGroups: ["coordination.k8s.io"]
  resources: ["leases"]
  verbs: ["create", "get", "update"]
)";

TEST(Rbac, YamlIsMergedAndSorted) {
    auto rights = sample();
    EXPECT_EQ(rbac_yaml(rights), golden);
    std::ranges::reverse(rights);
    EXPECT_EQ(rbac_yaml(rights), golden) << "the order of the rights does not matter";
}

TEST(Rbac, Bindings) {
    const auto yaml =
        rbac_yaml({watch_right(Role::node, "", "pods")}, {.bindings = true, .ns = "weft", .node_account = "sa"});
    EXPECT_THAT(yaml,
                ::testing::HasSubstr("kind: ClusterRoleBinding\nmetadata:\n  name: weft-node\nroleRef:\n"
                                     "  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: weft-node\n"
                                     "subjects:\n- kind: ServiceAccount\n  name: sa\n  namespace: weft\n"));
}

TEST(Rbac, OnlyObjectsOfSomeNames) {
    const auto yaml = rbac_yaml({{Role::cluster, "g", "signers", {"approve"}, "", {"b", "a"}},
                                 {Role::cluster, "g", "signers", {"sign"}, "", {"c"}},
                                 {Role::cluster, "g", "others", {"approve"}, ""}});
    EXPECT_THAT(yaml, ::testing::HasSubstr("- apiGroups: [\"g\"]\n  resources: [\"others\"]\n  verbs: [\"approve\"]\n"
                                           "- apiGroups: [\"g\"]\n  resources: [\"signers\"]\n"
                                           "  resourceNames: [\"a\", \"b\"]\n  verbs: [\"approve\"]\n"
                                           "- apiGroups: [\"g\"]\n  resources: [\"signers\"]\n"
                                           "  resourceNames: [\"c\"]\n  verbs: [\"sign\"]\n"));
}

TEST(Rbac, AGroupOfUsersInPlaceOfTheAccount) {
    const std::vector<Right> rights{{Role::node, "", "pods", {"get"}, "", {}, "system:ovn-nodes"},
                                    {Role::node, "", "nodes", {"create"}, "", {}, "system:nodes", true}};
    const auto yaml = rbac_yaml(rights, {.bindings = true});
    EXPECT_THAT(yaml, ::testing::HasSubstr("  name: weft-node\nsubjects:\n- apiGroup: rbac.authorization.k8s.io\n"
                                           "  kind: Group\n  name: \"system:ovn-nodes\"\n"));
    EXPECT_THAT(yaml, ::testing::HasSubstr("kind: ClusterRole\nmetadata:\n  name: weft-system-nodes\nrules:\n"
                                           "- apiGroups: [\"\"]\n  resources: [\"nodes\"]\n  verbs: [\"create\"]\n"));
    EXPECT_THAT(yaml, ::testing::HasSubstr("  name: weft-system-nodes\nsubjects:\n"
                                           "- apiGroup: rbac.authorization.k8s.io\n  kind: Group\n"
                                           "  name: \"system:nodes\"\n"));
    EXPECT_THAT(yaml, ::testing::Not(::testing::HasSubstr("ServiceAccount")));
    auto document = JsonDocument::parse(to_json(rights));
    ASSERT_TRUE(document);
    const auto back = rights_from_json(document->root());
    ASSERT_TRUE(back);
    EXPECT_EQ(rbac_yaml(*back, {.bindings = true}), yaml);
}

TEST(Rbac, JsonAndBack) {
    auto document = JsonDocument::parse(to_json(sample()));
    ASSERT_TRUE(document);
    auto rights = rights_from_json(document->root());
    ASSERT_TRUE(rights) << rights.error().text();
    EXPECT_EQ(rbac_yaml(*rights), golden);
    for (const char* bad : {"{}", "[{}]", "[{\"role\":\"x\",\"resource\":\"pods\"}]", "[{\"role\":\"node\"}]"}) {
        auto parsed = JsonDocument::parse(bad);
        ASSERT_TRUE(parsed);
        EXPECT_FALSE(rights_from_json(parsed->root())) << bad;
    }
}

}  // namespace
}  // namespace weft::services
