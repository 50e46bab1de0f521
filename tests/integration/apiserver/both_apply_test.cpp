// What the embedded API server and a real one have in common: server-side apply.
#include "both.hpp"

namespace weft::testing {
namespace {

class Applies : public Both {
  protected:
    Answer apply_map(const std::string& manager, const std::string& data, bool force = false) const {
        return apply(maps + "/m", manager, Json{{"data", Json::parse(data)}}, force);
    }
    /// What a manager owns, as it is said in managedFields.
    static std::string owned(const Answer& answer, const std::string& manager) {
        for (const auto& entry : answer.json["metadata"].value("managedFields", Json::array()))
            if (entry["manager"] == manager) return entry["fieldsV1"].dump();
        return "nothing";
    }
};
WEFT_ON_BOTH_SERVERS(Applies);

TEST_P(Applies, CreatesAndRecordsItsManager) {
    const auto made = apply_map("weft", R"({"a":"1"})");
    ASSERT_EQ(made.code, 201) << made.body;
    const auto& entry = made.json["metadata"]["managedFields"][0];
    EXPECT_EQ(entry["manager"], "weft");
    EXPECT_EQ(entry["operation"], "Apply");
    EXPECT_EQ(entry["apiVersion"], "v1");
    EXPECT_EQ(entry["fieldsType"], "FieldsV1");
    EXPECT_EQ(owned(made, "weft"), R"({"f:data":{"f:a":{}}})");
    const auto again = apply_map("weft", R"({"a":"1"})");
    EXPECT_EQ(again.code, 200);
    EXPECT_EQ(again.version(), made.version());
}

TEST_P(Applies, WhatIsLeftOutGoes) {
    apply_map("weft", R"({"a":"1","b":"2"})");
    EXPECT_EQ(apply_map("weft", R"({"b":"3"})").json["data"].dump(), R"({"b":"3"})");
}

TEST_P(Applies, ConflictsUnlessForced) {
    apply_map("one", R"({"a":"1","b":"1"})");
    EXPECT_EQ(apply_map("two", R"({"a":"1"})").code, 200) << "the same value is shared";
    const auto refused = apply_map("two", R"({"a":"2"})");
    EXPECT_EQ(refused.code, 409);
    EXPECT_EQ(refused.reason(), "Conflict");
    EXPECT_EQ(refused.causes(), "FieldManagerConflict .data.a");
    const auto forced = apply_map("two", R"({"a":"2"})", true);
    EXPECT_EQ(forced.json["data"]["a"], "2");
    EXPECT_EQ(owned(forced, "one"), R"({"f:data":{"f:b":{}}})");
    EXPECT_EQ(apply_map("one", R"({"b":"1"})").json["data"].dump(), R"({"a":"2","b":"1"})");
}

TEST_P(Applies, PlainWritesTakeFieldsOver) {
    apply_map("weft", R"({"a":"1","b":"1"})");
    merge(maps + "/m", R"({"data":{"a":"2"}})");
    EXPECT_EQ(apply_map("weft", R"({"a":"1","b":"1"})").code, 409);
    merge(maps + "/m", R"({"data":{"b":null}})");
    EXPECT_EQ(apply_map("weft", R"({"b":"1"})").code, 200);
}

TEST_P(Applies, OverAnObjectThatWasCreatedPlainly) {
    make(maps, R"({"metadata":{"name":"m"},"data":{"a":"1"}})");
    EXPECT_EQ(apply_map("weft", R"({"a":"2"})").code, 409);
    EXPECT_EQ(apply_map("weft", R"({"b":"2"})").json["data"].dump(), R"({"a":"1","b":"2"})");
}

TEST_P(Applies, KeyedListsMergeByElement) {
    make_pod("p", ns + "-n1");
    const auto path = pods + "/p/status";
    const auto applied = [&](const std::string& manager, const std::string& status) {
        return apply(path, manager, Json{{"status", Json::parse(status)}});
    };
    const auto has = [](const Answer& answer, const char* type) {
        for (const auto& condition : answer.json["status"]["conditions"])
            if (condition["type"] == type) return true;
        return false;
    };
    applied("a", R"({"conditions":[{"type":"A","status":"True"}],"podIPs":[{"ip":"10.0.0.1"}]})");
    const auto both = applied("b", R"({"conditions":[{"type":"B","status":"True"}]})");
    ASSERT_EQ(both.code, 200) << both.body;
    EXPECT_TRUE(has(both, "A") && has(both, "B")) << both.body;
    const auto after = applied("a", R"({"podIPs":[{"ip":"10.0.0.1"}]})");
    EXPECT_TRUE(!has(after, "A") && has(after, "B")) << after.body;
    EXPECT_EQ(after.json["status"]["podIPs"][0]["ip"], "10.0.0.1");
    bool of_status = false;
    for (const auto& entry : after.json["metadata"]["managedFields"])
        of_status |= entry["manager"] == "b" && entry.value("subresource", "") == "status";
    EXPECT_TRUE(of_status) << after.json["metadata"]["managedFields"].dump();
}

TEST_P(Applies, Refusals) {
    EXPECT_EQ(
        call("PATCH", maps + "/m", R"({"apiVersion":"v1","kind":"ConfigMap"})", "application/apply-patch+yaml").code,
        422)
        << "without a manager";
    EXPECT_EQ(apply(maps + "/m", "weft", Json::parse(R"({"metadata":{"managedFields":[{"manager":"x"}]}})")).code, 400);
    EXPECT_EQ(apply(maps + "/m", "weft", Json::parse(R"({"metadata":{"name":"other"}})")).code, 400);
    const auto nameless =
        call("PATCH", maps + "/m?fieldManager=weft", R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{}})",
             "application/apply-patch+yaml");
    EXPECT_EQ(nameless.code, 400);
    EXPECT_EQ(nameless.json["message"],
              "the name of the object (m based on URL) was undeterminable: name must be provided");
    EXPECT_EQ(call("PATCH", maps + "/m?fieldManager=weft", "]", "application/apply-patch+yaml").code, 400);
    EXPECT_EQ(apply(pods + "/none/status", "weft", Json::parse(R"({"status":{}})")).code, 404);
}

}  // namespace
}  // namespace weft::testing
