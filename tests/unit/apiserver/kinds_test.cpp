// What particular kinds do besides being stored.
#include "cluster.hpp"

#include <gtest/gtest.h>

namespace weft::apiserver {
namespace {

const std::string services = "/api/v1/namespaces/default/services";
const std::string definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

std::string definition(const std::string& more = "subresources: {status: {}}") {
    return "{metadata: {name: foos.x.org}, spec: {group: x.org, scope: Cluster, names: {plural: foos, kind: Foo, "
           "shortNames: [fo]}, versions: [{name: v1, served: true, storage: true, " +
           more + "}, {name: v1beta1, served: true, storage: false}]}}";
}

TEST(Namespace, HasItsLabelPhaseAndFinalizer) {
    Cluster c;
    auto space = c.post("/api/v1/namespaces", "metadata: {name: red}").json;
    EXPECT_EQ(space["metadata"]["labels"]["kubernetes.io/metadata.name"], "red");
    EXPECT_EQ(space["status"]["phase"], "Active");
    EXPECT_EQ(space["spec"]["finalizers"][0], "kubernetes");
    EXPECT_EQ(names_of(c.get("/api/v1/namespaces").json), "default kube-node-lease kube-public kube-system red");
}

TEST(Node, KeepsTheStatusItIsCreatedWith) {
    Cluster c;
    auto node =
        c.post("/api/v1/nodes", "{metadata: {name: n1}, status: {addresses: [{type: InternalIP, address: 1.2.3.4}]}}");
    EXPECT_EQ(node.json["status"]["addresses"][0]["address"], "1.2.3.4");
    auto after = c.merge("/api/v1/nodes/n1", R"({"metadata":{"annotations":{"a":"b"}},"status":{"addresses":[]}})");
    EXPECT_EQ(after.json["status"]["addresses"].size(), 1U);
    EXPECT_EQ(after.json["metadata"]["annotations"]["a"], "b");
}

TEST(Service, GetsAddressesAndPorts) {
    Cluster c;
    auto a = c.post(services, "{metadata: {name: a}, spec: {ports: [{port: 80}]}}").json;
    EXPECT_EQ(a["spec"]["clusterIP"], "10.96.0.16");
    EXPECT_EQ(a["spec"]["clusterIPs"].dump(), R"(["10.96.0.16"])");
    EXPECT_EQ(a["spec"]["ipFamilies"].dump(), R"(["IPv4"])");
    EXPECT_EQ(a["spec"]["ports"][0]["targetPort"], 80);
    EXPECT_EQ(a["spec"]["ports"][0]["protocol"], "TCP");
    auto dual =
        c.post(services,
               "{metadata: {name: b}, spec: {type: NodePort, ipFamilyPolicy: PreferDualStack, ports: [{port: 80}]}}")
            .json;
    EXPECT_EQ(dual["spec"]["clusterIPs"].dump(), R"(["10.96.0.17","fd00:10:96::10"])");
    EXPECT_EQ(dual["spec"]["ports"][0]["nodePort"], 30000);
    auto headless = c.post(services, "{metadata: {name: c}, spec: {clusterIP: None}}").json;
    EXPECT_EQ(headless["spec"]["clusterIPs"].dump(), R"(["None"])");
    EXPECT_EQ(c.post(services, "{metadata: {name: d}, spec: {clusterIP: 10.96.0.16, ports: [{port: 1}]}}").code, 422);
    EXPECT_EQ(c.post(services, "{metadata: {name: d}, spec: {clusterIP: 10.97.0.16, ports: [{port: 1}]}}").code, 422);
    EXPECT_EQ(
        c.post(services, "{metadata: {name: d}, spec: {type: NodePort, ports: [{port: 1, nodePort: 30000}]}}").code,
        422);
    c.remove(services + "/a");
    EXPECT_EQ(c.post(services, "{metadata: {name: d}, spec: {clusterIP: 10.96.0.16, ports: [{port: 1}]}}").code, 201);
}

TEST(Service, KeepsItsAddressThroughUpdates) {
    Cluster c;
    auto made = c.post(services, "{metadata: {name: a}, spec: {ports: [{port: 80}]}}").json;
    auto plain = yaml("{kind: Service, apiVersion: v1, metadata: {name: a}, spec: {ports: [{port: 81}]}}");
    auto after = c.put(services + "/a", plain);
    ASSERT_EQ(after.code, 200) << after.text;
    EXPECT_EQ(after.json["spec"]["clusterIP"], made["spec"]["clusterIP"]);
    EXPECT_EQ(c.merge(services + "/a", R"({"spec":{"clusterIP":"10.96.1.1"}})").code, 422);
    EXPECT_EQ(c.merge(services + "/a", R"({"spec":{"type":"NodePort"}})").json["spec"]["ports"][0]["nodePort"], 30000);
}

TEST(NetworkPolicy, GetsItsTypes) {
    Cluster c;
    std::string policies = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";
    EXPECT_EQ(c.post(policies, "{metadata: {name: a}, spec: {podSelector: {}}}").json["spec"]["policyTypes"].dump(),
              R"(["Ingress"])");
    auto both = c.post(policies, "{metadata: {name: b}, spec: {egress: [{ports: [{port: 53}]}]}}").json;
    EXPECT_EQ(both["spec"]["policyTypes"].dump(), R"(["Ingress","Egress"])");
    EXPECT_EQ(both["spec"]["egress"][0]["ports"][0]["protocol"], "TCP");
    EXPECT_EQ(both["metadata"]["generation"], 1);
    EXPECT_EQ(c.merge(policies + "/b", R"({"metadata":{"labels":{"a":"b"}}})").json["metadata"]["generation"], 1);
    EXPECT_EQ(c.merge(policies + "/b", R"({"spec":{"egress":[]}})").json["metadata"]["generation"], 2);
}

TEST(Secret, StringDataBecomesData) {
    Cluster c;
    auto secret = c.post("/api/v1/namespaces/default/secrets", "{metadata: {name: s}, stringData: {a: hello}}").json;
    EXPECT_EQ(secret["data"]["a"], "aGVsbG8=");
    EXPECT_FALSE(secret.contains("stringData"));
    EXPECT_EQ(secret["type"], "Opaque");
}

TEST(Lease, IsCreatedByPutAndNeedsItsVersion) {
    Cluster c;
    std::string lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
    auto made = c.put(lease, yaml("{metadata: {name: l}, spec: {holderIdentity: a}}"));
    EXPECT_EQ(made.code, 201);
    EXPECT_EQ(c.put(lease, yaml("{metadata: {name: l}, spec: {holderIdentity: b}}")).code, 422);
    auto taken = made.json;
    taken["spec"]["holderIdentity"] = "b";
    EXPECT_EQ(c.put(lease, taken).code, 200);
    EXPECT_EQ(c.put(lease, taken).code, 409);
}

TEST(CustomResource, IsServedOnceDefined) {
    Cluster c;
    std::string foos = "/apis/x.org/v1/foos";
    EXPECT_EQ(c.get(foos).code, 404);
    auto made = c.post(definitions, definition());
    ASSERT_EQ(made.code, 201) << made.text;
    EXPECT_EQ(made.json["status"]["conditions"][1]["type"], "Established");
    EXPECT_EQ(made.json["status"]["acceptedNames"]["singular"], "foo");
    auto foo =
        c.post(foos, "{apiVersion: x.org/v1, kind: Foo, metadata: {name: f}, spec: {any: [thing]}, status: {x: 1}}");
    EXPECT_EQ(foo.code, 201);
    EXPECT_FALSE(foo.json.contains("status"));
    EXPECT_EQ(foo.json["metadata"]["generation"], 1);
    EXPECT_EQ(c.get("/apis/x.org/v1beta1/foos/f").json["apiVersion"], "x.org/v1beta1");
    EXPECT_EQ(c.get(foos).json["items"][0]["kind"], "Foo");
    EXPECT_EQ(c.strategic(foos + "/f", "{}").code, 415);
    auto status =
        c.merge(foos + "/f/status", R"({"status":{"ok":true},"spec":{"any":[]},"metadata":{"labels":{"a":"b"}}})").json;
    EXPECT_EQ(status["status"]["ok"], true);
    EXPECT_EQ(status["spec"]["any"][0], "thing");
    EXPECT_FALSE(status["metadata"].contains("labels"));
    EXPECT_EQ(status["metadata"]["generation"], 1);
    EXPECT_EQ(c.merge(foos + "/f", R"({"spec":{"any":[]}})").json["metadata"]["generation"], 2);
    EXPECT_EQ(c.put(foos + "/f", yaml("{apiVersion: x.org/v1, kind: Foo, metadata: {name: f}}")).code, 422);
}

TEST(CustomResource, WithoutStatusSubresourceIsOnePiece) {
    Cluster c;
    c.post(definitions, definition("schema: {}"));
    auto foo =
        c.post("/apis/x.org/v1/foos", "{apiVersion: x.org/v1, kind: Foo, metadata: {name: f}, status: {x: 1}}").json;
    EXPECT_EQ(foo["status"]["x"], 1);
    EXPECT_EQ(c.get("/apis/x.org/v1/foos/f/status").code, 404);
    EXPECT_EQ(c.merge("/apis/x.org/v1/foos/f", R"({"status":{"x":2}})").json["metadata"]["generation"], 2);
}

TEST(CustomResource, DefinitionsAreChecked) {
    Cluster c;
    EXPECT_EQ(c.post(definitions, "{metadata: {name: foos.x.org}}").code, 422);
    EXPECT_EQ(c.post(definitions,
                     "{metadata: {name: bars.x.org}, spec: {group: x.org, scope: Cluster, names: {plural: foos, "
                     "kind: Foo}, versions: [{name: v1, served: true, storage: true}]}}")
                  .code,
              422);
    EXPECT_EQ(c.post(definitions,
                     "{metadata: {name: deployments.apps}, spec: {group: apps, scope: Cluster, names: {plural: "
                     "deployments, kind: D}, versions: [{name: v1, served: true, storage: true}]}}")
                  .code,
              422);
    EXPECT_EQ(c.get("/apis/apps/v1/deployments").code, 200);
}

TEST(CustomResource, ADefinitionWaitsForTheFinalizersOfItsObjects) {
    Cluster c;
    c.post(definitions, definition());
    c.post("/apis/x.org/v1/foos", "{apiVersion: x.org/v1, kind: Foo, metadata: {name: f, finalizers: [x.org/a]}}");
    c.post("/apis/x.org/v1/foos", "{apiVersion: x.org/v1, kind: Foo, metadata: {name: g}}");
    c.remove(definitions + "/foos.x.org");
    EXPECT_EQ(names_of(c.get("/apis/x.org/v1/foos").json), "f");
    EXPECT_EQ(c.merge("/apis/x.org/v1/foos/f", R"({"metadata":{"finalizers":null}})").code, 200);
    EXPECT_EQ(c.get("/apis/x.org/v1/foos").code, 404);
    EXPECT_EQ(c.get(definitions + "/foos.x.org").code, 404);
    EXPECT_EQ(c.post(definitions, definition()).code, 201);
}

TEST(CustomResource, ColumnsAndDiscovery) {
    Cluster c;
    c.post(definitions, definition("additionalPrinterColumns: [{name: Ready, type: string, jsonPath: "
                                   "'.status.conditions[?(@.type==\"Ready\")].status'}]"));
    c.post("/apis/x.org/v1/foos",
           "{apiVersion: x.org/v1, kind: Foo, metadata: {name: f}, status: {conditions: [{type: A, "
           "status: x}, {type: Ready, status: yes please}]}}");
    auto table = c.call("GET", "/apis/x.org/v1/foos", "", "", "application/json;as=Table;v=v1;g=meta.k8s.io").json;
    EXPECT_EQ(table["rows"][0]["cells"].dump(), R"(["f","yes please"])");
    auto group = c.get("/apis/x.org").json;
    EXPECT_EQ(group["preferredVersion"]["version"], "v1");
    EXPECT_EQ(group["versions"].size(), 2U);
    auto resources = c.get("/apis/x.org/v1").json;
    EXPECT_EQ(resources["resources"][0]["shortNames"][0], "fo");
    EXPECT_EQ(c.get("/apis/nonsense").code, 404);
}

TEST(Discovery, Basics) {
    Cluster c;
    EXPECT_EQ(c.get("/api").json["versions"][0], "v1");
    EXPECT_EQ(c.get("/version").json["gitVersion"], "v1.32.0");
    EXPECT_EQ(c.get("/version").json["minor"], "32");
    EXPECT_EQ(c.get("/healthz").text, "ok");
    EXPECT_EQ(c.get("/readyz/ping").text, "ok");
    EXPECT_EQ(c.get("/apis").json["kind"], "APIGroupList");
    EXPECT_EQ(c.get("/api/v1").json["kind"], "APIResourceList");
    EXPECT_TRUE(c.get("/openapi/v3").json["paths"].contains("api/v1"));
    EXPECT_TRUE(c.get("/openapi/v3/api/v1").json["paths"].contains("/api/v1/namespaces/{namespace}/pods/{name}"));
    EXPECT_EQ(c.get("/openapi/v2").code, 404);
    EXPECT_EQ(c.call("POST", "/version", "{}").code, 405);
}

}  // namespace
}  // namespace weft::apiserver
