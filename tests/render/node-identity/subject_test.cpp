#include "subject.hpp"

#include <array>
#include <functional>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace weft::node_identity {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

/// The PEM of a request with these entries of its subject.
std::string pem(const std::vector<std::pair<int, std::string>>& subject) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(X509_REQ_new(), &X509_REQ_free);
    for (const auto& [kind, text] : subject) {
        X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request.get()), kind, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()),
                                   -1, 0);
    }
    X509_REQ_set_pubkey(request.get(), key.get());
    X509_REQ_sign(request.get(), key.get(), EVP_sha256());
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_X509_REQ(out.get(), request.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string good() {
    return pem({{NID_organizationName, "a"}, {NID_commonName, "c"}, {NID_organizationName, "b"}});
}

std::string why_not(const std::string& text) {
    const auto subject = read_subject(base64(text));
    if (subject) return "it is read";
    EXPECT_EQ(subject.error().where, "spec.request");
    EXPECT_FALSE(subject.error().mend.empty());
    return subject.error().what;
}

TEST(Subject, IsThatOfTheRequest) {
    const auto subject = read_subject(base64(good()));
    ASSERT_TRUE(subject) << subject.error().text();
    EXPECT_EQ(subject->common_name, "c");
    EXPECT_THAT(subject->organizations, ElementsAre("a", "b"));
}

TEST(Subject, LineBreaksInBase64AreFine) {
    std::string text = base64(good());
    text.insert(64, "\r\n");
    EXPECT_TRUE(read_subject(text).ok());
}

TEST(Subject, OfNobody) {
    const auto subject = read_subject(base64(pem({})));
    ASSERT_TRUE(subject) << subject.error().text();
    EXPECT_EQ(subject->common_name, "");
}

TEST(Subject, ABytesOfNothingIsPartOfTheName) {
    const auto subject = read_subject(base64(pem({{NID_commonName, std::string("system:ovn-node:n1\0x", 20)}})));
    ASSERT_TRUE(subject) << subject.error().text();
    EXPECT_EQ(subject->common_name.size(), 20U);
}

TEST(Subject, WhatTwoReadersCouldReadDifferentlyIsRefused) {
    EXPECT_THAT(why_not(good() + good()), HasSubstr("more than one PEM block"));
    EXPECT_THAT(why_not("-----BEGIN NOTHING-----\n" + good()), HasSubstr("not one PEM block"));
    EXPECT_THAT(why_not(good() + "x"), HasSubstr("not one PEM block"));
    EXPECT_THAT(why_not(" " + good()), HasSubstr("not one PEM block"));
    std::string with_headers = good();
    with_headers.insert(with_headers.find('\n') + 1, "Proc-Type: 4,ENCRYPTED\n\n");
    EXPECT_THAT(why_not(with_headers), HasSubstr("headers"));
    EXPECT_THAT(why_not(pem({{NID_commonName, "a"}, {NID_commonName, "b"}})), HasSubstr("two common names"));
}

TEST(Subject, WhatIsNoRequestIsRefused) {
    for (const char* text : {"", "=", "====", "QQ=", "Q===", "not base64!", "QUJD QUJD"})
        EXPECT_FALSE(read_subject(text).ok()) << text;
    EXPECT_THAT(why_not("x"), HasSubstr("not one PEM block"));
    EXPECT_THAT(why_not("-----BEGIN CERTIFICATE REQUEST-----"), HasSubstr("not one PEM block"));
    EXPECT_THAT(why_not("-----BEGIN CERTIFICATE REQUEST-----END CERTIFICATE REQUEST-----"), HasSubstr("PEM block"));
    EXPECT_THAT(why_not("-----BEGIN CERTIFICATE REQUEST-----\nQUJD\n-----END CERTIFICATE REQUEST-----\n"),
                HasSubstr("no certificate request"));
    const auto whole = good();
    for (std::size_t size = 0; size + 2 < whole.size(); size += 7)
        EXPECT_NE(why_not(whole.substr(0, size)), "it is read") << size;
    // Something after the request, in the same block.
    std::string longer = whole;
    const auto end = longer.find("\n-----END");
    longer.insert(end, "\nAAAA");
    EXPECT_NE(why_not(longer), "it is read");
    EXPECT_THAT(why_not(std::string(70000, 'x')), HasSubstr("64 KiB"));
}

}  // namespace
}  // namespace weft::node_identity
