// What the embedded API server and a real one have in common: creating, updating, patching.
#include "both.hpp"

namespace weft::testing {
namespace {

class Writes : public Both {};
WEFT_ON_BOTH_SERVERS(Writes);

TEST_P(Writes, ACreatedObjectHasWhatTheServerOwns) {
    const auto made = post(maps, R"({"metadata":{"name":"m","uid":"mine","generateName":"g-"},"data":{"a":"b"}})");
    ASSERT_EQ(made.code, 201) << made.body;
    EXPECT_EQ(made.json["kind"], "ConfigMap");
    EXPECT_EQ(made.json["apiVersion"], "v1");
    EXPECT_EQ(made.json["metadata"]["namespace"], ns);
    EXPECT_EQ(made.uid().size(), 36U);
    EXPECT_NE(made.version(), "");
    EXPECT_EQ(made.json["metadata"]["creationTimestamp"].get<std::string>().back(), 'Z');
    EXPECT_EQ(get(maps + "/m").json, made.json);
}

TEST_P(Writes, NamesAreGenerated) {
    const auto one = make(maps, R"({"metadata":{"generateName":"m-"}})");
    const auto two = make(maps, R"({"metadata":{"generateName":"m-"}})");
    EXPECT_EQ(one.name().size(), 7U);
    EXPECT_EQ(one.name().substr(0, 2), "m-");
    EXPECT_NE(one.name(), two.name());
    EXPECT_EQ(one.json["metadata"]["generateName"], "m-");
    const std::string long_name(63, 'a');
    const auto cut = make(pods, R"({"metadata":{"generateName":")" + long_name +
                                    R"("},"spec":{"containers":[{"name":"c","image":"x"}]}})");
    EXPECT_EQ(cut.name().size(), 63U);
    EXPECT_EQ(cut.name().substr(0, 58), long_name.substr(0, 58));
}

TEST_P(Writes, RefusalsHaveCodesReasonsAndDetails) {
    make_map("m");
    const auto twice = post(maps, R"({"metadata":{"name":"m"}})");
    EXPECT_EQ(twice.code, 409);
    EXPECT_EQ(twice.json["kind"], "Status");
    EXPECT_EQ(twice.json["status"], "Failure");
    EXPECT_EQ(twice.reason(), "AlreadyExists");
    EXPECT_EQ(twice.json["code"], 409);
    EXPECT_EQ(twice.json["message"], R"(configmaps "m" already exists)");
    EXPECT_EQ(twice.json["details"].dump(), R"({"kind":"configmaps","name":"m"})");

    const auto missing = get(maps + "/none");
    EXPECT_EQ(missing.code, 404);
    EXPECT_EQ(missing.reason(), "NotFound");
    EXPECT_EQ(missing.json["message"], R"(configmaps "none" not found)");
    EXPECT_EQ(missing.json["details"].dump(), R"({"kind":"configmaps","name":"none"})");

    const auto nowhere = post("/api/v1/namespaces/nowhere/configmaps", R"({"metadata":{"name":"m"}})");
    EXPECT_EQ(nowhere.code, 404);
    EXPECT_EQ(nowhere.json["message"], R"(namespaces "nowhere" not found)");

    EXPECT_EQ(get("/api/v1/nonsense").code, 404);
    EXPECT_EQ(get("/apis/nonsense.org/v1/things").code, 404);
    EXPECT_EQ(post(maps, "{").code, 400);
    EXPECT_EQ(post(maps, "{").reason(), "BadRequest");
    EXPECT_EQ(post(maps, R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"}})").code, 400);
    EXPECT_EQ(post(maps, R"({"metadata":{"name":"x","namespace":"other"}})").code, 400);
    EXPECT_EQ(post(maps, R"({"metadata":{"name":"x","resourceVersion":"1"}})").code, 500);
    EXPECT_EQ(call("PATCH", maps + "/m", "{}", "application/json").code, 415);
    EXPECT_EQ(call("GET", maps, {}, "application/json", "text/html").code, 406);
    EXPECT_EQ(call("PUT", maps, "{}").code, 405);
    EXPECT_EQ(call("PUT", maps, "{}").reason(), "MethodNotAllowed");
}

TEST_P(Writes, WhoIsNobodyAndWhoIsWrong) {
    auto nobody = access;
    nobody.token.clear();
    const auto refused = http("GET", url + pods, nobody);
    EXPECT_EQ(refused.code, 403);
    EXPECT_NE(refused.body.find(R"(pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\")"),
              std::string::npos)
        << refused.body;
    for (const char* open : {"/readyz", "/livez", "/healthz", "/version"})
        EXPECT_EQ(http("GET", url + open, nobody).code, 200) << open;
    nobody.token = "wrong";
    const auto wrong = http("GET", url + pods, nobody);
    EXPECT_EQ(wrong.code, 401);
    EXPECT_NE(wrong.body.find("\"reason\":\"Unauthorized\""), std::string::npos) << wrong.body;
}

TEST_P(Writes, InvalidFieldsAreNamed) {
    const auto name = post(maps, R"({"metadata":{"name":"UPPER"}})");
    EXPECT_EQ(name.code, 422);
    EXPECT_EQ(name.reason(), "Invalid");
    EXPECT_EQ(name.causes(), "FieldValueInvalid metadata.name");
    EXPECT_EQ(name.json["details"]["kind"], "ConfigMap");
    EXPECT_EQ(name.json["details"]["name"], "UPPER");
    EXPECT_EQ(post(maps, R"({"metadata":{}})").causes(), "FieldValueRequired metadata.name");
    EXPECT_EQ(post(maps, R"({"metadata":{"name":"m","labels":{"-a":"b"}}})").causes(),
              "FieldValueInvalid metadata.labels");
    EXPECT_EQ(post(maps, R"({"metadata":{"name":"m","labels":{"a":"b c"}}})").causes(),
              "FieldValueInvalid metadata.labels");
    EXPECT_EQ(post(maps, R"({"metadata":{"name":"m","annotations":{"a b":"c"}}})").causes(),
              "FieldValueInvalid metadata.annotations");
    const auto with_finalizer = [this](const std::string& finalizer) {
        return post(maps, R"({"metadata":{"name":"m","finalizers":[")" + finalizer + R"("]}})");
    };
    EXPECT_EQ(with_finalizer("x.org/a b").causes(), "FieldValueInvalid metadata.finalizers");
    EXPECT_EQ(with_finalizer("a").causes(), "FieldValueInvalid metadata.finalizers[0]");
    EXPECT_EQ(with_finalizer("a b").causes(),
              "FieldValueInvalid metadata.finalizers, FieldValueInvalid metadata.finalizers[0]");
    EXPECT_EQ(with_finalizer("orphan").code, 201);
    EXPECT_EQ(post(pods, R"({"metadata":{"name":"p"},"spec":{}})").causes(), "FieldValueRequired spec.containers");
    EXPECT_EQ(post(pods, R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c"}]}})").causes(),
              "FieldValueRequired spec.containers[0].image");
    EXPECT_EQ(post(pods, R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"x"},)"
                         R"({"name":"c","image":"x"}]}})")
                  .causes(),
              "FieldValueDuplicate spec.containers[1].name");
    EXPECT_EQ(post(pods, R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"C","image":"x"}]}})").causes(),
              "FieldValueInvalid spec.containers[0].name");
}

TEST_P(Writes, UpdatesNeedTheCurrentVersion) {
    auto object = make_map("m").json;
    auto stale = object;
    object["data"]["a"] = "1";
    const auto updated = put(maps + "/m", object);
    ASSERT_EQ(updated.code, 200) << updated.body;
    EXPECT_NE(updated.version(), stale["metadata"]["resourceVersion"]);
    stale["data"]["a"] = "2";
    const auto refused = put(maps + "/m", stale);
    EXPECT_EQ(refused.code, 409);
    EXPECT_EQ(refused.reason(), "Conflict");
    EXPECT_EQ(refused.json["details"]["name"], "m");
    EXPECT_EQ(refused.json["message"],
              R"(Operation cannot be fulfilled on configmaps "m": the object has been modified; )"
              "please apply your changes to the latest version and try again");
    stale["metadata"].erase("resourceVersion");  // whatever there is
    EXPECT_EQ(put(maps + "/m", stale).json["data"]["a"], "2");
    stale["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000";
    EXPECT_EQ(put(maps + "/m", stale).code, 409);
    stale["metadata"].erase("uid");
    stale["metadata"]["name"] = "other";
    EXPECT_EQ(put(maps + "/m", stale).code, 400);
    stale["metadata"]["name"] = "none";
    EXPECT_EQ(put(maps + "/none", stale).code, 404);
    const auto patch = merge(maps + "/m", R"({"metadata":{"resourceVersion":"1"},"data":{"a":"3"}})");
    EXPECT_EQ(patch.code, 409);
}

TEST_P(Writes, WhatChangesNothingIsNoChange) {
    const auto made = make(maps, R"({"metadata":{"name":"m","labels":{"a":"b"}},"data":{"k":"v"}})");
    EXPECT_EQ(put(maps + "/m", made.json).version(), made.version());
    EXPECT_EQ(merge(maps + "/m", R"({"data":{"k":"v"}})").version(), made.version());
    EXPECT_EQ(merge(maps + "/m", R"({"metadata":{"annotations":{"none":null}}})").version(), made.version());
    EXPECT_EQ(json_patch(maps + "/m", R"([{"op":"replace","path":"/data/k","value":"v"}])").version(), made.version());
    EXPECT_EQ(strategic(maps + "/m", R"({"metadata":{"labels":{"a":"b"}}})").version(), made.version());
    EXPECT_EQ(get(maps + "/m").version(), made.version());
}

TEST_P(Writes, TheServersFieldsStayAsTheyAre) {
    const auto made = make_map("m");
    auto object = made.json;
    object["metadata"]["creationTimestamp"] = "2001-01-01T00:00:00Z";
    object["metadata"].erase("uid");
    object["data"]["a"] = "b";
    const auto updated = put(maps + "/m", object);
    EXPECT_EQ(updated.uid(), made.uid());
    EXPECT_EQ(updated.json["metadata"]["creationTimestamp"], made.json["metadata"]["creationTimestamp"]);
}

TEST_P(Writes, APodsSpecIsFrozen) {
    make_pod("p");
    const auto refused = merge(pods + "/p", R"({"spec":{"hostNetwork":true}})");
    EXPECT_EQ(refused.code, 422);
    EXPECT_EQ(refused.causes(), "FieldValueForbidden spec");
    EXPECT_EQ(strategic(pods + "/p", R"({"spec":{"containers":[{"name":"c","image":"y"}]}})").code, 200);
}

TEST_P(Writes, APodIsBoundOnce) {
    make_pod("p");
    const auto bind = [this](const std::string& url_name, const std::string& name, const std::string& target) {
        return post(pods + "/" + url_name + "/binding", R"({"apiVersion":"v1","kind":"Binding","metadata":{"name":")" +
                                                            name + R"("},"target":)" + target + "}");
    };
    const std::string node = R"({"kind":"Node","name":"n1"})";
    EXPECT_EQ(bind("p", "p", R"({"kind":"Node"})").code, 500);
    EXPECT_EQ(bind("p", "p", R"({"kind":"Pod","name":"n1"})").code, 500);
    EXPECT_EQ(bind("p", "p", node).code, 201);
    const auto bound = get(pods + "/p");
    EXPECT_EQ(bound.json["spec"]["nodeName"], "n1");
    EXPECT_EQ(bound.json["status"]["conditions"][0]["type"], "PodScheduled");
    EXPECT_EQ(bind("p", "p", node).code, 409);
    EXPECT_EQ(bind("none", "none", node).code, 404);
    EXPECT_EQ(bind("none", "p", node).code, 400);
}

TEST_P(Writes, StatusIsAResourceOfItsOwn) {
    make_pod("p");
    const auto by_status = merge(pods + "/p/status", R"({"metadata":{"labels":{"a":"b"}},"status":{"phase":"Running",)"
                                                     R"("podIP":"10.0.0.3"},"spec":{"hostNetwork":true}})");
    ASSERT_EQ(by_status.code, 200) << by_status.body;
    EXPECT_EQ(by_status.json["status"]["phase"], "Running");
    EXPECT_FALSE(by_status.json["spec"].contains("hostNetwork"));
    const auto by_object = merge(pods + "/p", R"({"status":{"phase":"Failed"},"metadata":{"labels":{"c":"d"}}})");
    EXPECT_EQ(by_object.json["status"]["phase"], "Running");
    EXPECT_EQ(by_object.json["metadata"]["labels"]["c"], "d");
}

TEST_P(Writes, KindsOfPatch) {
    make(maps, R"({"metadata":{"name":"m","annotations":{"x.org/a":"1"}},"data":{"a":"1","b":"2"}})");
    EXPECT_EQ(merge(maps + "/m", R"({"data":{"a":null,"c":"3"}})").json["data"].dump(), R"({"b":"2","c":"3"})");
    EXPECT_EQ(json_patch(maps + "/m", R"([{"op":"test","path":"/data/b","value":"2"},)"
                                      R"({"op":"add","path":"/metadata/annotations/x.org~1b","value":"2"},)"
                                      R"({"op":"remove","path":"/data/c"}])")
                  .json["metadata"]["annotations"]
                  .dump(),
              R"({"x.org/a":"1","x.org/b":"2"})");
    EXPECT_EQ(json_patch(maps + "/m", R"([{"op":"test","path":"/data/b","value":"other"}])").code, 422);
    EXPECT_EQ(json_patch(maps + "/m", R"([{"op":"remove","path":"/data/none"}])").code, 422);
    EXPECT_EQ(json_patch(maps + "/m", R"([{"op":"nonsense","path":"/data"}])").code, 422);
    EXPECT_EQ(json_patch(maps + "/m", "{}").code, 400);
    EXPECT_EQ(merge(maps + "/m", "[").code, 400);
    EXPECT_EQ(merge(maps + "/none", "{}").code, 404);
    EXPECT_EQ(get(maps + "/m").json["data"].dump(), R"({"b":"2"})");
}

TEST_P(Writes, StrategicPatchesMergeListsByTheirKeys) {
    make_pod("p", "n1");
    const auto path = pods + "/p/status";
    strategic(path, R"({"status":{"conditions":[{"type":"A","status":"True"}],"podIPs":[{"ip":"10.0.0.1"}]}})");
    const auto both = strategic(path, R"({"status":{"conditions":[{"type":"B","status":"False"}]}})");
    ASSERT_EQ(both.code, 200) << both.body;
    std::string types;
    for (const auto& condition : both.json["status"]["conditions"])
        types += condition["type"].get<std::string>() + condition["status"].get<std::string>();
    EXPECT_NE(types.find("ATrue"), std::string::npos) << types;
    EXPECT_NE(types.find("BFalse"), std::string::npos) << types;
    const auto less = strategic(path, R"({"status":{"conditions":[{"$patch":"delete","type":"A"}]}})");
    EXPECT_EQ(less.body.find("\"A\""), std::string::npos) << less.body;
}

TEST_P(Writes, DryRunsChangeNothing) {
    EXPECT_EQ(post(maps + "?dryRun=All", R"({"metadata":{"name":"m"}})").code, 201);
    EXPECT_EQ(get(maps + "/m").code, 404);
    const auto made = make_map("m");
    EXPECT_EQ(merge(maps + "/m?dryRun=All", R"({"data":{"a":"b"}})").json["data"]["a"], "b");
    EXPECT_EQ(remove(maps + "/m?dryRun=All").code, 200);
    EXPECT_EQ(get(maps + "/m").version(), made.version());
}

TEST_P(Writes, AnswersHaveMetadataOnlyWhenAsked) {
    make_map("m");
    const auto partial = call("PATCH", maps + "/m", R"({"data":{"a":"b"}})", "application/merge-patch+json",
                              "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");
    EXPECT_EQ(partial.code, 200);
    EXPECT_EQ(partial.json["kind"], "PartialObjectMetadata");
    EXPECT_EQ(partial.json["apiVersion"], "meta.k8s.io/v1");
    EXPECT_EQ(partial.name(), "m");
    EXPECT_FALSE(partial.json.contains("data"));
}

}  // namespace
}  // namespace weft::testing
