// What the policies in packaging/kubernetes keep a hostile node from, one by one. RBAC allows it everything here, so
// that it is the policies that say no.
#include "world.hpp"

#include <weft/base/json.hpp>

namespace weft::testing {
namespace {

constexpr auto* everything = R"yaml(
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: hostile}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:ovn-nodes"}
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: alice}
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: "system:serviceaccount:ovn-kubernetes:ovnkube-cluster-manager"}
)yaml";

constexpr auto* node_files = "/packaging/kubernetes/node-identity.yaml";
constexpr auto* address_files = "/packaging/kubernetes/node-identity-addresses.yaml";

constexpr auto* n1 = "/api/v1/nodes/n1/status";
constexpr auto* n2 = "/api/v1/nodes/n2/status";
constexpr auto* pod1 = "/api/v1/namespaces/default/pods/p1/status";
constexpr auto* pod2 = "/api/v1/namespaces/default/pods/p2/status";

std::string annotations(const std::string& members) {
    return R"({"metadata": {"annotations": {)" + members + "}}}";
}
std::string networks(const std::string& value) {
    return annotations(R"("k8s.ovn.org/pod-networks": )" + (value.empty() ? "null" : json_quote(value)));
}
std::string addresses(const std::string& list) {
    return networks(R"({"default":{"ip_addresses":[)" + list + R"(],"mac_address":"0a:58:0a:f4:02:09",)" +
                    R"("gateway_ips":["10.244.2.1"],"routes":[{"dest":"10.244.0.0/16","nextHop":"10.244.2.1"}],)"
                    R"("role":"primary"}})");
}

class HostileNode : public Identity {
  protected:
    void SetUp() override {
        Identity::SetUp();
        if (IsSkipped()) return;
        WEFT_ASSERT_OK(world().apply(everything));
        for (const char* file : {node_files, address_files})
            WEFT_ASSERT_OK(world().apply(read_file(std::string(WEFT_SOURCE_DIR) + file)));
        WEFT_ASSERT_OK(world().add_node(
            "n1", 2, R"({"k8s.ovn.org/node-subnets": "{\"default\":[\"10.244.2.0/24\",\"fd00:10:244:2::/64\"]}"})"));
        WEFT_ASSERT_OK(world().add_node("n2", 3, R"({"k8s.ovn.org/node-subnets": "{\"default\":\"10.244.3.0/24\"}"})"));
        WEFT_ASSERT_OK(world().add_pod("p1"));
        WEFT_ASSERT_OK(world().add_pod("p2", "n2"));
        WEFT_ASSERT_OK(world().add_pod("host", "n1", R"(, "hostNetwork": true)"));
        // Policies and bindings count a moment after they are there.
        WEFT_ASSERT_OK(wait_for("the policies", [&]() -> Result<void> {
            for (const auto& [path, patch] : {std::pair(std::string(n2), annotations(R"("probe": "x")")),
                                              std::pair(std::string(pod2), annotations(R"("probe": "x")")),
                                              std::pair(std::string(pod1), addresses(R"("10.9.9.9/24")"))}) {
                const auto reply = send(hostile, path + "?dryRun=All", patch);
                if (!reply) return reply.error();
                if (reply->ok()) return waiting("PATCH " + path + " is allowed");
            }
            return {};
        }));
    }
    void TearDown() override {
        if (!IsSkipped()) {
            for (const char* file : {node_files, address_files})
                WEFT_EXPECT_OK(world().kubectl({"delete", "-f", std::string(WEFT_SOURCE_DIR) + file}));
            WEFT_EXPECT_OK(world().kubectl({"delete", "clusterrolebinding", "hostile"}));
        }
        Identity::TearDown();
    }

    static Result<KubeClient::Reply> send(const KubeClient& who, const std::string& path, const std::string& patch) {
        return who.send("PATCH", path, patch, "application/merge-patch+json");
    }
    void allowed(const KubeClient& who, const std::string& path, const std::string& patch) {
        const auto reply = send(who, path, patch);
        WEFT_ASSERT_OK(reply);
        EXPECT_TRUE(reply->ok()) << path << " " << patch << ": " << reply->body;
    }
    void denied(const KubeClient& who, const std::string& path, const std::string& patch, const std::string& says) {
        const auto reply = send(who, path, patch);
        WEFT_ASSERT_OK(reply);
        EXPECT_EQ(reply->status, 403) << path << " " << patch << ": " << reply->body;
        EXPECT_NE(reply->body.find("ValidatingAdmissionPolicy"), std::string::npos) << reply->body;
        EXPECT_NE(reply->body.find(says), std::string::npos) << path << " " << patch << ": " << reply->body;
    }
    /// Of an object and of its status.
    void denied_both(const KubeClient& who, std::string path, const std::string& patch, const std::string& says) {
        denied(who, path, patch, says);
        path.resize(path.rfind('/'));
        denied(who, path, patch, says);
    }

    const KubeClient hostile = world().api_as(node_user, {"system:ovn-nodes", "system:authenticated"});
    const KubeClient alice = world().api_as("alice", {"system:authenticated"});
    const KubeClient manager = world().api_as(cluster_user, {"system:serviceaccounts", "system:authenticated"});
};

TEST_F(HostileNode, ChangesItsOwnNodeOnly) {
    allowed(hostile, n1, annotations(R"("k8s.ovn.org/host-cidrs": "[]", "k8s.ovn.org/node-encap-ips": "[]")"));
    allowed(hostile, n1, annotations(R"("k8s.ovn.org/host-cidrs": null)"));
    denied_both(hostile, n2, annotations(R"("k8s.ovn.org/host-cidrs": "[]")"), "may change Node n1 only, not n2");
    denied_both(hostile, n2, R"({"metadata": {"labels": {"x": "y"}}})", "may change Node n1 only");
    // Names that only begin alike.
    WEFT_ASSERT_OK(world().add_node("n11", 4));
    denied(hostile, "/api/v1/nodes/n11/status", annotations(R"("k8s.ovn.org/host-cidrs": "[]")"), "not n11");
}

TEST_F(HostileNode, ChangesNoAnnotationOfOthersOnItsNode) {
    denied_both(hostile, n1, annotations(R"("k8s.ovn.org/node-subnets": "{\"default\":[\"10.0.0.0/8\"]}")"),
                "k8s.ovn.org/node-subnets");
    denied_both(hostile, n1, annotations(R"("k8s.ovn.org/node-subnets": null)"), "k8s.ovn.org/node-subnets");
    denied(hostile, n1, annotations(R"("k8s.ovn.org/node-id": "7")"), "k8s.ovn.org/node-id");
    denied(hostile, n1, annotations(R"("example.org/x": "y")"), "example.org/x");
    denied(hostile, n1, annotations(R"("k8s.ovn.org/host-cidrs": "[]", "example.org/x": "y")"), "example.org/x");
}

TEST_F(HostileNode, ChangesNothingElseOfItsNode) {
    constexpr auto* says = "annotations of its Node and nothing else";
    denied(hostile, n1, R"({"status": {"addresses": [{"type": "InternalIP", "address": "10.1.1.1"}]}})", says);
    denied(hostile, n1, R"({"status": {"capacity": {"cpu": "1000"}}})", says);
    const std::string main = "/api/v1/nodes/n1";
    denied(hostile, main, R"({"metadata": {"labels": {"node-role": "x"}}})", says);
    denied(hostile, main, R"({"metadata": {"finalizers": ["example.org/x"]}})", says);
    denied(hostile, main, R"({"spec": {"unschedulable": true}})", says);
    denied(hostile, main, R"({"spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}})", says);
    denied(hostile, main,
           R"({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n2", "uid": "u"}]}})",
           says);
}

TEST_F(HostileNode, KeepsItsChassis) {
    allowed(hostile, n1, annotations(R"("k8s.ovn.org/node-chassis-id": "a")"));
    allowed(hostile, n1, annotations(R"("k8s.ovn.org/node-chassis-id": "a")"));
    denied_both(hostile, n1, annotations(R"("k8s.ovn.org/node-chassis-id": "b")"), "can't be changed or removed");
    denied_both(hostile, n1, annotations(R"("k8s.ovn.org/node-chassis-id": null)"), "can't be changed or removed");
    denied(manager, n1, annotations(R"("k8s.ovn.org/node-chassis-id": "b")"), "can't be changed or removed");
}

TEST_F(HostileNode, IsAZoneOfItsOwn) {
    denied_both(hostile, n1, annotations(R"("k8s.ovn.org/zone-name": "n2")"), "can only be set to n1");
    denied(hostile, n1, annotations(R"("k8s.ovn.org/zone-name": "global")"), "can only be set to n1");
    allowed(hostile, n1, annotations(R"("k8s.ovn.org/zone-name": "n1")"));
    denied(hostile, n1, annotations(R"("k8s.ovn.org/zone-name": "n2")"), "can only be set to n1");
    allowed(hostile, n1, annotations(R"("k8s.ovn.org/zone-name": null)"));
}

TEST_F(HostileNode, AddsAndRemovesItsTopologyVersion) {
    allowed(hostile, n1, annotations(R"("k8s.ovn.org/layer2-topology-version": "2.0")"));
    denied_both(hostile, n1, annotations(R"("k8s.ovn.org/layer2-topology-version": "3.0")"), "but not changed");
    allowed(hostile, n1, annotations(R"("k8s.ovn.org/layer2-topology-version": null)"));
}

TEST_F(HostileNode, ChangesItsPodsOnly) {
    allowed(hostile, pod1, addresses(R"("10.244.2.9/24","fd00:10:244:2::9/64")"));
    allowed(hostile, pod1, annotations(R"("k8s.ovn.org/dpu.connection-status": "x")"));
    denied_both(hostile, pod2, addresses(R"("10.244.3.9/24")"), "may change pods of Node n1 only");
    denied_both(hostile, pod2, annotations(R"("k8s.ovn.org/dpu.connection-status": "x")"), "of Node n1 only");
    WEFT_ASSERT_OK(world().api().create(
        pods_path, R"({"metadata": {"name": "unbound"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})"));
    denied(hostile, "/api/v1/namespaces/default/pods/unbound/status", addresses(R"("10.244.2.9/24")"),
           "of Node n1 only");
}

TEST_F(HostileNode, ChangesNothingElseOfItsPods) {
    constexpr auto* says = "annotations of its pods and nothing else";
    denied_both(hostile, pod1, annotations(R"("example.org/x": "y")"), "example.org/x");
    denied(hostile, pod1, R"({"status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}})", says);
    const std::string main = "/api/v1/namespaces/default/pods/p1";
    denied(hostile, main, R"({"metadata": {"labels": {"app": "x"}}})", says);
    denied(hostile, main, R"({"metadata": {"finalizers": ["example.org/x"]}})", says);
    denied(hostile, main, R"({"spec": {"containers": [{"name": "c", "image": "other"}]}})", says);
}

TEST_F(HostileNode, GivesNoAddressToPodsOfTheHostsNetwork) {
    denied_both(hostile, "/api/v1/namespaces/default/pods/host/status", addresses(R"("10.244.2.9/24")"),
                "pods of the host's network");
}

TEST_F(HostileNode, GivesAddressesOfItsOwnSubnetsOnly) {
    constexpr auto* outside = "is not in the subnets of Node n1";
    constexpr auto* unreadable = "is not written as weft writes it";
    denied_both(hostile, pod1, addresses(R"("10.244.3.9/24")"), outside);
    denied(hostile, pod1, addresses(R"("10.244.2.9/24","10.244.3.9/24")"), outside);
    denied(hostile, pod1, addresses(R"("10.244.2.9/24","fd00:10:244:3::9/64")"), outside);
    denied(hostile, pod1, addresses(R"("10.244.2.9")"), outside);
    denied(hostile, pod1, networks(R"({"default":{"ip_address":"10.244.3.9/24"}})"), outside);
    denied(hostile, pod1, networks(R"({"a/b":{"ip_addresses":[]},"default":{"ip_addresses":["1.1.1.1/8"]}})"), outside);
    // Other networks have subnets of their own.
    allowed(hostile, pod1,
            networks(R"({"default":{"ip_addresses":["10.244.2.9/24"]},"a/b":{"ip_addresses":["1.1.1.1/8"]}})"));
    // Ways to say it that others may read and this policy may not.
    denied(hostile, pod1, networks(R"({"def\u0061ult":{"ip_addresses":["1.1.1.1/8"]}})"), unreadable);
    denied(hostile, pod1, networks(R"({"default":{"ip_addr\u0065sses":["1.1.1.1/8"]}})"), unreadable);
    denied(hostile, pod1, networks(R"({"default" : {"ip_addresses":["1.1.1.1/8"]}})"), unreadable);
    denied(hostile, pod1, networks(R"({"default":{"ip_addresses" :["1.1.1.1/8"]}})"), unreadable);
    denied(hostile, pod1, networks(R"({"default":{"ip_addresses":["10.244.2.9/24"]},"default":{}})"), unreadable);
    denied(hostile, pod1, networks(R"({"default":{"a":{"b":{"ip_addresses":["1.1.1.1/8"]}}}})"), unreadable);
    denied(hostile, pod1, networks(R"({"default":{"IP_Addresses":["1.1.1.1/8"]}})"), outside);
    denied(hostile, pod1, networks("nonsense"), unreadable);
    denied(hostile, pod1, networks("[]"), unreadable);
    allowed(hostile, pod1, networks("{}"));
    allowed(hostile, pod1, networks(""));
    // A virtual machine takes its address along.
    allowed(alice, "/api/v1/namespaces/default/pods/p1",
            annotations(R"("kubevirt.io/allow-pod-bridge-network-live-migration": "")"));
    allowed(hostile, pod1, addresses(R"("10.244.3.9/24")"));
}

TEST_F(HostileNode, AndOthersCannotSayWhatNodesSay) {
    denied_both(alice, n1, annotations(R"("k8s.ovn.org/host-cidrs": "[]")"), "only the node itself");
    denied_both(alice, pod1, addresses(R"("10.244.2.9/24")"), "only the node of the pod");
    // Of a node that has no name.
    const auto nameless = world().api_as("system:ovn-node:", {"system:ovn-nodes", "system:authenticated"});
    denied(nameless, n1, annotations(R"("k8s.ovn.org/host-cidrs": "[]")"), "may change Node  only");
    denied(nameless, pod1, addresses(R"("10.244.2.9/24")"), "may change pods of Node  only");
    // Everything else is as free as before.
    allowed(alice, n1, annotations(R"("example.org/x": "y", "k8s.ovn.org/node-subnets": "{}")"));
    allowed(alice, "/api/v1/nodes/n1", R"({"metadata": {"labels": {"x": "y"}}, "spec": {"unschedulable": true}})");
    allowed(alice, pod1, annotations(R"("example.org/x": "y")"));
    allowed(alice, pod1, R"({"status": {"phase": "Running"}})");
    allowed(manager, n1, annotations(R"("k8s.ovn.org/host-cidrs": "[]", "k8s.ovn.org/node-id": "3")"));
    allowed(manager, pod1, addresses(R"("10.244.2.9/24")"));
    WEFT_EXPECT_OK(world().api().remove("/api/v1/nodes/n2"));
    WEFT_EXPECT_OK(world().api().remove(std::string(pods_path) + "/p2", R"({"gracePeriodSeconds": 0})"));
}

}  // namespace
}  // namespace weft::testing
