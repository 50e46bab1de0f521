// An API server that shows another certificate.
#include "access.hpp"

namespace weft::testing {
namespace {

class ServerCertificate : public Access {
  protected:
    void SetUp() override {
        Access::SetUp();
        if (IsSkipped()) return;
        for (const std::string role : {"cluster", "node"})
            write_kubeconfig(role, {.user = token_user(role)});
    }
    void TearDown() override {
        if (!IsSkipped()) show("ca");
        Access::TearDown();
    }
    void show(const std::string& ca, const std::string& names = "IP:127.0.0.1") {
        WEFT_ASSERT_OK(world().give_server_certificate(ca, names));
        WEFT_ASSERT_OK(restart_server());
    }
    void start_both_well() {
        auto first = start("cluster");
        WEFT_ASSERT_OK(first);
        cluster = *std::move(first);
        auto second = start("node");
        WEFT_ASSERT_OK(second);
        node = *std::move(second);
        expect_well(cluster);
        expect_well(node);
    }
};

TEST_F(ServerCertificate, AnotherOfTheSameAuthorityIsBelieved) {
    start_both_well();
    expect_pod_comes("a", {"a"});
    const auto before = rows();
    const auto place = world().audit().end();
    show("ca");
    WEFT_ASSERT_OK(wait_one_watch_each(place));
    expect_well(cluster);
    expect_well(node);
    EXPECT_EQ(rows(), before);
    expect_pod_comes("b", {"a", "b"});
    EXPECT_EQ(node.log().find("CN = apiserver"), std::string::npos) << "nobody had to be told";
}

TEST_F(ServerCertificate, OneOfAnotherAuthorityIsSaidUntilThatIsBelieved) {
    start_both_well();
    expect_pod_comes("a", {"a"});
    const auto before = rows();
    show("other-ca");
    for (const auto* weftd : {&cluster, &node}) {
        expect_trouble(*weftd, {"\"CN = apiserver\"", world().plane().endpoint().url, "was issued by \"CN = other-ca\"",
                                "trusted is only " + ca_file() + " (\"CN = ca\")", "read again by itself"});
    }
    EXPECT_EQ(rows(), before);
    believe("other-ca");
    expect_well(node);
    EXPECT_EQ(rows(), before);
    expect_pod_comes("b", {"a", "b"});
    EXPECT_EQ(writes(node_user, "patch", "pods"), (std::vector<std::string>{"a", "b"}));
}

/// As with a kubeconfig: the file that [kubernetes] cacert names.
TEST_F(ServerCertificate, TheFileThatTheConfigurationNamesIsReadAgain) {
    auto how = world().options("node");
    how.access = "apiserver = " + world().plane().endpoint().url + "\ncacert = " + ca_file() +
                 "\ntokenFile = " + world().token_file("node").string() + "\n";
    believe("other-ca");
    auto started = world().node().start_weftd(std::move(how));
    WEFT_ASSERT_OK(started);
    node = *std::move(started);
    expect_trouble(node, {"was issued by \"CN = ca\"", "trusted is only " + ca_file() + " (\"CN = other-ca\")"});
    believe("ca");
    expect_well(node);
}

TEST_F(ServerCertificate, ForAnotherNameIsSaid) {
    const std::string url = "https://localhost:" + std::to_string(server_port());
    for (const std::string role : {"cluster", "node"})
        write_kubeconfig(role, {.server = url, .user = token_user(role)});
    auto first = start("cluster");
    WEFT_ASSERT_OK(first);
    cluster = *std::move(first);
    auto second = start("node");
    WEFT_ASSERT_OK(second);
    node = *std::move(second);
    for (const auto* weftd : {&cluster, &node})
        expect_trouble(*weftd, {"give " + url + " a certificate for the name localhost", "tls-server-name"});
    show("ca", "IP:127.0.0.1,DNS:localhost");
    expect_well(cluster);
    expect_well(node);
    expect_pod_comes("a", {"a"});
}

/// Whose time is over; this host's clock may be what is wrong.
TEST_F(ServerCertificate, AnExpiredOneIsSaid) {
    start_both_well();
    // The test itself asks only when it has ended.
    WEFT_ASSERT_OK(certificates().issue("apiserver", "ca", {"/CN=apiserver", -1, "IP:127.0.0.1"}));
    world().plane().api_server().kill();
    WEFT_ASSERT_OK(world().plane().api_server().restart());
    for (const auto* weftd : {&cluster, &node})
        expect_trouble(*weftd, {"renew the certificate \"CN = apiserver\"", "certificate has expired"});
    show("ca");
    expect_well(node);
    expect_pod_comes("a", {"a"});
}

}  // namespace
}  // namespace weft::testing
