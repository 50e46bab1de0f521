// What weft asks and writes while all is well.
#include "world.hpp"

#include <algorithm>

namespace weft::testing {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Pair;

/// As texts, what was asked and is like this.
std::vector<std::string> texts(const std::vector<Audited>& log, const std::function<bool(const Audited&)>& matches) {
    std::vector<std::string> out;
    for (const auto& a : log) {
        if (a.complete() && matches(a)) out.push_back(a.text());
    }
    return out;
}

class Quiet : public Manners {
  protected:
    void SetUp() override {
        Manners::SetUp();
        if (IsSkipped()) return;
        WEFT_ASSERT_OK(world().add_node("n1", 2));
        WEFT_ASSERT_OK(world().add_node("n2", 3));
        start_both();
    }
    /// What a kubelet writes of a pod.
    Result<void> report(const std::string& pod, const std::string& phase) {
        auto done = api().merge_patch(
            "/api/v1/namespaces/default/pods/" + pod + "/status",
            R"({"status": {"phase": ")" + phase +
                R"(", "hostIP": "172.18.0.2", "conditions": [{"type": "Ready", "status": "True"}]}})");
        return done ? Result<void>() : Result<void>(done.error());
    }
    Result<void> label(const std::string& object, const std::string& value) {
        auto done = api().merge_patch(object, R"({"metadata": {"labels": {"changed": ")" + value + "\"}}}");
        return done ? Result<void>() : Result<void>(done.error());
    }
    /// Whatever waited to be written before this was called was written when it returns.
    void pass_through(const std::string& pod, const std::string& other_node, int number) {
        WEFT_ASSERT_OK(world().add_node(other_node, number));
        WEFT_ASSERT_OK(world().add_pod(pod));
        WEFT_ASSERT_OK(world().wait_annotated(pod));
        WEFT_ASSERT_OK(wait_asked("a write of " + other_node, [&](const Audited& a) {
            return a.write() && a.ok() && a.resource == "nodes/status" && a.name == other_node;
        }));
        WEFT_ASSERT_OK(wait_written(cluster));
        WEFT_ASSERT_OK(wait_written(node));
    }
};

TEST_F(Quiet, APodIsWrittenOnceInItsLife) {
    std::vector<std::string> names;
    for (int i = 0; i < 6; ++i) {
        names.push_back("p" + std::to_string(i));
        WEFT_ASSERT_OK(world().add_pod(names.back()));
    }
    for (const auto& name : names)
        WEFT_ASSERT_OK(world().wait_annotated(name));
    WEFT_ASSERT_OK(world().wait_ports(names));
    for (const auto& name : names)
        WEFT_ASSERT_OK(report(name, "Running"));
    for (const std::string value : {"a", "b"}) {
        for (const auto& name : names)
            WEFT_ASSERT_OK(label("/api/v1/namespaces/default/pods/" + name, value));
        for (const std::string name : {"n1", "n2"})
            WEFT_ASSERT_OK(label("/api/v1/nodes/" + name, value));
    }
    WEFT_ASSERT_OK(report("p0", "Succeeded"));
    WEFT_ASSERT_OK(world().wait_ports({"p1", "p2", "p3", "p4", "p5"}));
    for (const std::string name : {"p0", "p1", "p2"})
        WEFT_ASSERT_OK(world().remove_pod(name));
    WEFT_ASSERT_OK(world().wait_ports({"p3", "p4", "p5"}));
    pass_through("last", "n3", 4);
    names.push_back("last");

    const auto log = asked();
    std::map<std::string, int> writes;
    for (const auto& a : log) {
        if (a.complete() && a.write() && a.resource.starts_with("pods")) ++writes[a.name];
    }
    EXPECT_EQ(writes.size(), names.size());
    EXPECT_THAT(writes, Each(Pair(::testing::_, 1)));
    // Nobody but role cluster needs the Lease, and nobody tells of a trouble that there isn't.
    EXPECT_THAT(texts(log, [](const Audited& a) { return a.resource == "events"; }), IsEmpty());
    EXPECT_THAT(texts(log, [](const Audited& a) { return a.resource == "leases" && a.user != cluster_user; }),
                IsEmpty());
    EXPECT_THAT(texts(log, [](const Audited& a) { return a.verb == "get" && a.resource != "leases"; }), IsEmpty())
        << "all that is needed is known from the watches";
}

TEST_F(Quiet, OneListAndOneWatchOfEachResource) {
    WEFT_ASSERT_OK(world().add_pod("p"));
    WEFT_ASSERT_OK(world().wait_annotated("p"));
    const auto log = asked();
    std::map<std::pair<std::string, std::string>, int> lists, watches;
    for (const auto& a : log) {
        if (a.verb == "list" && a.complete()) ++lists[{a.user, a.resource}];
        if (a.verb == "watch" && !a.complete()) ++watches[{a.user, a.resource}];
    }
    const std::map<std::pair<std::string, std::string>, int> once{
        {{cluster_user, "nodes"}, 1}, {{node_user, "nodes"}, 1}, {{node_user, "pods"}, 1}};
    EXPECT_EQ(lists, once);
    EXPECT_EQ(watches, once);
    WEFT_EXPECT_OK(wait_one_watch_each(0));
}

TEST_F(Quiet, ARestartWritesNothingButTheLease) {
    for (const std::string name : {"p0", "p1", "p2"})
        WEFT_ASSERT_OK(world().add_pod(name));
    for (const std::string name : {"p0", "p1", "p2"})
        WEFT_ASSERT_OK(world().wait_annotated(name));
    pass_through("before", "n3", 4);

    const auto place = world().audit().end();
    WEFT_ASSERT_OK(node.process.stop());
    WEFT_ASSERT_OK(cluster.process.stop());
    start_both();
    pass_through("after", "n4", 5);
    const auto log = asked(place);
    EXPECT_THAT(texts(log,
                      [](const Audited& a) {
                          return a.write() && a.resource != "leases" && a.name != "after" && a.name != "n4";
                      }),
                IsEmpty());
    EXPECT_THAT(texts(log, [](const Audited& a) { return a.write() && a.name == "after"; }), ::testing::SizeIs(1));
}

/// What is wrong was told by an Event before, and that is found again.
TEST_F(Quiet, ARestartAmongFaultyObjectsWritesNoEvent) {
    WEFT_ASSERT_OK(world().add_node("bad", 6));
    WEFT_ASSERT_OK(api().merge_patch("/api/v1/nodes/bad",
                                     R"({"metadata": {"annotations": {"k8s.ovn.org/node-subnets": "nonsense"}}})"));
    const auto wait_event = [&](int code, std::uintmax_t place) {
        for (const char* user : {cluster_user, node_user}) {
            WEFT_ASSERT_OK(wait_asked(
                "an Event of " + std::string(user),
                [&](const Audited& a) {
                    return a.user == user && a.verb == "create" && a.resource == "events" && a.code == code;
                },
                place));
        }
    };
    wait_event(201, 0);
    pass_through("before", "n3", 4);

    const auto place = world().audit().end();
    WEFT_ASSERT_OK(node.process.stop());
    WEFT_ASSERT_OK(cluster.process.stop());
    start_both();
    wait_event(409, place);
    pass_through("after", "n4", 5);
    EXPECT_THAT(texts(asked(place),
                      [](const Audited& a) {
                          return a.write() && a.ok() && a.resource != "leases" && a.name != "after" && a.name != "n4";
                      }),
                IsEmpty());
}

/// Packets to the services' addresses go to a device that counts them.
TEST_F(Quiet, AColdStartNeedsNoServiceAddress) {
    WEFT_ASSERT_OK(node.process.stop());
    WEFT_ASSERT_OK(cluster.process.stop());
    const auto& network = world().bed().network();
    WEFT_ASSERT_OK(
        network.ip_batch("link add services type veth peer name services-end\n"
                         "link set services addrgenmode none arp off up\nlink set services-end addrgenmode none up\n"
                         "addr add 192.0.2.1/32 dev services\naddr add 2001:db8::1/128 dev services nodad\n"
                         "route add 10.96.0.0/16 dev services\nroute add fd00:10:96::/112 dev services\n"));
    const auto packets = [&]() -> std::int64_t {
        const auto shown = network.ip({"-json", "-stats", "link", "show", "dev", "services"});
        EXPECT_TRUE(shown.ok());
        const auto document = JsonDocument::parse(shown ? *shown : "[]");
        std::int64_t sent = -1;
        if (!document) return sent;
        document->root().each(
            [&](JsonView device) { sent = device["stats64"]["tx"]["packets"].integer().value_or(-1); });
        return sent;
    };
    const auto before = packets();
    start_both();
    WEFT_ASSERT_OK(world().add_pod("p"));
    WEFT_ASSERT_OK(world().wait_annotated("p"));
    EXPECT_EQ(packets(), before) << "somebody wanted to reach a Service";
    (void)run({"ping", "-c", "1", "-W", "1", "10.96.0.1"}, {.netns = network.name()});
    EXPECT_GT(packets(), before) << "the counter counts nothing";
    WEFT_EXPECT_OK(network.ip({"link", "delete", "services"}));
}

}  // namespace
}  // namespace weft::testing
