// The helper that starts a real Kubernetes for other tests: what it gives, and that nothing of it stays.
#include <weft/testing/testbed/assert.hpp>
#include <weft/testing/testbed/control_plane.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <csignal>
#include <iostream>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::testing {
namespace {

class ControlPlaneTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const auto why = ControlPlane::missing({.controllers = true, .scheduler = true})) GTEST_SKIP() << *why;
        auto made = Testbed::create();
        WEFT_ASSERT_OK(made);
        testbed = *std::move(made);
    }

    std::unique_ptr<Testbed> testbed;
};

std::string version_of(const KubeClient& client, const std::string& path) {
    const auto object = client.get(path);
    return object ? std::string(object->root()["metadata"]["resourceVersion"].string_or("")) : object.error().text();
}

TEST_F(ControlPlaneTest, ServesForgetsAndComesBack) {
    auto plane = ControlPlane::start(*testbed);
    WEFT_ASSERT_OK(plane);
    const KubeClient client((*plane)->endpoint());
    const auto version = client.get("/version");
    WEFT_ASSERT_OK(version);
    // What its programs were built from is also the name of their folder.
    const std::string release(version->root()["gitVersion"].string_or(""));
    EXPECT_NE((*plane)->program("etcd").string().find("/" + release + "-etcd-"), std::string::npos) << release;
    EXPECT_NE((*plane)->ca_pem().find("BEGIN CERTIFICATE"), std::string::npos);
    auto nodes = run_ok({(*plane)->program("kubectl"), "--kubeconfig", (*plane)->kubeconfig(), "get", "nodes"});
    WEFT_EXPECT_OK(nodes);

    const std::string maps = "/api/v1/namespaces/default/configmaps";
    WEFT_ASSERT_OK(client.create(maps, R"({"metadata":{"name":"a"}})"));
    const auto before = version_of(client, maps + "/a");
    WEFT_ASSERT_OK(client.merge_patch(maps + "/a", R"({"data":{"k":"v"}})"));
    const auto old = "/api/v1/nodes?watch=1&timeoutSeconds=1&resourceVersion=" + before;
    const auto remembered = client.send("GET", old);
    WEFT_ASSERT_OK(remembered);
    EXPECT_EQ(remembered->status, 200);
    EXPECT_EQ(remembered->body.find("Expired"), std::string::npos) << remembered->body;
    WEFT_ASSERT_OK((*plane)->compact());
    WEFT_ASSERT_OK((*plane)->restart());
    const auto forgotten = client.send("GET", old);
    WEFT_ASSERT_OK(forgotten);
    EXPECT_NE(forgotten->body.find("\"code\":410"), std::string::npos) << forgotten->status << forgotten->body;
}

TEST_F(ControlPlaneTest, IsEmptyAgainWhateverWaits) {
    auto plane = ControlPlane::start(*testbed);
    WEFT_ASSERT_OK(plane);
    const KubeClient client((*plane)->endpoint());
    const std::string space = R"({"metadata":{"name":"red"}})";
    const std::string pod = R"({"metadata":{"name":"p","finalizers":["x.org/a"]},"spec":{"nodeName":"n1",)"
                            R"("containers":[{"name":"c","image":"x"}]}})";
    const auto names = [&](const std::string& path) {
        std::string all;
        if (const auto list = client.get(path)) {
            list->root()["items"].each(
                [&](JsonView one) { all += std::string(one["metadata"]["name"].string_or("")); });
        }
        return all;
    };
    for (int round = 0; round < 2; ++round) {
        WEFT_ASSERT_OK(client.create("/api/v1/namespaces", space));
        WEFT_ASSERT_OK(client.create("/api/v1/namespaces/red/pods", pod));
        EXPECT_EQ(names("/api/v1/pods"), "p");
        WEFT_ASSERT_OK((*plane)->empty());
        EXPECT_EQ(names("/api/v1/pods"), "");
        EXPECT_EQ(client.send("GET", "/api/v1/namespaces/red")->status, 404);
        EXPECT_TRUE(client.get("/api/v1/namespaces/default").ok());
    }
}

TEST_F(ControlPlaneTest, ControllersMakeAccountsAndTheSchedulerBindsPods) {
    auto plane = ControlPlane::start(*testbed, {.controllers = true, .scheduler = true});
    WEFT_ASSERT_OK(plane);
    const KubeClient client((*plane)->endpoint());
    WEFT_ASSERT_OK(client.create("/api/v1/namespaces", R"({"metadata":{"name":"red"}})"));
    WEFT_ASSERT_OK(client.create("/api/v1/nodes", R"({"metadata":{"name":"n1"}})"));
    WEFT_ASSERT_OK(client.strategic_patch("/api/v1/nodes/n1/status",
                                          R"({"status":{"capacity":{"cpu":"4","memory":"8Gi","pods":"100"},)"
                                          R"("conditions":[{"type":"Ready","status":"True"}]}})"));
    EXPECT_TRUE(wait_until([&] { return client.get("/api/v1/namespaces/red/serviceaccounts/default").ok(); }));
    WEFT_ASSERT_OK(client.create("/api/v1/namespaces/red/pods",
                                 R"({"metadata":{"name":"p"},"spec":{"tolerations":[{"operator":"Exists"}],)"
                                 R"("containers":[{"name":"c","image":"example.com/none"}]}})"));
    EXPECT_TRUE(wait_until([&] {
        const auto pod = client.get("/api/v1/namespaces/red/pods/p");
        return pod && pod->root()["spec"]["nodeName"].string_or("") == "n1";
    }));
    WEFT_ASSERT_OK(client.remove("/api/v1/namespaces/red/pods/p", R"({"gracePeriodSeconds":0})"));
    WEFT_ASSERT_OK(client.remove("/api/v1/namespaces/red"));
    EXPECT_TRUE(wait_until([&] {
        const auto gone = client.send("GET", "/api/v1/namespaces/red");
        return gone && gone->status == 404;
    }));
}

TEST_F(ControlPlaneTest, NothingStays) {
    const auto prefix = testbed->prefix();
    {
        auto plane = ControlPlane::start(*testbed);
        WEFT_ASSERT_OK(plane);
        EXPECT_GE(Testbed::leftovers(prefix).size(), 3U) << "etcd, kube-apiserver, the folder";
    }
    testbed.reset();
    EXPECT_TRUE(Testbed::leftovers(prefix).empty());
}

// The maker is killed as a crash would: its processes die with it, its files go when the next run begins.
TEST_F(ControlPlaneTest, NothingStaysAfterACrash) {
    const auto prefix = testbed->prefix();
    testbed.reset();
    const pid_t maker = ::fork();
    ASSERT_GE(maker, 0);
    if (maker == 0) {
        auto own = Testbed::create({.prefix = prefix});
        auto plane = own ? ControlPlane::start(**own) : Result<std::unique_ptr<ControlPlane>>(own.error());
        if (!plane) std::cerr << plane.error().text() << "\n";
        ::kill(::getpid(), plane ? SIGKILL : SIGTERM);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(maker, &status, 0), maker);
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_EQ(WTERMSIG(status), SIGKILL);
    EXPECT_TRUE(wait_until([&] { return Testbed::leftovers(prefix).size() == 1; })) << "the folder alone";
    const auto next = Testbed::create();
    WEFT_ASSERT_OK(next);
    EXPECT_TRUE(Testbed::leftovers(prefix).empty());
}

}  // namespace
}  // namespace weft::testing
