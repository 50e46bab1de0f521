// What weftd tells: metrics, health, and weftctl's commands, asked as an operator asks.
#include "bed.hpp"
#include "integration/certificates.hpp"
#include "prometheus.hpp"

#include <csignal>
#include <regex>
#include <set>

namespace weft::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ClusterReport : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = Bed::make();
        WEFT_ASSERT_OK(made);
        bed = *std::move(made);
        metrics_at = "127.0.0.1:" + std::to_string(test::free_port());
        health_at = "127.0.0.1:" + std::to_string(test::free_port());
        auto started = bed->start({.config = "[metrics]\nbind-address = " + metrics_at +
                                             "\n[kubernetes]\nhealthz-bind-address = " + health_at + "\n"});
        WEFT_ASSERT_OK(started);
        weftd = *std::move(started);
        WEFT_ASSERT_OK(weftd.wait_ready());
    }
    Result<Scrape> scrape() {
        auto reply = bed->get(metrics_at, "/metrics");
        if (!reply) return reply.error();
        if (reply->status != 200) return again("status " + std::to_string(reply->status));
        return parse_scrape(reply->body);
    }
    Output ctl(std::vector<std::string> arguments) {
        auto output = bed->weftctl(weftd, std::move(arguments));
        return output ? *output : Output{-1, "", output.error().text()};
    }

    std::unique_ptr<Bed> bed;
    std::string metrics_at, health_at;
    Weftd weftd;
};

TEST_F(ClusterReport, MetricsAreValidAndMove) {
    auto first = scrape();
    WEFT_ASSERT_OK(first);
    for (const char* name :
         {"ovnkube_clustermanager_leader", "ovnkube_clustermanager_ready_duration_seconds",
          "ovnkube_clustermanager_build_info", "ovnkube_clustermanager_num_v4_host_subnets",
          "ovnkube_clustermanager_num_v6_host_subnets", "ovnkube_clustermanager_allocated_v4_host_subnets",
          "ovnkube_clustermanager_allocated_v6_host_subnets", "weft_build_info", "weft_engine_ticks_total",
          "weft_engine_tick_duration_seconds_count", "weft_plugin_info", "weft_rule_runs_total", "weft_table_rows",
          "process_cpu_seconds_total", "process_start_time_seconds", "process_resident_memory_bytes"}) {
        EXPECT_TRUE(first->has_family(name)) << name;
    }
    EXPECT_EQ(first->value("ovnkube_clustermanager_leader"), 1);
    EXPECT_EQ(first->value("ovnkube_clustermanager_num_v4_host_subnets{network_name=\"default\"}"), 256);
    EXPECT_EQ(first->value("ovnkube_clustermanager_num_v6_host_subnets{network_name=\"default\"}"), 65536);
    EXPECT_EQ(first->value("ovnkube_clustermanager_allocated_v4_host_subnets{network_name=\"default\"}"), 0);
    EXPECT_EQ(first->value("weft_applier_synced{applier=\"kube\"}"), 1);
    EXPECT_EQ(first->value("weft_table_rows{table=\"Node\"}"), 0);

    WEFT_ASSERT_OK(bed->api().apply_yaml(node_yaml("n1", 2)));
    ASSERT_TRUE(bed->api().wait_for("node", "", "n1", [](JsonView n) {
        return n["metadata"]["annotations"]["k8s.ovn.org/node-subnets"].string().has_value();
    }));
    Result<Scrape> later = scrape();
    WEFT_ASSERT_OK(wait_for("the applier's count", [&]() -> Result<void> {
        later = scrape();
        if (!later) return later.error();
        const bool moved = later->value("weft_applier_requests_total{applier=\"kube\"}") >= 1 &&
                           later->value("weft_applier_behind_rows{applier=\"kube\"}") == 0;
        return moved ? Result<void>() : Result<void>(waiting("nothing is applied yet"));
    }));
    for (const auto& [sample, value] : first->samples) {
        const auto family = sample.substr(0, sample.find('{'));
        if (!family.ends_with("_total") && !family.ends_with("_count")) continue;
        EXPECT_GE(later->value(sample), value) << sample;
    }
    EXPECT_GT(later->value("weft_engine_ticks_total"), first->value("weft_engine_ticks_total"));
    EXPECT_EQ(later->value("weft_table_rows{table=\"Node\"}"), 1);
    EXPECT_EQ(later->value("ovnkube_clustermanager_allocated_v4_host_subnets{network_name=\"default\"}"), 1);
    EXPECT_EQ(later->value("ovnkube_clustermanager_allocated_v6_host_subnets{network_name=\"default\"}"), 1);
    EXPECT_GE(later->value("weft_applier_changes_total{applier=\"kube\"}"), 1);
}

TEST_F(ClusterReport, MetricsOfWeftctlAreTheSame) {
    const auto asked = ctl({"metrics"});
    ASSERT_EQ(asked.status, 0) << asked.err;
    const auto parsed = parse_scrape(asked.out);
    WEFT_ASSERT_OK(parsed);
    const auto scraped = scrape();
    WEFT_ASSERT_OK(scraped);
    EXPECT_EQ(parsed->types, scraped->types);
}

TEST_F(ClusterReport, HealthAtItsOwnAddressAndBesideTheMetrics) {
    for (const auto& address : {metrics_at, health_at}) {
        for (const char* path : {"/healthz", "/livez", "/readyz"}) {
            const auto reply = bed->get(address, path);
            WEFT_ASSERT_OK(reply);
            EXPECT_EQ(reply->status, 200) << address << path;
            EXPECT_THAT(reply->body, StartsWith("{\"status\":\"ok\""));
            EXPECT_TRUE(JsonDocument::parse(reply->body)) << reply->body;
        }
    }
    const auto none = bed->get(health_at, "/metrics");
    WEFT_ASSERT_OK(none);
    EXPECT_EQ(none->status, 404);
}

TEST_F(ClusterReport, Status) {
    WEFT_ASSERT_OK(bed->api().apply_yaml(node_yaml("n1", 2) + "---\n" + node_yaml("n2", 3)));
    WEFT_ASSERT_OK(
        weftd.wait_status("two nodes", [](JsonView s) { return s["counts"]["nodes"].unsigned_integer() == 2; }));
    const auto text = ctl({"status"});
    ASSERT_EQ(text.status, 0) << text.err;
    EXPECT_THAT(text.out, AllOf(HasSubstr("role cluster"), HasSubstr("leader: weftd (this one)"), HasSubstr("2 nodes"),
                                HasSubstr("default-network"), HasSubstr("kubernetes"), HasSubstr(bed->api().url()),
                                Not(HasSubstr("\x1b"))));
    EXPECT_EQ(text.err, "");
    const auto json = ctl({"status", "-o", "json"});
    ASSERT_EQ(json.status, 0) << json.err;
    const auto document = JsonDocument::parse(json.out);
    WEFT_ASSERT_OK(document);
    EXPECT_TRUE(document->root()["leader"]["self"].boolean().value_or(false));
    EXPECT_NE(document->root()["revision"].string_or(""), "");
}

TEST_F(ClusterReport, ABadObjectIsNamedWithItsMend) {
    WEFT_ASSERT_OK(bed->api().apply_yaml(
        "{apiVersion: v1, kind: Node, metadata: {name: n1, annotations: {k8s.ovn.org/node-subnets: nonsense}}}"));
    WEFT_ASSERT_OK(weftd.wait_status("a problem", [](JsonView s) {
        bool found = false;
        s["problems"].each([&](JsonView p) { found |= p["object"].string_or("") == "Node n1"; });
        return found;
    }));
    const auto text = ctl({"status"});
    EXPECT_THAT(text.out, AllOf(HasSubstr("Not as it should be"), HasSubstr("Node n1"), HasSubstr("node-subnets")));
}

TEST_F(ClusterReport, TheOtherCommands) {
    const auto plugins = ctl({"plugins"});
    EXPECT_EQ(plugins.status, 0) << plugins.err;
    EXPECT_THAT(plugins.out, HasSubstr("running"));
    const auto version = ctl({"version"});
    EXPECT_EQ(version.status, 0);
    EXPECT_THAT(version.out, AllOf(StartsWith("weftctl "), HasSubstr("\nweftd ")));
    const auto weftd_version = run({program_path("WEFTD"), "--version"});
    WEFT_ASSERT_OK(weftd_version);
    EXPECT_THAT(version.out, HasSubstr("\n" + weftd_version->out));
    const auto rbac = ctl({"rbac", "--bind"});
    EXPECT_EQ(rbac.status, 0);
    EXPECT_THAT(rbac.out, AllOf(HasSubstr("kind: ClusterRoleBinding"), HasSubstr("nodes/status"), HasSubstr("leases")));
    const auto check = ctl({"config", "check"});
    EXPECT_EQ(check.status, 0) << check.err;
    EXPECT_THAT(check.out, HasSubstr(weftd.config_file.string()));

    const auto level = ctl({"log-level", "debug"});
    EXPECT_EQ(level.status, 0) << level.err;
    EXPECT_EQ(ctl({"log-level", "kube", "trace"}).status, 0);
    const auto loud = ctl({"log-level", "loud"});
    EXPECT_EQ(loud.status, 1);
    EXPECT_THAT(loud.err, HasSubstr("trace, debug, info, warn"));
}

/// The names before the colon of log lines, as core's sources write them.
std::set<std::string> parts_in_sources() {
    const std::regex call(
        R"re(\blog\([^,;]*LogLevel::[a-z]+,\s*"([a-z-]+)"|string_view (?:part|component) = "([a-z-]+)")re");
    std::set<std::string> parts;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(WEFT_SOURCE_DIR "/core")) {
        if (entry.path().extension() != ".cpp") continue;
        const std::string text = read_file(entry.path());
        for (std::sregex_iterator found(text.begin(), text.end(), call), end; found != end; ++found)
            parts.insert((*found)[1].matched ? (*found)[1].str() : (*found)[2].str());
    }
    return parts;
}

TEST_F(ClusterReport, EveryPartThatLogsHasALevelAndNothingElse) {
    auto parts = parts_in_sources();
    EXPECT_THAT(parts, ::testing::IsSupersetOf({"kube", "ovsdb", "netlink", "cni"}));
    for (const char* other : {"ovn-nb", "ovn-sb", "ovs", "ipam", "default-network"})
        parts.insert(other);
    for (const auto& part : parts) {
        const auto set = ctl({"log-level", part, "debug"});
        EXPECT_EQ(set.status, 0) << set.err;
    }
    const auto unknown = ctl({"log-level", "kubernetes", "debug"});
    EXPECT_EQ(unknown.status, 1);
    EXPECT_EQ(unknown.out, "");
    EXPECT_THAT(unknown.err, HasSubstr("nothing logs as \"kubernetes\""));
    for (const auto& part : parts)
        EXPECT_THAT(unknown.err, HasSubstr(part));
}

TEST_F(ClusterReport, AWeftdThatIsGone) {
    WEFT_ASSERT_OK(weftd.process.stop());
    for (const char* command : {"status", "plugins", "metrics"}) {
        const auto gone = ctl({command});
        EXPECT_EQ(gone.status, 1);
        EXPECT_THAT(gone.err, AllOf(HasSubstr("is weftd running?"), HasSubstr(weftd.dir.string()))) << command;
        EXPECT_EQ(gone.out, "");
    }
    EXPECT_EQ(ctl({"rbac"}).status, 0) << "computed from the plugins";
}

TEST_F(ClusterReport, AnAddressThatIsTakenIsLoggedAndTheRestWorks) {
    auto second = bed->start({.name = "second",
                              .config = "[metrics]\nbind-address = " + metrics_at +
                                        "\n[kubernetes]\nhealthz-bind-address = " + health_at + "\n"});
    WEFT_ASSERT_OK(second);
    WEFT_ASSERT_OK(second->wait_log(metrics_at));
    WEFT_ASSERT_OK(second->wait_status("an answer", [](JsonView) { return true; }));
}

}  // namespace
}  // namespace weft::testing
