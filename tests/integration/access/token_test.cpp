// A token that is exchanged while weftd runs, and the old one is worth nothing any more.
#include "access.hpp"

namespace weft::testing {
namespace {

constexpr auto* secrets = "/api/v1/namespaces/ovn-kubernetes/secrets";
constexpr auto* accounts = "/api/v1/namespaces/ovn-kubernetes/serviceaccounts";

class Token : public Access {
  protected:
    /// Tokens that end with the Secret "lease-of-life".
    static std::string bound_token(const std::string& account) {
        auto answer = api().create(std::string(accounts) + "/" + account + "/token",
                                   R"({"spec": {"expirationSeconds": 7200, "boundObjectRef": {"kind": "Secret",
                                       "apiVersion": "v1", "name": "lease-of-life"}}})");
        EXPECT_TRUE(answer.ok()) << answer.error().text();
        return answer ? std::string(answer->root()["status"]["token"].string_or("")) : "";
    }
    static void wait_worthless(const std::string& token) {
        auto endpoint = world().plane().endpoint();
        endpoint.token = token;
        // The server believes for a while in what it has seen.
        WEFT_ASSERT_OK(wait_for("401", [&]() -> Result<void> {
            auto reply = KubeClient(endpoint).send("GET", "/api/v1/nodes/n1");
            if (!reply) return reply.error();
            return reply->status == 401 ? Result<void>() : Result<void>(waiting(reply->body));
        }));
    }
};

TEST_F(Token, IsExchangedAndTheOldOneRevoked) {
    WEFT_ASSERT_OK(api().create(secrets, R"({"metadata": {"name": "lease-of-life"}})"));
    std::map<std::string, std::string> old;
    for (const auto& [role, account] :
         {std::pair("cluster", "ovnkube-cluster-manager"), std::pair("node", "ovnkube-node")}) {
        old[role] = bound_token(account);
        replace_file(world().token_file(role), old[role] + "\n");
        write_kubeconfig(role, {.user = token_user(role)});
        auto started = start(role);
        WEFT_ASSERT_OK(started);
        (std::string(role) == "node" ? node : cluster) = *std::move(started);
    }
    expect_well(cluster);
    expect_well(node);
    expect_pod_comes("a", {"a"});
    const auto before = rows();
    const auto place = world().audit().end();

    for (const auto& [role, account] :
         {std::pair("cluster", "ovnkube-cluster-manager"), std::pair("node", "ovnkube-node")}) {
        const auto token = world().new_token(account);
        WEFT_ASSERT_OK(token);
        replace_file(world().token_file(role), *token + "\n");
    }
    WEFT_ASSERT_OK(api().remove(std::string(secrets) + "/lease-of-life"));
    for (const auto& [role, token] : old)
        wait_worthless(token);

    EXPECT_EQ(rows(), before) << "the rows of before";
    expect_pod_comes("b", {"a", "b"});
    WEFT_ASSERT_OK(world().add_node("n2", 3));
    WEFT_ASSERT_OK(wait_asked(
        "role cluster's write", [](const Audited& a) { return a.write() && a.name == "n2" && a.ok(); }, place));
    expect_well(cluster);
    expect_well(node);
    for (const auto& a : asked(place))
        EXPECT_NE(a.verb, "list") << a.text() << ": the watches went on";
    EXPECT_EQ(writes(node_user, "patch", "pods"), (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace weft::testing
