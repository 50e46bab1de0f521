#include "kube/objects.hpp"

#include <weft/base/json.hpp>
#include <weft/tables/kube.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::kube {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

Result<RowPtr> parse(const ResourceSpec& resource, std::string_view text) {
    const auto document = JsonDocument::parse(text);
    if (!document) return document.error();
    return resource.parse(document->root());
}

TEST(Pod, ReadsWhatRulesNeed) {
    const auto row = parse(pod_resource(), R"({
      "apiVersion":"v1","kind":"Pod",
      "metadata":{"name":"p1","namespace":"web","uid":"u1","resourceVersion":"42",
        "creationTimestamp":"2026-08-01T10:00:00Z","deletionTimestamp":"2026-08-01T11:00:00Z",
        "labels":{"tier":"front","app":"shop"},
        "annotations":{"v1.multus-cni.io/default-network":"x","k8s.ovn.org/pod-networks":"{}","kubectl.kubernetes.io/l":"n",
                       "kubernetes.io/egress-bandwidth":"1M","kubernetes.io/psp":"n"}},
      "spec":{"nodeName":"n1","hostNetwork":true,"containers":[{"name":"c"}]},
      "status":{"phase":"Running","conditions":[{"type":"Initialized","status":"True"},{"type":"Ready","status":"True"},
          {"type":"PodScheduled","status":"True","lastTransitionTime":"2026-08-01T10:00:02Z"}],
        "podIP":"10.0.0.3","podIPs":[{"ip":"10.0.0.3"},{"ip":"fd00::3"}]}})");
    ASSERT_TRUE(row) << row.error().text();
    const auto& pod = row->as<tables::Pod>();
    EXPECT_EQ(pod.key.text, "web/p1");
    EXPECT_EQ(pod.uid, "u1");
    EXPECT_EQ(pod.created, 1785578400);
    EXPECT_EQ(pod.node, "n1");
    EXPECT_EQ(pod.scheduled, pod.created + 2);
    EXPECT_TRUE(pod.host_network);
    EXPECT_TRUE(pod.ready);
    EXPECT_TRUE(pod.terminating);
    EXPECT_EQ(pod.phase, tables::PodPhase::running);
    EXPECT_THAT(pod.labels, ElementsAre(Pair("app", "shop"), Pair("tier", "front")));
    EXPECT_THAT(pod.annotations,
                ElementsAre(Pair("k8s.ovn.org/pod-networks", "{}"), Pair("kubernetes.io/egress-bandwidth", "1M"),
                            Pair("v1.multus-cni.io/default-network", "x")));
    ASSERT_EQ(pod.ips.size(), 2U);
    EXPECT_EQ(pod.ips[1].text(), "fd00::3");
}

TEST(Pod, WhatIsAbsentOrNullIsTheDefault) {
    const auto row = parse(pod_resource(), R"({"metadata":{"name":"p","namespace":"n","labels":null,"annotations":null},
                                               "spec":null,"status":{"podIPs":null,"conditions":[
                                                 {"type":"PodScheduled","status":"True","lastTransitionTime":"soon"}]}})");
    ASSERT_TRUE(row) << row.error().text();
    const auto& pod = row->as<tables::Pod>();
    EXPECT_EQ(pod.phase, tables::PodPhase::pending);
    EXPECT_EQ(pod.node, "");
    EXPECT_EQ(pod.scheduled, 0);
    EXPECT_THAT(pod.labels, IsEmpty());
    EXPECT_THAT(pod.ips, IsEmpty());
}

TEST(Pod, HeartbeatsAreEqualRows) {
    const auto text = [](std::string_view probe, std::string_view version) {
        return R"({"metadata":{"name":"p","namespace":"n","resourceVersion":")" + std::string(version) +
               R"("},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True","lastProbeTime":")" +
               std::string(probe) + R"("}]}})";
    };
    const auto one = parse(pod_resource(), text("a", "1"));
    const auto two = parse(pod_resource(), text("b", "2"));
    ASSERT_TRUE(one && two);
    EXPECT_TRUE(one->equals(*two));
}

TEST(Node, ReadsAddressesAndConditions) {
    const auto row = parse(node_resource(), R"({
      "metadata":{"name":"n1","uid":"u","creationTimestamp":"1970-01-02T00:00:00Z",
                  "annotations":{"k8s.ovn.org/node-subnets":"{}","volumes.kubernetes.io/x":"true"}},
      "spec":{"providerID":"kind://x"},
      "status":{"addresses":[{"type":"Hostname","address":"n1"},{"type":"InternalIP","address":"172.18.0.2"},
                             {"type":"InternalIP","address":"fc00::2"},{"type":"ExternalIP","address":"1.2.3.4"}],
                "conditions":[{"type":"NetworkUnavailable","status":"True"}],
                "nodeInfo":{"containerRuntimeVersion":"containerd://1.6.20","kubeletVersion":"v1"}}})");
    ASSERT_TRUE(row) << row.error().text();
    const auto& node = row->as<tables::Node>();
    EXPECT_EQ(node.created, 86400);
    EXPECT_EQ(node.internal_ips.size(), 2U);
    EXPECT_EQ(node.external_ips.size(), 1U);
    EXPECT_TRUE(node.network_unavailable);
    EXPECT_EQ(node.provider_id, "kind://x");
    EXPECT_EQ(node.container_runtime, "containerd://1.6.20");
    EXPECT_THAT(node.annotations, ElementsAre(Pair("k8s.ovn.org/node-subnets", "{}")));
}

struct Wrong {
    const char* text;
    const char* field;
};

class WrongPods : public testing::TestWithParam<Wrong> {};

TEST_P(WrongPods, NamesTheField) {
    const auto row = parse(pod_resource(), GetParam().text);
    ASSERT_FALSE(row);
    EXPECT_EQ(row.error().where, GetParam().field);
    EXPECT_EQ(row.error().kind, ErrorKind::invalid);
    EXPECT_LT(row.error().what.size(), 200U);
}

INSTANTIATE_TEST_SUITE_P(
    Hostile, WrongPods,
    testing::Values(
        Wrong{R"({})", "metadata.name"}, Wrong{R"({"metadata":[]})", "metadata"},
        Wrong{R"({"metadata":"x"})", "metadata"}, Wrong{R"({"metadata":{"name":5,"namespace":"n"}})", "metadata.name"},
        Wrong{R"({"metadata":{"name":"p"}})", "metadata.namespace"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n","uid":{}}})", "metadata.uid"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n","creationTimestamp":"yesterday"}})",
              "metadata.creationTimestamp"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n","creationTimestamp":"2026-13-01T00:00:00Z"}})",
              "metadata.creationTimestamp"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n","labels":["a"]}})", "metadata.labels"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n","labels":{"a":1}}})", "metadata.labels[a]"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n","annotations":{"k8s.ovn.org/x":[]}}})",
              "metadata.annotations[k8s.ovn.org/x]"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n"},"spec":7})", "spec"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n"},"spec":{"nodeName":true}})", "spec.nodeName"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n"},"spec":{"hostNetwork":"yes"}})", "spec.hostNetwork"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n"},"status":[]})", "status"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n"},"status":{"phase":"Dancing"}})", "status.phase"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n"},"status":{"conditions":{}}})", "status.conditions"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n"},"status":{"podIPs":"10.0.0.1"}})", "status.podIPs"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n"},"status":{"podIPs":[{"ip":"10.0.0.256"}]}})",
              "status.podIPs"},
        Wrong{R"({"metadata":{"name":"p","namespace":"n"},"status":{"podIPs":[7]}})", "status.podIPs"}));

TEST(Pod, WhatIsShownOfALongValueStaysText) {
    for (std::size_t ahead = 0; ahead < 5; ++ahead) {
        std::string value(70 + ahead, 'a');
        for (int i = 0; i < 20; ++i)
            value += "\xf0\x9f\xa6\x8a";
        const auto row =
            parse(pod_resource(), (R"({"metadata":{"name":"p","namespace":"n","labels":")" + value + "\"}}").c_str());
        ASSERT_FALSE(row);
        EXPECT_TRUE(JsonDocument::parse(json_quote(row.error().text()))) << ahead;
    }
}

TEST(Pod, ForeignAnnotationsOfAnyTypeDoNotMatter) {
    EXPECT_TRUE(parse(pod_resource(), R"({"metadata":{"name":"p","namespace":"n","annotations":{"other/x":[]}}})"));
}

TEST(Pod, LongNamesAndManyLabels) {
    const std::string name(253, 'a');
    std::string labels;
    for (int i = 9999; i >= 0; --i)
        labels += (labels.empty() ? "" : ",") + json_quote("l" + std::to_string(i)) + ":\"v\"";
    const auto row =
        parse(pod_resource(), R"({"metadata":{"name":")" + name + R"(","namespace":"n","labels":{)" + labels + "}}}");
    ASSERT_TRUE(row) << row.error().text();
    const auto& pod = row->as<tables::Pod>();
    EXPECT_EQ(pod.name, name);
    ASSERT_EQ(pod.labels.size(), 10'000U);
    EXPECT_TRUE(std::is_sorted(pod.labels.begin(), pod.labels.end()));
}

TEST(Pod, TheLastOfEqualLabelsCounts) {
    const auto row = parse(pod_resource(),
                           R"({"metadata":{"name":"p","namespace":"n","labels":{"b":"1","a":"1","b":"2","b":"3"}}})");
    ASSERT_TRUE(row);
    EXPECT_THAT(row->as<tables::Pod>().labels, ElementsAre(Pair("a", "1"), Pair("b", "3")));
}

TEST(Paths, AreEncoded) {
    const ResourceSpec firewall{"k8s.ovn.org", "v1", "egressfirewalls", "EgressFirewall", true, {}, {}};
    EXPECT_EQ(collection_path(pod_resource()), "/api/v1/pods");
    EXPECT_EQ(collection_path(firewall, "web"), "/apis/k8s.ovn.org/v1/namespaces/web/egressfirewalls");
    EXPECT_EQ(object_path(pod_resource(), "web", "p1", "status"), "/api/v1/namespaces/web/pods/p1/status");
    EXPECT_EQ(object_path(node_resource(), "", "../secrets?x#y z"), "/api/v1/nodes/..%2Fsecrets%3Fx%23y%20z");
}

TEST(Versions, AreNumbersOrNothing) {
    EXPECT_EQ(version_number("123"), 123U);
    EXPECT_EQ(version_number(""), 0U);
    EXPECT_EQ(version_number("12a"), 0U);
    EXPECT_EQ(version_number("99999999999999999999999"), 0U);
}

}  // namespace
}  // namespace weft::kube
