#include "cni/json.hpp"
#include "cni/spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::cni {
namespace {

using ::testing::HasSubstr;

TEST(Conf, TakesWhatTheServerWrites) {
    const auto conf =
        parse_conf(R"({"cniVersion":"1.1.0","name":"ovn-kubernetes","type":"ovn-k8s-cni-overlay","ipam":{},"dns":{},)"
                   R"("logLevel":"4","logfile-maxsize":100,"runtimeConfig":{},"weftSocket":"/run/x.sock"})");
    ASSERT_TRUE(conf);
    EXPECT_EQ(conf->version, (Version{1, 1, 0}));
    EXPECT_EQ(conf->name, "ovn-kubernetes");
    EXPECT_EQ(conf->socket, "/run/x.sock");
    EXPECT_FALSE(conf->prev_result);
}

TEST(Conf, VersionsFromThreeOn) {
    for (const auto* good : {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}) {
        EXPECT_TRUE(parse_conf(std::string(R"({"name":"n","cniVersion":")") + good + "\"}")) << good;
    }
    for (const auto* bad : {"0.1.0", "0.2.0", "0.3.2", "1.2.0", "2.0.0", "x", ""}) {
        const auto conf = parse_conf(std::string(R"({"name":"n","cniVersion":")") + bad + "\"}");
        ASSERT_FALSE(conf) << bad;
        EXPECT_EQ(conf.error().code, Code::incompatible_version) << bad;
        EXPECT_THAT(conf.error().details, HasSubstr("plugin supports [0.3.0 0.3.1 0.4.0 1.0.0 1.1.0]"));
    }
    EXPECT_THAT(parse_conf(R"({"name":"n"})").error().details, HasSubstr("config is \"0.1.0\""));
}

TEST(Conf, AListOfOneIsThatOne) {
    const auto conf = parse_conf(
        R"({"cniVersion":"1.0.0","name":"n","plugins":[{"type":"ovn-k8s-cni-overlay","topology":"layer2"}]})");
    ASSERT_TRUE(conf);
    EXPECT_EQ(conf->name, "n");
    EXPECT_EQ(conf->type, "ovn-k8s-cni-overlay");
    EXPECT_EQ(conf->topology, "layer2");
    for (const auto* bad : {R"({"cniVersion":"1.0.0","name":"n","plugins":[]})",
                            R"({"cniVersion":"1.0.0","name":"n","plugins":[{"type":"a"},{"type":"b"}]})",
                            R"({"cniVersion":"1.0.0","name":"n","plugins":["a"]})",
                            R"({"cniVersion":"1.0.0","name":"n","type":"a","plugins":[{"type":"b"}]})"}) {
        EXPECT_EQ(parse_conf(bad).error().code, Code::invalid_conf) << bad;
    }
}

TEST(Conf, HostileTextIsRefused) {
    const std::string deep = std::string(500000, '[');
    const std::string deep_object =
        R"({"cniVersion":"1.0.0","name":"n","x":)" + std::string(100, '[') + std::string(100, ']') + "}";
    std::string deep_members;
    for (int i = 0; i < 100000; ++i)
        deep_members += "{\"a\":";
    for (const std::string& bad :
         {std::string(), std::string("nonsense"), std::string("[]"), std::string("\"x\""), std::string("{"), deep,
          deep_members, deep_object, std::string("{\"cniVersion\":1}"), std::string("\xff\xfe\x00{}", 5),
          std::string("{\"name\":\"\xff\",\"cniVersion\":\"1.0.0\"}"), std::string("{} {}"),
          std::string(max_message + 1, ' ')}) {
        const auto conf = parse_conf(bad);
        ASSERT_FALSE(conf) << bad.substr(0, 60);
        EXPECT_EQ(conf.error().code, Code::bad_json) << bad.substr(0, 60);
    }
    for (const auto* bad : {R"({"cniVersion":"1.0.0"})", R"({"cniVersion":"1.0.0","name":7})",
                            R"({"cniVersion":"1.0.0","name":"n","weftSocket":[]})",
                            R"({"cniVersion":"1.0.0","name":"n","weftSocket":"/a\u0000b"})",
                            R"({"cniVersion":"1.0.0","name":"n","prevResult":[]})",
                            R"({"cniVersion":"1.0.0","name":"n","prevResult":{"ips":[{"address":"a","interface":5}]}})",
                            R"({"cniVersion":"1.0.0","name":"n","prevResult":{"ips":[{"interface":-1}]}})",
                            R"({"cniVersion":"1.0.0","name":"n","cni.dev/valid-attachments":{}})",
                            R"({"cniVersion":"1.0.0","name":"n","cni.dev/valid-attachments":[{"containerID":"x"}]})"}) {
        const auto conf = parse_conf(bad);
        ASSERT_FALSE(conf) << bad;
        EXPECT_EQ(conf.error().code, Code::invalid_conf) << bad;
    }
}

TEST(Conf, PreviousResultAndAttachments) {
    const auto conf = parse_conf(
        R"({"cniVersion":"0.4.0","name":"n","prevResult":{"cniVersion":"0.4.0","interfaces":[{"name":"h"},{"name":"eth0","mac":"m","sandbox":"/n"}],)"
        R"("ips":[{"version":"4","interface":1,"address":"10.0.0.3/24","gateway":"10.0.0.1"}],"dns":{}},)"
        R"("cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"}]})");
    ASSERT_TRUE(conf);
    ASSERT_TRUE(conf->prev_result);
    EXPECT_EQ(conf->prev_result->interfaces.at(1).sandbox, "/n");
    EXPECT_EQ(conf->prev_result->ips.at(0), (ResultIp{1, "10.0.0.3/24", "10.0.0.1"}));
    ASSERT_TRUE(conf->valid_attachments);
    EXPECT_EQ(conf->valid_attachments->front(), (Attachment{"c1", "eth0"}));
}

const AddResult dual{{{"c0ffee012345678", "0a:00:00:00:00:01", ""}, {"eth0", "0a:58:0a:f4:01:05", "/run/netns/x"}},
                     {{1, "10.244.1.5/24", "10.244.1.1"}, {1, "fd01::5/64", ""}}};

TEST(Result, IsWrittenInTheConfsVersion) {
    EXPECT_EQ(Json::parse(result_json({1, 1, 0}, dual)), Json::parse(R"({"cniVersion":"1.1.0",
        "interfaces":[{"name":"c0ffee012345678","mac":"0a:00:00:00:00:01"},
                      {"name":"eth0","mac":"0a:58:0a:f4:01:05","sandbox":"/run/netns/x"}],
        "ips":[{"interface":1,"address":"10.244.1.5/24","gateway":"10.244.1.1"},{"interface":1,"address":"fd01::5/64"}]})"));
    for (const Version version : {Version{0, 3, 0}, Version{0, 3, 1}, Version{0, 4, 0}}) {
        const auto json = Json::parse(result_json(version, dual));
        EXPECT_EQ(json["cniVersion"], version.text());
        EXPECT_EQ(json["ips"][0]["version"], "4");
        EXPECT_EQ(json["ips"][1]["version"], "6");
    }
    EXPECT_FALSE(Json::parse(result_json({1, 0, 0}, dual))["ips"][0].contains("version"));
}

TEST(Error, IsWrittenAsTheSpecificationSays) {
    EXPECT_EQ(Json::parse(error_json({1, 0, 0}, {Code::try_again, "m\"\n", "d"})),
              Json::parse(R"({"cniVersion":"1.0.0","code":11,"msg":"m\"\n","details":"d"})"));
    EXPECT_FALSE(Json::parse(error_json({1, 0, 0}, {Code::io_failure, "m", ""})).contains("details"));
    EXPECT_TRUE(Json::accept(error_json({1, 0, 0}, {Code::io_failure, "bytes \xff\xfe", ""})));
}

TEST(Version, IsAnsweredWhateverComes) {
    const auto answer = Json::parse(version_json(R"({"cniVersion":"0.4.0"})"));
    EXPECT_EQ(answer["cniVersion"], "0.4.0");
    EXPECT_EQ(answer["supportedVersions"].size(), 5U);
    EXPECT_EQ(Json::parse(version_json(""))["cniVersion"], "1.1.0");
    EXPECT_EQ(Json::parse(version_json("\xff"))["cniVersion"], "1.1.0");
    EXPECT_EQ(Json::parse(version_json(R"({"cniVersion":"<script>"})"))["cniVersion"], "1.1.0");
}

}  // namespace
}  // namespace weft::cni
