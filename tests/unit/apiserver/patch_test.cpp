#include "patch.hpp"

#include "cluster.hpp"

#include <gtest/gtest.h>

namespace weft::apiserver {
namespace {

std::string patched(const std::string& document, const std::string& patch) {
    auto result = json_patch(yaml(document), yaml(patch));
    return result ? result->dump() : std::to_string(result.error().code);
}

TEST(JsonPatch, AddsReplacesRemovesMovesCopies) {
    EXPECT_EQ(patched("{a: 1}", "[{op: add, path: /b, value: 2}]"), R"({"a":1,"b":2})");
    EXPECT_EQ(patched("{a: 1}", "[{op: add, path: /a, value: 2}]"), R"({"a":2})");
    EXPECT_EQ(patched("{a: [1, 3]}", "[{op: add, path: /a/1, value: 2}]"), R"({"a":[1,2,3]})");
    EXPECT_EQ(patched("{a: [1]}", "[{op: add, path: /a/-, value: 2}]"), R"({"a":[1,2]})");
    EXPECT_EQ(patched("{a: 1}", "[{op: replace, path: /a, value: [x]}]"), R"({"a":["x"]})");
    EXPECT_EQ(patched("{a: [1, 2, 3]}", "[{op: remove, path: /a/1}]"), R"({"a":[1,3]})");
    EXPECT_EQ(patched("{a: {b: 1}}", "[{op: move, from: /a/b, path: /c}]"), R"({"a":{},"c":1})");
    EXPECT_EQ(patched("{a: {b: 1}}", "[{op: copy, from: /a, path: /c}]"), R"({"a":{"b":1},"c":{"b":1}})");
    EXPECT_EQ(patched("{a: 1}", "[{op: add, path: '', value: 7}]"), "7");
}

TEST(JsonPatch, KeysWithSlashAndTilde) {
    EXPECT_EQ(patched("{}", "[{op: add, path: /k8s.ovn.org~1pod, value: 1}, {op: add, path: /a~0b, value: 2}]"),
              R"({"a~b":2,"k8s.ovn.org/pod":1})");
    EXPECT_EQ(patched("{}", "[{op: add, path: /a~2, value: 1}]"), "422");
}

TEST(JsonPatch, TestHoldsOrRefusesAll) {
    EXPECT_EQ(patched("{a: 1}", "[{op: test, path: /a, value: 1}, {op: remove, path: /a}]"), "{}");
    EXPECT_EQ(patched("{a: 1}", "[{op: remove, path: /a}, {op: test, path: /b, value: 1}]"), "422");
    EXPECT_EQ(patched("{a: {x: 1, y: 2}}", "[{op: test, path: /a, value: {y: 2, x: 1}}]"), R"({"a":{"x":1,"y":2}})");
    // Against null: absent, as long as its parent is there.
    EXPECT_EQ(patched("{a: {}}", "[{op: test, path: /a/b, value: null}]"), R"({"a":{}})");
    EXPECT_EQ(patched("{}", "[{op: test, path: /a/b, value: null}]"), "422");
}

TEST(JsonPatch, RefusesWhatDoesNotApply) {
    EXPECT_EQ(patched("{}", "[{op: remove, path: /a}]"), "422");
    EXPECT_EQ(patched("{}", "[{op: replace, path: /a, value: 1}]"), "422");
    EXPECT_EQ(patched("{}", "[{op: add, path: /a/b, value: 1}]"), "422");
    EXPECT_EQ(patched("{a: [1]}", "[{op: add, path: /a/5, value: 1}]"), "422");
    EXPECT_EQ(patched("{a: [1]}", "[{op: remove, path: /a/-}]"), "422");
    EXPECT_EQ(patched("{a: [1]}", "[{op: add, path: /a/x, value: 1}]"), "422");
    EXPECT_EQ(patched("{a: {b: 1}}", "[{op: move, from: /a, path: /a/b}]"), "422");
    EXPECT_EQ(patched("{a: 1}", "[{op: move, from: /a, path: /a}]"), R"({"a":1})");
}

TEST(JsonPatch, RefusesWhatIsNoPatch) {
    EXPECT_EQ(patched("{}", "{op: add}"), "400");
    EXPECT_EQ(patched("{}", "[{op: fly, path: /a, value: 1}]"), "422");
    EXPECT_EQ(patched("{}", "[{op: add, path: a, value: 1}]"), "422");
    EXPECT_EQ(patched("{}", "[{op: add, path: /a}]"), "422");
    EXPECT_EQ(patched("{}", "[7]"), "400");
    EXPECT_EQ(patched("{}", "[{op: copy, path: /a}]"), "422");
}

TEST(MergePatch, FollowsTheRfc) {
    auto merged = [](const char* document, const char* patch) {
        return merge_patch(yaml(document), yaml(patch)).dump();
    };
    EXPECT_EQ(merged("{a: b}", "{a: c}"), R"({"a":"c"})");
    EXPECT_EQ(merged("{a: b, b: c}", "{a: null}"), R"({"b":"c"})");
    EXPECT_EQ(merged("{a: [b]}", "{a: c}"), R"({"a":"c"})");
    EXPECT_EQ(merged("{a: {b: c}}", "{a: {b: d, c: null}}"), R"({"a":{"b":"d"}})");
    EXPECT_EQ(merged("{a: [{b: c}]}", "{a: [1]}"), R"({"a":[1]})");
    EXPECT_EQ(merged("{e: null}", "{a: 1}"), R"({"a":1,"e":null})");
    EXPECT_EQ(merged("{}", "{a: {bb: {ccc: null}}}"), R"({"a":{"bb":{}}})");
}

std::string strategic(const char* document, const char* patch, const char* kind = "Pod") {
    auto result = strategic_merge_patch(yaml(document), yaml(patch), kind);
    return result ? result->dump() : std::to_string(result.error().code);
}

TEST(StrategicPatch, MergesKnownListsByKey) {
    EXPECT_EQ(strategic("{status: {conditions: [{type: Ready, status: 'False'}, {type: A, status: 'True'}]}}",
                        "{status: {conditions: [{type: Ready, status: 'True'}]}}"),
              R"({"status":{"conditions":[{"status":"True","type":"Ready"},{"status":"True","type":"A"}]}})");
    EXPECT_EQ(strategic("{status: {podIPs: [{ip: 1.1.1.1}]}}", "{status: {podIPs: [{ip: 'fd00::1'}]}}"),
              R"({"status":{"podIPs":[{"ip":"1.1.1.1"},{"ip":"fd00::1"}]}})");
    EXPECT_EQ(strategic("{spec: {containers: [{name: a, image: x, command: [w]}]}}",
                        "{spec: {containers: [{name: a, image: z}]}}"),
              R"({"spec":{"containers":[{"command":["w"],"image":"z","name":"a"}]}})");
    EXPECT_EQ(strategic("{spec: {ports: [{port: 80, name: a}]}}", "{spec: {ports: [{port: 81}]}}", "Service"),
              R"({"spec":{"ports":[{"name":"a","port":80},{"port":81}]}})");
}

TEST(StrategicPatch, ReplacesOtherLists) {
    EXPECT_EQ(strategic("{spec: {args: [a, b]}}", "{spec: {args: [c]}}"), R"({"spec":{"args":["c"]}})");
    EXPECT_EQ(strategic("{ports: [{port: 80}]}", "{ports: [{port: 81}]}", "EndpointSlice"),
              R"({"ports":[{"port":81}]})");
}

TEST(StrategicPatch, Directives) {
    EXPECT_EQ(strategic("{status: {addresses: [{type: InternalIP, address: a}]}}",
                        "{status: {addresses: [{type: InternalIP, address: b}, {type: InternalIP, address: c}, "
                        "{$patch: replace}]}}",
                        "Node"),
              R"({"status":{"addresses":[{"address":"b","type":"InternalIP"},{"address":"c","type":"InternalIP"}]}})");
    EXPECT_EQ(strategic("{status: {conditions: [{type: A}, {type: B}]}}",
                        "{status: {conditions: [{type: A, $patch: delete}]}}"),
              R"({"status":{"conditions":[{"type":"B"}]}})");
    EXPECT_EQ(strategic("{metadata: {finalizers: [a, b]}}",
                        "{metadata: {$deleteFromPrimitiveList/finalizers: [a], finalizers: [c]}}"),
              R"({"metadata":{"finalizers":["b","c"]}})");
    EXPECT_EQ(strategic("{spec: {containers: [{name: a}, {name: b}]}}",
                        "{spec: {$setElementOrder/containers: [{name: b}, {name: a}]}}"),
              R"({"spec":{"containers":[{"name":"b"},{"name":"a"}]}})");
    EXPECT_EQ(strategic("{spec: {a: 1, b: 2}}", "{spec: {$retainKeys: [b], b: 3}}"), R"({"spec":{"b":3}})");
    EXPECT_EQ(strategic("{spec: {a: 1, b: 2}}", "{spec: {$patch: replace, c: 3}}"), R"({"spec":{"c":3}})");
    EXPECT_EQ(strategic("{metadata: {labels: {a: b}}}", "{metadata: {labels: {a: null, c: d}}}"),
              R"({"metadata":{"labels":{"c":"d"}}})");
}

TEST(StrategicPatch, AnElementWithoutItsKeyIsRefused) {
    EXPECT_EQ(strategic("{spec: {containers: [{name: a}]}}", "{spec: {containers: [{image: x}]}}"), "400");
    EXPECT_EQ(strategic("{spec: {containers: [{name: a}]}}", "[1]"), "400");
}

}  // namespace
}  // namespace weft::apiserver
