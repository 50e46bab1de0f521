#include "kube/node_certificate.hpp"

#include "fakes.hpp"
#include "kube/files.hpp"

#include <weft/base/json.hpp>

#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

namespace weft::kube {
namespace {

using namespace std::chrono_literals;
using test::ManualLoop;
using testing::HasSubstr;

std::string name_of(const X509_NAME* name, int kind) {
    char text[128] = "";
    X509_NAME_get_text_by_NID(name, kind, text, sizeof(text));
    return text;
}

/// Signs a request as some authority does, for as long as is said.
std::string sign(const std::string& request_pem, WallTime from, WallTime to, const std::string& name = {}) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> in(
        BIO_new_mem_buf(request_pem.data(), static_cast<int>(request_pem.size())), &BIO_free);
    const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(
        PEM_read_bio_X509_REQ(in.get(), nullptr, nullptr, nullptr), &X509_REQ_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> authority(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), &X509_free);
    X509_NAME* subject = X509_REQ_get_subject_name(request.get());
    if (!name.empty()) {
        X509_NAME_add_entry_by_NID(X509_get_subject_name(made.get()), NID_commonName, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(name.data()), -1, -1, 0);
    } else {
        X509_set_subject_name(made.get(), subject);
    }
    X509_set_pubkey(made.get(), X509_REQ_get0_pubkey(request.get()));
    ASN1_TIME_set(X509_getm_notBefore(made.get()), std::chrono::system_clock::to_time_t(from));
    ASN1_TIME_set(X509_getm_notAfter(made.get()), std::chrono::system_clock::to_time_t(to));
    X509_sign(made.get(), authority.get(), EVP_sha256());
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_X509(out.get(), made.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

class NodeCertificateTest : public testing::Test {
  protected:
    struct Sent {
        bool own;
        Request request;
        std::function<void(Answer)> done;
    };

    NodeCertificateTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "weft-certificate-XXXXXX").string();
        folder = mkdtemp(pattern.data());
        options.node = "n1";
        options.file = (folder / "sub" / "current.pem").string();
        make();
    }
    ~NodeCertificateTest() override { std::filesystem::remove_all(folder); }

    void make() {
        sent.clear();
        const auto send = [this](bool own) {
            return [this, own](Request request, std::function<void(Answer)> done) {
                sent.push_back({own, std::move(request), std::move(done)});
            };
        };
        certificate.emplace(loop, NodeCertificate::Ways{send(false), send(true)}, options,
                            NodeCertificate::Events{[this] { ++renewed; }, {}}, [] { return 0.5; });
    }
    void start() {
        certificate->start();
        loop.settle();
    }
    std::string trouble() const { return certificate->status().trouble; }
    bool valid() const { return certificate->status().valid; }
    std::string file() const { return read_file(options.file).value_or(""); }

    void answer(int http, const std::string& body = {}) {
        ASSERT_FALSE(sent.empty());
        const Sent one = std::move(sent.front());
        sent.pop_front();
        Answer answer;
        answer.http = http;
        if (answer.ok()) {
            answer.body = body;
        } else {
            read_status(answer, body);
        }
        if (http == 0) answer.trouble = "connection refused";
        one.done(std::move(answer));
        loop.settle();
    }
    /// Takes the request, as the API server does. The certificate's request is kept.
    void create(bool own) {
        ASSERT_EQ(sent.size(), 1U);
        ASSERT_EQ(sent.front().request.method, Method::post);
        EXPECT_EQ(sent.front().own, own);
        const auto document = JsonDocument::parse(sent.front().request.body);
        ASSERT_TRUE(document);
        const auto spec = document->root()["spec"];
        EXPECT_EQ(spec["signerName"].string_or(""), "kubernetes.io/kube-apiserver-client");
        EXPECT_EQ(spec["usages"].dump(), R"(["digital signature","client auth"])");
        EXPECT_EQ(spec["expirationSeconds"].integer(), 600);
        request_pem = *decode_base64(spec["request"].string_or(""));
        answer(201, R"({"metadata":{"name":"csr-7"}})");
    }
    /// Lets it look at its request.
    void look(const std::string& status) {
        while (sent.empty())
            loop.advance(1s);
        ASSERT_EQ(sent.front().request.method, Method::get);
        EXPECT_THAT(sent.front().request.path, testing::EndsWith("/certificatesigningrequests/csr-7"));
        answer(200, R"({"status":)" + status + "}");
    }
    std::string signed_for(Duration life) {
        return sign(request_pem, loop.wall(), loop.wall() + std::chrono::duration_cast<WallTime::duration>(life));
    }
    void give(const std::string& chain) { look(R"({"certificate":")" + base64(chain) + "\"}"); }
    void obtain(bool own = false) {
        create(own);
        give(signed_for(10min));
    }

    ManualLoop loop;
    NodeCertificateOptions options;
    std::filesystem::path folder;
    std::deque<Sent> sent;
    std::string request_pem;
    int renewed = 0;
    std::optional<NodeCertificate> certificate;
};

TEST_F(NodeCertificateTest, IsAskedForWithTheBootstrapIdentityAndKept) {
    start();
    EXPECT_FALSE(valid());
    create(false);
    look("{}");
    look(R"({"conditions":[{"type":"Approved"}]})");
    EXPECT_EQ(renewed, 0);
    give(signed_for(10min));
    EXPECT_TRUE(valid()) << trouble();
    EXPECT_EQ(trouble(), "");
    EXPECT_EQ(renewed, 1);
    struct ::stat info {};
    ASSERT_EQ(::stat(options.file.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0600U);
    const auto read = read_client_certificate(file());
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->common_name, "system:ovn-node:n1");
    EXPECT_FALSE(std::filesystem::exists(options.file + ".new"));

    const std::unique_ptr<BIO, decltype(&BIO_free)> in(
        BIO_new_mem_buf(request_pem.data(), static_cast<int>(request_pem.size())), &BIO_free);
    const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(
        PEM_read_bio_X509_REQ(in.get(), nullptr, nullptr, nullptr), &X509_REQ_free);
    ASSERT_TRUE(request);
    EXPECT_EQ(X509_REQ_verify(request.get(), X509_REQ_get0_pubkey(request.get())), 1);
    EXPECT_EQ(name_of(X509_REQ_get_subject_name(request.get()), NID_organizationName), "system:ovn-nodes");
}

TEST_F(NodeCertificateTest, IsRenewedWithItselfWhenMostOfItsLifeIsOver) {
    start();
    obtain();
    const auto first = file();
    loop.advance(7min + 50s);
    EXPECT_TRUE(sent.empty());
    loop.advance(20s);  // 80 %: half of the way from 70 to 90
    create(true);
    const auto asked = request_pem;
    give(signed_for(10min));
    EXPECT_NE(file(), first);
    EXPECT_EQ(renewed, 2);
    EXPECT_TRUE(valid());
}

TEST_F(NodeCertificateTest, AClockThatIsSetIsNoticed) {
    start();
    obtain();
    loop.clock().advance(9min);  // nobody told the timer
    loop.advance(1min);
    ASSERT_EQ(sent.size(), 1U);
}

TEST_F(NodeCertificateTest, OneThatIsThereIsTakenUp) {
    start();
    obtain();
    const auto before = file();
    make();
    start();
    EXPECT_TRUE(valid());
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(renewed, 2);
    EXPECT_EQ(file(), before);
}

TEST_F(NodeCertificateTest, OneOfSomebodyElseIsDropped) {
    start();
    obtain();
    options.node = "n2";
    make();
    start();
    EXPECT_FALSE(valid());
    EXPECT_FALSE(std::filesystem::exists(options.file));
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_FALSE(sent.front().own);
}

TEST_F(NodeCertificateTest, OneThatIsBrokenIsDropped) {
    start();
    obtain();
    const auto whole = file();
    const auto key = whole.find("-----BEGIN PRIVATE KEY");
    make();
    start();
    ASSERT_TRUE(valid());
    // Another key, none, no certificate, nothing at all.
    const auto other = make_certificate_request("x", "y");
    ASSERT_TRUE(other);
    for (const std::string& text : {whole.substr(0, key) + other->key, whole.substr(0, key), whole.substr(key),
                                    std::string("nonsense"), std::string(), whole.substr(0, whole.size() / 3)}) {
        std::ofstream(options.file) << text;
        make();
        start();
        EXPECT_FALSE(valid()) << text;
        EXPECT_FALSE(std::filesystem::exists(options.file)) << text;
        EXPECT_EQ(sent.size(), 1U);
    }
}

TEST_F(NodeCertificateTest, OneThatHasExpiredIsReplacedWithTheBootstrapIdentity) {
    start();
    obtain();
    loop.clock().advance(11min);
    make();
    start();
    EXPECT_FALSE(valid());
    EXPECT_THAT(trouble(), HasSubstr("it has expired at "));
    EXPECT_EQ(renewed, 1);
    obtain(false);
    EXPECT_TRUE(valid());
}

TEST_F(NodeCertificateTest, OneThatTheServerRefusesIsReplacedWithTheBootstrapIdentity) {
    start();
    obtain();
    loop.advance(8min + 10s);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_TRUE(sent.front().own);
    answer(401);
    EXPECT_TRUE(valid()) << "it counts until it ends";
    EXPECT_THAT(trouble(), HasSubstr("it can't be renewed: ask for a certificate as the node: HTTP 401"));
    loop.advance(10s);
    obtain(false);
    EXPECT_EQ(trouble(), "");
}

TEST_F(NodeCertificateTest, WhatFailsIsTriedAgainLaterAndLater) {
    start();
    Duration last{};
    for (int i = 0; i < 6; ++i) {
        const auto before = loop.now();
        answer(i % 2 == 0 ? 0 : 503);
        EXPECT_THAT(trouble(), HasSubstr("ask for a certificate as bootstrap-kubeconfig"));
        while (sent.empty())
            loop.advance(100ms);
        const auto waited = loop.now() - before;
        EXPECT_GT(waited, last);
        last = waited;
    }
    obtain();
    EXPECT_TRUE(valid());
}

TEST_F(NodeCertificateTest, ARefusalSaysHowToMendIt) {
    start();
    answer(403, R"({"kind":"Status","reason":"Forbidden","message":"no"})");
    EXPECT_THAT(trouble(), HasSubstr("403 Forbidden: no"));
    EXPECT_THAT(trouble(), HasSubstr("weftctl rbac --bind"));
}

TEST_F(NodeCertificateTest, ADeniedRequestIsMadeAnew) {
    start();
    create(false);
    look(R"({"conditions":[{"type":"Denied","message":"not you"}]})");
    EXPECT_THAT(trouble(), HasSubstr("the request csr-7 was denied: not you (kubectl describe csr csr-7)"));
    loop.advance(5s);
    create(false);
    look(R"({"conditions":[{"type":"Approved"},{"type":"Failed","message":"no key"}]})");
    EXPECT_THAT(trouble(), HasSubstr("could not be signed: no key"));
    loop.advance(10s);
    obtain();
    EXPECT_TRUE(valid());
}

TEST_F(NodeCertificateTest, WaitsForAWhileAndSaysForWhom) {
    start();
    create(false);
    while (trouble() == "there is none yet")
        look("{}");
    EXPECT_THAT(trouble(), HasSubstr("neither approved nor denied within 120 s"));
    EXPECT_THAT(trouble(), HasSubstr("node-identity"));
    const auto before = trouble();
    while (sent.empty())
        loop.advance(1s);
    create(false);
    while (trouble() == before)
        look(R"({"conditions":[{"type":"Approved"}]})");
    EXPECT_THAT(trouble(), HasSubstr("approved but not signed"));
    EXPECT_THAT(trouble(), HasSubstr("kube-controller-manager"));
}

TEST_F(NodeCertificateTest, ARequestThatIsGoneIsMadeAnew) {
    start();
    create(false);
    while (sent.empty())
        loop.advance(1s);
    answer(404);
    EXPECT_THAT(trouble(), HasSubstr("csr-7 is gone"));
    loop.advance(5s);
    obtain();
    EXPECT_TRUE(valid());
}

TEST_F(NodeCertificateTest, AServerThatIsAwayWhileWeWaitIsWaitedFor) {
    start();
    create(false);
    while (sent.empty())
        loop.advance(1s);
    answer(503);
    give(signed_for(10min));
    EXPECT_TRUE(valid());
}

TEST_F(NodeCertificateTest, WhatWasSignedWronglyIsNotTaken) {
    start();
    create(false);
    give(sign(request_pem, loop.wall(), loop.wall() + 10min, "system:ovn-node:n2"));
    EXPECT_THAT(trouble(), HasSubstr("is that of \"system:ovn-node:n2\""));
    EXPECT_FALSE(std::filesystem::exists(options.file));
    loop.advance(5s);
    create(false);
    const auto other = make_certificate_request("system:ovn-node:n1", "system:ovn-nodes");
    ASSERT_TRUE(other);
    give(sign(other->request, loop.wall(), loop.wall() + 10min));
    EXPECT_THAT(trouble(), HasSubstr("the key is not that of the certificate"));
    loop.advance(10s);
    create(false);
    look(R"({"certificate":"bm9uc2Vuc2U="})");
    EXPECT_THAT(trouble(), HasSubstr("holds no certificate"));
    loop.advance(20s);
    create(false);
    look(R"({"certificate":"!"})");
    EXPECT_THAT(trouble(), HasSubstr("base64"));
    EXPECT_EQ(renewed, 0);
}

TEST_F(NodeCertificateTest, ClocksThatDifferAreSaidAndAskedForSlowly) {
    start();
    create(false);
    give(sign(request_pem, loop.wall() + 1h, loop.wall() + 1h + 10min));
    EXPECT_FALSE(valid());
    EXPECT_THAT(trouble(), HasSubstr("it counts from "));
    EXPECT_THAT(trouble(), HasSubstr("clocks"));
    EXPECT_EQ(renewed, 1) << "what counts is the server's clock";
    // The other way round: what comes has ended already. One in a while is enough.
    make();
    std::filesystem::remove(options.file);
    start();
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(sent.size(), 1U) << i;
        create(false);
        const auto before = loop.now();
        give(sign(request_pem, loop.wall() - 1h, loop.wall() - 30min));
        EXPECT_THAT(trouble(), HasSubstr("it has expired"));
        while (sent.empty())
            loop.advance(1s);
        EXPECT_GE(loop.now() - before, 20s);
    }
}

TEST_F(NodeCertificateTest, AFolderThatCantBeWrittenIsSaid) {
    std::ofstream(folder / "sub") << "in the way";
    start();
    create(false);
    give(signed_for(10min));
    EXPECT_THAT(trouble(), HasSubstr("the certificate can't be written"));
    EXPECT_THAT(trouble(), HasSubstr("cert-dir"));
    std::filesystem::remove(folder / "sub");
    loop.advance(5s);
    obtain();
    EXPECT_TRUE(valid());
}

TEST_F(NodeCertificateTest, ALinkInItsPlaceIsReplacedAndNotFollowed) {
    std::filesystem::create_directories(folder / "sub");
    std::ofstream(folder / "elsewhere") << "precious";
    std::filesystem::create_symlink(folder / "elsewhere", options.file);
    start();
    obtain();
    EXPECT_EQ(read_file((folder / "elsewhere").string()).value_or(""), "precious");
    EXPECT_FALSE(std::filesystem::is_symlink(options.file));
}

}  // namespace
}  // namespace weft::kube
