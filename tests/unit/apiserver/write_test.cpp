#include "cluster.hpp"

#include <gtest/gtest.h>

namespace weft::apiserver {
namespace {

const std::string pods = "/api/v1/namespaces/default/pods";

std::string message(const Cluster::Answer& answer) {
    return std::string(text_at(answer.json, {"message"}));
}

TEST(Create, FillsInWhatTheServerOwns) {
    Cluster c;
    auto made = c.post(pods, R"(
metadata: {name: p, uid: mine, creationTimestamp: null, generation: 7, deletionTimestamp: '2020-01-01T00:00:00Z', labels: {}}
spec: {containers: [{name: c, image: x}]}
status: {phase: Running})");
    ASSERT_EQ(made.code, 201) << made.text;
    const Json& meta = made.json["metadata"];
    EXPECT_EQ(made.json["kind"], "Pod");
    EXPECT_EQ(made.json["apiVersion"], "v1");
    EXPECT_EQ(meta["namespace"], "default");
    EXPECT_NE(meta["uid"], "mine");
    EXPECT_EQ(meta["generation"], 1);
    EXPECT_EQ(meta["creationTimestamp"].get<std::string>().size(), 20U);
    EXPECT_EQ(meta["resourceVersion"], std::to_string(c.store.revision()));
    EXPECT_FALSE(meta.contains("deletionTimestamp"));
    EXPECT_FALSE(meta.contains("labels"));
    EXPECT_EQ(made.json["status"]["phase"], "Pending");
    EXPECT_EQ(made.json["spec"]["restartPolicy"], "Always");
    EXPECT_EQ(made.json["spec"]["terminationGracePeriodSeconds"], 30);
}

TEST(Create, GeneratesNames) {
    Cluster c;
    std::string body = "{metadata: {generateName: web-}, spec: {containers: [{name: c, image: x}]}}";
    auto a = c.post(pods, body);
    auto b = c.post(pods, body);
    std::string first(text_at(a.json, {"metadata", "name"}));
    EXPECT_TRUE(first.starts_with("web-"));
    EXPECT_EQ(first.size(), 9U);
    EXPECT_NE(first, text_at(b.json, {"metadata", "name"}));
    EXPECT_EQ(c.post(pods, "{spec: {containers: [{name: c, image: x}]}}").code, 422);
}

TEST(Create, Refuses) {
    Cluster c;
    EXPECT_EQ(c.pod("p").code, 201);
    auto again = c.pod("p");
    EXPECT_EQ(again.code, 409);
    EXPECT_EQ(again.json["reason"], "AlreadyExists");
    EXPECT_EQ(message(again), "pods \"p\" already exists");
    EXPECT_EQ(again.json["kind"], "Status");
    EXPECT_EQ(again.json["status"], "Failure");

    auto lost =
        c.post("/api/v1/namespaces/nowhere/pods", "{metadata: {name: p}, spec: {containers: [{name: c, image: x}]}}");
    EXPECT_EQ(lost.code, 404);
    EXPECT_EQ(message(lost), "namespaces \"nowhere\" not found");
    EXPECT_EQ(c.post(pods, "{metadata: {name: q, namespace: other}, spec: {containers: [{name: c, image: x}]}}").code,
              400);
    EXPECT_EQ(c.post(pods, "{kind: Node, metadata: {name: q}}").code, 400);
    EXPECT_EQ(c.post(pods, "{apiVersion: v2, metadata: {name: q}}").code, 400);
    EXPECT_EQ(
        c.post(pods, "{metadata: {name: q, resourceVersion: '5'}, spec: {containers: [{name: c, image: x}]}}").code,
        500);
    EXPECT_EQ(c.call("POST", pods, "{", "application/json").code, 400);
    EXPECT_EQ(c.call("POST", pods, "[1]", "application/json").code, 400);
    EXPECT_EQ(c.call("POST", pods, "x", "text/plain").code, 415);
    EXPECT_EQ(c.call("POST", "/api/v1/pods", "{}").code, 405);
    EXPECT_EQ(c.call("POST", pods + "/p", "{}").code, 405);
}

TEST(Create, ValidatesNamesLabelsAndContainers) {
    Cluster c;
    auto code = [&](const std::string& meta) {
        return c.post(pods, "{metadata: " + meta + ", spec: {containers: [{name: c, image: x}]}}").code;
    };
    EXPECT_EQ(code("{name: Upper}"), 422);
    EXPECT_EQ(code("{name: a_b}"), 422);
    EXPECT_EQ(code("{name: " + std::string(253, 'a') + "}"), 201);
    EXPECT_EQ(code("{name: " + std::string(254, 'a') + "}"), 422);
    EXPECT_EQ(code("{name: a.b-c}"), 201);
    EXPECT_EQ(code("{name: l1, labels: {a/b: c}}"), 201);
    EXPECT_EQ(code("{name: l2, labels: {a/b/c: c}}"), 422);
    EXPECT_EQ(code("{name: l3, labels: {a: 'x y'}}"), 422);
    EXPECT_EQ(code("{name: l4, labels: {a: " + std::string(64, 'a') + "}}"), 422);
    EXPECT_EQ(code("{name: l5, labels: {a: 7}}"), 400);
    EXPECT_EQ(code("{name: l6, annotations: {k8s.ovn.org/x: 'anything at all'}}"), 201);
    EXPECT_EQ(code("{name: l7, annotations: {x: " + std::string(262'145, 'a') + "}}"), 422);
    EXPECT_EQ(code("{name: l8, finalizers: [x y]}"), 422);
    EXPECT_EQ(code("{name: [1]}"), 400);
    auto bare = c.post(pods, "{metadata: {name: bare}}");
    EXPECT_EQ(bare.code, 422);
    EXPECT_EQ(bare.json["reason"], "Invalid");
    EXPECT_EQ(bare.json["details"]["causes"][0]["field"], "spec.containers");
    EXPECT_EQ(message(bare), "Pod \"bare\" is invalid: spec.containers: Required value");
    EXPECT_EQ(c.post("/api/v1/namespaces", "metadata: {name: a.b}").code, 422);
    EXPECT_EQ(c.post("/api/v1/namespaces/default/services", "{metadata: {name: 1a}, spec: {ports: [{port: 1}]}}").code,
              422);
}

TEST(Update, NeedsTheCurrentVersion) {
    Cluster c;
    auto pod = c.pod("p").json;
    pod["metadata"]["labels"]["a"] = "1";
    auto first = c.put(pods + "/p", pod);
    ASSERT_EQ(first.code, 200) << first.text;
    EXPECT_NE(revision_of(first.json), revision_of(pod));
    auto stale = c.put(pods + "/p", pod);
    EXPECT_EQ(stale.code, 409);
    EXPECT_EQ(stale.json["reason"], "Conflict");
    EXPECT_EQ(message(stale),
              "Operation cannot be fulfilled on pods \"p\": the object has been modified; please apply "
              "your changes to the latest version and try again");
    pod["metadata"].erase("resourceVersion");
    EXPECT_EQ(c.put(pods + "/p", pod).code, 200);
    EXPECT_EQ(c.put(pods + "/q", pod).code, 404);
}

TEST(Update, ThatChangesNothingIsNoChange) {
    Cluster c;
    auto pod = c.pod("p").json;
    auto before = c.store.revision();
    EXPECT_EQ(revision_of(c.put(pods + "/p", pod).json), revision_of(pod));
    EXPECT_EQ(c.merge(pods + "/p", R"({"metadata":{"labels":{}}})").code, 200);
    EXPECT_EQ(c.store.revision(), before);
}

TEST(Update, KeepsWhatTheServerOwns) {
    Cluster c;
    auto pod = c.pod("p", "n1").json;
    auto changed = pod;
    changed["metadata"]["creationTimestamp"] = "2001-01-01T00:00:00Z";
    changed["metadata"]["generation"] = 99;
    changed["status"]["phase"] = "Running";
    changed["metadata"]["labels"]["a"] = "1";
    auto after = c.put(pods + "/p", changed).json;
    EXPECT_EQ(after["metadata"]["creationTimestamp"], pod["metadata"]["creationTimestamp"]);
    EXPECT_EQ(after["metadata"]["generation"], 1);
    EXPECT_EQ(after["status"]["phase"], "Pending");
    changed["metadata"]["uid"] = "other";
    changed["metadata"].erase("resourceVersion");
    EXPECT_EQ(c.put(pods + "/p", changed).code, 409);
    changed = after;
    changed["metadata"]["name"] = "q";
    EXPECT_EQ(c.put(pods + "/p", changed).code, 400);
}

TEST(Update, APodsSpecIsFrozen) {
    Cluster c;
    auto pod = c.pod("p").json;
    auto moved = pod;
    moved["spec"]["nodeName"] = "n1";
    EXPECT_EQ(c.put(pods + "/p", moved).code, 422);
    EXPECT_EQ(c.merge(pods + "/p", R"({"spec":{"hostNetwork":true}})").code, 422);
    EXPECT_EQ(c.strategic(pods + "/p", R"({"spec":{"containers":[{"name":"c","image":"y"}]}})").code, 200);
}

TEST(Bind, SetsTheNodeOnce) {
    Cluster c;
    c.pod("p");
    std::string binding =
        "{apiVersion: v1, kind: Binding, metadata: {name: p, annotations: {x: z}}, target: {kind: Node, name: n1}}";
    EXPECT_EQ(c.post(pods + "/p/binding", binding).code, 201);
    auto pod = c.get(pods + "/p").json;
    EXPECT_EQ(pod["spec"]["nodeName"], "n1");
    EXPECT_EQ(pod["metadata"]["annotations"]["x"], "z");
    EXPECT_EQ(c.post(pods + "/p/binding", binding).code, 409);
    EXPECT_EQ(c.post(pods + "/q/binding", binding).code, 400);
    EXPECT_EQ(c.post(pods + "/q/binding", "{metadata: {name: q}, target: {name: n1}}").code, 404);
    EXPECT_EQ(c.merge(pods + "/p", R"({"spec":{"nodeName":"n2"}})").code, 422);
}

TEST(Status, ChangesOnlyStatusLabelsAndAnnotations) {
    Cluster c;
    c.pod("p", "n1");
    auto after =
        c.merge(pods + "/p/status", R"({"metadata":{"annotations":{"a":"b"},"labels":{"l":"m"},"finalizers":["x/y"]},
        "spec":{"hostNetwork":true},"status":{"phase":"Running","podIP":"10.0.0.3"}})");
    ASSERT_EQ(after.code, 200) << after.text;
    EXPECT_EQ(after.json["status"]["podIP"], "10.0.0.3");
    EXPECT_EQ(after.json["metadata"]["annotations"]["a"], "b");
    EXPECT_EQ(after.json["metadata"]["labels"]["l"], "m");
    EXPECT_FALSE(after.json["metadata"].contains("finalizers"));
    EXPECT_FALSE(after.json["spec"].contains("hostNetwork"));
    EXPECT_EQ(c.get(pods + "/p/status").code, 200);
    EXPECT_EQ(c.get("/api/v1/namespaces/default/configmaps/x/status").code, 404);
}

TEST(Patch, KindsOfPatch) {
    Cluster c;
    c.pod("p");
    auto refused = c.json_patch(pods + "/p", R"([{"op":"test","path":"/metadata/labels","value":{"a":"b"}}])");
    EXPECT_EQ(refused.code, 422);
    EXPECT_EQ(refused.json["reason"], "Invalid");
    EXPECT_EQ(c.json_patch(pods + "/p", R"([{"op":"add","path":"/metadata/annotations","value":{"a":"b"}}])").code,
              200);
    EXPECT_EQ(c.get(pods + "/p").json["metadata"]["annotations"]["a"], "b");
    EXPECT_EQ(c.json_patch(pods + "/p", R"([{"op":"replace","path":"/metadata/resourceVersion","value":"1"}])").code,
              409);
    EXPECT_EQ(c.merge(pods + "/p", R"({"metadata":{"resourceVersion":"1"}})").code, 409);
    EXPECT_EQ(c.merge(pods + "/p", "[1]").code, 400);
    EXPECT_EQ(c.merge(pods + "/p", "{").code, 400);
    EXPECT_EQ(c.json_patch(pods + "/p", R"([{"op":"replace","path":"/metadata","value":7}])").code, 400);
    EXPECT_EQ(c.json_patch(pods + "/p", R"([{"op":"replace","path":"","value":[]}])").code, 400);
    EXPECT_EQ(c.call("PATCH", pods + "/p", "{}", "application/json").code, 415);
    EXPECT_EQ(c.merge(pods + "/q", "{}").code, 404);
}

TEST(Patch, AnswersWithMetadataWhenAsked) {
    Cluster c;
    c.pod("p");
    auto answer =
        c.call("PATCH", pods + "/p", R"({"metadata":{"annotations":{"a":"b"}}})", "application/merge-patch+json",
               "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json");
    EXPECT_EQ(answer.json["kind"], "PartialObjectMetadata");
    EXPECT_EQ(answer.json["metadata"]["annotations"]["a"], "b");
    EXPECT_FALSE(answer.json.contains("spec"));
}

TEST(Patch, WithDryRunChangesNothing) {
    Cluster c;
    c.pod("p");
    auto before = c.store.revision();
    auto answer = c.merge(pods + "/p?dryRun=All", R"({"metadata":{"labels":{"a":"b"}}})");
    EXPECT_EQ(answer.json["metadata"]["labels"]["a"], "b");
    EXPECT_EQ(c.post(pods + "?dryRun=All", "{metadata: {name: q}, spec: {containers: [{name: c, image: x}]}}").code,
              201);
    EXPECT_EQ(c.call("DELETE", pods + "/p?dryRun=All").code, 200);
    EXPECT_EQ(c.store.revision(), before);
    EXPECT_EQ(names_of(c.get(pods).json), "p");
}

TEST(Hostile, DeepAndBrokenBodiesAreRefused) {
    Cluster c;
    c.pod("p");
    std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
    EXPECT_EQ(c.call("POST", pods, deep).code, 400);
    EXPECT_EQ(c.call("POST", pods, deep, "application/yaml").code, 400);
    EXPECT_EQ(c.json_patch(pods + "/p", R"([{"op":"add","path":"/metadata/annotations","value":)" + deep + "}]").code,
              400);
    EXPECT_EQ(c.call("POST", pods, "{\"metadata\":{\"name\":\"\xff\xfe\"}}").code, 400);
    EXPECT_EQ(c.call("POST", pods, std::string("\0\1\2", 3), "application/vnd.kubernetes.protobuf").code, 400);
    EXPECT_EQ(c.post(pods, "&a [*a]").code, 400);
    EXPECT_EQ(c.post(pods, "{metadata: {name: x}, spec: {containers: 7}}").code, 400);
    EXPECT_EQ(c.post(pods, "{metadata: {name: x}, spec: {containers: [7]}}").code, 422);
    EXPECT_EQ(c.post(pods, "{metadata: {name: x}, spec: 7}").code, 400);
    EXPECT_EQ(c.post("/api/v1/namespaces/default/services", "{metadata: {name: x}, spec: {ports: 7}}").code, 400);
    EXPECT_EQ(
        c.post("/apis/networking.k8s.io/v1/namespaces/default/networkpolicies", "{metadata: {name: x}, spec: 7}").code,
        400);
}

TEST(Hostile, PatchesCannotNestWithoutEnd) {
    Cluster c;
    c.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
           "{metadata: {name: foos.x.org}, spec: {group: x.org, scope: Cluster, names: {plural: foos, kind: Foo}, "
           "versions: [{name: v1, served: true, storage: true}]}}");
    c.post("/apis/x.org/v1/foos", "{metadata: {name: f}, spec: {}}");
    std::string open, close, path = "/spec";
    for (int i = 0; i < 200; ++i) {
        open += R"({"a":)";
        close += "}";
    }
    int code = 200;
    int rounds = 0;
    for (; code == 200 && rounds < 10; ++rounds) {
        code = c.json_patch("/apis/x.org/v1/foos/f",
                            R"([{"op":"add","path":")" + path + R"(","value":)" + open + "{}" + close + "}]")
                   .code;
        for (int i = 0; i < 200; ++i)
            path += "/a";
    }
    EXPECT_EQ(code, 400);
    EXPECT_EQ(rounds, 3);
}

TEST(Hostile, BytesThatAreNoTextInUrls) {
    Cluster c;
    EXPECT_GE(c.get("/api/v1/namespaces/%ff%fe").code, 400);
    EXPECT_EQ(c.get("/%ff").code, 404);
    EXPECT_GE(c.get("/api/v1/pods?labelSelector=%ff").code, 400);
}

TEST(Urls, UnknownOnesAre404Status) {
    Cluster c;
    for (const char* target : {"/api/v1/nonsense", "/apis/x.org/v1/foos", "/apis/networking.k8s.io/v7/networkpolicies",
                               "/api/v1/namespaces/default/nodes", "/nonsense", "/api/v1/pods/p",
                               "/api/v1/namespaces/default/pods/p/exec"}) {
        auto answer = c.get(target);
        EXPECT_EQ(answer.code, 404) << target;
        EXPECT_EQ(answer.json["kind"], "Status") << target;
        EXPECT_EQ(answer.json["reason"], "NotFound") << target;
    }
    EXPECT_EQ(message(c.get(pods + "/p")), "pods \"p\" not found");
    EXPECT_EQ(c.call("PUT", pods, "{}").code, 405);
    EXPECT_EQ(c.call("TRACE", pods).code, 405);
}

}  // namespace
}  // namespace weft::apiserver
