// What a server with a state file still knows after it was killed.
#include <weft/base/json.hpp>
#include <weft/testing/api_server.hpp>

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

namespace weft::testing {
namespace {

class Journal : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string folder = (std::filesystem::temp_directory_path() / "weft-journal-XXXXXX").string();
        ASSERT_NE(::mkdtemp(folder.data()), nullptr);
        dir = folder;
    }
    void TearDown() override { std::filesystem::remove_all(dir); }

    std::unique_ptr<ApiServer> start() {
        auto started = ApiServer::start({.state_file = dir / "state"});
        EXPECT_TRUE(started.ok()) << started.error().text();
        return started ? *std::move(started) : nullptr;
    }

    std::filesystem::path dir;
};

constexpr auto* objects = R"(
{apiVersion: v1, kind: Namespace, metadata: {name: red}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: red}, spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: red}, spec: {containers: [{name: c, image: i}]}}
)";

TEST_F(Journal, KeepsObjectsWithTheirUidsAndVersions) {
    auto before = start();
    ASSERT_TRUE(before);
    ASSERT_TRUE(before->apply_yaml(objects));
    ASSERT_TRUE(before
                    ->request("PATCH", "/api/v1/namespaces/red/pods/a", R"({"metadata":{"labels":{"x":"1"}}})",
                              "application/merge-patch+json")
                    .ok());
    ASSERT_TRUE(before->remove("pod", "red", "b"));
    const auto pod = before->get("pod", "red", "a");
    const auto space = before->get("namespace", "", "default");
    const auto revision = before->revision();
    before.reset();

    auto after = start();
    ASSERT_TRUE(after);
    EXPECT_EQ(after->get("pod", "red", "a"), pod);
    EXPECT_EQ(after->get("namespace", "", "default"), space);
    EXPECT_FALSE(after->get("pod", "red", "b").has_value());
    EXPECT_EQ(after->revision(), revision);
    // It goes on counting from there, and remembers that too.
    ASSERT_TRUE(after->remove("pod", "red", "a"));
    EXPECT_GT(after->revision(), revision);
    after = nullptr;
    after = start();
    ASSERT_TRUE(after);
    EXPECT_TRUE(after->list("pod").empty());
}

TEST_F(Journal, AWatchFromBeforeTheLastChangeExpires) {
    auto before = start();
    ASSERT_TRUE(before);
    ASSERT_TRUE(before->apply_yaml(objects));
    before.reset();
    auto after = start();
    ASSERT_TRUE(after);
    const auto old = after->request("GET", "/api/v1/pods?watch=true&resourceVersion=1&timeoutSeconds=1");
    EXPECT_NE(old.body.find("\"code\":410"), std::string::npos) << old.code << " " << old.body;
}

TEST_F(Journal, ALineCutShortAtTheEndIsPassedOver) {
    auto before = start();
    ASSERT_TRUE(before);
    ASSERT_TRUE(before->apply_yaml(objects));
    before.reset();
    std::ofstream(dir / "state", std::ios::app) << R"({"revision":99,"obj)";
    auto after = start();
    ASSERT_TRUE(after);
    EXPECT_EQ(after->list("pod").size(), 2U);
    ASSERT_TRUE(after->remove("pod", "red", "a"));
    after = nullptr;
    after = start();
    ASSERT_TRUE(after);
    EXPECT_EQ(after->list("pod").size(), 1U);
}

}  // namespace
}  // namespace weft::testing
