// Pods of one node that come and go without rest, while everything that they stand for is checked over and over.
#include "../daemon/node_bed.hpp"
#include "effort.hpp"

#include <cstdlib>
#include <random>
#include <set>
#include <sstream>

namespace weft::testing {
namespace {

int setting(const char* variable, const test::Effort& otherwise) {
    const char* value = std::getenv(variable);
    return value == nullptr ? otherwise.count() : static_cast<int>(std::strtol(value, nullptr, 10));
}

class Churn : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = NodeBed::make();
        WEFT_ASSERT_OK(made);
        node = *std::move(made);
        WEFT_ASSERT_OK(node->start_database("nb"));
        WEFT_ASSERT_OK(node->start_database("sb"));
        WEFT_ASSERT_OK(
            api().apply_yaml(node_yaml("n1", 2) + "---\n{apiVersion: v1, kind: Namespace, metadata: {name: web}}\n"));
        auto started = node->bed().start({.name = "cluster", .cluster_subnets = subnets});
        WEFT_ASSERT_OK(started);
        cluster = *std::move(started);
        started = node->bed().start({.role = "node", .config = node->sockets(), .cluster_subnets = subnets});
        WEFT_ASSERT_OK(started);
        weftd = *std::move(started);
    }

    ApiServer& api() { return node->bed().api(); }
    std::string pod_name(std::size_t place) const {
        return "p" + std::to_string(place) + "-" + std::to_string(lives[place]);
    }

    void create(std::size_t place) {
        ++lives[place];
        const auto reply = api().request(
            "POST", "/api/v1/namespaces/web/pods",
            R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + pod_name(place) +
                R"(","labels":{"app":"web"}},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]}})");
        ASSERT_TRUE(reply.ok()) << reply.body;
    }
    void relabel(std::size_t place, int round) {
        const auto reply = api().request("PATCH", "/api/v1/namespaces/web/pods/" + pod_name(place),
                                         R"({"metadata":{"labels":{"round":")" + std::to_string(round) + "\"}}}",
                                         "application/merge-patch+json");
        ASSERT_TRUE(reply.ok()) << reply.body;
    }
    void replace(std::size_t place) {
        WEFT_ASSERT_OK(api().remove("pod", "web", pod_name(place)));
        create(place);
    }

    /// The pods' switch ports are exactly those of the pods there are, each with an address of its own.
    Result<void> ports_are_right() {
        const auto csv = run_ok({"ovn-nbctl", "--db=unix:" + (node->bed().dir() / "ovnnb_db.sock").string(),
                                 "--timeout=60", "--format=csv", "--no-headings", "--columns=name,addresses", "find",
                                 "Logical_Switch_Port", "external_ids:pod=true"});
        if (!csv) return csv.error();
        std::set<std::string> names, addresses;
        std::size_t rows = 0;
        std::istringstream in(*csv);
        for (std::string line; std::getline(in, line); ++rows) {
            const auto comma = line.find(',');
            names.insert(line.substr(0, comma));
            addresses.insert(line.substr(comma + 1));
        }
        if (rows != lives.size()) return waiting(std::to_string(rows) + " ports are there");
        if (addresses.size() != rows) return broken("two ports have one address");
        for (std::size_t place = 0; place < lives.size(); ++place) {
            if (!names.contains("web_" + pod_name(place))) return waiting("there is no port of " + pod_name(place));
        }
        return {};
    }
    void check() {
        WEFT_ASSERT_OK(wait_for(
            "the ports of all pods", [&] { return ports_are_right(); }, 5 * patience));
        const auto verified = weftd.call("verify");
        WEFT_ASSERT_OK(verified);
        EXPECT_EQ(verified->root()["result"]["all"].unsigned_integer().value_or(1), 0U) << verified->root().dump();
    }

    static constexpr auto* subnets = "10.244.0.0/16/20,fd00:10:244::/48/64";
    std::unique_ptr<NodeBed> node;
    Weftd cluster, weftd;
    std::vector<int> lives;  ///< how often the pod in each place was made
};

TEST_F(Churn, PodsComeAndGo) {
    const auto pods = static_cast<std::size_t>(setting("WEFT_CHURN_PODS", {1000, 1000, 300}));
    const auto length = std::chrono::seconds(setting("WEFT_CHURN_SECONDS", {10, 30, 20}));
    lives.resize(pods);
    for (std::size_t place = 0; place < pods && !HasFatalFailure(); ++place)
        create(place);
    check();

    std::mt19937 random(1);
    std::uniform_int_distribution<std::size_t> any(0, pods - 1);
    const auto end = std::chrono::steady_clock::now() + length;
    std::size_t replaced = 0;
    for (int round = 1; std::chrono::steady_clock::now() < end && !HasFailure(); ++round) {
        for (std::size_t i = 0; i < pods / 10 && !HasFatalFailure(); ++i, ++replaced) {
            replace(any(random));
            relabel(any(random), round);
        }
        if (round % 5 == 0) check();
    }
    check();
    RecordProperty("pods_replaced", static_cast<int>(replaced));
    EXPECT_GT(replaced, 0U);

    // A sanitizer that found something says so in the log and by the exit status.
    for (auto* one : {&weftd, &cluster}) {
        one->process.signal(SIGTERM);
        const auto status = one->process.wait(patience);
        WEFT_ASSERT_OK(status);
        EXPECT_EQ(*status, 0);
        EXPECT_THAT(one->log(), ::testing::Not(::testing::HasSubstr("Sanitizer")));
    }
}

}  // namespace
}  // namespace weft::testing
