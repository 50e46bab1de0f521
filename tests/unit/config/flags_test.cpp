#include "config/flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// "section.key=value" lines in the order they apply, or the error.
std::string read(std::vector<std::string> args) {
    auto flags = parse_flags(args);
    if (!flags) return flags.error().text();
    std::string out;
    for (const auto& v : flags->values)
        out += std::string(v.key->section) + "." + std::string(v.key->key) + "=" + v.value + "\n";
    for (const auto& w : flags->warnings)
        out += "warning: " + w.text() + "\n";
    return out;
}

TEST(Flags, SpellingsOfAValue) {
    for (auto args :
         std::vector<std::vector<std::string>>{{"--mtu", "9000"}, {"--mtu=9000"}, {"-mtu", "9000"}, {"-mtu=9000"}}) {
        EXPECT_EQ(read(args), "default.mtu=9000\n");
    }
    EXPECT_EQ(read({"--k8s-token=a=b"}), "kubernetes.token=a=b\n");
    EXPECT_EQ(read({"--encap-ip="}), "default.encap-ip=\n");
    EXPECT_EQ(read({"-encap-ip="}), "default.encap-ip=\n");
}

TEST(Flags, BooleansTakeNoFollowingArgument) {
    EXPECT_EQ(read({"--monitor-all", "--mtu", "1"}), "default.monitor-all=true\ndefault.mtu=1\n");
    EXPECT_EQ(read({"--monitor-all=false"}), "default.monitor-all=false\n");
    EXPECT_THAT(read({"--monitor-all", "false"}), HasSubstr("unexpected argument \"false\""));
}

TEST(Flags, TheLastOfOneKeyComesLast) {
    EXPECT_EQ(read({"--mtu=1", "--mtu=2"}), "default.mtu=1\ndefault.mtu=2\n");
    EXPECT_EQ(read({"--monitor-all=false", "--monitor-all"}), "default.monitor-all=false\ndefault.monitor-all=true\n");
}

TEST(Flags, LegacyNamesWin) {
    EXPECT_EQ(read({"--cluster-subnet=10.1.0.0/16", "--cluster-subnets=10.2.0.0/16"}),
              "default.cluster-subnets=10.2.0.0/16\ndefault.cluster-subnets=10.1.0.0/16\n");
    EXPECT_EQ(read({"--service-cluster-ip-range=a", "--k8s-service-cidr=b", "--k8s-service-cidrs=c"}),
              "kubernetes.service-cidrs=c\nkubernetes.service-cidrs=b\nkubernetes.service-cidrs=a\n");
    EXPECT_EQ(read({"--cluster-subnet=", "--cluster-subnets=c"}), "default.cluster-subnets=c\n");
}

TEST(Flags, GatewayLegacy) {
    EXPECT_EQ(read({"--init-gateways"}), "gateway.mode=shared\n");
    EXPECT_EQ(read({"--init-gateways", "--gateway-local"}), "gateway.mode=local\n");
    EXPECT_EQ(read({"--gateway-local"}), "");
    EXPECT_EQ(read({"--init-gateways", "--gateway-mode=local"}), "gateway.mode=local\n");
}

TEST(Flags, ModesOfOvnkube) {
    EXPECT_EQ(read({"--init-node", "n1", "--init-ovnkube-controller", "n1"}), "weft.role=node\nweft.node=n1\n");
    EXPECT_EQ(read({"--init-ovnkube-controller=n1"}), "weft.role=node\nweft.node=n1\n");
    EXPECT_EQ(read({"--init-cluster-manager", "m"}), "weft.role=cluster\nweft.leader-identity=m\n");
    EXPECT_EQ(read({"--init-node", "n1", "--role", "dpu-host"}), "weft.role=dpu-host\nweft.node=n1\n");
    constexpr auto identities = "provided no identity or different identities for different modes";
    EXPECT_THAT(read({"--init-node", "a", "--init-ovnkube-controller", "b"}), HasSubstr(identities));
    EXPECT_THAT(read({"--init-node="}), HasSubstr(identities));
    EXPECT_THAT(read({"--init-cluster-manager="}), HasSubstr(identities));
    EXPECT_THAT(read({"--init-cluster-manager=m", "--init-node=n"}), HasSubstr("can't be combined"));
    EXPECT_THAT(read({"--cleanup-node=n"}), HasSubstr("not available yet"));
}

TEST(Flags, UnknownOnesAreErrorsThatNameTheNearest) {
    EXPECT_EQ(read({"--mut=1"}), "unknown flag --mut (did you mean --mtu?)");
    EXPECT_EQ(read({"--cluster-subnet-s", "x"}), "unknown flag --cluster-subnet-s (did you mean --cluster-subnets?)");
    EXPECT_EQ(read({"--zzzzzz"}), "unknown flag --zzzzzz (see --help)");
    EXPECT_THAT(read({"--mt=1"}), HasSubstr("unknown flag --mt"));  // no abbreviations
    EXPECT_THAT(read({"stray"}), HasSubstr("unexpected argument \"stray\""));
    EXPECT_THAT(read({"--"}), HasSubstr(""));
}

TEST(Flags, AValueThatIsMissing) {
    EXPECT_THAT(read({"--mtu"}), HasSubstr("--mtu"));
}

TEST(Flags, RemovedOnesWarn) {
    EXPECT_EQ(
        read({"--enable-interconnect", "--zone=global", "--mtu=1"}),
        "default.mtu=1\n"
        "warning: --enable-interconnect has been removed and is ignored (interconnect is the only mode)\n"
        "warning: --zone has been removed and is ignored (each node has its own databases and is its own zone)\n");
    for (auto flag :
         {"--nb-raft-election-timer", "--sb-raft-election-timer", "--ha-election-lease-duration", "--pod-ip"}) {
        EXPECT_THAT(read({flag, "7"}), HasSubstr("has been removed")) << flag;
    }
}

TEST(Flags, OwnFlags) {
    auto flags = parse_flags(
        {"--config-file", "/x", "--config-dir=/y", "--enable-plugins", "a, b", "--disable-plugins=c", "--help"});
    ASSERT_TRUE(flags) << flags.error().text();
    EXPECT_EQ(flags->config_file, "/x");
    EXPECT_EQ(flags->config_dir, "/y");
    EXPECT_THAT(flags->enable_plugins, ElementsAre("a", "b"));
    EXPECT_THAT(flags->disable_plugins, ElementsAre("c"));
    EXPECT_TRUE(flags->help);
    EXPECT_FALSE(flags->version);
    EXPECT_TRUE(parse_flags({"-help"})->help);
}

TEST(Flags, HelpListsEveryFlag) {
    const auto help = flag_help();
    for (const auto& spec : schema()) {
        if (spec.flags.empty()) continue;
        EXPECT_THAT(help, HasSubstr("--" + spec.flags.substr(0, spec.flags.find(' ')))) << spec.key;
    }
    EXPECT_THAT(help, HasSubstr("--config-file"));
    EXPECT_THAT(help, HasSubstr("[gateway]"));
}

}  // namespace
}  // namespace weft::config
