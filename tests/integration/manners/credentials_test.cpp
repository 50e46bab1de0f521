// Proof of who we are that stops being one.
#include "world.hpp"

namespace weft::testing {
namespace {

constexpr auto* accounts = "/api/v1/namespaces/ovn-kubernetes/serviceaccounts";

class Credentials : public Manners {
  protected:
    /// Tokens that were given for the account are worth nothing from now on.
    void expire_tokens_of_node() {
        auto endpoint = world().plane().endpoint();
        endpoint.token = read_file(world().token_file("node"));
        endpoint.token.pop_back();  // the newline
        WEFT_ASSERT_OK(api().remove(std::string(accounts) + "/ovnkube-node"));
        WEFT_ASSERT_OK(api().create(accounts, R"({"metadata": {"name": "ovnkube-node"}})"));
        // The server believes for a while in what it has seen.
        WEFT_ASSERT_OK(wait_for("401", [&]() -> Result<void> {
            auto reply = KubeClient(endpoint).send("GET", "/api/v1/nodes/n1");
            if (!reply) return reply.error();
            return reply->status == 401 ? Result<void>() : Result<void>(waiting(reply->body));
        }));
    }
    void give_new_token() {
        const auto token = world().new_token("ovnkube-node");
        WEFT_ASSERT_OK(token);
        write_file(world().token_file("node"), *token + "\n");
    }
};

TEST_F(Credentials, AnExpiredTokenIsSaidAndAReplacedOneTakenAtOnce) {
    WEFT_ASSERT_OK(world().add_node("n1", 2));
    start_both();
    WEFT_ASSERT_OK(world().add_pod("a"));
    WEFT_ASSERT_OK(world().wait_annotated("a"));
    expire_tokens_of_node();
    WEFT_ASSERT_OK(world().add_pod("b"));
    WEFT_EXPECT_OK(node.wait_status("the trouble", [](JsonView s) {
        bool told = false;
        s["appliers"].each([&](JsonView a) {
            told |= a["name"].string_or("") == "kube" && a["detail"].string_or("").find("401") != std::string::npos;
        });
        return told;
    }));
    give_new_token();  // a running weftd, the same file
    WEFT_ASSERT_OK(world().wait_annotated("b"));
    WEFT_ASSERT_OK(world().wait_ports({"a", "b"}));
    WEFT_EXPECT_OK(wait_written(node));
    EXPECT_TRUE(node.process.running());
}

TEST_F(Credentials, OneThatStartsWithAnExpiredTokenWaitsForAnother) {
    WEFT_ASSERT_OK(world().add_node("n1", 2));
    WEFT_ASSERT_OK(world().add_pod("a"));
    write_file(world().token_file("node"), "nonsense\n");
    auto started = world().start("node");
    WEFT_ASSERT_OK(started);
    node = *std::move(started);
    WEFT_EXPECT_OK(node.wait_status("what is wrong and how to mend it", [](JsonView s) {
        const auto detail = NodeBed::detail(s, "kubernetes");
        return !NodeBed::is_up(s, "kubernetes") && detail.find("401") != std::string::npos &&
               detail.find("check the token") != std::string::npos;
    }));
    give_new_token();
    WEFT_EXPECT_OK(wait_listed(node));
}

}  // namespace
}  // namespace weft::testing
