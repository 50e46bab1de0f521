// The C++ side: manifests, waiting, restoring.
#include "fixture.hpp"

#include <filesystem>
#include <fstream>
#include <future>

namespace weft::testing {
namespace {

std::string_view phase(JsonView pod) {
    return pod["status"]["phase"].string_or("");
}

TEST(ApiServer, AppliesManifestsAgainAndAgain) {
    Server server;
    std::string manifests = R"(
apiVersion: v1
kind: Namespace
metadata: {name: red}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: red, labels: {app: web}}
spec: {nodeName: n1, containers: [{name: c, image: x}]}
status: {phase: Running, podIP: 10.0.0.3}
)";
    ASSERT_TRUE(server->apply_yaml(manifests));
    auto first = server->revision();
    ASSERT_TRUE(server->apply_yaml(manifests));
    EXPECT_EQ(server->revision(), first);
    auto pod = JsonDocument::parse(*server->get("Pod", "red", "p"));
    EXPECT_EQ(phase(pod->root()), "Running");
    EXPECT_EQ(server->list("po", "red").size(), 1U);
    EXPECT_EQ(server->list("po").size(), 1U);
    EXPECT_EQ(server->list("nonsense").size(), 0U);
    ASSERT_TRUE(server->remove("pod", "red", "p"));
    EXPECT_FALSE(server->get("pods", "red", "p"));
    EXPECT_FALSE(server->remove("pod", "red", "p"));
}

TEST(ApiServer, SaysWhatIsWrongWithAManifest) {
    Server server;
    auto unknown = server->apply_yaml("{apiVersion: x.org/v1, kind: Foo, metadata: {name: f}}");
    ASSERT_FALSE(unknown);
    EXPECT_NE(unknown.error().text().find("Foo"), std::string::npos);
    auto broken = server->apply_yaml("a: [");
    ASSERT_FALSE(broken);
    auto refused = server->apply_yaml("{apiVersion: v1, kind: Pod, metadata: {name: X}}");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text().find("Pod default/X"), std::string::npos) << refused.error().text();
    EXPECT_FALSE(server->apply_path("/nonexistent/file.yaml"));
}

TEST(ApiServer, RestoresObjectsAsTheyWere) {
    Server server;
    ASSERT_TRUE(server->restore(R"({"apiVersion":"v1","kind":"List","items":[
        {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"red","uid":"u0"},"status":{"phase":"Active"}},
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"red","uid":"u1","resourceVersion":"77",
         "creationTimestamp":"2020-01-01T00:00:00Z","deletionTimestamp":"2030-01-01T00:00:00Z","deletionGracePeriodSeconds":30},
         "spec":{"nodeName":"n1","containers":[{"name":"c","image":"x"}]},"status":{"phase":"Running"}}]})"));
    auto pod = JsonDocument::parse(*server->get("pods", "red", "p"));
    auto meta = pod->root()["metadata"];
    EXPECT_EQ(meta["uid"].string_or(""), "u1");
    EXPECT_EQ(meta["creationTimestamp"].string_or(""), "2020-01-01T00:00:00Z");
    EXPECT_EQ(meta["deletionTimestamp"].string_or(""), "2030-01-01T00:00:00Z");
    EXPECT_EQ(phase(pod->root()), "Running");
    EXPECT_EQ(server.merge("/api/v1/namespaces/red/pods/p", R"({"metadata":{"annotations":{"a":"b"}}})").code, 200);
}

TEST(ApiServer, WaitsForObjects) {
    Server server;
    auto running = std::async(std::launch::async, [&] {
        return server->wait_for("pods", "default", "p", [](JsonView pod) { return phase(pod) == "Running"; });
    });
    server.pod("p");
    EXPECT_EQ(server.merge(pods_path + "/p/status", R"({"status":{"phase":"Running"}})").code, 200);
    EXPECT_TRUE(running.get());
    auto gone = std::async(std::launch::async, [&] { return server->wait_gone("pods", "default", "p"); });
    ASSERT_TRUE(server->remove("pods", "default", "p"));
    EXPECT_TRUE(gone.get());
    EXPECT_FALSE(server->wait_for(
        "pods", "default", "p", [](JsonView pod) { return pod.present(); }, Duration::zero()));
}

TEST(ApiServer, WaitsForWhatIsDefinedLaterAndMayBeAskedMeanwhile) {
    Server server;
    auto there = std::async(std::launch::async, [&] {
        return server->wait_for("foos.x.org", "", "f", [&](JsonView foo) {
            return foo.present() && server->get("foos.x.org", "", "f").has_value();
        });
    });
    ASSERT_TRUE(server->apply_yaml(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: foos.x.org}
spec:
  {group: x.org, scope: Cluster, names: {plural: foos, kind: Foo}, versions: [{name: v1, served: true, storage: true}]}
---
apiVersion: x.org/v1
kind: Foo
metadata: {name: f}
)"));
    EXPECT_TRUE(there.get());
}

TEST(ApiServer, AnswersInProcessWithoutCounting) {
    Server server;
    EXPECT_EQ(server->request("POST", "/api/v1/namespaces", R"({"metadata":{"name":"red"}})").code, 201);
    auto list = server->request("GET", "/api/v1/namespaces");
    EXPECT_TRUE(list.ok());
    EXPECT_NE(list.body.find("\"red\""), std::string::npos);
    EXPECT_NE(server->request("GET", "/api/v1/namespaces?watch=1").body.find("ADDED"), std::string::npos);
    EXPECT_TRUE(server->stats().requests.empty());
}

TEST(ApiServer, RefusesWhatItCannotServe) {
    EXPECT_FALSE(ApiServer::start({.address = "nowhere"}));
    EXPECT_FALSE(ApiServer::start({.address = "192.0.2.1"}));
    EXPECT_FALSE(ApiServer::start({.tls = true, .certificate_pem = "x", .key_pem = "y"}));
    EXPECT_FALSE(ApiServer::start({.service_cidrs = {"x"}}));
    Server first;
    auto second = ApiServer::start({.port = first->port()});
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().text().find(std::to_string(first->port())), std::string::npos);
}

TEST(ApiServer, ManyWritersAndReaders) {
    Server server;
    HttpStream stream(server.url(pods_path + "?watch=1"));
    ASSERT_TRUE(server.wait_watches(1));
    std::vector<std::future<void>> writers;
    for (int w = 0; w < 4; ++w) {
        writers.push_back(std::async(std::launch::async, [&, w] {
            for (int i = 0; i < 25; ++i) {
                auto name = "p" + std::to_string(w) + "-" + std::to_string(i);
                server.pod(name);
                EXPECT_EQ(server.merge(pods_path + "/" + name, R"({"metadata":{"annotations":{"a":"b"}}})").code, 200);
            }
        }));
    }
    for (auto& writer : writers)
        writer.get();
    EXPECT_TRUE(stream.wait_lines(200));
    EXPECT_EQ(server->list("pods").size(), 100U);
}

}  // namespace
}  // namespace weft::testing
