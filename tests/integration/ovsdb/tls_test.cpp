// TLS and TCP, with certificates made here.
#include "integration/certificates.hpp"
#include "integration/ovsdb/harness.hpp"

#include <weft/ovsdb/nb.hpp>

#include <gmock/gmock.h>

using namespace weft;
using namespace weft::ovsdb;
using namespace weft::test;
using testing::HasSubstr;

namespace {

const DatabaseInfo& db = nb_database();
const TableInfo& ports_table = *db.table("Logical_Switch_Port");

MonitorRequest pods() {
    return {TableRequest::all(*db.table("Logical_Switch")), TableRequest::all(ports_table)};
}

class Tls : public testing::Test {
  protected:
    void SetUp() override {
        auto made = Certificates::make(dir.path());
        ASSERT_TRUE(made) << made.error().text();
        certificates.emplace(*std::move(made));
    }
    TlsFiles files(const std::string& name, const std::string& ca) const {
        return {.ca_cert = certificates->certificate(ca),
                .certificate = certificates->certificate(name),
                .private_key = certificates->key(name)};
    }
    std::vector<std::string> server_arguments() const { return certificates->server_arguments(port); }

    TempDir dir;
    std::optional<Certificates> certificates;
    const std::string port = std::to_string(free_port());
};

TEST_F(Tls, ManyTransactionsBothWays) {
    Server server(dir, "ovn-nb-26.03.2.ovsschema", server_arguments());
    Owner owner(db, "ssl:127.0.0.1:" + port, pods(), {.tls = files("client", "ca")});
    ASSERT_TRUE(owner.until_synced());
    Ports ports(owner);
    ports.make_switch();
    std::uint64_t last = 0;
    for (int i = 0; i < 300; ++i) {
        Transaction t;
        ports.add(t, "p" + std::to_string(i), Uuid::random());
        t.comment(std::string(10'000, 'x'));
        last = owner.client->transact(std::move(t));
    }
    ASSERT_TRUE(owner.until([&] { return owner.outcomes.contains(last); }));
    EXPECT_EQ(owner.replica.size(ports_table), 300u);
    owner.client->reconnect("the test says so");
    ASSERT_TRUE(owner.until([&] { return owner.connects == 2 && owner.synced; }));
}

TEST_F(Tls, AServerWithAnotherCaIsNotTrusted) {
    Server server(dir, "ovn-nb-26.03.2.ovsschema", server_arguments());
    Owner owner(db, "ssl:127.0.0.1:" + port, pods(), {.tls = files("client", "other-ca")});
    Owner good(db, "ssl:127.0.0.1:" + port, pods(), {.tls = files("client", "ca")});
    ASSERT_TRUE(good.until_synced());
    Transaction t;
    t.comment("x");
    EXPECT_EQ(owner.commit(t).kind, Outcome::Kind::unsent);
    EXPECT_EQ(owner.client->counters().connects, 0u);
}

TEST_F(Tls, AStrangersCertificateIsRefusedByTheServer) {
    Server server(dir, "ovn-nb-26.03.2.ovsschema", server_arguments());
    Owner good(db, "ssl:127.0.0.1:" + port, pods(), {.tls = files("client", "ca")});
    Owner stranger(db, "ssl:127.0.0.1:" + port, pods(), {.tls = files("stranger", "ca")});
    ASSERT_TRUE(good.until_synced());
    Transaction t;
    t.comment("x");
    EXPECT_EQ(stranger.commit(t).kind, Outcome::Kind::unsent);
    EXPECT_FALSE(stranger.synced);
}

TEST_F(Tls, FilesThatCannotBeUsedAreNamed) {
    const Remote remote = *Remote::parse("ssl:127.0.0.1:" + port);
    auto files_with = [&](auto change) {
        TlsFiles f = files("client", "ca");
        change(f);
        auto opened = open_transport(remote, f);
        return opened ? std::string("opened") : opened.error().text();
    };
    EXPECT_THAT(files_with([&](TlsFiles& f) { f.ca_cert = dir / "nothing.pem"; }), HasSubstr("nothing.pem"));
    EXPECT_THAT(files_with([&](TlsFiles& f) { f.certificate = dir / "client.key"; }), HasSubstr("client.key"));
    EXPECT_THAT(files_with([&](TlsFiles& f) { f.private_key = dir / "server.key"; }), HasSubstr("server.key"));
    EXPECT_THAT(files_with([](TlsFiles& f) { f = {}; }), HasSubstr("needs a CA certificate"));
}

TEST_F(Tls, CertificatesThatAreReplacedAreReadAgain) {
    Server server(dir, "ovn-nb-26.03.2.ovsschema", server_arguments());
    // First a stranger's, then the right one under the same names.
    certificates->copy("stranger", "mine");
    Owner owner(db, "ssl:127.0.0.1:" + port, pods(), {.tls = files("mine", "ca")});
    ASSERT_TRUE(owner.until([&] { return owner.client->counters().connects >= 2; }));
    EXPECT_FALSE(owner.synced);
    certificates->copy("client", "mine");
    EXPECT_TRUE(owner.until_synced());
}

TEST(Tcp, Works) {
    const TempDir dir;
    const std::string port = std::to_string(free_port());
    Server server(dir, "ovn-nb-26.03.2.ovsschema", {"--remote=ptcp:" + port + ":127.0.0.1"});
    Owner owner(db, "tcp:127.0.0.1:" + port, pods());
    EXPECT_TRUE(owner.until_synced());
}

}  // namespace
