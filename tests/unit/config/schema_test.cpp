#include "config/schema.hpp"

#include "config/ini.hpp"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::config {
namespace {

TEST(Schema, EveryDefaultFitsItsTypeAndCheck) {
    Settings settings;
    for (const auto& spec : schema()) {
        const auto name = std::string(spec.section) + "." + std::string(spec.key);
        EXPECT_TRUE(spec.bind.assign(settings, spec.fallback, Spelling::file).ok()) << name;
        if (spec.check) {
            EXPECT_TRUE(spec.check(spec.fallback).ok()) << name;
        }
    }
    EXPECT_EQ(settings.base.mtu, 1400u);
    EXPECT_EQ(settings.base.db_txn_timeout, std::chrono::seconds(100));
}

TEST(Schema, KeysFlagsAndVariablesAreUnique) {
    std::set<std::string> keys, flags, variables;
    for (const auto& spec : schema()) {
        EXPECT_TRUE(known_section(spec.section)) << spec.section;
        EXPECT_TRUE(keys.insert(std::string(spec.section) + "." + lower_case(spec.key)).second) << spec.key;
        if (!spec.env.empty()) {
            EXPECT_TRUE(variables.insert(std::string(spec.env)).second) << spec.env;
        }
        std::string names = spec.flags + " ";
        for (std::size_t at = 0; at + 1 < names.size();) {
            const auto end = names.find(' ', at);
            EXPECT_TRUE(flags.insert(names.substr(at, end - at)).second) << names;
            at = end + 1;
        }
    }
    for (const auto& removed : removed_flags())
        EXPECT_FALSE(flags.contains(std::string(removed.flag))) << removed.flag;
}

TEST(Schema, EveryKeyIsExplained) {
    for (const auto& spec : schema()) {
        EXPECT_GT(spec.help.size(), 4u) << spec.key;
        EXPECT_TRUE(spec.help.ends_with('.') || spec.help.ends_with("…")) << spec.key << ": " << spec.help;
        // The first line of a key in weft.conf, read back, is its default.
        EXPECT_EQ(std::ranges::count(spec.fallback, '\n'), 0) << spec.key;
    }
}

TEST(Schema, EachKeyHasItsOwnMember) {
    // Setting one key to something new must change the text of that key and of no other.
    Settings base;
    for (const auto& spec : schema())
        ASSERT_TRUE(spec.bind.assign(base, spec.fallback, Spelling::file));
    for (const auto& spec : schema()) {
        Settings changed = base;
        const std::string before = spec.bind.text(base);
        const std::string value = spec.bind.is_bool              ? (before == "true" ? "false" : "true")
                                  : spec.bind.type == "number"   ? (before == "77" ? "78" : "77")
                                  : spec.bind.type == "duration" ? "77s"
                                                                 : "seventy-seven";
        ASSERT_TRUE(spec.bind.assign(changed, value, Spelling::file)) << spec.key;
        for (const auto& other : schema()) {
            const bool same = &other == &spec;
            EXPECT_EQ(other.bind.text(changed) != other.bind.text(base), same) << spec.key << " and " << other.key;
        }
    }
}

TEST(Schema, OvnKubernetesKeysAreThere) {
    // A sample of each section of OVN-Kubernetes with its flag.
    const std::pair<std::pair<const char*, const char*>, const char*> expected[] = {
        {{"default", "mtu"}, "mtu"},
        {{"default", "udn-allowed-default-services"}, "udn-allowed-default-services"},
        {{"logging", "acl-logging-rate-limit"}, "acl-logging-rate-limit"},
        {{"monitoring", "ipfix-targets"}, "ipfix-targets"},
        {{"ipfix", "sampling"}, "ipfix-sampling"},
        {{"cni", "conf-dir"}, "cni-conf-dir"},
        {{"kubernetes", "tokenfile"}, "k8s-token-file"},
        {{"kubernetes", "service-cidrs"}, "k8s-service-cidr"},
        {{"kubernetes", "service-cidr"}, "service-cluster-ip-range"},
        {{"kubernetes", "healthz-bind-address"}, "healthz-bind-address"},
        {{"metrics", "bind-address"}, "metrics-bind-address"},
        {{"metrics", "enable-scale-metrics"}, "metrics-enable-scale"},
        {{"tls", "tls-cipher-suites"}, "tls-cipher-suites"},
        {{"ovnkubernetesfeature", "enable-egress-ip"}, "enable-egress-ip"},
        {{"gateway", "egw-interface"}, "exgw-interface"},
        {{"gateway", "vlan-id"}, "gateway-vlanid"},
        {{"clustermgrha", "election-retry-period"}, "cluster-manager-ha-election-retry-period"},
        {{"hybridoverlay", "enabled"}, "enable-hybrid-overlay"},
        {{"ovnkubenode", "routing-table-id-start"}, "ovnkube-node-routing-table-id-start"},
        {{"clustermanager", "v6-transit-subnet"}, "cluster-manager-v6-transit-subnet"},
        {{"ovnnorth", "address"}, "nb-address"},
        {{"ovnsouth", "client-cacert"}, "sb-client-cacert"},
        {{"egressip-healthcheck-tls", "cert-common-name"}, "nb-cert-common-name"},
        {{"ovspaths", "run-dir"}, "ovs-run-dir"},
    };
    for (const auto& [key, flag] : expected) {
        const auto* spec = find_key(key.first, key.second);
        ASSERT_NE(spec, nullptr) << key.first << "." << key.second;
        EXPECT_EQ(find_flag(flag), spec) << flag;
    }
    for (auto key : {"outbound-snat", "routing"}) {
        ASSERT_NE(find_key("no-overlay", key), nullptr);
        EXPECT_EQ(find_key("no-overlay", key)->flags, "") << "file only";
    }
    EXPECT_EQ(find_key("default", "enable-udp-aggregation")->flags, "");
    EXPECT_EQ(find_key("default", "nothing"), nullptr);
}

}  // namespace
}  // namespace weft::config
