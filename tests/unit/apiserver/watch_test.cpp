#include "cluster.hpp"

#include <gtest/gtest.h>

namespace weft::apiserver {
namespace {

const std::string pods = "/api/v1/namespaces/default/pods";

TEST(Watch, TellsWhatThereIsAndWhatHappens) {
    Cluster c;
    c.pod("a");
    c.get(pods + "?watch=true");
    auto watch = std::move(c.watch);
    auto names = [&] {
        std::swap(c.watch, watch);
        auto out = c.event_names();
        std::swap(c.watch, watch);
        return out;
    };
    EXPECT_EQ(names(), "ADDED a");
    EXPECT_EQ(names(), "");
    c.pod("b");
    c.merge(pods + "/a", R"({"metadata":{"labels":{"x":"y"}}})");
    c.remove(pods + "/b");
    EXPECT_EQ(names(), "ADDED b MODIFIED a MODIFIED b DELETED b");
}

TEST(Watch, GoesOnFromAVersion) {
    Cluster c;
    c.pod("a");
    auto then = std::to_string(c.store.revision());
    c.pod("b");
    c.get(pods + "?watch=1&resourceVersion=" + then);
    EXPECT_EQ(c.event_names(), "ADDED b");
    c.get(pods + "?watch=1&resourceVersion=" + std::to_string(c.store.revision()));
    EXPECT_EQ(c.event_names(), "");
}

TEST(Watch, DeletionIsToldWithItsOwnVersion) {
    Cluster c;
    auto made = revision_of(c.pod("a").json);
    c.get(pods + "?watch=1&resourceVersion=" + made);
    auto watch = std::move(c.watch);
    c.remove(pods + "/a");
    c.watch = std::move(watch);
    auto events = c.events();
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0]["type"], "MODIFIED");
    EXPECT_EQ(events[0]["object"]["metadata"]["deletionGracePeriodSeconds"], 0);
    EXPECT_EQ(events[1]["type"], "DELETED");
    EXPECT_EQ(events[1]["object"]["kind"], "Pod");
    EXPECT_EQ(events[1]["object"]["metadata"]["resourceVersion"], std::to_string(c.store.revision()));
}

TEST(Watch, ObjectsEnterAndLeaveASelection) {
    Cluster c;
    c.pod("a", "", "{app: web}");
    auto then = std::to_string(c.store.revision());
    c.merge(pods + "/a", R"({"metadata":{"labels":{"app":"db"}}})");
    c.merge(pods + "/a", R"({"metadata":{"labels":{"other":"1"}}})");
    c.merge(pods + "/a", R"({"metadata":{"labels":{"app":"web"}}})");
    c.get(pods + "?watch=1&labelSelector=app%3Dweb&resourceVersion=" + then);
    auto events = c.events();
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0]["type"], "DELETED");
    EXPECT_EQ(events[0]["object"]["metadata"]["labels"]["app"], "web");  // as it was, with the version of the change
    EXPECT_EQ(events[0]["object"]["metadata"]["resourceVersion"], std::to_string(std::stoi(then) + 1));
    EXPECT_EQ(events[1]["type"], "ADDED");
    EXPECT_EQ(events[1]["object"]["metadata"]["labels"]["other"], "1");
}

TEST(Watch, FieldSelectorFollowsBinding) {
    Cluster c;
    c.pod("a");
    c.get("/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dn1&resourceVersion=" +
          std::to_string(c.store.revision()));
    auto watch = std::move(c.watch);
    EXPECT_EQ(c.post(pods + "/a/binding", "{metadata: {name: a}, target: {kind: Node, name: n1}}").code, 201);
    c.watch = std::move(watch);
    EXPECT_EQ(c.event_names(), "ADDED a");
}

TEST(Watch, OneObjectByName) {
    Cluster c;
    c.pod("a");
    c.pod("b");
    c.get(pods + "/b?watch=true");
    EXPECT_EQ(c.event_names(), "ADDED b");
}

TEST(Watch, ExpiresWhenHistoryIsGone) {
    Cluster c;
    c.pod("a");
    auto then = std::to_string(c.store.revision());
    c.pod("b");
    c.store.compact();
    c.get(pods + "?watch=1&resourceVersion=" + then);
    auto events = c.events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0]["type"], "ERROR");
    EXPECT_EQ(events[0]["object"]["code"], 410);
    EXPECT_EQ(events[0]["object"]["reason"], "Expired");
    EXPECT_TRUE(c.ended);
}

TEST(Watch, ASlowReaderOfAShortHistoryExpires) {
    Cluster c(3);
    c.get(pods + "?watch=1&resourceVersion=" + std::to_string(c.store.revision()));
    auto watch = std::move(c.watch);
    for (const char* name : {"a", "b", "c", "d", "e"})
        c.pod(name);
    c.watch = std::move(watch);
    EXPECT_EQ(c.event_names(), "ERROR");
    EXPECT_TRUE(c.ended);
}

TEST(Watch, StreamingListEndsWithABookmark) {
    Cluster c;
    c.pod("a");
    c.pod("b");
    c.get(pods + "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
    auto events = c.events();
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[2]["type"], "BOOKMARK");
    EXPECT_EQ(events[2]["object"]["kind"], "Pod");
    EXPECT_EQ(events[2]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    EXPECT_EQ(events[2]["object"]["metadata"]["resourceVersion"], std::to_string(c.store.revision()));
}

TEST(Watch, AStreamingListEndsSilentlyForThoseWhoAllowNoBookmarks) {
    Cluster c;
    c.pod("a");
    c.get(pods + "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
    EXPECT_EQ(c.event_names(), "ADDED a");
}

TEST(Watch, StreamingListAsksForItsOptions) {
    Cluster c;
    EXPECT_EQ(c.get(pods + "?watch=1&sendInitialEvents=true&allowWatchBookmarks=true").code, 422);
    EXPECT_EQ(c.get(pods + "?sendInitialEvents=true").code, 422);
    EXPECT_EQ(c.get(pods + "?watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1").code, 422);
    EXPECT_EQ(c.get(pods + "?watch=1&resourceVersion=x").code, 400);
}

TEST(Watch, BookmarksOnlyForThoseWhoAllowThem) {
    Cluster c;
    c.get(pods + "?watch=1&resourceVersion=1");
    c.events();
    c.watch->want_bookmark();
    EXPECT_EQ(c.event_names(), "");
    c.get(pods + "?watch=1&resourceVersion=1&allowWatchBookmarks=true");
    c.events();
    c.watch->want_bookmark();
    auto events = c.events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0]["type"], "BOOKMARK");
    EXPECT_EQ(events[0]["object"]["metadata"]["resourceVersion"], std::to_string(c.store.revision()));
}

TEST(Watch, WritesNoMoreThanAskedAtOnce) {
    Cluster c;
    for (int i = 0; i < 20; ++i)
        c.pod("p" + std::to_string(i));
    c.get(pods + "?watch=1");
    std::string all;
    int rounds = 0;
    for (auto state = Watch::State::more; state == Watch::State::more; ++rounds) {
        std::string part;
        state = c.watch->fill(part, 1000);
        EXPECT_LT(part.size(), 3000U);
        all += part;
    }
    EXPECT_GT(rounds, 5);
    EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 20);
}

TEST(Watch, TellsTwiceWhenAsked) {
    Cluster c;
    c.get(pods + "?watch=1");
    auto watch = std::move(c.watch);
    watch->set_duplicating(true);
    c.pod("a");
    c.watch = std::move(watch);
    EXPECT_EQ(c.event_names(), "ADDED a ADDED a");
}

TEST(Watch, EndsWithItsDefinition) {
    Cluster c;
    c.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
           "{metadata: {name: foos.x.org}, spec: {group: x.org, scope: Cluster, names: {plural: foos, kind: Foo}, "
           "versions: [{name: v1, served: true, storage: true}]}}");
    c.post("/apis/x.org/v1/foos", "{apiVersion: x.org/v1, kind: Foo, metadata: {name: f}}");
    c.get("/apis/x.org/v1/foos?watch=1");
    auto watch = std::move(c.watch);
    c.remove("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/foos.x.org");
    c.watch = std::move(watch);
    EXPECT_EQ(c.event_names(), "ADDED f DELETED f");
    EXPECT_TRUE(c.ended);
    EXPECT_EQ(c.get("/apis/x.org/v1/foos").code, 404);
}

TEST(Watch, MetadataOnly) {
    Cluster c;
    c.pod("a");
    c.call("GET", pods + "?watch=1", "", "", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");
    auto events = c.events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0]["object"]["kind"], "PartialObjectMetadata");
    EXPECT_FALSE(events[0]["object"].contains("spec"));
}

}  // namespace
}  // namespace weft::apiserver
