#include "cni/spec.hpp"

#include "cni/server/metrics.hpp"
#include "cni/server/sources.hpp"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::cni {
namespace {

using ::testing::HasSubstr;

TEST(Version, ReadsThreeNumbers) {
    EXPECT_EQ(Version::parse("0.3.1"), (Version{0, 3, 1}));
    EXPECT_EQ(Version::parse("1.1.0")->text(), "1.1.0");
    for (const auto* bad : {"", "1", "1.0", "1.0.0.0", "1..0", "v1.0.0", "1.0.0-rc1", "-1.0.0", "1.0.x", " 1.0.0",
                            "99999999999.0.0", "1.0.0 "}) {
        EXPECT_FALSE(Version::parse(bad)) << bad;
    }
}

Outcome<Invocation> read(std::map<std::string, std::string> environment) {
    return read_environment([environment](const char* name) -> const char* {
        const auto found = environment.find(name);
        return found == environment.end() ? nullptr : found->second.c_str();
    });
}

TEST(Environment, NeedsWhatTheCommandNeeds) {
    EXPECT_EQ(read({}).error().code, Code::invalid_environment);
    EXPECT_EQ(read({{"CNI_COMMAND", "UPDATE"}}).error().code, Code::invalid_environment);
    EXPECT_THAT(read({{"CNI_COMMAND", "ADD"}}).error().msg,
                HasSubstr("[CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME] missing"));
    EXPECT_THAT(read({{"CNI_COMMAND", "DEL"}}).error().msg, HasSubstr("[CNI_CONTAINERID,CNI_IFNAME] missing"));
    for (const auto* command : {"GC", "STATUS", "VERSION"})
        EXPECT_TRUE(read({{"CNI_COMMAND", command}})) << command;
    const auto del = read({{"CNI_COMMAND", "DEL"}, {"CNI_CONTAINERID", "c1"}, {"CNI_IFNAME", "eth0"}});
    ASSERT_TRUE(del);
    EXPECT_EQ(del->command, Command::del);
    EXPECT_EQ(del->netns, "");
}

TEST(Environment, RefusesNamesThatAreNone) {
    const auto add = [](const std::string& id, const std::string& ifname) {
        return read({{"CNI_COMMAND", "ADD"}, {"CNI_CONTAINERID", id}, {"CNI_IFNAME", ifname}, {"CNI_NETNS", "/x"}});
    };
    EXPECT_TRUE(add("a.B-9_", "eth0"));
    for (const auto* id : {".a", "a/b", "a b", "-a", "ä"}) {
        EXPECT_EQ(add(id, "eth0").error().code, Code::invalid_environment) << id;
    }
    EXPECT_FALSE(add(std::string(254, 'a'), "eth0"));
    for (const auto* name : {"..", ".", "a/b", "a b", "sixteencharslong", "a:b"}) {
        EXPECT_EQ(add("a", name).error().code, Code::invalid_environment) << name;
    }
}

TEST(Args, NameAPod) {
    const auto pod = parse_args("IgnoreUnknown=1;K8S_POD_NAMESPACE=web;K8S_POD_NAME=p-1.x;K8S_POD_UID=u;X=");
    ASSERT_TRUE(pod);
    EXPECT_EQ(pod->ns, "web");
    EXPECT_EQ(pod->name, "p-1.x");
    EXPECT_EQ(pod->uid, "u");
    for (const auto* bad :
         {"", "K8S_POD_NAMESPACE=a", "K8S_POD_NAME=a", "K8S_POD_NAMESPACE=a;K8S_POD_NAME", "K8S_POD_NAMESPACE=a;b==c",
          "K8S_POD_NAMESPACE=a;K8S_POD_NAME=b;;", "K8S_POD_NAMESPACE=a/b;K8S_POD_NAME=c"}) {
        EXPECT_EQ(parse_args(bad).error().code, Code::invalid_environment) << bad;
    }
    EXPECT_FALSE(parse_args("K8S_POD_NAMESPACE=a;K8S_POD_NAME=" + std::string(254, 'x')));
}

TEST(Commands, NeedAVersion) {
    EXPECT_FALSE(check_command_version(Command::add, {0, 3, 0}));
    EXPECT_FALSE(check_command_version(Command::del, {0, 3, 0}));
    EXPECT_EQ(check_command_version(Command::check, {0, 3, 1})->code, Code::incompatible_version);
    EXPECT_FALSE(check_command_version(Command::check, {0, 4, 0}));
    EXPECT_EQ(check_command_version(Command::gc, {1, 0, 0})->code, Code::incompatible_version);
    EXPECT_EQ(check_command_version(Command::status, {1, 0, 0})->code, Code::incompatible_version);
    EXPECT_FALSE(check_command_version(Command::status, {1, 1, 0}));
}

TEST(Lateness, NamesTheStageAndSinceWhen) {
    const TimePoint now = TimePoint(std::chrono::hours(10));
    EXPECT_THAT(lateness({Stage::nothing, {}, {}}, now), HasSubstr("has not seen the pod"));
    EXPECT_THAT(lateness({Stage::pod, {}, "no subnet"}, now), HasSubstr("no lease, no PodInterface) (no subnet)"));
    EXPECT_EQ(lateness({Stage::northbound, now - std::chrono::seconds(118), {}}, now),
              "ovn-northd has made no Port_Binding for it, 118 s after its switch port was committed");
    EXPECT_THAT(lateness({Stage::southbound, {}, {}}, now), HasSubstr("no ovn-installed"));
}

TEST(Histogram, CountsInBuckets) {
    Histogram h;
    h.add(std::chrono::microseconds(500));
    h.add(std::chrono::milliseconds(30));
    h.add(std::chrono::hours(1));
    EXPECT_EQ(h.count, 3U);
    EXPECT_EQ(h.counts.front(), 1U);
    EXPECT_EQ(h.counts.back(), 1U);
    EXPECT_NEAR(h.sum, 3600.0305, 1e-6);
}

}  // namespace
}  // namespace weft::cni
