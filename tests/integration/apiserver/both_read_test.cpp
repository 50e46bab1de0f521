// What the embedded API server and a real one have in common: lists, watches, versions.
#include "both.hpp"

namespace weft::testing {
namespace {

class Reads : public Both {
  protected:
    static std::string encoded(std::string text) {
        for (std::size_t at = 0; (at = text.find_first_of("=+/", at)) != std::string::npos; at += 3)
            text.replace(at, 1, text[at] == '=' ? "%3D" : text[at] == '+' ? "%2B" : "%2F");
        return text;
    }
    Answer page(const Answer& before, const std::string& more = {}) const {
        return get(pods + "?limit=2" + more + "&continue=" + encoded(before.json["metadata"].value("continue", "")));
    }
    void make_pods(const std::string& names, const std::string& node = {}) const {
        for (const char name : names)
            make_pod(std::string(1, name), node);
    }
    static Json object(const HttpStream& stream, std::size_t line) {
        const auto lines = stream.lines();
        return line < lines.size() ? Json::parse(lines[line], nullptr, false)["object"] : Json();
    }
};
WEFT_ON_BOTH_SERVERS(Reads);

TEST_P(Reads, AListHasItsShape) {
    make_pods("a");
    const auto list = get(pods);
    EXPECT_EQ(list.code, 200);
    EXPECT_EQ(list.json["kind"], "PodList");
    EXPECT_EQ(list.json["apiVersion"], "v1");
    EXPECT_NE(list.version(), "");
    ASSERT_EQ(list.json["items"].size(), 1U);
    EXPECT_FALSE(list.json["items"][0].contains("kind"));
    const auto none = get(maps + "?labelSelector=a%3Db");
    EXPECT_TRUE(none.json["items"].is_array());
    EXPECT_TRUE(none.json["items"].empty());
}

TEST_P(Reads, Selectors) {
    make_pod("a", ns + "-n1", R"({"app":"web","tier":"1"})");
    make_pod("b", ns + "-n2", R"({"app":"db"})");
    make_pod("c");
    const auto with = [this](const std::string& query) { return get(pods + "?" + query).names(); };
    EXPECT_EQ(with("labelSelector=app"), "a b");
    EXPECT_EQ(with("labelSelector=%21app"), "c");
    EXPECT_EQ(with("labelSelector=app%3Dweb"), "a");
    EXPECT_EQ(with("labelSelector=app%3D%3Ddb"), "b");
    EXPECT_EQ(with("labelSelector=app%21%3Dweb"), "b c");
    EXPECT_EQ(with("labelSelector=app+in+(db,x)"), "b");
    EXPECT_EQ(with("labelSelector=app+notin+(db)"), "a c");
    EXPECT_EQ(with("labelSelector=app%3Dweb,tier+in+(1)"), "a");
    EXPECT_EQ(with("labelSelector=tier%3E0"), "a");
    EXPECT_EQ(with("labelSelector=tier%3C1"), "");
    EXPECT_EQ(with("labelSelector="), "a b c");
    EXPECT_EQ(with("fieldSelector=spec.nodeName%3D" + ns + "-n1"), "a");
    EXPECT_EQ(with("fieldSelector=spec.nodeName%21%3D" + ns + "-n1"), "b c");
    EXPECT_EQ(with("fieldSelector=spec.nodeName%3D"), "c");
    EXPECT_EQ(with("fieldSelector=metadata.name%3Db"), "b");
    EXPECT_EQ(with("fieldSelector=status.phase%3DPending,metadata.name%21%3Da"), "b c");
    EXPECT_EQ(get("/api/v1/pods?fieldSelector=spec.nodeName%3D" + ns + "-n2").names(), "b");
    EXPECT_EQ(get("/api/v1/pods?fieldSelector=metadata.namespace%3D" + ns).names(), "a b c");
    for (const char* bad :
         {"labelSelector=app+in", "labelSelector=a+b", "fieldSelector=spec.foo%3Dx", "fieldSelector=nonsense"})
        EXPECT_EQ(get(pods + "?" + bad).code, 400) << bad;
}

TEST_P(Reads, PagesShowOneMoment) {
    make_pods("abcde");
    const auto first = get(pods + "?limit=2");
    EXPECT_EQ(first.names(), "a b");
    EXPECT_EQ(first.json["metadata"]["remainingItemCount"], 3);
    remove(pods + "/c");
    make_pod("cc");
    merge(pods + "/d", R"({"metadata":{"labels":{"late":"yes"}}})");
    const auto second = page(first);
    EXPECT_EQ(second.names(), "c d");
    EXPECT_EQ(second.version(), first.version());
    EXPECT_FALSE(second.json["items"][1]["metadata"].contains("labels"));
    const auto third = page(second);
    EXPECT_EQ(third.names(), "e");
    EXPECT_EQ(third.json["metadata"].value("continue", ""), "");
    EXPECT_EQ(get(pods).names(), "a b cc d e");
    EXPECT_EQ(get(pods + "?limit=2&continue=garbage").code, 400);
    EXPECT_EQ(page(first, "&resourceVersion=1").code, 400);
}

TEST_P(Reads, ASelectionHidesHowManyRemain) {
    make_pods("abc", ns + "-n1");
    const std::string selector = "&fieldSelector=spec.nodeName%3D" + ns + "-n1";
    const auto first = get(pods + "?limit=2" + selector);
    EXPECT_EQ(first.names(), "a b");
    EXPECT_FALSE(first.json["metadata"].contains("remainingItemCount"));
    EXPECT_EQ(page(first, selector).names(), "c");
}

TEST_P(Reads, Versions) {
    make_pods("a");
    const auto then = get(pods).version();
    make_pods("b");
    const std::string base = pods + "?resourceVersion=";
    EXPECT_EQ(get(base + then + "&resourceVersionMatch=Exact").names(), "a");
    EXPECT_EQ(get(base + then + "&resourceVersionMatch=Exact").version(), then);
    EXPECT_EQ(get(base + then + "&resourceVersionMatch=NotOlderThan").names(), "a b");
    EXPECT_EQ(get(base + "nonsense").code, 400);
    EXPECT_EQ(get(pods + "?resourceVersionMatch=Exact").code, 422);
    EXPECT_EQ(get(base + "0&resourceVersionMatch=Exact").code, 422);
    const auto future = get(base + "999999999");
    EXPECT_EQ(future.code, 504);
    EXPECT_EQ(future.reason(), "Timeout");
    EXPECT_EQ(future.causes(), "ResourceVersionTooLarge ");
    // One count for everything.
    const auto map = make_map("m");
    EXPECT_GT(std::stoull(map.version()), std::stoull(then));
    EXPECT_GE(std::stoull(get(pods).version()), std::stoull(map.version()));
}

TEST_P(Reads, MetadataOnlyAndTables) {
    make_pod("a", ns + "-n1", R"({"app":"web"})");
    const auto partial = call("GET", pods, {}, {}, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
    EXPECT_EQ(partial.json["kind"], "PartialObjectMetadataList");
    EXPECT_EQ(partial.json["apiVersion"], "meta.k8s.io/v1");
    EXPECT_EQ(partial.json["items"][0]["metadata"]["labels"]["app"], "web");
    EXPECT_FALSE(partial.json["items"][0].contains("spec"));
    const auto table = call("GET", pods, {}, {}, "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
    EXPECT_EQ(table.json["kind"], "Table");
    EXPECT_EQ(table.json["columnDefinitions"][0]["name"], "Name");
    EXPECT_EQ(table.json["rows"][0]["cells"][0], "a");
    EXPECT_EQ(table.json["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

TEST_P(Reads, EmptyMapsAreNotKept) {
    const auto made = make(maps, R"({"metadata":{"name":"m","labels":{},"annotations":{}},"data":{}})");
    EXPECT_FALSE(made.json["metadata"].contains("labels")) << made.body;
    EXPECT_FALSE(made.json["metadata"].contains("annotations")) << made.body;
    EXPECT_FALSE(made.json.contains("data")) << made.body;
}

TEST_P(Reads, AWatchTellsWhatThereIsAndWhatHappens) {
    make_pods("ab");
    auto stream = watch(pods, "");
    EXPECT_EQ(events(*stream, "ADDED a, ADDED b"), "ADDED a, ADDED b");
    make_pods("c");
    merge(pods + "/c", R"({"metadata":{"labels":{"x":"y"}}})");
    const auto before = std::stoull(get(pods + "/a").version());
    remove(pods + "/a");
    const std::string all = "ADDED a, ADDED b, ADDED c, MODIFIED c, MODIFIED a, DELETED a";
    EXPECT_EQ(events(*stream, all), all);
    // A deletion has a version of its own.
    const auto version = [&](std::size_t line) {
        return std::stoull(object(*stream, line)["metadata"]["resourceVersion"].get<std::string>());
    };
    EXPECT_GT(version(4), before);
    EXPECT_GT(version(5), version(4));
    EXPECT_EQ(object(*stream, 5)["kind"], "Pod");
}

TEST_P(Reads, AWatchGoesOnFromAVersion) {
    make_pods("a");
    const auto then = get(pods).version();
    make_pods("b");
    remove(pods + "/a");
    auto stream = watch(pods, "resourceVersion=" + then);
    EXPECT_EQ(events(*stream, "ADDED b, MODIFIED a, DELETED a"), "ADDED b, MODIFIED a, DELETED a");
    auto bad = watch(pods, "resourceVersion=nonsense");
    ASSERT_TRUE(bad->wait_end());
}

TEST_P(Reads, ObjectsEnterAndLeaveASelection) {
    auto stream = watch(pods, "labelSelector=app%3Dweb&resourceVersion=" + get(pods).version());
    make_pod("a", "", R"({"app":"web"})");
    make_pods("b");
    merge(pods + "/b", R"({"metadata":{"labels":{"app":"web"}}})");
    merge(pods + "/a", R"({"metadata":{"labels":{"app":"db"}}})");
    merge(pods + "/a", R"({"metadata":{"labels":{"app":"db2"}}})");
    remove(pods + "/b");
    const std::string all = "ADDED a, ADDED b, DELETED a, MODIFIED b, DELETED b";
    EXPECT_EQ(events(*stream, all), all);
    // Told as it was while it still belonged there, with the version of the change.
    EXPECT_EQ(object(*stream, 2)["metadata"]["labels"]["app"], "web");
}

TEST_P(Reads, AWatchByNodeFollowsBinding) {
    auto stream =
        watch("/api/v1/pods", "fieldSelector=spec.nodeName%3D" + ns + "-n1&resourceVersion=" + get(pods).version());
    make_pods("a");
    post(pods + "/a/binding",
         R"({"apiVersion":"v1","kind":"Binding","metadata":{"name":"a"},"target":{"kind":"Node","name":")" + ns +
             R"(-n1"}})");
    EXPECT_EQ(events(*stream, "ADDED a"), "ADDED a");
    EXPECT_EQ(object(*stream, 0)["spec"]["nodeName"], ns + "-n1");
}

TEST_P(Reads, OneObjectByName) {
    make_pods("ab");
    auto stream = watch(pods, "fieldSelector=metadata.name%3Db");
    EXPECT_EQ(events(*stream, "ADDED b"), "ADDED b");
    remove(pods + "/a");
    remove(pods + "/b");
    EXPECT_EQ(events(*stream, "ADDED b, MODIFIED b, DELETED b"), "ADDED b, MODIFIED b, DELETED b");
}

TEST_P(Reads, BookmarksForThoseWhoAllowThem) {
    make_pods("a");
    const auto then = get(pods).version();
    const auto query = "fieldSelector=metadata.name%3Da&timeoutSeconds=5&resourceVersion=" + then;
    auto with = watch(pods, "allowWatchBookmarks=true&" + query);
    auto without = watch(pods, query);
    // A bookmark tells something new, or it isn't sent: here what the selection hides.
    make_pods("b");
    for (int i = 0; !with->ended_after(std::chrono::milliseconds(200)); ++i)
        merge(pods + "/b", R"({"metadata":{"labels":{"n":")" + std::to_string(i) + R"("}}})");
    ASSERT_TRUE(without->wait_end());
    EXPECT_EQ(with->error(), "");
    EXPECT_TRUE(without->lines().empty());
    ASSERT_FALSE(with->lines().empty());
    for (const auto& line : with->lines())
        EXPECT_EQ(event_name(line), "BOOKMARK");
    const auto bookmark = object(*with, with->lines().size() - 1);
    EXPECT_EQ(bookmark["kind"], "Pod");
    EXPECT_EQ(bookmark["apiVersion"], "v1");
    EXPECT_GT(std::stoull(bookmark["metadata"]["resourceVersion"].get<std::string>()), std::stoull(then));
    EXPECT_EQ(bookmark["metadata"].value("name", ""), "");
}

TEST_P(Reads, AStreamingListEndsWithABookmark) {
    make_pods("ab");
    const std::string query = "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
    auto stream = watch(pods, query);
    EXPECT_EQ(events(*stream, "ADDED a, ADDED b, BOOKMARK"), "ADDED a, ADDED b, BOOKMARK");
    EXPECT_EQ(object(*stream, 2)["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    make_pods("c");
    EXPECT_EQ(events(*stream, "ADDED a, ADDED b, BOOKMARK, ADDED c"), "ADDED a, ADDED b, BOOKMARK, ADDED c");
    // Who allows no bookmarks gets none.
    auto silent = watch(pods, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
    EXPECT_EQ(events(*silent, "ADDED a, ADDED b, ADDED c"), "ADDED a, ADDED b, ADDED c");
    make_pods("d");
    EXPECT_EQ(events(*silent, "ADDED a, ADDED b, ADDED c, ADDED d"), "ADDED a, ADDED b, ADDED c, ADDED d");
    EXPECT_EQ(get(pods + "?sendInitialEvents=true").code, 422);
    for (const char* bad : {"sendInitialEvents=true&allowWatchBookmarks=true", "sendInitialEvents=true",
                            "resourceVersionMatch=NotOlderThan&resourceVersion=1"}) {
        const auto refused = get(pods + "?watch=1&" + bad);
        EXPECT_EQ(refused.code, 422) << bad << refused.body;
        EXPECT_EQ(refused.reason(), "Invalid") << bad;
    }
}

TEST_P(Reads, HistoryThatIsForgottenIsGone) {
    make_pods("abc");
    const auto first = get(pods + "?limit=2");
    const auto then = first.version();
    make_pods("d");
    forget_history();
    const auto exact = get(pods + "?resourceVersionMatch=Exact&resourceVersion=" + then);
    EXPECT_EQ(exact.code, 410);
    EXPECT_EQ(exact.reason(), "Expired");
    const auto second = page(first);
    EXPECT_EQ(second.code, 410);
    EXPECT_EQ(second.reason(), "Expired");
    // It can go on where it was, in another moment.
    const auto inconsistent = page(second);
    EXPECT_EQ(inconsistent.code, 200) << inconsistent.body;
    EXPECT_EQ(inconsistent.names(), "c d");
    auto stream = watch(pods, "resourceVersion=" + then);
    ASSERT_TRUE(stream->wait_lines(1));
    const auto error = Json::parse(stream->lines()[0], nullptr, false);
    const auto& status = error.contains("object") ? error["object"] : error;
    EXPECT_EQ(status["code"], 410) << stream->lines()[0];
    EXPECT_EQ(status["reason"], "Expired") << stream->lines()[0];
}

}  // namespace
}  // namespace weft::testing
