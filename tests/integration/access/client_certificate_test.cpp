// Client certificates: in files and in the kubeconfig; expired ones, strangers', and their replacement.
#include "access.hpp"

namespace weft::testing {
namespace {

class ClientCertificate : public Access {
  protected:
    static const char* user_of(const std::string& role) { return role == "cluster" ? cluster_user : node_user; }
    static void issue(const std::string& role, const std::string& ca = "ca", int days = 2) {
        WEFT_ASSERT_OK(certificates().issue(role + "-now", ca, {std::string("/O=weft/CN=") + user_of(role), days}));
    }
    static std::filesystem::path certificate(const std::string& role) { return file(role + "-client.crt"); }
    static std::filesystem::path key(const std::string& role) { return file(role + "-client.key"); }
    /// A new certificate in the files that the kubeconfig names.
    static void give(const std::string& role, const std::string& ca = "ca", int days = 2) {
        issue(role, ca, days);
        replace_file(certificate(role), read_file(certificates().certificate(role + "-now")));
        replace_file(key(role), read_file(certificates().key(role + "-now")));
    }
    static std::string in_files(const std::string& role) {
        return "client-certificate: " + certificate(role).filename().string() + ", client-key: \"" +
               key(role).string() + "\"";
    }
    static std::string base64(const std::string& path) {
        auto text = run_ok({"base64", "--wrap=0", path});
        return text ? *text : "";
    }
    static std::string in_kubeconfig(const std::string& role) {
        return "client-certificate-data: " + base64(certificates().certificate(role + "-now")) +
               ", client-key-data: " + base64(certificates().key(role + "-now"));
    }
    void start_relayed(const std::string& role, Weftd& weftd, const std::string& user) {
        write_kubeconfig(role, {.server = relayed(), .user = user});
        auto started = start(role);
        WEFT_ASSERT_OK(started);
        weftd = *std::move(started);
    }
};

TEST_F(ClientCertificate, InFilesServesBothRoles) {
    make_relay();
    for (const std::string role : {"cluster", "node"})
        give(role);
    start_relayed("cluster", cluster, in_files("cluster"));
    start_relayed("node", node, in_files("node"));
    expect_well(cluster);
    expect_well(node);
    expect_pod_comes("a", {"a"});

    // New connections show the certificate that is in the file by then.
    for (const std::string role : {"cluster", "node"})
        give(role, "ca", -1);
    relay->reset();
    for (const auto& [weftd, role] : {std::pair(&cluster, "cluster"), std::pair(&node, "node")})
        expect_trouble(*weftd, {"401", "renew the client certificate in " + certificate(role).string(), user_of(role),
                                "it expired at", "read again by itself"});
    for (const std::string role : {"cluster", "node"})
        give(role);
    expect_well(cluster);
    expect_well(node);
    expect_pod_comes("b", {"a", "b"});
}

TEST_F(ClientCertificate, OfAStrangerIsSaidAndReplaced) {
    for (const std::string role : {"cluster", "node"})
        give(role, "other-ca");
    make_relay();
    start_relayed("cluster", cluster, in_files("cluster"));
    start_relayed("node", node, in_files("node"));
    for (const auto& [weftd, role] : {std::pair(&cluster, "cluster"), std::pair(&node, "node")}) {
        expect_trouble(*weftd,
                       {"401", certificate(role).string(), "issued by CN = other-ca", "does not believe its issuer"});
    }
    for (const std::string role : {"cluster", "node"})
        give(role);
    expect_well(cluster);
    expect_well(node);
    expect_pod_comes("a", {"a"});
}

TEST_F(ClientCertificate, InTheKubeconfigItself) {
    make_relay();
    for (const std::string role : {"cluster", "node"})
        issue(role, "ca", -1);
    start_relayed("cluster", cluster, in_kubeconfig("cluster"));
    start_relayed("node", node, in_kubeconfig("node"));
    for (const auto& [weftd, role] : {std::pair(&cluster, "cluster"), std::pair(&node, "node")})
        expect_trouble(*weftd, {"401", "the client certificate in " + kubeconfig_file(role), "it expired at"});
    for (const std::string role : {"cluster", "node"}) {
        issue(role);
        write_kubeconfig(role, {.server = relayed(), .user = in_kubeconfig(role)});
    }
    expect_well(cluster);
    expect_well(node);
    expect_pod_comes("a", {"a"});
}

/// A certificate and its key are two files: between the two replacements they don't belong together.
TEST_F(ClientCertificate, HalfReplacedOneIsNotUsed) {
    make_relay();
    for (const std::string role : {"cluster", "node"})
        give(role);
    start_relayed("cluster", cluster, in_files("cluster"));
    start_relayed("node", node, in_files("node"));
    expect_well(cluster);
    expect_well(node);
    issue("node");
    replace_file(certificate("node"), read_file(certificates().certificate("node-now")));
    relay->reset();
    WEFT_ASSERT_OK(node.wait_log("keeping the last client certificate: the key is not the certificate's"));
    expect_pod_comes("a", {"a"});
    replace_file(key("node"), read_file(certificates().key("node-now")));
    relay->reset();
    WEFT_ASSERT_OK(node.wait_log("another client certificate"));
    expect_well(node);
    expect_well(cluster);
    expect_pod_comes("b", {"a", "b"});
}

}  // namespace
}  // namespace weft::testing
