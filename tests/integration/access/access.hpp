#pragma once

#include "integration/daemon/relay.hpp"
#include "integration/manners/world.hpp"

#include <memory>
#include <string>
#include <vector>

namespace weft::testing {

/// weftd with a kubeconfig of its own against a real API server. As after every test of Manners: nothing was forbidden,
/// and nothing was written without a change.
class Access : public Manners {
  protected:
    struct Way {
        std::string server;        ///< empty: the API server itself
        std::string cluster = {};  ///< more fields of the cluster, such as `proxy-url: "..."`; its CA is in ca_file()
        std::string user;          ///< fields of the user
    };

    void SetUp() override;
    void TearDown() override;

    static const test::Certificates& certificates() { return world().certificates(); }
    static std::filesystem::path file(const std::string& name) { return world().bed().dir() / name; }
    /// Whom weftd believes; at first "ca".
    static std::string ca_file() { return file("believed.pem").string(); }
    static void believe(const std::string& ca);
    static std::uint16_t server_port();

    static std::string kubeconfig_file(const std::string& role) { return file(role + ".kubeconfig").string(); }
    /// In one step, as tools do it.
    static void replace_file(const std::filesystem::path& path, const std::string& text);
    static void write_kubeconfig(const std::string& role, const Way& way);
    static Result<Weftd> start(const std::string& role, Environment environment = {});
    /// With the token of its account.
    static std::string token_user(const std::string& role);
    void make_relay(Relay::Kind kind = Relay::Kind::plain);
    std::string relayed() const { return "https://127.0.0.1:" + std::to_string(relay->port()); }

    /// Status, weftctl, metrics and log tell of trouble with the API server, in all of these words.
    static void expect_trouble(const Weftd& weftd, const std::vector<std::string>& words);
    /// All of them say that it is in step, with the same process as ever.
    void expect_well(Weftd& weftd);
    /// A pod that is added gets its port and its annotation, by one write.
    void expect_pod_comes(const std::string& name, const std::vector<std::string>& all);
    /// All rows that weft has in the northbound database, with their UUIDs.
    static std::vector<std::string> rows();
    /// Writes of a user that were carried out.
    std::vector<std::string> writes(const std::string& user, const std::string& verb, const std::string& resource);

    std::unique_ptr<Relay> relay;
};

}  // namespace weft::testing
