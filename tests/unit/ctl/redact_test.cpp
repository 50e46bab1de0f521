#include "ctl/redact.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Put together here, so that nothing in this file looks like a secret.
const std::string pem_begin = "-----BEGIN ";
const std::string pem_end = "-----END ";

TEST(Redact, SecretsByTheirName) {
    for (const std::string text :
         {"token = s3cr3t", "token=s3cr3t", "k8s-token: s3cr3t", "\"token\":\"s3cr3t\"", R"({"password": "s3cr3t"})",
          R"("{\"client_secret\":\"s3cr3t\"}")", "--k8s-token s3cr3t", "--k8s-token=s3cr3t", "Authorization: s3cr3t",
          "PASSWORD='s3cr3t'", "api-token = s3cr3t\nmtu = 1400", "client-key-data: s3cr3t", "private_key: s3cr3t",
          "x.secret = s3cr3t with blanks"}) {
        EXPECT_THAT(redacted(text), Not(HasSubstr("s3cr3t"))) << text;
        EXPECT_THAT(redacted(text), HasSubstr("(removed)")) << text;
    }
    EXPECT_EQ(redacted("token = s3cr3t\nmtu = 1400\n"), "token = (removed)\nmtu = 1400\n");
    EXPECT_EQ(redacted("{\"token\":\"s3cr3t\",\"mtu\":1400}"), "{\"token\":\"(removed)\",\"mtu\":1400}");
}

TEST(Redact, PrivateKeysAndNotCertificates) {
    const std::string key = pem_begin + "RSA PRIVATE KEY-----\nMIIEow\nabc\n" + pem_end + "RSA PRIVATE KEY-----";
    EXPECT_EQ(redacted("before\n" + key + "\nafter"), "before\n(removed)\nafter");
    EXPECT_EQ(redacted("{\"x\":\"" + pem_begin + "PRIVATE KEY-----\\nMIIEow\\n" + pem_end + "PRIVATE KEY-----\\n\"}"),
              "{\"x\":\"(removed)\\n\"}");
    EXPECT_EQ(redacted(pem_begin + "EC PRIVATE KEY-----\nMIIEow and the file ends"), "(removed)");
    const std::string certificate = pem_begin + "CERTIFICATE-----\nMIIC\n" + pem_end + "CERTIFICATE-----";
    EXPECT_EQ(redacted(certificate), certificate);
    EXPECT_EQ(redacted("data: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCg== end"), "data: (removed) end");
}

TEST(Redact, TokensByTheirLook) {
    const std::string web_token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlLXNpZw";
    EXPECT_EQ(redacted("note " + web_token + " end"), "note (removed) end");
    EXPECT_EQ(redacted("header Bearer abcdefgh1234"), "header Bearer (removed)");
    EXPECT_EQ(redacted("https://me:pass@host:6443/x"), "https://(removed)@host:6443/x");
}

TEST(Redact, WhatIsNoSecretStays) {
    for (const std::string text : {"token-file = /var/run/secrets/token", "node-server-privkey = /etc/weft/key.pem",
                                   "https://host:6443/api?x=a@b",
                                   R"({"table":"NB/Logical_Switch_Port","addresses":["0a:58:0a:f4:00:03 10.244.0.3"]})",
                                   "token", "secret: ", "\"secrets\":[]", "tokens: true", "Basic facts", "eyJ short",
                                   "unix:/var/run/ovn/ovnnb_db.sock", "mtu = 1400", ""}) {
        EXPECT_EQ(redacted(text), text);
    }
}

}  // namespace
}  // namespace weft::ctl
