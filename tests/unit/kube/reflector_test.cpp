#include "kube/reflector.hpp"

#include "fakes.hpp"
#include "kube/watches.hpp"

#include <weft/tables/kube.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::kube {
namespace {

using namespace std::chrono_literals;
using test::FakeTransport;
using test::ManualLoop;
using test::RecordingSink;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::string pod(const std::string& name, int version, const std::string& label = "x", const std::string& uid = "u") {
    return R"({"metadata":{"name":")" + name + R"(","namespace":"n","uid":")" + uid + R"(","resourceVersion":")" +
           std::to_string(version) + R"(","labels":{"l":")" + label + R"("}}})";
}
std::string list(const std::string& items, int version, const std::string& next = "") {
    return R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":")" + std::to_string(version) +
           (next.empty() ? "" : R"(","continue":")" + next) + R"("},"items":[)" + items + "]}";
}
std::string event(const std::string& type, const std::string& object) {
    return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}
std::string bookmark(int version) {
    return event("BOOKMARK", R"({"kind":"Pod","metadata":{"resourceVersion":")" + std::to_string(version) + R"("}})");
}
std::string gone() {
    return event("ERROR", R"({"kind":"Status","status":"Failure","code":410,"reason":"Expired","message":"too old"})");
}

class ReflectorTest : public testing::Test {
  protected:
    Reflector& make(ReflectorOptions options = {}, WatchScope scope = WatchScope::all) {
        options.node = "n1";
        reflector.emplace(loop, transport, sink, pod_resource(), scope, options, [] { return 0.0; });
        reflector->start();
        return *reflector;
    }
    /// Lists p1 and p2 at version 10 and leaves the watch open.
    Reflector& watching(ReflectorOptions options = {}) {
        Reflector& made = make(options);
        transport.answer(200, list(pod("p1", 1) + "," + pod("p2", 2), 10));
        EXPECT_THAT(transport.request().path, HasSubstr("watch=1"));
        sink.take_journal();
        return made;
    }
    std::vector<std::string> keys() const {
        std::vector<std::string> names;
        for (const auto& [key, row] : sink.rows)
            names.push_back(key);
        return names;
    }

    ManualLoop loop;
    FakeTransport transport{loop};
    RecordingSink sink;
    std::optional<Reflector> reflector;
};

TEST_F(ReflectorTest, ListsInPagesThenWatches) {
    make();
    EXPECT_EQ(transport.request().path, "/api/v1/pods?limit=500");
    transport.answer(200, list(pod("p1", 1), 10, "token/+="));
    EXPECT_THAT(sink.journal, IsEmpty()) << "an incomplete list must not be shown";
    EXPECT_EQ(transport.request().path, "/api/v1/pods?limit=500&continue=token%2F%2B%3D");
    transport.answer(200, list(pod("p2", 2), 10));
    EXPECT_THAT(sink.take_journal(), ElementsAre("replace Pod 2", "complete Pod"));
    EXPECT_EQ(transport.request().path,
              "/api/v1/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=10");
    EXPECT_GE(transport.request().deadline, 300s);
    transport.stream(event("ADDED", pod("p3", 11)) + event("MODIFIED", pod("p1", 12, "y")) +
                     event("DELETED", pod("p2", 13)));
    EXPECT_THAT(sink.take_journal(), ElementsAre("put n/p3", "put n/p1", "erase n/p2"));
    EXPECT_EQ(sink.flushes, 2U) << "one for the list, one for the chunk";
    EXPECT_EQ(reflector->status().posted, 3U);
    EXPECT_EQ(reflector->find("n/p1")->version, 12U);
    EXPECT_EQ(reflector->find("n/p2"), nullptr);
}

TEST_F(ReflectorTest, LocalScopeIsAFieldSelector) {
    make({}, WatchScope::local_node);
    EXPECT_EQ(transport.request().path, "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1&limit=500");
    transport.answer(200, list("", 10));
    EXPECT_THAT(transport.request().path, HasSubstr("fieldSelector=spec.nodeName%3Dn1&watch=1"));
    reflector->rescope(WatchScope::all);
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().path, "/api/v1/pods?limit=500");
}

TEST_F(ReflectorTest, HeartbeatsAndDuplicatesDie) {
    watching();
    transport.stream(event("MODIFIED", pod("p1", 11)) + event("ADDED", pod("p1", 11)) +
                     event("MODIFIED", pod("p2", 12)));
    EXPECT_THAT(sink.journal, IsEmpty());
    EXPECT_EQ(reflector->status().unchanged, 3U);
    EXPECT_EQ(reflector->find("n/p1")->version, 11U) << "the version moves on all the same";
}

TEST_F(ReflectorTest, OldNewsIsNoNews) {
    watching();
    transport.stream(event("DELETED", pod("p1", 11)) + event("ADDED", pod("p1", 12, "new", "u2")));
    sink.take_journal();
    transport.stream(event("DELETED", pod("p1", 11)) + event("MODIFIED", pod("p1", 3, "old")) +
                     event("DELETED", pod("p1", 12, "x", "u")) + event("DELETED", pod("p9", 13)));
    EXPECT_THAT(sink.journal, IsEmpty());
    EXPECT_THAT(keys(), ElementsAre("n/p1", "n/p2"));
}

TEST_F(ReflectorTest, ChunksMayEndAnywhere) {
    watching();
    const std::string text = event("ADDED", pod("p3", 11)) + bookmark(15) + event("DELETED", pod("p1", 16));
    for (const char c : text)
        transport.stream(std::string_view(&c, 1));
    EXPECT_THAT(sink.take_journal(), ElementsAre("put n/p3", "erase n/p1"));
    EXPECT_EQ(reflector->status().bookmarks, 1U);
}

TEST_F(ReflectorTest, ResumesWhereTheStreamBrokeOff) {
    watching();
    loop.advance(10s);
    transport.stream(event("ADDED", pod("p3", 11)) + R"({"type":"ADDED","obj)");
    transport.fail("transfer closed");
    loop.advance(2s);
    EXPECT_THAT(transport.request().path, HasSubstr("resourceVersion=11"));
    transport.stream(event("ADDED", pod("p4", 12)));
    EXPECT_THAT(sink.take_journal(), ElementsAre("put n/p3", "put n/p4"));
}

TEST_F(ReflectorTest, AFairWatchIsFollowedAtOnce) {
    watching();
    transport.stream(bookmark(20));
    loop.advance(301s);
    transport.answer(200);
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_THAT(transport.request().path, HasSubstr("resourceVersion=20"));
    EXPECT_EQ(reflector->status().trouble, "");
}

/// So does a server with one that takes events more slowly than they come.
TEST_F(ReflectorTest, AWatchThatGotOnIsFollowedAtOnce) {
    watching();
    Answer end;
    end.http = 200;
    for (int version = 11; version < 14; ++version) {
        transport.stream(event("MODIFIED", pod("p1", version, std::to_string(version))));
        transport.finish(end);
        ASSERT_EQ(transport.open(), 1U);
        EXPECT_THAT(transport.request().path, HasSubstr("resourceVersion=" + std::to_string(version)));
    }
    // What brings but the same again is waited for.
    transport.stream(event("MODIFIED", pod("p1", 13, "13")));
    transport.finish(end);
    EXPECT_EQ(transport.open(), 0U);
}

TEST_F(ReflectorTest, AWatchThatEndsAtOnceBacksOff) {
    watching();
    for (const auto wait : {800ms, 1600ms, 3200ms}) {
        transport.answer(200);
        EXPECT_EQ(transport.open(), 0U);
        loop.advance(wait - 1ms);
        EXPECT_EQ(transport.open(), 0U);
        loop.advance(1ms);
        ASSERT_EQ(transport.open(), 1U);
    }
}

TEST_F(ReflectorTest, AWatchThatIsServedIsNoTroubleThoughItIsQuiet) {
    watching();
    transport.fail("connection reset");
    loop.advance(2s);
    ASSERT_EQ(transport.open(), 1U);
    loop.advance(20s);
    EXPECT_THAT(reflector->status().trouble, HasSubstr("connection reset")) << "nobody has answered yet";
    transport.stream("");
    EXPECT_THAT(reflector->status().trouble, HasSubstr("connection reset")) << "it may end at once";
    loop.advance(5s);
    EXPECT_EQ(reflector->status().trouble, "");
    ASSERT_EQ(transport.open(), 1U);
    transport.stream(event("ADDED", pod("p3", 11)));
    EXPECT_THAT(sink.take_journal(), ElementsAre("put n/p3"));
}

TEST_F(ReflectorTest, GoneMeansListAnew) {
    watching();
    transport.stream(gone());
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().path, "/api/v1/pods?limit=500");
    transport.answer(200, list(pod("p1", 1) + "," + pod("p3", 30), 40));
    EXPECT_THAT(sink.take_journal(), UnorderedElementsAre("erase n/p2", "put n/p3"));
    // Again at once, without any event in between: this time not immediately.
    transport.answer(410, R"({"kind":"Status","code":410,"reason":"Gone"})");
    EXPECT_EQ(transport.open(), 0U);
    loop.advance(1s);
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(reflector->status().restarts, 2U);
}

TEST_F(ReflectorTest, GoneBetweenPages) {
    make();
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(transport.request().path, "/api/v1/pods?limit=500");
        transport.answer(200, list(pod("old" + std::to_string(round), 1), 10, "next"));
        transport.answer(410, R"({"kind":"Status","code":410,"reason":"Expired"})");
        loop.advance(2s);
    }
    EXPECT_EQ(transport.request().path, "/api/v1/pods?limit=0") << "then without pages";
    transport.answer(200, list(pod("p1", 1), 20));
    EXPECT_THAT(keys(), ElementsAre("n/p1"));
}

TEST_F(ReflectorTest, ABrokenPageIsAskedForAgain) {
    make();
    transport.answer(200, list(pod("p1", 1), 10, "next"));
    const std::string page = list(pod("p2", 2) + "," + pod("p3", 3), 10);
    transport.stream(page.substr(0, page.size() - 30));
    transport.fail("transfer closed");
    loop.advance(1s);
    EXPECT_THAT(transport.request().path, HasSubstr("continue=next"));
    transport.answer(200, page.substr(0, page.size() - 1));
    loop.advance(2s);
    transport.answer(200, page);
    EXPECT_THAT(keys(), ElementsAre("n/p1", "n/p2", "n/p3"));
}

TEST_F(ReflectorTest, AWholePageNeedsNoEnd) {
    make();
    transport.stream(list(pod("p1", 1), 10, "more"));
    loop.advance(299ms);
    ASSERT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.request().path, "/api/v1/pods?limit=500") << "the end may still come";
    loop.advance(1ms);
    ASSERT_EQ(transport.open(), 1U) << "the first page's exchange is cancelled";
    EXPECT_EQ(transport.request().path, "/api/v1/pods?limit=500&continue=more");
    transport.stream(list(pod("p2", 2), 10).substr(0, 60));
    loop.advance(1s);
    EXPECT_THAT(sink.journal, IsEmpty()) << "half a page is none";
    transport.stream(list(pod("p2", 2), 10).substr(60));
    loop.advance(300ms);
    EXPECT_THAT(sink.take_journal(), ElementsAre("replace Pod 2", "complete Pod"));
    EXPECT_THAT(transport.request().path, HasSubstr("watch=1"));
    EXPECT_EQ(loop.timers(), 0U);
}

TEST_F(ReflectorTest, AnEndThatIsToldIsNotWaitedFor) {
    make();
    transport.answer(200, list(pod("p1", 1), 10, "more"));
    transport.answer(200, list(pod("p2", 2), 10));
    EXPECT_THAT(transport.request().path, HasSubstr("watch=1"));
    loop.advance(1s);
    EXPECT_EQ(transport.open(), 1U);
    EXPECT_EQ(transport.started(), 3U);
}

TEST_F(ReflectorTest, NoListAtAll) {
    make();
    transport.answer(200, "<html>captive portal</html>");
    EXPECT_THAT(reflector->status().trouble, HasSubstr("no JSON object"));
    loop.advance(1s);
    transport.answer(200, R"({"kind":"PodList","items":[]})");
    EXPECT_THAT(reflector->status().trouble, HasSubstr("resourceVersion"));
    loop.advance(2s);
    transport.answer(404, "404 page not found");
    EXPECT_THAT(reflector->status().trouble, HasSubstr("404"));
    EXPECT_THAT(sink.journal, IsEmpty());
    EXPECT_FALSE(reflector->complete());
    loop.advance(4s);
    transport.answer(200, list("", 1));
    EXPECT_TRUE(reflector->complete());
}

TEST_F(ReflectorTest, HonoursRetryAfter) {
    make();
    transport.answer(429, R"({"kind":"Status","code":429,"details":{"retryAfterSeconds":7}})");
    loop.advance(6s);
    EXPECT_EQ(transport.open(), 0U);
    loop.advance(1s);
    EXPECT_EQ(transport.open(), 1U);
    transport.answer(200, list("", 10));
    transport.stream(event("ERROR", R"({"kind":"Status","code":429,"details":{"retryAfterSeconds":9}})"));
    loop.advance(8s);
    EXPECT_EQ(transport.open(), 0U);
    loop.advance(1s);
    EXPECT_THAT(transport.request().path, HasSubstr("watch=1"));
}

TEST_F(ReflectorTest, MalformedObjectsAreNamedAndEverythingElseGoesOn) {
    make();
    transport.answer(
        200, list(pod("p1", 1) + R"(,{"metadata":{"name":"bad","namespace":"n","labels":7}},3,{"metadata":{}},)" +
                      pod("p2", 2),
                  10));
    EXPECT_THAT(keys(), ElementsAre("n/p1", "n/p2"));
    ASSERT_EQ(sink.problems.size(), 3U);
    EXPECT_EQ(sink.problems[0].first.name, "bad");
    EXPECT_THAT(sink.problems[0].second.text(), HasSubstr("Pod n/bad: metadata.labels"));
    EXPECT_THAT(sink.problems[1].second.text(), HasSubstr("number 3"));
    EXPECT_EQ(reflector->status().malformed_count, 3U);
    sink.take_journal();

    // A known object keeps its last good row, and the same complaint is made once.
    const std::string broken = R"({"metadata":{"name":"p1","namespace":"n","resourceVersion":"11","labels":{"l":[]}}})";
    transport.stream(event("MODIFIED", broken) + event("MODIFIED", broken));
    EXPECT_THAT(sink.take_journal(), ElementsAre("malformed n/p1"));
    EXPECT_TRUE(sink.rows.contains("n/p1"));
    transport.stream(event("MODIFIED", pod("p1", 12)) +
                     event("DELETED", R"({"metadata":{"name":"bad","namespace":"n","resourceVersion":"13"}})"));
    EXPECT_THAT(sink.take_journal(), ElementsAre("mended n/p1", "mended n/bad"));
    // A list that has the nameless ones no more.
    reflector->relist();
    transport.answer(200, list(pod("p1", 12) + "," + pod("p2", 2), 20));
    EXPECT_EQ(reflector->status().malformed_count, 0U);
    EXPECT_THAT(sink.rows.size(), 2U);
}

TEST_F(ReflectorTest, AMalformedObjectInANewListKeepsItsRow) {
    watching();
    reflector->relist();
    transport.answer(200, list(pod("p2", 2) + R"(,{"metadata":{"name":"p1","namespace":"n","labels":7}})", 20));
    EXPECT_THAT(sink.take_journal(), ElementsAre("malformed n/p1"));
    EXPECT_THAT(keys(), ElementsAre("n/p1", "n/p2"));
}

TEST_F(ReflectorTest, BytesThatAreNotUtf8) {
    watching();
    std::string bad = event("ADDED", pod("p3", 11, "LABEL"));
    bad.replace(bad.find("LABEL"), 5, "\xff\xfe\xc0");
    transport.stream(bad + event("ADDED", pod("p4", 12)));
    EXPECT_THAT(sink.take_journal(), ElementsAre("malformed n/p3", "put n/p4"));
    EXPECT_THAT(sink.problems[0].second.text(), HasSubstr("UTF-8"));
}

TEST_F(ReflectorTest, BytesThatMakeNoSense) {
    watching();
    for (int round = 0; round < 2; ++round) {
        transport.stream("}{ nonsense\n" + event("ADDED", pod("p7", 50)));
        EXPECT_EQ(transport.open(), 0U);
        loop.advance(10s);
        EXPECT_THAT(transport.request().path, HasSubstr("resourceVersion=10")) << "again from where all was well";
    }
    transport.stream("[1,2]\n");
    loop.advance(10s);
    EXPECT_EQ(transport.request().path, "/api/v1/pods?limit=500") << "the third time from the start";
    EXPECT_THAT(sink.journal, IsEmpty());
}

TEST_F(ReflectorTest, AServerWithAnOlderPast) {
    watching();
    transport.answer(
        504,
        R"({"kind":"Status","code":504,"reason":"Timeout","details":{"causes":[{"reason":"ResourceVersionTooLarge"}]}})");
    EXPECT_EQ(transport.request().path, "/api/v1/pods?limit=500");
    transport.answer(200, list(pod("p1", 1), 2));
    transport.stream(event("ADDED", pod("p5", 3)));
    EXPECT_THAT(keys(), ElementsAre("n/p1", "n/p5"));
}

TEST_F(ReflectorTest, RelistTellsWhenItsRowsWerePosted) {
    watching();
    bool done = false;
    reflector->relist([&] { done = true; });
    ASSERT_EQ(transport.open(), 1U);
    transport.answer(200, list(pod("p1", 1), 20, "more"));
    EXPECT_FALSE(done);
    transport.answer(200, list(pod("p2", 2, "changed"), 20));
    EXPECT_TRUE(done);
    EXPECT_THAT(sink.take_journal(), ElementsAre("put n/p2"));
}

TEST_F(ReflectorTest, StopLeavesNothingBehind) {
    watching();
    transport.answer(500);
    EXPECT_EQ(loop.timers(), 1U);
    reflector->stop();
    EXPECT_EQ(loop.timers(), 0U);
    loop.advance(1h);
    EXPECT_EQ(transport.open(), 0U);
    EXPECT_EQ(reflector->status().phase, ReflectorPhase::stopped);
}

TEST_F(ReflectorTest, StreamingListEndsWithItsBookmark) {
    ReflectorOptions options;
    options.streaming_list = true;
    make(options);
    EXPECT_THAT(transport.request().path, HasSubstr("sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
    transport.stream(event("ADDED", pod("p1", 1)) + event("ADDED", pod("p2", 2)));
    EXPECT_THAT(sink.journal, IsEmpty());
    transport.stream(event(
        "BOOKMARK", R"({"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}})"));
    EXPECT_THAT(sink.take_journal(), ElementsAre("replace Pod 2", "complete Pod"));
    transport.stream(event("ADDED", pod("p3", 10)));
    EXPECT_THAT(sink.take_journal(), ElementsAre("put n/p3"));
}

TEST_F(ReflectorTest, ServersWithoutStreamingListsAreAskedForPages) {
    ReflectorOptions options;
    options.streaming_list = true;
    make(options);
    transport.answer(422, R"({"kind":"Status","code":422,"reason":"Invalid"})");
    loop.advance(1s);
    EXPECT_EQ(transport.request().path, "/api/v1/pods?limit=500");
}

TEST_F(ReflectorTest, AParseFunctionMayLeaveObjectsOut) {
    ResourceSpec picky = pod_resource();
    picky.parse = [inner = picky.parse](JsonView object) -> Result<RowPtr> {
        if (object["metadata"]["labels"]["l"].string_or("") == "skip") return RowPtr();
        return inner(object);
    };
    reflector.emplace(loop, transport, sink, picky, WatchScope::all, ReflectorOptions{}, [] { return 0.0; });
    reflector->start();
    transport.answer(200, list(pod("p1", 1, "skip") + "," + pod("p2", 2), 10));
    EXPECT_THAT(keys(), ElementsAre("n/p2"));
    sink.take_journal();
    transport.stream(event("MODIFIED", pod("p1", 11)) + event("MODIFIED", pod("p2", 12, "skip")) +
                     event("MODIFIED", pod("p9", 13, "skip")));
    EXPECT_THAT(sink.take_journal(), ElementsAre("put n/p1", "erase n/p2"));
}

TEST(WatchesTest, TheWidestWishWins) {
    ManualLoop loop;
    FakeTransport transport(loop);
    RecordingSink sink;
    ReflectorOptions options;
    options.node = "n1";
    Watches watches(loop, transport, sink, options);
    EXPECT_TRUE(watches.want(table_spec<tables::Pod>(), WatchScope::local_node));
    EXPECT_TRUE(watches.want(table_spec<tables::Node>(), WatchScope::all));
    EXPECT_FALSE(watches.want({"Unheard", nullptr, Merge::exclusive}, WatchScope::all));
    watches.start();
    ASSERT_EQ(transport.open(), 2U);
    EXPECT_THAT(transport.request().path, HasSubstr("fieldSelector"));
    watches.want(pod_resource(), WatchScope::all);
    watches.want(pod_resource(), WatchScope::local_node);
    ASSERT_EQ(transport.open(), 2U);
    EXPECT_EQ(watches.scope_of("Pod"), WatchScope::all);
    EXPECT_FALSE(watches.find("Pod", "n", "p1").watched);
    transport.answer(200, list("", 3), 0);
    transport.answer(200, list(pod("p1", 1), 3), 0);
    EXPECT_TRUE(watches.find("Pod", "n", "p1").watched);
    EXPECT_NE(watches.find("Pod", "n", "p1").known, nullptr);
    EXPECT_EQ(watches.find("Pod", "n", "p2").known, nullptr);
    EXPECT_EQ(watches.status().size(), 2U);
    int done = 0;
    watches.relist([&] { ++done; });
    transport.answer(200, list("", 4), 0);
    EXPECT_EQ(done, 0);
    transport.answer(200, list("", 4), 0);
    EXPECT_EQ(done, 1);
    watches.drop("Node");
    EXPECT_EQ(watches.status().size(), 1U);
}

}  // namespace
}  // namespace weft::kube
