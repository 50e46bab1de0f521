// Two copies of weftd --role cluster: one leads, and never two at once.
#include "bed.hpp"
#include "prometheus.hpp"
#include "relay.hpp"

#include <algorithm>
#include <csignal>

namespace weft::testing {
namespace {

using ::testing::HasSubstr;

// As short as seconds allow; the order is what counts, not how long it takes.
constexpr auto* quick_election =
    "[clustermgrha]\nelection-lease-duration = 6\nelection-renew-deadline = 4\nelection-retry-period = 1\n";
constexpr auto* lease = "ovn-kubernetes-master";

const char* const subnets = "k8s.ovn.org/node-subnets";
const char* const node_id = "k8s.ovn.org/node-id";

std::string annotation(JsonView node, const char* name) {
    return std::string(node["metadata"]["annotations"][name].string_or(""));
}

class Candidates : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = Bed::make();
        WEFT_ASSERT_OK(made);
        bed = *std::move(made);
    }
    Result<Weftd> start(const std::string& name, const std::string& api_url = "") {
        return bed->start({.name = name, .config = quick_election, .api_url = api_url});
    }
    Result<void> wait_leader(const std::string& name) {
        const bool led = bed->api().wait_for(
            "leases", "ovn-kubernetes", lease,
            [&](JsonView l) { return l["spec"]["holderIdentity"].string_or("") == name; }, patience);
        return led ? Result<void>() : Result<void>(waiting(name + " does not hold the Lease"));
    }
    Result<std::string> wait_node(const std::string& name) {
        const bool good = bed->api().wait_for(
            "node", "", name,
            [](JsonView n) { return !annotation(n, subnets).empty() && !annotation(n, node_id).empty(); }, patience);
        if (!good) return waiting("node " + name + " has no subnets");
        return allocation(name);
    }
    /// What the cluster role gave the node, and the object's version: equal texts mean that nobody touched it.
    std::string allocation(const std::string& name) {
        const auto text = bed->api().get("node", "", name);
        if (!text) return "(gone)";
        const auto document = JsonDocument::parse(*text);
        const auto metadata = document->root()["metadata"];
        return metadata["annotations"].dump() + " version " + std::string(metadata["resourceVersion"].string_or(""));
    }
    static Scrape metrics_of(const Weftd& weftd) {
        const auto answer = weftd.call("metrics");
        if (!answer) return {};
        auto scrape = parse_scrape(std::string(answer->root()["result"].string_or("")));
        EXPECT_TRUE(scrape) << scrape.error().text();
        return scrape ? *std::move(scrape) : Scrape();
    }
    static bool is_standby(JsonView s, const std::string& leader) {
        return s["leader"]["identity"].string_or("") == leader && !s["leader"]["self"].boolean().value_or(true);
    }

    std::unique_ptr<Bed> bed;
};

TEST_F(Candidates, TheOtherTakesOverAndNothingMoves) {
    auto a = start("a");
    WEFT_ASSERT_OK(a);
    WEFT_ASSERT_OK(wait_leader("a"));
    auto b = start("b");
    WEFT_ASSERT_OK(b);
    WEFT_ASSERT_OK(bed->api().apply_yaml(node_yaml("n1", 2)));
    WEFT_ASSERT_OK(wait_node("n1"));
    WEFT_ASSERT_OK(bed->api().apply_yaml(node_yaml("n2", 3)));
    WEFT_ASSERT_OK(wait_node("n2"));
    const std::string n1 = allocation("n1");
    const std::string n2 = allocation("n2");

    WEFT_ASSERT_OK(b->wait_status("b stands by", [](JsonView s) { return is_standby(s, "a"); }));
    const auto seen = bed->weftctl(*b, {"status"});
    WEFT_ASSERT_OK(seen);
    EXPECT_EQ(seen->status, 0) << seen->err;
    EXPECT_THAT(seen->out, HasSubstr("standby"));
    EXPECT_THAT(seen->out, HasSubstr("leader: a"));
    WEFT_ASSERT_OK(b->wait_ready());
    EXPECT_FALSE(metrics_of(*b).has_family("weft_applier_synced")) << "who stands by applies nothing";
    EXPECT_EQ(metrics_of(*a).value("weft_applier_synced{applier=\"kube\"}"), 1);

    a->process.kill();
    WEFT_ASSERT_OK(wait_leader("b"));
    WEFT_ASSERT_OK(bed->api().apply_yaml(node_yaml("n3", 4)));
    WEFT_ASSERT_OK(wait_node("n3"));
    EXPECT_EQ(allocation("n1"), n1);
    EXPECT_EQ(allocation("n2"), n2);
    const auto third = bed->api().get("node", "", "n3");
    ASSERT_TRUE(third);
    const auto document = JsonDocument::parse(*third);
    WEFT_ASSERT_OK(document);
    for (const auto& [other, name] : {std::pair(n1, "n1"), std::pair(n2, "n2")}) {
        EXPECT_EQ(other.find(annotation(document->root(), subnets)), std::string::npos) << name;
        EXPECT_EQ(other.find("\"" + std::string(node_id) + "\":\"" + annotation(document->root(), node_id) + "\""),
                  std::string::npos)
            << name;
    }

    auto back = start("a");
    WEFT_ASSERT_OK(back);
    WEFT_ASSERT_OK(back->wait_status("a stands by", [](JsonView s) { return is_standby(s, "b"); }));
    WEFT_ASSERT_OK(b->wait_status("b leads", [](JsonView s) { return s["leader"]["self"].boolean().value_or(false); }));
    EXPECT_EQ(allocation("n1"), n1);
}

TEST_F(Candidates, ALeaderThatStopsGivesTheLeaseBack) {
    auto a = start("a");
    WEFT_ASSERT_OK(a);
    WEFT_ASSERT_OK(wait_leader("a"));
    WEFT_ASSERT_OK(a->process.stop());
    EXPECT_EQ(a->process.exit_status(), 0);
    const auto text = bed->api().get("leases", "ovn-kubernetes", lease);
    ASSERT_TRUE(text);
    EXPECT_THAT(*text, HasSubstr("\"holderIdentity\":\"\""));
}

TEST_F(Candidates, AnIsolatedLeaderEndsBeforeTheOtherLeads) {
    Relay relay(bed->api().port());
    auto a = start("a", relay.url());
    WEFT_ASSERT_OK(a);
    WEFT_ASSERT_OK(wait_leader("a"));
    auto b = start("b");
    WEFT_ASSERT_OK(b);
    WEFT_ASSERT_OK(b->wait_status("b stands by", [](JsonView s) { return is_standby(s, "a"); }));
    relay.stall();
    WEFT_ASSERT_OK(wait_leader("b"));
    // It ended, as it could not renew, before its Lease was free for others.
    EXPECT_EQ(a->process.exit_status(), 1) << a->log();
    EXPECT_THAT(a->log(), HasSubstr("could not renew the Lease"));
    WEFT_ASSERT_OK(bed->api().apply_yaml(node_yaml("n1", 2)));
    WEFT_ASSERT_OK(wait_node("n1"));
}

TEST_F(Candidates, ALeaderThatSleptWritesNothingWhenItWakes) {
    Relay relay(bed->api().port());
    auto a = start("a", relay.url());
    WEFT_ASSERT_OK(a);
    WEFT_ASSERT_OK(wait_leader("a"));
    WEFT_ASSERT_OK(bed->api().apply_yaml(node_yaml("n1", 2)));
    WEFT_ASSERT_OK(wait_node("n1"));
    auto b = start("b");
    WEFT_ASSERT_OK(b);
    WEFT_ASSERT_OK(b->wait_status("b stands by", [](JsonView s) { return is_standby(s, "a"); }));
    a->process.pause();
    WEFT_ASSERT_OK(wait_leader("b"));
    // News that a would act on as soon as it wakes, as it does not know yet that it leads no more. b is asleep too, so
    // that nobody has done it before.
    b->process.pause();
    WEFT_ASSERT_OK(bed->api().apply_yaml(node_yaml("n2", 3)));
    const auto before = relay.requests().size();
    a->process.resume();
    const auto status = a->process.wait(patience);
    WEFT_ASSERT_OK(status);
    EXPECT_EQ(*status, 1);
    const auto all = relay.requests();
    for (std::size_t i = before; i < all.size(); ++i)
        EXPECT_THAT(all[i], ::testing::Not(HasSubstr("PATCH"))) << a->log();
    EXPECT_EQ(allocation("n2").find(subnets), std::string::npos);
    b->process.resume();
    WEFT_ASSERT_OK(wait_node("n2"));
}

TEST_F(Candidates, WhoLeadsIsAMetric) {
    auto a = start("a");
    WEFT_ASSERT_OK(a);
    WEFT_ASSERT_OK(wait_leader("a"));
    auto b = start("b");
    WEFT_ASSERT_OK(b);
    WEFT_ASSERT_OK(b->wait_status("b stands by", [](JsonView s) { return is_standby(s, "a"); }));
    for (const auto& [weftd, leads] : {std::pair(&*a, "1"), std::pair(&*b, "0")}) {
        const auto metrics = weftd->call("metrics");
        WEFT_ASSERT_OK(metrics);
        EXPECT_THAT(std::string(metrics->root()["result"].string_or("")),
                    HasSubstr("\novnkube_clustermanager_leader " + std::string(leads) + "\n"));
    }
}

}  // namespace
}  // namespace weft::testing
