#include "conditions.hpp"
#include "decide.hpp"
#include "request.hpp"

#include <weft/testing/linked_plugin.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::node_identity {
namespace {

using ::testing::HasSubstr;

SigningRequest request() {
    SigningRequest r;
    r.key = Key<SigningRequest>{"csr"};
    r.uid = "u";
    r.signer = client_signer;
    r.username = "system:node:n1";
    r.groups = {"system:nodes", "system:authenticated"};
    r.usages = {"client auth", "digital signature"};
    r.expiration = 600;
    r.common_name = "system:ovn-node:n1";
    r.organizations = {"system:ovn-nodes"};
    return r;
}

testing::RuleResult decide(const SigningRequest& r, const std::map<std::string, std::string>& settings = {}) {
    const testing::LinkedPlugin plugin;
    testing::RuleTest rule(plugin.rules().rule("decide-request"));
    rule.given(plugin.settings(settings));
    return rule.run(r);
}

TEST(Decide, SaysItOnceAndForAll) {
    const auto result = decide(request());
    const auto rows = result.all<tables::ObjectStatus>();
    ASSERT_EQ(rows.size(), 1U) << result.text();
    EXPECT_TRUE(rows[0].stays);
    EXPECT_EQ(rows[0].kind, "CertificateSigningRequest");
    EXPECT_EQ(rows[0].uid, "u");
    EXPECT_EQ(rows[0].field, "conditions");
    EXPECT_THAT(rows[0].value, HasSubstr(R"("type":"Approved","status":"True","reason":"AutoApproved")"));
}

TEST(Decide, WaitsForTheConfiguration) {
    const testing::LinkedPlugin plugin;
    testing::RuleTest rule(plugin.rules().rule("decide-request"));
    EXPECT_THAT(rule.run(request()).text(), HasSubstr("the configuration is not there yet"));
}

TEST(Decide, LeavesWhatItCantReadToOthersAndSaysSo) {
    auto broken = request();
    broken.common_name.clear();
    broken.trouble = "is no base64";
    const auto result = decide(broken);
    EXPECT_TRUE(result.all<tables::ObjectStatus>().empty());
    EXPECT_THAT(result.text(), HasSubstr("is no base64"));
}

TEST(Judge, NamesOfNodes) {
    const auto with_node = [](const std::string& node) {
        auto r = request();
        r.username = "system:node:" + node;
        r.common_name = "system:ovn-node:" + node;
        return judge(r, {own_condition()}).kind;
    };
    for (const std::string& good :
         {std::string("a"), std::string("n-1.example.org"), std::string("10.0.0.1"), std::string(253, 'a')})
        EXPECT_EQ(with_node(good), Verdict::Kind::approved) << good;
    for (const std::string& bad : {std::string(), std::string("N1"), std::string("-a"), std::string("a-"),
                                   std::string("a..b"), std::string(".a"), std::string("a."), std::string("a_b"),
                                   std::string("a\0b", 3), std::string("a b"), std::string(254, 'a')})
        EXPECT_EQ(with_node(bad), Verdict::Kind::denied) << bad;
}

TEST(Judge, AUserWithoutAColonIsNobody) {
    auto r = request();
    r.username = "";
    EXPECT_EQ(judge(r, {own_condition()}).kind, Verdict::Kind::denied);
    r = request();
    r.common_name = "";
    EXPECT_EQ(judge(r, {own_condition()}).kind, Verdict::Kind::ignored);
}

TEST(Judge, AUsageTwiceIsOneUsage) {
    auto r = request();
    r.usages = {"client auth", "client auth"};
    EXPECT_EQ(judge(r, {own_condition()}).kind, Verdict::Kind::denied);
    r.usages = {"client auth", "digital signature", "client auth"};
    EXPECT_EQ(judge(r, {own_condition()}).kind, Verdict::Kind::approved);
}

TEST(Conditions, AreReadAsUpstreamWritesThem) {
    const auto read = parse_conditions(
        R"([{"commonNamePrefix": "a:b", "organizations": ["o"], "groups": ["g", "h"], "userPrefixes": ["u"]}])");
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(*read, (std::vector<Condition>{{"a:b", {"o"}, {"g", "h"}, {"u"}}}));
    EXPECT_TRUE(parse_conditions("")->empty());
    EXPECT_TRUE(parse_conditions("[]")->empty());
}

TEST(Conditions, ThatAreWrongStopTheStart) {
    const testing::LinkedPlugin plugin;
    for (const char* bad :
         {"x", "{}", "[1]", R"([{"commonNamePrefix": "a"}])",
          R"([{"commonNamePrefix": "", "organizations": ["o"], "groups": ["g"], "userPrefixes": ["u"]}])",
          R"([{"commonNamePrefix": "a", "organizations": [], "groups": ["g"], "userPrefixes": ["u"]}])",
          R"([{"commonNamePrefix": "a", "organizations": ["o"], "groups": [1], "userPrefixes": ["u"]}])",
          R"([{"commonNamePrefix": "a", "organizations": ["o"], "groups": "g", "userPrefixes": ["u"]}])"})
        EXPECT_THROW(plugin.settings({{"conditions", bad}}), std::runtime_error) << bad;
}

TEST(Requests, OfOthersAreKeptAsNoMoreThanThat) {
    const auto document = JsonDocument::parse(
        R"({"metadata": {"name": "a", "uid": "u"}, "spec": {"signerName": "example.org/x", "request": "nonsense",
            "username": "eve", "groups": ["g"]}})");
    const auto row = parse_request(document->root());
    ASSERT_TRUE(row) << row.error().text();
    EXPECT_EQ(row->as<SigningRequest>().username, "");
    EXPECT_EQ(row->as<SigningRequest>().trouble, "");
}

}  // namespace
}  // namespace weft::node_identity
