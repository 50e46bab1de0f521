// OVN's databases over ssl, with certificates made here.
#include "integration/certificates.hpp"
#include "node_bed.hpp"

#include <optional>

namespace weft::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr auto* north = "6641";
constexpr auto* south = "6642";

class DatabasesOverTls : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = NodeBed::make();
        WEFT_ASSERT_OK(made);
        node = *std::move(made);
        dir = node->bed().dir();
        auto signed_now = test::Certificates::make(dir);
        WEFT_ASSERT_OK(signed_now);
        made_.emplace(*std::move(signed_now));
        WEFT_ASSERT_OK(node->start_database("nb", certificates().server_arguments(north)));
        WEFT_ASSERT_OK(node->start_database("sb", certificates().server_arguments(south)));
    }
    const test::Certificates& certificates() const { return *made_; }
    std::string pem(const std::string& name) const { return made_->certificate(name); }
    static std::string section(const std::string& name, const std::string& port) {
        return "[" + name + "]\naddress = ssl:127.0.0.1:" + port + "\n";
    }
    std::string keys(const std::string& client, const std::string& ca, const std::string& common_name) const {
        return "client-privkey = " + made_->key(client) + "\nclient-cert = " + pem(client) +
               "\nclient-cacert = " + pem(ca) + "\ncert-common-name = " + common_name + "\n";
    }
    /// Both databases with the same keys.
    std::string both(const std::string& client, const std::string& ca, const std::string& name = "server") const {
        return section("ovnnorth", north) + keys(client, ca, name) + section("ovnsouth", south) +
               keys(client, ca, name);
    }
    void start(const std::string& config) {
        auto started = node->start_weftd(config);
        WEFT_ASSERT_OK(started);
        weftd = *std::move(started);
    }
    /// What the operator sees of the northbound connection until it says so; also that weftd is still there.
    void expect_trouble(const ::testing::Matcher<std::string>& matcher) {
        std::string seen;
        const auto told = weftd.wait_status("trouble with ovn-nb", [&](JsonView s) {
            seen = NodeBed::detail(s, "ovn-nb");
            return !NodeBed::is_up(s, "ovn-nb") && matcher.Matches(seen);
        });
        EXPECT_TRUE(told.ok()) << "last: " << seen;
        EXPECT_TRUE(weftd.process.running());
    }
    void expect_up() {
        WEFT_ASSERT_OK(weftd.wait_status(
            "both databases", [](JsonView s) { return NodeBed::is_up(s, "ovn-nb") && NodeBed::is_up(s, "ovn-sb"); }));
    }
    std::unique_ptr<NodeBed> node;
    std::filesystem::path dir;
    Weftd weftd;

  private:
    std::optional<test::Certificates> made_;
};

TEST_F(DatabasesOverTls, TheRightKeysWork) {
    start(both("client", "ca"));
    expect_up();
    // Its rows get there, too: the node's own switch comes with the first round.
    WEFT_ASSERT_OK(node->bed().api().apply_yaml(
        "{apiVersion: v1, kind: Node, metadata: {name: n1, annotations: {k8s.ovn.org/node-subnets: "
        "'{\"default\":[\"10.244.0.0/24\",\"fd00:10:244::/64\"]}', k8s.ovn.org/node-id: \"2\"}}, status: {addresses: "
        "[{type: InternalIP, address: 172.18.0.2}]}}"));
    WEFT_ASSERT_OK(wait_for("switch n1", [&]() -> Result<void> {
        const auto found = run_ok({"ovn-nbctl", "--db=unix:" + (dir / "ovnnb_db.sock").string(), "--bare",
                                   "--columns=name", "find", "Logical_Switch", "name=n1"});
        if (!found) return found.error();
        return *found == "n1\n" ? Result<void>() : Result<void>(waiting("it is not there; " + weftd.log()));
    }));
}

TEST_F(DatabasesOverTls, AnotherCaIsNamed) {
    start(both("client", "other-ca"));
    expect_trouble(
        AllOf(HasSubstr("certificate is not to be trusted"), HasSubstr(pem("other-ca")), HasSubstr("client-cacert")));
}

TEST_F(DatabasesOverTls, AServerOfAnotherNameIsNotTrusted) {
    start(both("client", "ca", "somebody-else"));
    expect_trouble(AllOf(HasSubstr("somebody-else"), HasSubstr("cert-common-name")));
}

TEST_F(DatabasesOverTls, AStrangersCertificateIsRefusedAndReplaced) {
    certificates().copy("stranger", "mine");
    start(both("mine", "ca"));
    expect_trouble(AllOf(HasSubstr("the server refused us"), HasSubstr(pem("mine"))));
    // It goes on trying, and reads the files again.
    certificates().copy("client", "mine");
    expect_up();
}

TEST_F(DatabasesOverTls, AnExpiredCertificateIsNamed) {
    WEFT_ASSERT_OK(certificates().add("old", "ca", -1));
    start(both("old", "ca"));
    expect_trouble(AllOf(HasSubstr("expired"), HasSubstr(pem("old"))));
    certificates().copy("client", "old");
    expect_up();
}

TEST_F(DatabasesOverTls, AMissingFileIsNamed) {
    start(both("nobody", "ca"));
    expect_trouble(AllOf(HasSubstr(pem("nobody")), HasSubstr("No such file")));
    certificates().copy("client", "nobody");
    expect_up();
}

TEST_F(DatabasesOverTls, WithoutACommonNameWeftdDoesNotStart) {
    start(section("ovnnorth", north) + "client-cert = /x\n");
    const auto status = weftd.process.wait(patience);
    WEFT_ASSERT_OK(status);
    EXPECT_EQ(*status, 1);
    EXPECT_THAT(weftd.log(), HasSubstr("cert-common-name"));
}

TEST_F(DatabasesOverTls, NobodyAtTheAddress) {
    node->kill_database("nb");
    start(both("client", "ca"));
    expect_trouble(HasSubstr("refused"));
    WEFT_ASSERT_OK(node->start_database("nb", certificates().server_arguments(north)));
    expect_up();
}

}  // namespace
}  // namespace weft::testing
