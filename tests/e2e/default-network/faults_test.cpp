// What breaks while pods talk: weftd itself, and rows under its hands.
#include "fixture.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>

namespace weft::testing {
namespace {

class Faults : public ::testing::Test {
  protected:
    void SetUp() override {
        auto started = WeftCluster::start();
        WEFT_ASSERT_OK(started);
        weft_ = *std::move(started);
        auto a = weft_->pod("red", "a", "n1");
        WEFT_ASSERT_OK(a);
        auto b = weft_->pod("red", "b", "n2");
        WEFT_ASSERT_OK(b);
        a_.emplace(*std::move(a));
        b_.emplace(*std::move(b));
        expect_reach(*a_, *b_);
    }

    Cluster& cluster() { return weft_->cluster(); }

    /// Waits until the rows of n1 are `rows` again, UUIDs aside: those of rows that were made anew differ.
    Result<void> wait_shape(const std::string& before) {
        return wait_for("the northbound rows to be back", [&]() -> Result<void> {
            auto now = shape();
            if (!now) return now.error();
            return *now == before ? Result<void>() : Result<void>(waiting("they differ:\n" + *now));
        });
    }
    /// What is in n1's northbound database, without UUIDs.
    Result<std::string> shape() {
        auto& node = *cluster().node("n1").ovn;
        std::string all;
        const std::vector<std::pair<std::string, std::string>> questions{
            {"Logical_Switch_Port", "name,addresses,options,external_ids,type"},
            {"Logical_Router_Port", "name,networks,mac"},
            {"Logical_Router_Static_Route", "ip_prefix,nexthop,external_ids"},
            {"Logical_Switch", "name,other_config"},
            {"Port_Group", "name"},
            {"ACL", "match,priority,external_ids"}};
        for (const auto& [table, columns] : questions) {
            auto rows = node.nbctl({"--format=csv", "--no-headings", "--columns=" + columns, "list", table});
            if (!rows) return rows;
            std::vector<std::string> lines;
            std::istringstream in(*rows);
            for (std::string line; std::getline(in, line);)
                lines.push_back(line);
            std::sort(lines.begin(), lines.end());
            for (const auto& line : lines)
                all += table + " " + line + "\n";
        }
        return all;
    }

    std::unique_ptr<WeftCluster> weft_;
    std::optional<RunningPod> a_;
    std::optional<RunningPod> b_;
};

TEST_F(Faults, KilledWeftdLosesNothingAndWritesNothing) {
    const auto before = weft_->northbound("n1");
    WEFT_ASSERT_OK(before);
    auto loss = LossCounter::start(cluster().testbed(), a_->netns, *b_->address(Family::v4));
    WEFT_ASSERT_OK(loss);
    auto& weftd = cluster().node("n1").weftd;
    weftd.kill();
    WEFT_ASSERT_OK(weftd.restart());
    WEFT_ASSERT_OK(weft_->wait_weftd_ready("n1"));
    const auto result = loss->finish();
    WEFT_ASSERT_OK(result);
    EXPECT_GT(result->sent, 0U);
    EXPECT_EQ(result->lost, 0U) << "longest gap " << result->longest_gap_ms << " ms";
    const auto restarted = weft_->northbound("n1");
    WEFT_ASSERT_OK(restarted);
    EXPECT_EQ(*restarted, *before);

    // It works again: a new pod gets its port. (Not counted: Open vSwitch's userspace datapath may drop a packet of
    // others while a port comes or goes.)
    WEFT_ASSERT_OK(weft_->pod("red", "later", "n1"));
    WEFT_ASSERT_OK(cluster().api().remove("/api/v1/namespaces/red/pods/later"));
    WEFT_ASSERT_OK(cluster().wait_pod_gone("red", "later"));
    WEFT_ASSERT_OK(wait_for("the rows to be as before", [&]() -> Result<void> {
        const auto after = weft_->northbound("n1");
        if (!after) return after.error();
        return *after == *before ? Result<void>() : Result<void>(waiting("they differ"));
    }));
}

TEST_F(Faults, StoppedWeftdLeavesTheDataPlaneAndTakesTheCniFileAway) {
    auto& node = cluster().node("n1");
    WEFT_ASSERT_OK(node.weftd.stop());
    EXPECT_TRUE(std::filesystem::is_empty(node.cni_conf_dir));
    const auto result = ping(a_->netns, *b_->address(Family::v6), {.count = 10});
    WEFT_ASSERT_OK(result);
    EXPECT_EQ(result->lost(), 0);
}

TEST_F(Faults, RowsDeletedOrEditedByHandComeBack) {
    const auto before = shape();
    WEFT_ASSERT_OK(before);
    auto& ovn = *cluster().node("n1").ovn;
    WEFT_ASSERT_OK(ovn.nbctl({"lsp-del", "red_a"}));
    WEFT_ASSERT_OK(wait_shape(*before));
    WEFT_ASSERT_OK(ovn.nbctl({"set", "Logical_Switch_Port", "k8s-n1", "addresses=unknown"}));
    WEFT_ASSERT_OK(wait_shape(*before));
    WEFT_ASSERT_OK(ovn.nbctl({"lr-route-del", "ovn_cluster_router", "10.244.1.0/24"}));
    WEFT_ASSERT_OK(wait_shape(*before));
    WEFT_ASSERT_OK(weft_->wait_followed("n1"));
    expect_reach(*a_, *b_);
}

TEST_F(Faults, AnEmptiedDatabaseIsFilledAgain) {
    const auto before = shape();
    WEFT_ASSERT_OK(before);
    auto& ovn = *cluster().node("n1").ovn;
    WEFT_ASSERT_OK(ovn.nbctl({"ls-add", "somebody-elses"}));
    // Everything of weft in one go, so that it can't be put back piece by piece.
    WEFT_ASSERT_OK(ovn.nbctl({"lr-del",
                              "ovn_cluster_router",
                              "--",
                              "ls-del",
                              "n1",
                              "--",
                              "ls-del",
                              "join",
                              "--",
                              "ls-del",
                              "transit_switch",
                              "--",
                              "--all",
                              "destroy",
                              "Port_Group",
                              "--",
                              "--all",
                              "destroy",
                              "Copp",
                              "--",
                              "--all",
                              "destroy",
                              "Meter",
                              "--",
                              "--all",
                              "destroy",
                              "Load_Balancer_Group"}));
    WEFT_ASSERT_OK(wait_for("the switch of the node to be back", [&]() -> Result<void> {
        const auto found = weft_->find("n1", "Logical_Switch", "name", "name=n1");
        if (!found) return found.error();
        return *found == "n1" ? Result<void>() : Result<void>(waiting("it is not"));
    }));
    WEFT_ASSERT_OK(ovn.nbctl({"ls-del", "somebody-elses"}));  // fails if weft had touched it
    WEFT_ASSERT_OK(wait_shape(*before));
    WEFT_ASSERT_OK(weft_->wait_followed("n1"));
    expect_reach(*a_, *b_);
}

TEST_F(Faults, RemovedHostSettingsComeBack) {
    const auto& netns = cluster().node("n1").ovn->netns().name();
    WEFT_ASSERT_OK(run_ok({"ip", "route", "del", "10.244.0.0/16", "dev", "ovn-k8s-mp0"}, {.netns = netns}));
    // weftd may be quicker than ip, which then says that it can't get rid of them.
    WEFT_ASSERT_OK(run({"ip", "addr", "flush", "dev", "ovn-k8s-mp0", "scope", "global"}, {.netns = netns}));
    WEFT_ASSERT_OK(wait_reachable(cluster().node("n1").ovn->netns(), *a_->address(Family::v4)));
    WEFT_ASSERT_OK(wait_reachable(cluster().node("n1").ovn->netns(), *a_->address(Family::v6)));
}

TEST_F(Faults, ARemoteChassisThatGoesComesBack) {
    auto& ovn = *cluster().node("n1").ovn;
    const auto chassis = [&] { return ovn.sbctl({"--bare", "--columns=_uuid", "find", "Chassis", "name=chassis-n2"}); };
    const auto before = chassis();
    WEFT_ASSERT_OK(before);
    WEFT_ASSERT_OK(ovn.sbctl({"chassis-del", "chassis-n2"}));
    WEFT_ASSERT_OK(wait_for("the chassis to be back", [&]() -> Result<void> {
        const auto now = chassis();
        if (!now) return now.error();
        return !now->empty() && *now != *before ? Result<void>() : Result<void>(waiting("it is \"" + *now + "\""));
    }));
    WEFT_ASSERT_OK(weft_->wait_followed("n1"));  // until then the old tunnel may still be there
    expect_reach(*a_, *b_);
}

}  // namespace
}  // namespace weft::testing
