// What the embedded API server and a real one have in common: how objects go.
#include "both.hpp"

#include <weft/testing/testbed/wait.hpp>

#include <ctime>

namespace weft::testing {
namespace {

class Deletes : public Both {};
WEFT_ON_BOTH_SERVERS(Deletes);

TEST_P(Deletes, UnboundPodsGoAtOnce) {
    make_pod("p");
    auto stream = watch(pods, "");
    ASSERT_EQ(events(*stream, "ADDED p"), "ADDED p");
    const auto gone = remove(pods + "/p");
    EXPECT_EQ(gone.code, 200);
    EXPECT_EQ(gone.json["kind"], "Pod");
    EXPECT_TRUE(gone.json["metadata"].contains("deletionTimestamp"));
    EXPECT_EQ(gone.json["metadata"]["deletionGracePeriodSeconds"], 0);
    const std::string all = "ADDED p, MODIFIED p, DELETED p";
    EXPECT_EQ(events(*stream, all), all) << "it is seen to be going first";
    EXPECT_EQ(get(pods + "/p").code, 404);
    EXPECT_EQ(remove(pods + "/p").code, 404);
}

TEST_P(Deletes, BoundPodsGetTheirGrace) {
    make_pod("p", ns + "-n1");
    const auto going = remove(pods + "/p");
    EXPECT_EQ(going.code, 200);
    EXPECT_EQ(going.json["metadata"]["deletionGracePeriodSeconds"], 30);
    EXPECT_TRUE(going.json["metadata"].contains("deletionTimestamp"));
    EXPECT_EQ(remove(pods + "/p").code, 200);
    EXPECT_EQ(get(pods + "/p").version(), going.version()) << "it is going already";
    const auto sooner = call("DELETE", pods + "/p?gracePeriodSeconds=5");
    EXPECT_EQ(sooner.json["metadata"]["deletionGracePeriodSeconds"], 5);
    const auto later = remove(pods + "/p", R"({"gracePeriodSeconds":10})");
    EXPECT_EQ(later.json["metadata"]["deletionGracePeriodSeconds"], 5);
    EXPECT_EQ(remove(pods + "/p", R"({"gracePeriodSeconds":0})").code, 200);
    EXPECT_EQ(get(pods + "/p").code, 404);
}

TEST_P(Deletes, AShorterGraceCountsFromTheFirstDeletion) {
    const auto seconds_of = [](const Answer& answer) {
        std::tm parts{};
        const auto text = answer.json["metadata"]["deletionTimestamp"].get<std::string>();
        EXPECT_NE(::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts), nullptr) << text;
        return ::timegm(&parts);
    };
    make_pod("p", ns + "-n1");
    const auto began = std::time(nullptr);
    const auto first = seconds_of(remove(pods + "/p"));
    // Times have whole seconds.
    ASSERT_TRUE(wait_until([&] { return std::time(nullptr) > began + 1; }));
    const auto sooner = seconds_of(call("DELETE", pods + "/p?gracePeriodSeconds=20"));
    EXPECT_EQ(first - sooner, 10);
}

TEST_P(Deletes, FinishedPodsNeedNoGrace) {
    make_pod("p", ns + "-n1");
    merge(pods + "/p/status", R"({"status":{"phase":"Succeeded"}})");
    remove(pods + "/p");
    EXPECT_EQ(get(pods + "/p").code, 404);
}

TEST_P(Deletes, FinalizersAreWaitedFor) {
    make_map("m", R"(,"finalizers":["x.org/a","x.org/b"])");
    auto stream = watch(maps, "fieldSelector=metadata.name%3Dm");
    EXPECT_EQ(events(*stream, "ADDED m"), "ADDED m");
    const auto going = remove(maps + "/m");
    EXPECT_EQ(going.json["kind"], "ConfigMap");
    EXPECT_TRUE(going.json["metadata"].contains("deletionTimestamp"));
    EXPECT_EQ(going.json["metadata"]["deletionGracePeriodSeconds"], 0);
    // None may be added to what is going.
    EXPECT_EQ(merge(maps + "/m", R"({"metadata":{"finalizers":["x.org/a","x.org/b","x.org/c"]}})").code, 422);
    EXPECT_EQ(merge(maps + "/m", R"({"metadata":{"finalizers":["x.org/b"]}})").code, 200);
    EXPECT_EQ(get(maps + "/m").code, 200);
    EXPECT_EQ(merge(maps + "/m", R"({"metadata":{"finalizers":null}})").code, 200);
    EXPECT_EQ(get(maps + "/m").code, 404);
    const std::string all = "ADDED m, MODIFIED m, MODIFIED m, DELETED m";
    EXPECT_EQ(events(*stream, all), all);
}

TEST_P(Deletes, APodWithGraceAndFinalizerNeedsBoth) {
    make(pods, R"({"metadata":{"name":"p","finalizers":["x.org/a"]},"spec":{"nodeName":"n1",)"
               R"("containers":[{"name":"c","image":"x"}]}})");
    remove(pods + "/p");
    merge(pods + "/p", R"({"metadata":{"finalizers":null}})");
    EXPECT_EQ(get(pods + "/p").code, 200);
    remove(pods + "/p", R"({"gracePeriodSeconds":0})");
    EXPECT_EQ(get(pods + "/p").code, 404);
}

TEST_P(Deletes, Preconditions) {
    const auto made = make_map("m");
    const auto refused = remove(maps + "/m", R"({"preconditions":{"uid":"other"}})");
    EXPECT_EQ(refused.code, 409);
    EXPECT_EQ(refused.reason(), "Conflict");
    EXPECT_EQ(refused.json["message"],
              "Operation cannot be fulfilled on ConfigMap \"m\": the UID in the precondition "
              "(other) does not match the UID in record (" +
                  made.uid() + "). The object might have been deleted and then recreated");
    EXPECT_EQ(remove(maps + "/m", R"({"preconditions":{"resourceVersion":"1"}})").code, 409);
    EXPECT_EQ(remove(maps + "/m", R"({"preconditions":{"uid":")" + made.uid() + R"(","resourceVersion":")" +
                                      made.version() + R"("}})")
                  .code,
              200);
}

TEST_P(Deletes, OthersAnswerWithAStatus) {
    const auto made = make_map("m");
    const auto gone = remove(maps + "/m");
    EXPECT_EQ(gone.code, 200);
    EXPECT_EQ(gone.json["kind"], "Status");
    EXPECT_EQ(gone.json["status"], "Success");
    EXPECT_EQ(gone.json["details"]["name"], "m");
    EXPECT_EQ(gone.json["details"]["kind"], "configmaps");
    EXPECT_EQ(gone.json["details"]["uid"], made.uid());
}

TEST_P(Deletes, Collections) {
    for (const char* name : {"a", "b", "c"})
        make_map(name, std::string(R"(,"labels":{"n":")") + name + "\"}");
    EXPECT_EQ(remove(maps + "?labelSelector=n+in+(a,b)").names(), "a b");
    EXPECT_EQ(get(maps + "?labelSelector=n").names(), "c");
    EXPECT_EQ(remove("/api/v1/configmaps").code, 405);
}

TEST_P(Deletes, ANamespaceThatGoesTakesNothingNew) {
    const auto path = "/api/v1/namespaces/" + ns;
    // As long as there is something that waits, on either server.
    make_map("m", R"(,"finalizers":["x.org/a"])");
    const auto going = remove(path);
    EXPECT_EQ(going.code, 200);
    EXPECT_EQ(going.json["kind"], "Namespace");
    EXPECT_EQ(going.json["status"]["phase"], "Terminating");
    const auto refused = post(maps, R"({"metadata":{"name":"late"}})");
    EXPECT_EQ(refused.code, 403);
    EXPECT_EQ(refused.reason(), "Forbidden");
    EXPECT_EQ(refused.causes(), "NamespaceTerminating metadata.namespace");
    EXPECT_EQ(remove("/api/v1/namespaces/default").code, 403);
    merge(maps + "/m", R"({"metadata":{"finalizers":null}})");
}

}  // namespace
}  // namespace weft::testing
