#include "cluster.hpp"

#include <gtest/gtest.h>

namespace weft::apiserver {
namespace {

const std::string pods = "/api/v1/namespaces/default/pods";
const std::string spaces = "/api/v1/namespaces";
const std::string maps = "/api/v1/namespaces/default/configmaps";

TEST(Delete, UnboundPodsGoAtOnce) {
    Cluster c;
    c.pod("p");
    auto gone = c.remove(pods + "/p");
    EXPECT_EQ(gone.code, 200);
    EXPECT_EQ(gone.json["kind"], "Pod");
    EXPECT_EQ(c.get(pods + "/p").code, 404);
    EXPECT_EQ(c.remove(pods + "/p").code, 404);
}

TEST(Delete, BoundPodsGetTheirGrace) {
    Cluster c;
    c.pod("p", "n1");
    auto going = c.remove(pods + "/p");
    EXPECT_EQ(going.json["metadata"]["deletionGracePeriodSeconds"], 30);
    EXPECT_TRUE(going.json["metadata"].contains("deletionTimestamp"));
    auto before = c.store.revision();
    EXPECT_EQ(c.remove(pods + "/p").code, 200);  // again: it is going already
    EXPECT_EQ(c.store.revision(), before);
    auto sooner = c.call("DELETE", pods + "/p?gracePeriodSeconds=5");
    EXPECT_EQ(sooner.json["metadata"]["deletionGracePeriodSeconds"], 5);
    EXPECT_EQ(c.remove(pods + "/p", R"({"gracePeriodSeconds":10})").json["metadata"]["deletionGracePeriodSeconds"], 5);
    EXPECT_EQ(c.remove(pods + "/p", R"({"gracePeriodSeconds":0})").code, 200);
    EXPECT_EQ(c.get(pods + "/p").code, 404);
}

TEST(Delete, FinishedPodsNeedNoGrace) {
    Cluster c;
    c.pod("p", "n1");
    c.merge(pods + "/p/status", R"({"status":{"phase":"Succeeded"}})");
    c.remove(pods + "/p");
    EXPECT_EQ(c.get(pods + "/p").code, 404);
}

TEST(Delete, WaitsForFinalizers) {
    Cluster c;
    c.post(maps, "metadata: {name: m, finalizers: [x.org/a, x.org/b]}");
    auto going = c.remove(maps + "/m");
    EXPECT_EQ(going.json["kind"], "ConfigMap");
    EXPECT_TRUE(going.json["metadata"].contains("deletionTimestamp"));
    EXPECT_EQ(c.merge(maps + "/m", R"({"metadata":{"finalizers":["x.org/b"]}})").code, 200);
    EXPECT_EQ(c.get(maps + "/m").code, 200);
    c.get(maps + "?watch=1&resourceVersion=" + std::to_string(c.store.revision()));
    auto watch = std::move(c.watch);
    EXPECT_EQ(c.merge(maps + "/m", R"({"metadata":{"finalizers":null}})").code, 200);
    EXPECT_EQ(c.get(maps + "/m").code, 404);
    c.watch = std::move(watch);
    EXPECT_EQ(c.event_names(), "DELETED m");
}

TEST(Delete, APodWithGraceAndFinalizerNeedsBoth) {
    Cluster c;
    c.post(pods,
           "{metadata: {name: p, finalizers: [x.org/a]}, spec: {nodeName: n1, containers: [{name: c, image: x}]}}");
    c.remove(pods + "/p");
    c.merge(pods + "/p", R"({"metadata":{"finalizers":null}})");
    EXPECT_EQ(c.get(pods + "/p").code, 200);  // its grace is not over
    c.remove(pods + "/p", R"({"gracePeriodSeconds":0})");
    EXPECT_EQ(c.get(pods + "/p").code, 404);
}

TEST(Delete, Preconditions) {
    Cluster c;
    auto uid = std::string(text_at(c.pod("p").json, {"metadata", "uid"}));
    auto refused = c.remove(pods + "/p", R"({"preconditions":{"uid":"other"}})");
    EXPECT_EQ(refused.code, 409);
    EXPECT_EQ(refused.json["reason"], "Conflict");
    EXPECT_EQ(c.remove(pods + "/p", R"({"preconditions":{"resourceVersion":"1"}})").code, 409);
    EXPECT_EQ(c.remove(pods + "/p", R"({"preconditions":{"uid":")" + uid + R"("}})").code, 200);
}

TEST(Delete, OthersAnswerWithAStatus) {
    Cluster c;
    c.post(maps, "metadata: {name: m}");
    auto gone = c.remove(maps + "/m");
    EXPECT_EQ(gone.json["kind"], "Status");
    EXPECT_EQ(gone.json["status"], "Success");
    EXPECT_EQ(gone.json["details"]["name"], "m");
}

TEST(Delete, Collections) {
    Cluster c;
    for (const char* name : {"a", "b", "c"})
        c.post(maps, std::string("metadata: {name: ") + name + ", labels: {n: " + name + "}}");
    EXPECT_EQ(names_of(c.remove(maps + "?labelSelector=n+in+(a,b)").json), "a b");
    EXPECT_EQ(names_of(c.get(maps).json), "c");
    EXPECT_EQ(c.remove("/api/v1/configmaps").code, 405);
}

TEST(Namespace, TakesItsContentAlong) {
    Cluster c;
    c.space("red");
    c.post(spaces + "/red/configmaps", "metadata: {name: m}");
    c.post(spaces + "/red/pods", "{metadata: {name: p}, spec: {nodeName: n1, containers: [{name: c, image: x}]}}");
    auto going = c.remove(spaces + "/red");
    EXPECT_EQ(going.json["status"]["phase"], "Terminating");
    EXPECT_EQ(c.get(spaces + "/red/configmaps/m").code, 404);
    EXPECT_EQ(c.get(spaces + "/red").json["status"]["phase"], "Terminating");  // a bound pod has its grace
    auto refused = c.post(spaces + "/red/configmaps", "metadata: {name: late}");
    EXPECT_EQ(refused.code, 403);
    EXPECT_EQ(refused.json["details"]["causes"][0]["reason"], "NamespaceTerminating");
    c.remove(spaces + "/red/pods/p", R"({"gracePeriodSeconds":0})");
    EXPECT_EQ(c.get(spaces + "/red").code, 404);
    EXPECT_EQ(c.remove(spaces + "/default").code, 403);
}

TEST(Namespace, AnEmptyOneIsGoneAtOnceButSeenGoing) {
    Cluster c;
    c.space("red");
    c.get(spaces + "?watch=1&resourceVersion=" + std::to_string(c.store.revision()));
    auto watch = std::move(c.watch);
    c.remove(spaces + "/red");
    c.watch = std::move(watch);
    EXPECT_EQ(c.event_names(), "MODIFIED red DELETED red");
}

TEST(Namespace, NamesWithACommonStartAreApart) {
    Cluster c;
    c.space("red");
    c.space("red-2");
    c.post(spaces + "/red-2/configmaps", "metadata: {name: m}");
    c.remove(spaces + "/red");
    EXPECT_EQ(c.get(spaces + "/red").code, 404);
    EXPECT_EQ(c.get(spaces + "/red-2/configmaps/m").code, 200);
}

}  // namespace
}  // namespace weft::apiserver
