// Role node with databases behind which nothing runs: what it tells, and when it gives up serving pods.
#include "node_bed.hpp"
#include "prometheus.hpp"

#include <csignal>

namespace weft::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Node : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = NodeBed::make();
        WEFT_ASSERT_OK(made);
        node = *std::move(made);
        WEFT_ASSERT_OK(node->start_database("nb"));
        WEFT_ASSERT_OK(node->start_database("sb"));
    }
    void start(const std::string& config = "") {
        auto started = node->start_weftd(config);
        WEFT_ASSERT_OK(started);
        weftd = *std::move(started);
    }
    void wait_up() {
        WEFT_ASSERT_OK(weftd.wait_status("all connections", [](JsonView s) {
            return NodeBed::is_up(s, "ovn-nb") && NodeBed::is_up(s, "ovn-sb") && NodeBed::is_up(s, "ovs") &&
                   NodeBed::is_up(s, "kubernetes") && s["awaiting"].size() == 0;
        }));
    }
    static std::string cni_reason(JsonView status) { return std::string(status["cni"]["reason"].string_or("")); }

    std::unique_ptr<NodeBed> node;
    Weftd weftd;
};

TEST_F(Node, AScrapeShowsEveryApplierAndTheCniServer) {
    start("[metrics]\nbind-address = 127.0.0.1:9410\n");
    wait_up();
    const auto reply = node->bed().get("127.0.0.1:9410", "/metrics");
    WEFT_ASSERT_OK(reply);
    ASSERT_EQ(reply->status, 200);
    const auto scrape = parse_scrape(reply->body);
    WEFT_ASSERT_OK(scrape);
    for (const char* applier : {"kube", "ovn-nb", "ovn-sb", "ovs", "netlink"}) {
        for (const char* metric :
             {"weft_applier_synced", "weft_applier_behind_rows", "weft_applier_faults", "weft_applier_changes_total",
              "weft_applier_requests_total", "weft_applier_repaired_total"}) {
            EXPECT_TRUE(scrape->has(std::string(metric) + "{applier=\"" + applier + "\"}")) << metric << applier;
        }
    }
    for (const char* resource : {"node", "pod"}) {
        EXPECT_TRUE(
            scrape->has("ovnkube_controller_sync_duration_seconds{resource_name=\"" + std::string(resource) + "\"}"));
    }
    for (const char* name : {"ovnkube_node_build_info", "ovnkube_controller_build_info", "weft_cni_refused_total",
                             "weft_cni_scrubbed_ports_total"}) {
        EXPECT_TRUE(scrape->has_family(name)) << name;
    }
    // Twice the same: no scrape takes away what another has put.
    const auto again = weftd.call("metrics");
    WEFT_ASSERT_OK(again);
    const auto second = parse_scrape(std::string(again->root()["result"].string_or("")));
    WEFT_ASSERT_OK(second);
    EXPECT_TRUE(second->has("weft_applier_synced{applier=\"ovn-nb\"}"));
    EXPECT_TRUE(second->has("weft_applier_synced{applier=\"kube\"}"));
}

TEST_F(Node, ReadinessSaysWhatIsMissing) {
    start("[metrics]\nbind-address = 127.0.0.1:9410\n");
    wait_up();
    // No node object, so no subnet: pods can't be served.
    WEFT_ASSERT_OK(weftd.wait_status("a reason", [](JsonView s) { return !cni_reason(s).empty(); }));
    const auto ready = node->bed().get("127.0.0.1:9410", "/readyz");
    WEFT_ASSERT_OK(ready);
    EXPECT_EQ(ready->status, 503);
    EXPECT_THAT(ready->body,
                AllOf(HasSubstr("\"name\":\"cni\",\"ok\":false"), HasSubstr("\"name\":\"ovn-nb\",\"ok\":true")));
    const auto live = node->bed().get("127.0.0.1:9410", "/livez");
    WEFT_ASSERT_OK(live);
    EXPECT_EQ(live->status, 200);
    const auto text = node->bed().weftctl(weftd, {"status"});
    WEFT_ASSERT_OK(text);
    EXPECT_THAT(text->out, AllOf(HasSubstr("pods: not served: "), HasSubstr("not ready")));
}

TEST_F(Node, ADatabaseThatIsAwayIsNamedAndAwayForLongItIsTheReason) {
    start();
    wait_up();
    node->kill_database("nb");
    WEFT_ASSERT_OK(weftd.wait_status(
        "the lost database", [](JsonView s) { return !NodeBed::is_up(s, "ovn-nb") && NodeBed::is_up(s, "ovn-sb"); }));
    WEFT_ASSERT_OK(weftd.wait_status("the reason", [](JsonView s) { return cni_reason(s).starts_with("ovn-nb: "); }));
    WEFT_ASSERT_OK(node->start_database("nb"));
    WEFT_ASSERT_OK(
        weftd.wait_status("another reason", [](JsonView s) { return !cni_reason(s).starts_with("ovn-nb"); }));
}

TEST_F(Node, APodsPortIsMeasuredFromItsSchedulingOn) {
    auto& bed = node->bed();
    auto cluster = bed.start({.name = "cluster"});
    WEFT_ASSERT_OK(cluster);
    start();
    wait_up();
    WEFT_ASSERT_OK(bed.api().apply_yaml(node_yaml("n1", 2)));
    const auto pod = [](const std::string& name, const std::string& conditions) {
        return "{apiVersion: v1, kind: Pod, metadata: {name: " + name + ", namespace: default, uid: uid-" + name +
               "}, spec: {nodeName: n1, containers: [{name: c, image: i}]}, "
               "status: {phase: Pending, conditions: [" +
               conditions + "]}}\n";
    };
    constexpr auto* scheduled = "{type: PodScheduled, status: \"True\", lastTransitionTime: \"2020-01-01T00:00:00Z\"}";
    constexpr auto* ready = ", {type: Ready, status: \"True\"}";
    const std::string count = "ovnkube_controller_pod_creation_latency_seconds_count";
    const auto counted = [&](double number) -> Result<void> {
        const auto answer = weftd.call("metrics");
        if (!answer) return answer.error();
        const auto scrape = parse_scrape(std::string(answer->root()["result"].string_or("")));
        if (!scrape) return scrape.error();
        const double now = scrape->has(count) ? scrape->value(count) : 0;
        if (now != number) return waiting(count + " is " + std::to_string(now));
        // Years: measured from the condition, not from the object's creation.
        const double sum = scrape->value("ovnkube_controller_pod_creation_latency_seconds_sum");
        return sum > number * 1e8 ? Result<void>() : Result<void>(broken("sum " + std::to_string(sum)));
    };
    // One that was not scheduled by anybody, and one that has been running before, are no creations.
    // Restored, for a binding writes the node and the condition at once, which two requests would not.
    WEFT_ASSERT_OK(bed.api().restore(pod("unsaid", "") + "---\n" + pod("running", std::string(scheduled) + ready) +
                                     "---\n" + pod("a", scheduled)));
    WEFT_ASSERT_OK(weftd.wait_status("all ports",
                                     [](JsonView s) { return s["counts"]["pod interfaces"].unsigned_integer() == 3; }));
    WEFT_ASSERT_OK(wait_for("the count of one", [&] { return counted(1); }));
    WEFT_ASSERT_OK(bed.api().restore(pod("b", scheduled)));
    WEFT_ASSERT_OK(wait_for("the count of two", [&] { return counted(2); }));
}

TEST_F(Node, HealthzFailsWhileTheOwnPodIsBeingDeleted) {
    start("[metrics]\nbind-address = 127.0.0.1:9410\n[weft]\npod-name = weft-node-x\n");
    wait_up();
    auto& bed = node->bed();
    const auto healthz = [&](int status) {
        return wait_for("/healthz " + std::to_string(status), [&]() -> Result<void> {
            const auto reply = bed.get("127.0.0.1:9410", "/healthz");
            if (!reply) return reply.error();
            return reply->status == status ? Result<void>() : Result<void>(waiting(reply->body));
        });
    };
    (void)bed.api().apply_yaml("{apiVersion: v1, kind: Namespace, metadata: {name: ovn-kubernetes}}\n");
    WEFT_ASSERT_OK(
        bed.api().apply_yaml("{apiVersion: v1, kind: Pod, metadata: {name: weft-node-x, namespace: ovn-kubernetes, "
                             "finalizers: [example.com/hold]}, spec: {nodeName: n1, hostNetwork: true, containers: "
                             "[{name: c, image: i}]}}\n"));
    WEFT_ASSERT_OK(
        weftd.wait_status("the pod", [](JsonView s) { return s["counts"]["pods"].unsigned_integer() == 1; }));
    WEFT_ASSERT_OK(healthz(200));
    WEFT_ASSERT_OK(bed.api().remove("pods", "ovn-kubernetes", "weft-node-x"));
    WEFT_ASSERT_OK(healthz(503));
    const auto reply = bed.get("127.0.0.1:9410", "/healthz");
    WEFT_ASSERT_OK(reply);
    EXPECT_THAT(reply->body, HasSubstr("this weftd is about to stop"));
    const auto live = bed.get("127.0.0.1:9410", "/livez");
    WEFT_ASSERT_OK(live);
    EXPECT_EQ(live->status, 200) << "not to be restarted for it";
}

TEST_F(Node, AWrongSocketIsNamed) {
    start("[ovnnorth]\naddress = unix:/nowhere/nb.sock\n");
    WEFT_ASSERT_OK(weftd.wait_status(
        "the path", [](JsonView s) { return NodeBed::detail(s, "ovn-nb").find("No such file") != std::string::npos; }));
    const auto text = node->bed().weftctl(weftd, {"status"});
    WEFT_ASSERT_OK(text);
    EXPECT_THAT(text->out, HasSubstr("unix:/nowhere/nb.sock"));
}

TEST_F(Node, AStopIsQuickAndCleanAlsoWhenNothingAnswers) {
    start();
    wait_up();
    node->bed().api().inject({.kind = Fault::Kind::stall});
    node->kill_database("sb");
    WEFT_ASSERT_OK(weftd.process.stop());
    EXPECT_EQ(weftd.process.exit_status(), 0) << weftd.log();
    EXPECT_FALSE(std::filesystem::exists(weftd.socket()));
}

}  // namespace
}  // namespace weft::testing
