#include "apply.hpp"

#include "cluster.hpp"

#include <gtest/gtest.h>

namespace weft::apiserver {
namespace {

const std::string maps = "/api/v1/namespaces/default/configmaps";
const std::string pods = "/api/v1/namespaces/default/pods";

TEST(Apply, CreatesAndRecordsItsManager) {
    Cluster c;
    auto made = c.apply(maps + "/m", "weft", "{apiVersion: v1, kind: ConfigMap, data: {a: '1'}}");
    ASSERT_EQ(made.code, 201) << made.text;
    const Json& entry = made.json["metadata"]["managedFields"][0];
    EXPECT_EQ(entry["manager"], "weft");
    EXPECT_EQ(entry["operation"], "Apply");
    EXPECT_EQ(entry["fieldsV1"].dump(), R"({"f:data":{"f:a":{}}})");
}

TEST(Apply, WhatIsLeftOutGoes) {
    Cluster c;
    c.apply(maps + "/m", "weft", "{data: {a: '1', b: '2'}, metadata: {name: m, annotations: {x: z}}}");
    auto after = c.apply(maps + "/m", "weft", "{data: {b: '3'}}").json;
    EXPECT_EQ(after["data"].dump(), R"({"b":"3"})");
    EXPECT_FALSE(after["metadata"].contains("annotations"));
}

TEST(Apply, TheSameAgainChangesNothing) {
    Cluster c;
    c.apply(maps + "/m", "weft", "{data: {a: '1'}}");
    auto before = c.store.revision();
    c.apply(maps + "/m", "weft", "{data: {a: '1'}}");
    EXPECT_EQ(c.store.revision(), before);
}

TEST(Apply, ConflictsUnlessForced) {
    Cluster c;
    c.apply(maps + "/m", "one", "{data: {a: '1', b: '1'}}");
    EXPECT_EQ(c.apply(maps + "/m", "two", "{data: {a: '1'}}").code, 200);  // the same value is shared
    auto refused = c.apply(maps + "/m", "two", "{data: {a: '2'}}");
    EXPECT_EQ(refused.code, 409);
    EXPECT_EQ(refused.json["details"]["causes"][0]["reason"], "FieldManagerConflict");
    EXPECT_EQ(refused.json["details"]["causes"][0]["field"], ".data.a");
    EXPECT_EQ(c.apply(maps + "/m", "two", "{data: {a: '2'}}", true).json["data"]["a"], "2");
    // "one" lost the field: leaving it out does not remove it.
    EXPECT_EQ(c.apply(maps + "/m", "one", "{data: {b: '1'}}").json["data"].dump(), R"({"a":"2","b":"1"})");
}

TEST(Apply, PlainWritesTakeFieldsOver) {
    Cluster c;
    c.apply(maps + "/m", "weft", "{data: {a: '1', b: '1'}}");
    c.merge(maps + "/m", R"({"data":{"a":"2"}})");
    EXPECT_EQ(c.apply(maps + "/m", "weft", "{data: {a: '1', b: '1'}}").code, 409);
    c.merge(maps + "/m", R"({"data":{"b":null}})");
    EXPECT_EQ(c.apply(maps + "/m", "weft", "{data: {b: '1'}}").code, 200);
}

TEST(Apply, OverAnObjectThatWasCreatedPlainly) {
    Cluster c;
    c.post(maps, "{metadata: {name: m}, data: {a: '1'}}");
    EXPECT_EQ(c.get(maps + "/m").json["metadata"].count("managedFields"), 0U);
    EXPECT_EQ(c.apply(maps + "/m", "weft", "{data: {a: '2'}}").code, 409);
    EXPECT_EQ(c.apply(maps + "/m", "weft", "{data: {b: '2'}}").json["data"].dump(), R"({"a":"1","b":"2"})");
}

TEST(Apply, KeyedListsMergeByElement) {
    Cluster c;
    c.pod("p", "n1");
    std::string status = pods + "/p/status";
    c.apply(status, "a", "{status: {conditions: [{type: A, status: 'True'}], podIPs: [{ip: 10.0.0.1}]}}");
    auto both = c.apply(status, "b", "{status: {conditions: [{type: B, status: 'True'}]}}").json;
    EXPECT_EQ(both["status"]["conditions"].size(), 2U);
    auto after = c.apply(status, "a", "{status: {podIPs: [{ip: 10.0.0.1}]}}").json;
    ASSERT_EQ(after["status"]["conditions"].size(), 1U);
    EXPECT_EQ(after["status"]["conditions"][0]["type"], "B");
    EXPECT_EQ(after["status"]["podIPs"][0]["ip"], "10.0.0.1");
    EXPECT_EQ(after["metadata"]["managedFields"][1]["subresource"], "status");
}

TEST(Apply, CustomListsMergeAsTheirSchemaSays) {
    Cluster c;
    c.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", R"(
metadata: {name: foos.x.org}
spec:
  group: x.org
  scope: Namespaced
  names: {plural: foos, kind: Foo}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              keyed: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [id], items: {type: object}}
              set: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              atomic: {type: array, items: {type: string}}
)");
    std::string foo = "/apis/x.org/v1/namespaces/default/foos/f";
    c.apply(foo, "a", "{apiVersion: x.org/v1, kind: Foo, spec: {keyed: [{id: 1, v: a}], set: [x], atomic: [p]}}");
    auto after =
        c.apply(foo, "b", "{apiVersion: x.org/v1, kind: Foo, spec: {keyed: [{id: 2, v: b}], set: [z], atomic: [q]}}",
                true)
            .json;
    EXPECT_EQ(after["spec"].dump(), R"({"atomic":["q"],"keyed":[{"id":1,"v":"a"},{"id":2,"v":"b"}],"set":["x","z"]})");
    auto left = c.apply(foo, "a", "{apiVersion: x.org/v1, kind: Foo, spec: {}}").json;
    EXPECT_EQ(left["spec"].dump(), R"({"atomic":["q"],"keyed":[{"id":2,"v":"b"}],"set":["z"]})");
}

TEST(Apply, Refuses) {
    Cluster c;
    EXPECT_EQ(c.call("PATCH", maps + "/m", "{metadata: {name: m}}", "application/apply-patch+yaml").code, 422);
    EXPECT_EQ(c.apply(maps + "/m", "weft", "{metadata: {name: m, managedFields: [{manager: x}]}}").code, 400);
    EXPECT_EQ(c.apply(maps + "/m", "weft", "{metadata: {}}").code, 400);
    EXPECT_EQ(c.apply(maps + "/m", "weft", "{metadata: {name: other}}").code, 400);
    EXPECT_EQ(c.apply(maps + "/m", "weft", "{kind: Pod}").code, 400);
    EXPECT_EQ(c.apply(maps + "/m", "weft", "]").code, 400);
    EXPECT_EQ(c.apply(pods + "/p/status", "weft", "{status: {}}").code, 404);
}

}  // namespace
}  // namespace weft::apiserver
