// What stands between weftd and the API server, and breaks.
#include "access.hpp"

#include <algorithm>

namespace weft::testing {
namespace {

class Proxy : public Access {
  protected:
    /// The smallest that a request is on the wire: frames that keep a connection going are smaller.
    static constexpr std::size_t request_size = 64;

    void begin(const std::string& role, const Way& way, Environment environment = {}) {
        write_kubeconfig(role, way);
        auto started = start(role, std::move(environment));
        WEFT_ASSERT_OK(started);
        (role == "node" ? node : cluster) = *std::move(started);
    }
    void begin_both() {
        make_relay();
        begin("cluster", {.server = relayed(), .user = token_user("cluster")});
        begin_node();
    }
    /// Role node alone is behind the relay: what passes there is its own.
    void begin_node_behind() {
        make_relay();
        begin("cluster", {.user = token_user("cluster")});
        begin_node();
    }
    void begin_node() {
        begin("node", {.server = relayed(), .user = token_user("node")});
        expect_well(cluster);
        expect_well(node);
    }
    /// Only of these pods, and of each but once.
    void expect_one_patch_each(const std::vector<std::string>& pods) {
        EXPECT_EQ(writes(node_user, "patch", "pods"), pods);
    }
    void wait_lost_answer() {
        ASSERT_TRUE(wait_until([&] { return relay->answers_lost() > 0; }));
    }
};

TEST_F(Proxy, ResetsTheWatches) {
    begin_both();
    expect_pod_comes("a", {"a"});
    const auto before = rows();
    const auto begun = world().audit().end();
    for (int i = 0; i < 3; ++i) {
        const auto place = world().audit().end();
        relay->reset();
        WEFT_ASSERT_OK(wait_one_watch_each(place));
    }
    EXPECT_GE(relay->resets(), 6U);
    expect_well(cluster);
    expect_well(node);
    EXPECT_EQ(rows(), before);
    expect_pod_comes("b", {"a", "b"});
    WEFT_ASSERT_OK(world().remove_pod("a"));
    WEFT_ASSERT_OK(world().wait_ports({"b"}));
    expect_one_patch_each({"a", "b"});
    for (const auto& a : asked(begun))
        EXPECT_NE(a.verb, "list") << a.text() << ": nothing was forgotten";
}

TEST_F(Proxy, ResetsInTheMiddleOfAList) {
    std::vector<std::string> pods;
    for (int i = 100; i < 180; ++i) {
        pods.push_back("p" + std::to_string(i));
        WEFT_ASSERT_OK(world().add_pod(pods.back()));
    }
    make_relay();
    // Of some 80 KiB, and the handshake before it.
    relay->reset_after(30'000);
    begin("cluster", {.user = token_user("cluster")});
    begin("node", {.server = relayed(), .user = token_user("node")});
    ASSERT_TRUE(wait_until([&] { return relay->resets() == 1; }));
    expect_well(node);
    WEFT_ASSERT_OK(world().wait_ports(pods));
    for (const auto& pod : pods)
        WEFT_ASSERT_OK(world().wait_annotated(pod));
    WEFT_EXPECT_OK(wait_written(node));
    expect_one_patch_each(pods);
}

/// Whether the write was done is not known; it was.
TEST_F(Proxy, ResetsBeforeThePatchIsAnswered) {
    begin_node_behind();
    expect_pod_comes("a", {"a"});
    for (const std::string pod : {"b", "c", "d"}) {
        const auto place = world().audit().end();
        const auto lost = relay->answers_lost();
        // The watch still tells of the pod; what weftd says then is the PATCH.
        relay->lose_answer_to(request_size);
        WEFT_ASSERT_OK(world().add_pod(pod));
        WEFT_ASSERT_OK(wait_asked(
            "the write",
            [&](const Audited& a) {
                return a.user == node_user && a.write() && a.ok() && a.complete() && a.name == pod;
            },
            place));
        ASSERT_TRUE(wait_until([&] { return relay->answers_lost() > lost; }));
        relay->reset();
        WEFT_ASSERT_OK(wait_one_watch_each(place, false));
    }
    WEFT_ASSERT_OK(world().wait_ports({"a", "b", "c", "d"}));
    expect_well(cluster);
    expect_well(node);
    WEFT_EXPECT_OK(wait_written(node));
    expect_one_patch_each({"a", "b", "c", "d"});
}

/// The Lease is kept by who wrote it without hearing of it.
TEST_F(Proxy, ResetsBeforeTheLeaseIsAnswered) {
    make_relay();
    begin("cluster", {.server = relayed(), .user = token_user("cluster")});
    expect_well(cluster);
    const auto renewal = [](const Audited& a) { return a.resource == "leases" && a.verb == "update" && a.ok(); };
    for (unsigned i = 1; i <= 3; ++i) {
        const auto place = world().audit().end();
        relay->lose_answer_to(request_size);
        ASSERT_TRUE(wait_until([&] { return relay->answers_lost() == i; }));
        WEFT_ASSERT_OK(wait_asked("a renewal", renewal, place));
        relay->reset();
        const auto after = world().audit().end();
        WEFT_ASSERT_OK(wait_asked("another renewal", renewal, after));
    }
    expect_well(cluster);
    WEFT_ASSERT_OK(world().add_node("n2", 3));
    WEFT_ASSERT_OK(wait_asked("its write", [](const Audited& a) { return a.write() && a.name == "n2" && a.ok(); }));
}

TEST_F(Proxy, ResetsBeforeTheEventIsAnswered) {
    begin_node_behind();
    const auto place = world().audit().end();
    relay->lose_answer_to(request_size);
    // Role node has nothing to write about another node but this.
    WEFT_ASSERT_OK(world().add_node("n2", 3));
    WEFT_ASSERT_OK(api().merge_patch("/api/v1/nodes/n2",
                                     R"({"metadata": {"annotations": {"k8s.ovn.org/node-subnets": "nonsense"}}})"));
    const auto told = [](int code) {
        return [=](const Audited& a) {
            return a.user == node_user && a.resource == "events" && a.verb == "create" && a.code == code;
        };
    };
    WEFT_ASSERT_OK(wait_asked("the Event", told(201), place));
    ASSERT_EQ(relay->answers_lost(), 1U);
    relay->reset();
    WEFT_ASSERT_OK(wait_asked("another try", told(409), place));
    WEFT_ASSERT_OK(wait_one_watch_each(place, false));
    expect_well(node);
    expect_pod_comes("a", {"a"});
    EXPECT_EQ(writes(node_user, "create", "events").size(), 1U);
}

/// It takes everything and says nothing; TCP has nothing to complain of. Found by a ping after half a minute, not by
/// the watch's own patience of two and a half.
TEST_F(Proxy, GoesHalfDead) {
    begin_both();
    expect_pod_comes("a", {"a"});
    const auto before = rows();
    relay->swallow();
    WEFT_ASSERT_OK(world().add_pod("b"));
    constexpr auto longer = 2 * patience;
    for (const auto* weftd : {&cluster, &node}) {
        WEFT_ASSERT_OK(wait_for(
            "the silence in the log of " + weftd->role,
            [&]() -> Result<void> {
                if (weftd->log().find("has gone silent: connecting anew") != std::string::npos) return {};
                return waiting(weftd->log());
            },
            longer));
    }
    expect_trouble(node, {"check the API server's address, and that it runs and can be reached"});
    EXPECT_EQ(rows(), before);
    const auto place = world().audit().end();
    relay->heal();
    WEFT_ASSERT_OK(wait_one_watch_each(place));
    expect_well(cluster);
    expect_well(node);
    WEFT_ASSERT_OK(world().wait_annotated("b"));
    WEFT_ASSERT_OK(world().wait_ports({"a", "b"}));
    expect_one_patch_each({"a", "b"});
}

TEST_F(Proxy, OfTheKubeconfig) {
    make_relay(Relay::Kind::http_proxy);
    const std::string name = "https://apiserver.example:6443";
    for (const std::string role : {"cluster", "node"}) {
        // NO_PROXY says nothing of a proxy that the kubeconfig names, as with kubectl.
        begin(role, {.server = name, .cluster = "proxy-url: \"" + relay->url() + "\"", .user = token_user(role)},
              {{"NO_PROXY", "*"}, {"HTTPS_PROXY", "http://127.0.0.1:9"}});
    }
    expect_well(cluster);
    expect_well(node);
    expect_pod_comes("a", {"a"});
    EXPECT_THAT(relay->requests(), ::testing::Contains("CONNECT apiserver.example:6443 HTTP/1.1"));
    relay->cut();
    for (const auto* weftd : {&cluster, &node})
        expect_trouble(*weftd, {"check proxy-url of " + kubeconfig_file(weftd->role), relay->url(), name});
    relay->heal();
    expect_well(cluster);
    expect_well(node);
    expect_pod_comes("b", {"a", "b"});
}

TEST_F(Proxy, OfTheEnvironment) {
    make_relay(Relay::Kind::http_proxy);
    const std::string name = "https://apiserver.example:6443";
    begin("node", {.server = name, .user = token_user("node")},
          {{"HTTPS_PROXY", relay->url()}, {"NO_PROXY", "other.example,10.0.0.0/8"}});
    // Role cluster is told not to take it, and there is no other way to that name.
    begin("cluster", {.server = name, .user = token_user("cluster")},
          {{"HTTPS_PROXY", relay->url()}, {"NO_PROXY", "10.0.0.0/8,.example"}});
    expect_well(node);
    expect_trouble(cluster, {"Could not resolve host: apiserver.example"});
    cluster.process.kill();
    // A server on this host is reached without one.
    begin("cluster", {.user = token_user("cluster")}, {{"HTTPS_PROXY", "http://127.0.0.1:9"}});
    expect_well(cluster);
    expect_pod_comes("a", {"a"});
}

}  // namespace
}  // namespace weft::testing
