#include "cluster.hpp"
#include "table.hpp"

#include <gtest/gtest.h>

namespace weft::apiserver {
namespace {

constexpr const char* all_pods = "/api/v1/pods";
constexpr const char* default_pods = "/api/v1/namespaces/default/pods";

std::string encoded(std::string text) {
    for (std::size_t at = 0; (at = text.find_first_of("=+/", at)) != std::string::npos; at += 3) {
        text.replace(at, 1, text[at] == '=' ? "%3D" : text[at] == '+' ? "%2B" : "%2F");
    }
    return text;
}

std::string next_page(const Json& list, const std::string& target, const std::string& more = "") {
    return target + "?limit=2&continue=" + encoded(std::string(text_at(list, {"metadata", "continue"}))) + more;
}

TEST(List, HasTheShapeOfARealOne) {
    Cluster c;
    c.pod("p1");
    auto list = c.get(default_pods);
    EXPECT_EQ(list.code, 200);
    EXPECT_EQ(list.json["kind"], "PodList");
    EXPECT_EQ(list.json["apiVersion"], "v1");
    EXPECT_EQ(revision_of(list.json), std::to_string(c.store.revision()));
    ASSERT_EQ(list.json["items"].size(), 1U);
    EXPECT_FALSE(list.json["items"][0].contains("kind"));
    EXPECT_EQ(list.json["items"][0]["spec"]["containers"][0]["name"], "c");
    EXPECT_EQ(c.get(std::string(default_pods) + "/p1").json["kind"], "Pod");
}

TEST(List, SelectsByNamespaceLabelsAndFields) {
    Cluster c;
    c.space("other");
    c.pod("a", "n1", "{app: web}");
    c.pod("b", "n2", "{app: db}");
    c.post("/api/v1/namespaces/other/pods", "{metadata: {name: a}, spec: {containers: [{name: c, image: x}]}}");
    EXPECT_EQ(names_of(c.get(all_pods).json), "a b a");
    EXPECT_EQ(names_of(c.get(default_pods).json), "a b");
    EXPECT_EQ(names_of(c.get(std::string(all_pods) + "?fieldSelector=spec.nodeName%3Dn1").json), "a");
    EXPECT_EQ(names_of(c.get(std::string(all_pods) + "?labelSelector=app+in+(db,x)").json), "b");
    EXPECT_EQ(names_of(c.get(std::string(all_pods) + "?labelSelector=%21app").json), "a");
    EXPECT_EQ(c.get(std::string(all_pods) + "?labelSelector=app+in").code, 400);
    EXPECT_EQ(c.get(std::string(all_pods) + "?fieldSelector=spec.foo%3Dx").code, 400);
}

TEST(List, PagesShowOneMoment) {
    Cluster c;
    for (const char* name : {"a", "b", "c", "d", "e"})
        c.pod(name);
    auto first = c.get(std::string(default_pods) + "?limit=2");
    EXPECT_EQ(names_of(first.json), "a b");
    EXPECT_EQ(first.json["metadata"]["remainingItemCount"], 3);
    c.remove(std::string(default_pods) + "/c");
    c.pod("cc");
    c.merge(std::string(default_pods) + "/d", R"({"metadata":{"labels":{"late":"yes"}}})");
    auto second = c.get(next_page(first.json, default_pods));
    EXPECT_EQ(names_of(second.json), "c d");
    EXPECT_EQ(revision_of(second.json), revision_of(first.json));
    EXPECT_FALSE(second.json["items"][1]["metadata"].contains("labels"));
    auto third = c.get(next_page(second.json, default_pods));
    EXPECT_EQ(names_of(third.json), "e");
    EXPECT_FALSE(third.json["metadata"].contains("continue"));
    EXPECT_EQ(names_of(c.get(default_pods).json), "a b cc d e");
}

TEST(List, ASelectionHidesHowManyRemain) {
    Cluster c;
    for (const char* name : {"a", "b", "c"})
        c.pod(name, "n1");
    auto page = c.get(std::string(default_pods) + "?limit=2&fieldSelector=spec.nodeName%3Dn1");
    EXPECT_FALSE(page.json["metadata"].contains("remainingItemCount"));
    EXPECT_EQ(names_of(c.get(next_page(page.json, default_pods, "&fieldSelector=spec.nodeName%3Dn1")).json), "c");
}

TEST(List, AnOldPageExpiresAndSaysHowToGoOn) {
    Cluster c;
    for (const char* name : {"a", "b", "c"})
        c.pod(name);
    auto first = c.get(std::string(default_pods) + "?limit=2");
    c.pod("bb");
    c.store.compact();
    auto expired = c.get(next_page(first.json, default_pods));
    EXPECT_EQ(expired.code, 410);
    EXPECT_EQ(expired.json["reason"], "Expired");
    auto now = c.get(next_page(expired.json, default_pods));
    EXPECT_EQ(names_of(now.json), "bb c");
    EXPECT_EQ(revision_of(now.json), std::to_string(c.store.revision()));
}

TEST(List, ResourceVersions) {
    Cluster c;
    c.pod("a");
    auto then = std::to_string(c.store.revision());
    c.pod("b");
    std::string base = std::string(default_pods) + "?resourceVersion=";
    EXPECT_EQ(names_of(c.get(base + then + "&resourceVersionMatch=Exact").json), "a");
    EXPECT_EQ(names_of(c.get(base + then + "&resourceVersionMatch=NotOlderThan").json), "a b");
    EXPECT_EQ(names_of(c.get(base + "0&limit=1").json), "a b");
    auto future = c.get(base + "999999");
    EXPECT_EQ(future.code, 504);
    EXPECT_EQ(future.json["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    EXPECT_EQ(c.get(base + "nonsense").code, 400);
    EXPECT_EQ(c.get(std::string(default_pods) + "?resourceVersionMatch=Exact").code, 422);
    c.store.compact();
    EXPECT_EQ(c.get(base + then + "&resourceVersionMatch=Exact").code, 410);
    EXPECT_EQ(c.get(std::string(default_pods) + "?continue=garbage").code, 400);
}

TEST(List, MetadataOnlyAndTables) {
    Cluster c;
    c.pod("a", "n1", "{app: web}");
    auto partial =
        c.call("GET", default_pods, "", "", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
    EXPECT_EQ(partial.json["kind"], "PartialObjectMetadataList");
    EXPECT_EQ(partial.json["items"][0]["kind"], "PartialObjectMetadata");
    EXPECT_EQ(partial.json["items"][0]["metadata"]["labels"]["app"], "web");
    EXPECT_FALSE(partial.json["items"][0].contains("spec"));
    auto table = c.call("GET", default_pods, "", "", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
    EXPECT_EQ(table.json["kind"], "Table");
    EXPECT_EQ(table.json["columnDefinitions"][0]["name"], "Name");
    EXPECT_EQ(table.json["rows"][0]["cells"][0], "a");
    EXPECT_EQ(table.json["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    EXPECT_EQ(c.call("GET", default_pods, "", "", "text/html").code, 406);
    EXPECT_EQ(c.call("GET", default_pods, "", "", "application/vnd.kubernetes.protobuf,application/json").code, 200);
}

TEST(Table, ForgetsItsOldestChanges) {
    Cluster c(3);
    for (const char* name : {"a", "b", "c", "d", "e"})
        c.pod(name);
    auto table = c.store.find_table("", "pods");
    auto guard = c.store.lock();
    EXPECT_EQ(table->history().size(), 3U);
    auto oldest = table->history().front().revision;
    EXPECT_FALSE(table->remembers(oldest - 2));
    EXPECT_TRUE(table->remembers(oldest - 1));
    EXPECT_EQ(table->first_after(oldest), 1U);
    EXPECT_EQ(table->first_after(0), 0U);
}

}  // namespace
}  // namespace weft::apiserver
