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
