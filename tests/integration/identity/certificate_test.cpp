// A node's weftd gets its identity with the kubelet's, works under it, and renews it.
#include "effort.hpp"
#include "faketime.hpp"
#include "kube/client_certificate.hpp"
#include "services/rbac.hpp"
#include "world.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <map>

#include <sys/stat.h>

namespace weft::testing {
namespace {

constexpr auto* requests = "certificatesigningrequests";

#if defined(WEFT_UNDER_ASAN) || defined(WEFT_UNDER_TSAN)
constexpr bool can_set_clock = false;  // libfaketime and sanitizers both want to come first
#else
constexpr bool can_set_clock = true;
#endif

class CertificateOfNode : public Identity {
  protected:
    void start(Weftd& weftd, const std::string& role, Environment environment = {}) {
        auto started = world().start(role, std::move(environment));
        WEFT_ASSERT_OK(started);
        weftd = *std::move(started);
    }
    std::string certificate() { return read_file(world().certificate_file()); }
    std::size_t created_by(const std::string& user) {
        const auto log = asked(user);
        return static_cast<std::size_t>(std::ranges::count_if(
            log, [](const Audited& a) { return a.verb == "create" && a.resource == requests && a.ok(); }));
    }
    void set_clock(const std::string& offset) {
        write_file(clock().string() + ".new", offset + "\n");
        std::filesystem::rename(clock().string() + ".new", clock());
    }
    std::filesystem::path clock() { return world().bed().dir() / "clock"; }
    /// Its wall clock is what clock() says.
    Environment under_clock() {
        return {{"LD_PRELOAD", faketime().string()},
                {"FAKETIME_TIMESTAMP_FILE", clock().string()},
                {"FAKETIME_NO_CACHE", "1"},
                {"FAKETIME_DONT_FAKE_MONOTONIC", "1"}};
    }
};

TEST_F(CertificateOfNode, ComesWithTheKubeletsCredentialsAndIsAllThatWeftdNeeds) {
    WEFT_ASSERT_OK(world().add_node("n1", 2));
    start(node, "node");
    WEFT_ASSERT_OK(wait_asked("the request", [](const Audited& a) {
        return a.user == kubelet_user && a.verb == "create" && a.resource == requests && a.ok();
    }));
    // Nobody approves: not ready, alive, and says what it waits for. Nothing was asked as nobody.
    WEFT_EXPECT_OK(wait_identity(false, "there is none yet"));
    WEFT_EXPECT_OK(node.wait_status("not ready", [](JsonView s) { return !s["ready"].boolean().value_or(true); }));
    EXPECT_TRUE(asked(node_user).empty());
    EXPECT_TRUE(asked("system:anonymous").empty());
    EXPECT_FALSE(std::filesystem::exists(world().certificate_file()));

    start(cluster, "cluster");
    WEFT_ASSERT_OK(wait_identity(true));
    struct ::stat file {};
    ASSERT_EQ(::stat(world().certificate_file().c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 07777U, 0600U);
    const auto read = kube::read_client_certificate(certificate());
    WEFT_ASSERT_OK(read);
    EXPECT_EQ(read->common_name, node_user);

    WEFT_ASSERT_OK(world().add_pod("a"));
    WEFT_ASSERT_OK(world().wait_annotated("a"));
    // Of the node's objects everything was written by the node, and by the kubelet's identity only the request.
    for (const auto& a : asked(kubelet_user))
        EXPECT_EQ(a.resource, requests) << a.text();
    const auto log = asked(node_user);
    const auto wrote = [&](const char* resource) {
        return std::ranges::any_of(
            log, [&](const Audited& a) { return a.verb == "patch" && a.resource == resource && a.ok(); });
    };
    EXPECT_TRUE(wrote("nodes/status"));
    EXPECT_TRUE(wrote("pods/status"));

    // A restart takes up what is there.
    const auto before = certificate();
    node = {};
    start(node, "node");
    WEFT_ASSERT_OK(wait_identity(true));
    WEFT_ASSERT_OK(world().add_pod("b"));
    WEFT_ASSERT_OK(world().wait_annotated("b"));
    EXPECT_EQ(certificate(), before);
    EXPECT_EQ(created_by(kubelet_user), 1U);
}

TEST_F(CertificateOfNode, IsRenewedWithItselfWhileEverythingGoesOn) {
    if (!can_set_clock) GTEST_SKIP() << "a sanitizer keeps the clock from being set";
    set_clock("+0");
    WEFT_ASSERT_OK(world().add_node("n1", 2));
    start(cluster, "cluster");
    start(node, "node", under_clock());
    WEFT_ASSERT_OK(wait_identity(true));
    WEFT_ASSERT_OK(world().add_pod("a"));
    WEFT_ASSERT_OK(world().wait_annotated("a"));
    const auto first = certificate();
    const auto lists = [this] {
        const auto log = asked(node_user);
        return std::ranges::count_if(log, [](const Audited& a) { return a.verb == "list" || a.verb == "watch"; });
    };
    // Ten minutes from now, and from five minutes ago, as the signer has it: 90 % of it are over.
    set_clock("+9m");
    const auto before = lists();
    WEFT_ASSERT_OK(wait_for("another certificate", [&]() -> Result<void> {
        return certificate() != first ? Result<void>() : Result<void>(waiting("the same file"));
    }));
    set_clock("+0");
    EXPECT_GE(created_by(node_user), 1U);
    EXPECT_EQ(created_by(kubelet_user), 1U) << "it was renewed with the node's own identity";
    const auto read = kube::read_client_certificate(certificate());
    WEFT_ASSERT_OK(read);
    EXPECT_EQ(read->common_name, node_user);
    WEFT_ASSERT_OK(world().add_pod("b"));
    WEFT_ASSERT_OK(world().wait_annotated("b"));
    EXPECT_EQ(lists(), before) << "a watch was begun anew";
    WEFT_EXPECT_OK(wait_identity(true));
    EXPECT_TRUE(node.process.running());
}

TEST_F(CertificateOfNode, OfSomebodyElseOrBrokenIsDropped) {
    WEFT_ASSERT_OK(world().add_node("n1", 2));
    start(cluster, "cluster");
    write_file(world().certificate_file(),
               read_file(world().bed().dir() / "kubelet.pem") + read_file(world().bed().dir() / "kubelet.key"));
    start(node, "node");
    WEFT_ASSERT_OK(wait_identity(true));
    WEFT_EXPECT_OK(node.wait_log("dropping a certificate that can't be used"));
    const auto whole = certificate();
    for (const std::string& broken : {std::string("nonsense\n"), whole.substr(0, whole.size() / 2), std::string()}) {
        node = {};
        write_file(world().certificate_file(), broken);
        start(node, "node");
        WEFT_ASSERT_OK(wait_identity(true));
        const auto read = kube::read_client_certificate(certificate());
        WEFT_ASSERT_OK(read);
        EXPECT_EQ(read->common_name, node_user);
    }
}

TEST_F(CertificateOfNode, ThatIsDeniedIsSaidAndAskedForAgain) {
    WEFT_ASSERT_OK(world().add_node("n1", 2));
    start(node, "node");
    std::string name;
    WEFT_ASSERT_OK(wait_for("the request", [&]() -> Result<void> {
        auto list = api().get(requests_path);
        if (!list) return list.error();
        list->root()["items"].each([&](JsonView item) { name = item["metadata"]["name"].string_or(""); });
        return name.empty() ? Result<void>(waiting("none")) : Result<void>();
    }));
    const auto denied = world().kubectl({"certificate", "deny", name});
    WEFT_ASSERT_OK(denied);
    ASSERT_EQ(denied->status, 0) << denied->err;
    WEFT_EXPECT_OK(wait_identity(false, "the request " + name + " was denied"));
    start(cluster, "cluster");
    WEFT_ASSERT_OK(wait_identity(true));
    const auto request = api().get(requests_path + std::string("/") + name);
    WEFT_ASSERT_OK(request);
    EXPECT_EQ(request->root()["status"]["conditions"].size(), 1U) << "what was denied stays so";
}

// What `weftctl rbac` prints for these two is what they need: no less (nothing was forbidden), and no more.
TEST_F(CertificateOfNode, NeedsEachRightThatIsPrinted) {
    if (!can_set_clock) GTEST_SKIP() << "a sanitizer keeps the clock from being set";
    set_clock("+0");
    WEFT_ASSERT_OK(world().add_node("n1", 2));
    start(cluster, "cluster");
    start(node, "node", under_clock());
    WEFT_ASSERT_OK(wait_identity(true));
    set_clock("+9m");
    WEFT_ASSERT_OK(wait_asked("the renewal", [](const Audited& a) {
        return a.user == node_user && a.verb == "get" && a.resource == requests && a.ok();
    }));
    set_clock("+0");
    const auto printed = world().bed().weftctl(cluster, {"-o", "json", "rbac"});
    WEFT_ASSERT_OK(printed);
    const auto document = JsonDocument::parse(printed->out);
    WEFT_ASSERT_OK(document);
    const auto rights = services::rights_from_json(document->root());
    WEFT_ASSERT_OK(rights);
    std::size_t of_requests = 0;
    for (const auto& right : *rights) {
        // A name of a signer is asked of the authorizer alone, for each approval.
        if (right.group != "certificates.k8s.io" || right.resource == "signers") continue;
        const std::string user = right.apart ? kubelet_user : right.role == Role::cluster ? cluster_user : node_user;
        for (const auto& verb : right.verbs) {
            ++of_requests;
            const auto log = asked(user);
            EXPECT_TRUE(std::ranges::any_of(
                log, [&](const Audited& a) { return a.verb == verb && a.resource == right.resource && a.ok(); }))
                << "nobody uses " << verb << " " << right.resource << " of " << user;
        }
    }
    EXPECT_EQ(of_requests, 8U);
    const auto yaml = world().bed().weftctl(cluster, {"rbac", "--bind"});
    WEFT_ASSERT_OK(yaml);
    EXPECT_THAT(yaml->out, ::testing::HasSubstr("kind: Group\n  name: \"system:ovn-nodes\"\n"));
    EXPECT_THAT(yaml->out, ::testing::Not(::testing::HasSubstr("name: ovnkube-node\n")));
}

}  // namespace
}  // namespace weft::testing
