// What becomes of requests for certificates, case by case, by weftd of role cluster and a real API server.
#include "kube/client_certificate.hpp"
#include "world.hpp"

#include <weft/base/json.hpp>

#include <functional>

namespace weft::testing {
namespace {

/// Everybody may ask: what counts is what becomes of it.
constexpr auto* everybody = R"yaml(
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: ask-for-certificates}
rules:
- {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: ask-for-certificates}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ask-for-certificates}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:authenticated"}]
)yaml";

/// What is asked, and by whom. As it stands it is approved.
struct Wish {
    std::string subject = "/O=system:ovn-nodes/CN=system:ovn-node:n2";
    std::string user = "system:node:n2";
    std::vector<std::string> groups{"system:nodes"};
    std::string usages = R"(["digital signature", "client auth"])";
    std::string expiration = "600";  ///< empty: not said
    std::string signer = "kubernetes.io/kube-apiserver-client";
};

struct Case {
    const char* name;
    std::function<void(Wish&)> change;
    std::string type;    ///< of the condition; empty: nobody decides
    std::string reason;  ///< of the condition
    std::string says;
};

class Approver : public Identity {
  protected:
    void SetUp() override {
        Identity::SetUp();
        if (IsSkipped()) return;
        WEFT_ASSERT_OK(world().apply(everybody));
        auto started = world().start("cluster");
        WEFT_ASSERT_OK(started);
        cluster = *std::move(started);
    }
    /// Its name.
    Result<std::string> ask(const Wish& wish) {
        const auto file = [&](const char* name) { return (world().bed().dir() / name).string(); };
        auto made = run_ok(
            {"openssl", "req", "-new", "-key", file("kubelet.key"), "-subj", wish.subject, "-out", file("wish.csr")});
        if (!made) return made.error();
        auto base64 = run_ok({"openssl", "base64", "-A", "-in", file("wish.csr")});
        if (!base64) return base64.error();
        while (base64->ends_with('\n'))
            base64->pop_back();
        const std::string spec = R"({"signerName": ")" + wish.signer + R"(", "request": ")" + *base64 +
                                 R"(", "usages": )" + wish.usages +
                                 (wish.expiration.empty() ? "" : R"(, "expirationSeconds": )" + wish.expiration) + "}";
        auto groups = wish.groups;
        groups.push_back("system:authenticated");
        return wait_created(world().api_as(wish.user, groups), spec);
    }
    Result<JsonDocument> decided(const std::string& name) {
        Result<JsonDocument> found = waiting("not asked");
        auto done = wait_for("a decision about " + name, [&]() -> Result<void> {
            found = api().get(requests_path + std::string("/") + name);
            if (!found) return found.error();
            const auto conditions = found->root()["status"]["conditions"];
            return conditions.size() > 0 ? Result<void>() : Result<void>(waiting(found->root().dump()));
        });
        return done ? std::move(found) : Result<JsonDocument>(done.error());
    }

  private:
    /// The authorizer learns of the right to ask a moment later.
    static Result<std::string> wait_created(const KubeClient& client, const std::string& spec) {
        std::string name;
        auto done = wait_for("a request", [&]() -> Result<void> {
            auto made =
                client.create(requests_path, R"({"metadata": {"generateName": "wish-"}, "spec": )" + spec + "}");
            if (!made) return made.error();
            name = made->root()["metadata"]["name"].string_or("");
            return {};
        });
        return done ? Result<std::string>(name) : Result<std::string>(done.error());
    }
};

TEST_F(Approver, DecidesEachCase) {
    const std::vector<Case> cases{
        {"of the kubelet", [](Wish&) {}, "Approved", "AutoApproved", "system:ovn-node:n2"},
        {"of the node itself", [](Wish& w) { w.user = "system:ovn-node:n2", w.groups = {"system:ovn-nodes"}; },
         "Approved", "AutoApproved", ""},
        {"for a year", [](Wish& w) { w.expiration = "31536000"; }, "Approved", "AutoApproved", ""},
        {"for another node", [](Wish& w) { w.subject = "/O=system:ovn-nodes/CN=system:ovn-node:n1"; }, "Denied",
         "CSRDenied", "not \"system:ovn-node:n2\""},
        {"of an unknown prefix", [](Wish& w) { w.subject = "/O=system:ovn-nodes/CN=system:ovn-node-x:n2"; }, "Denied",
         "CSRDenied", "of a prefix that nobody configured"},
        {"without a node", [](Wish& w) { w.subject = "/O=system:ovn-nodes/CN=system:ovn-node"; }, "Denied", "CSRDenied",
         "of a prefix that nobody configured"},
        {"of a user that is no node", [](Wish& w) { w.user = "eve:n2", w.groups = {}; }, "Denied", "CSRDenied",
         "asked for by \"eve:n2\""},
        {"of a node without a name",
         [](Wish& w) { w.user = "system:node:N_2", w.subject = "/O=system:ovn-nodes/CN=system:ovn-node:N_2"; },
         "Denied", "CSRDenied", "can be no node's name"},
        {"for more usages", [](Wish& w) { w.usages = R"(["digital signature", "client auth", "key encipherment"])"; },
         "Denied", "CSRDenied", "usages"},
        {"for fewer usages", [](Wish& w) { w.usages = R"(["client auth"])"; }, "Denied", "CSRDenied", "usages"},
        {"of another group", [](Wish& w) { w.groups.emplace_back("developers"); }, "Denied", "CSRDenied",
         "group \"developers\""},
        {"for another organization", [](Wish& w) { w.subject = "/O=system:nodes/CN=system:ovn-node:n2"; }, "Denied",
         "CSRDenied", "organizations"},
        {"for two organizations",
         [](Wish& w) { w.subject = "/O=system:ovn-nodes/O=system:nodes/CN=system:ovn-node:n2"; }, "Denied", "CSRDenied",
         "organizations"},
        {"for no organization", [](Wish& w) { w.subject = "/CN=system:ovn-node:n2"; }, "Denied", "CSRDenied",
         "organizations"},
        {"for ever", [](Wish& w) { w.expiration = ""; }, "Denied", "CSRDenied", "expirationSeconds"},
        {"for more than a year", [](Wish& w) { w.expiration = "31536001"; }, "Denied", "CSRDenied", "365 days"},
        {"for another signer", [](Wish& w) { w.signer = "example.org/signer"; }, "", "", ""},
        {"for somebody", [](Wish& w) { w.subject = "/O=system:ovn-nodes/CN=alice"; }, "", "", ""},
    };
    std::vector<std::string> undecided;
    for (const auto& one : cases) {
        SCOPED_TRACE(one.name);
        Wish wish;
        one.change(wish);
        const auto name = ask(wish);
        WEFT_ASSERT_OK(name);
        if (one.type.empty()) {
            undecided.push_back(*name);
            continue;
        }
        const auto request = decided(*name);
        WEFT_ASSERT_OK(request);
        const auto status = request->root()["status"];
        ASSERT_EQ(status["conditions"].size(), 1U) << status.dump();
        status["conditions"].each([&](JsonView condition) {
            EXPECT_EQ(condition["type"].string_or(""), one.type);
            EXPECT_EQ(condition["status"].string_or(""), "True");
            EXPECT_EQ(condition["reason"].string_or(""), one.reason);
            EXPECT_NE(condition["message"].string_or("").find(one.says), std::string_view::npos)
                << condition["message"].dump();
            EXPECT_FALSE(condition["lastUpdateTime"].string_or("").empty());
        });
    }
    // One that came after those that are left alone is decided: they were seen.
    const auto last = ask({});
    WEFT_ASSERT_OK(last);
    WEFT_ASSERT_OK(decided(*last));
    for (const auto& name : undecided) {
        const auto request = api().get(requests_path + std::string("/") + name);
        WEFT_ASSERT_OK(request);
        EXPECT_EQ(request->root()["status"]["conditions"].size(), 0U) << request->root().dump();
    }
    // What was decided stays when the plugin goes.
    cluster = {};
    auto options = world().options("cluster");
    options.plugins = "default-network";
    auto without = world().bed().start(options);
    WEFT_ASSERT_OK(without);
    WEFT_ASSERT_OK(without->wait_ready());
    const auto request = api().get(requests_path + std::string("/") + *last);
    WEFT_ASSERT_OK(request);
    EXPECT_EQ(request->root()["status"]["conditions"].size(), 1U);
}

}  // namespace
}  // namespace weft::testing
