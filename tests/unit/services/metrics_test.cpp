#include "services/metrics.hpp"

#include "services/standard_metrics.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, TextIsSortedWithHelpAndType) {
    Metrics m;
    m.gauge("b_now", "Now.").only().set(1.5);
    m.counter("a_total", "All.", {"kind", "who"}).with({"y", "2"}).add();
    m.counter("a_total", "All.", {"kind", "who"}).with({"x", "1"}).add(41);
    m.counter("a_total", "All.", {"kind", "who"}).with({"x", "1"}).add();
    EXPECT_EQ(m.text(),
              "# HELP a_total All.\n"
              "# TYPE a_total counter\n"
              "a_total{kind=\"x\",who=\"1\"} 42\n"
              "a_total{kind=\"y\",who=\"2\"} 1\n"
              "# HELP b_now Now.\n"
              "# TYPE b_now gauge\n"
              "b_now 1.5\n");
}

TEST(Metrics, HistogramsAreCumulative) {
    Metrics m;
    auto& h = m.histogram("d_seconds", "D.", {0.1, 1, 10}, {"op"}).with({"add"});
    for (double v : {0.05, 0.1, 0.5, 100.0})
        h.observe(v);
    EXPECT_THAT(h.cumulative(), ElementsAre(2u, 3u, 3u, 4u));
    EXPECT_EQ(m.text(),
              "# HELP d_seconds D.\n"
              "# TYPE d_seconds histogram\n"
              "d_seconds_bucket{op=\"add\",le=\"0.1\"} 2\n"
              "d_seconds_bucket{op=\"add\",le=\"1\"} 3\n"
              "d_seconds_bucket{op=\"add\",le=\"10\"} 3\n"
              "d_seconds_bucket{op=\"add\",le=\"+Inf\"} 4\n"
              "d_seconds_sum{op=\"add\"} 100.65\n"
              "d_seconds_count{op=\"add\"} 4\n");
}

TEST(Metrics, TextsAreEscaped) {
    Metrics m;
    m.gauge("g", "a \\ b\nc \"d\"", {"l"}).with({"q\"b\\n\n"}).set(1);
    EXPECT_EQ(m.text(),
              "# HELP g a \\\\ b\\nc \"d\"\n"
              "# TYPE g gauge\n"
              "g{l=\"q\\\"b\\\\n\\n\"} 1\n");
}

TEST(Metrics, NumbersAsPrometheusReadsThem) {
    Metrics m;
    auto& g = m.gauge("g", "G.").only();
    const auto shown = [&](double value) {
        g.set(value);
        const auto text = m.text();
        return text.substr(text.rfind(' ') + 1);
    };
    EXPECT_EQ(shown(0), "0\n");
    EXPECT_EQ(shown(-3), "-3\n");
    EXPECT_EQ(shown(1e12), "1000000000000\n");
    EXPECT_EQ(shown(0.1), "0.1\n");
    EXPECT_EQ(shown(1e300), "1e+300\n");
    EXPECT_EQ(shown(std::numeric_limits<double>::infinity()), "+Inf\n");
    EXPECT_EQ(shown(-std::numeric_limits<double>::infinity()), "-Inf\n");
    EXPECT_EQ(shown(std::nan("")), "NaN\n");
}

TEST(Metrics, PulledValuesAreReadAtTheScrape) {
    Metrics m;
    double value = 1;
    m.pull(Metrics::Kind::gauge, "p", "P.", {"x"}, [&] { return std::vector<Sample>{{{"a"}, value}}; });
    m.pull(Metrics::Kind::counter, "q", "Q.", {}, [] { return std::vector<Sample>{}; });
    EXPECT_EQ(m.text(), "# HELP p P.\n# TYPE p gauge\np{x=\"a\"} 1\n") << "q has nothing to say";
    value = 2;
    EXPECT_THAT(m.text(), HasSubstr("p{x=\"a\"} 2\n"));
}

TEST(Metrics, RetainForgets) {
    Metrics m;
    auto& family = m.gauge("g", "G.", {"x"});
    family.with({"a"}).set(1);
    family.with({"b"}).set(2);
    family.retain([](const LabelValues& v) { return v[0] == "b"; });
    EXPECT_EQ(m.text(), "# HELP g G.\n# TYPE g gauge\ng{x=\"b\"} 2\n");
}

TEST(Metrics, WrongUseIsABrokenInvariant) {
    Metrics m;
    m.gauge("g", "G.", {"x"});
    EXPECT_THROW(m.counter("g", "G.", {"x"}), std::logic_error);
    EXPECT_THROW(m.gauge("g", "G."), std::logic_error);
    EXPECT_THROW(m.gauge("g", "G.", {"x"}).with({}), std::logic_error);
    EXPECT_THROW(m.gauge("1x", ""), std::logic_error);
    EXPECT_THROW(m.gauge("", ""), std::logic_error);
    EXPECT_THROW(m.gauge("a-b", ""), std::logic_error);
    EXPECT_THROW(m.gauge("h", "", {"le"}), std::logic_error);
    EXPECT_THROW(m.gauge("h", "", {"__x"}), std::logic_error);
    EXPECT_THROW(m.gauge("h", "", {"a:b"}), std::logic_error);
    EXPECT_THROW(m.histogram("h", "", {2, 1}), std::logic_error);
    EXPECT_THROW(m.pull(Metrics::Kind::gauge, "g", "", {}, {}), std::logic_error);
    EXPECT_NO_THROW(m.gauge("h", "")) << "a failed registration leaves nothing behind";
}

TEST(Metrics, ManyThreadsCount) {
    Metrics m;
    auto& counter = m.counter("c_total", "C.").only();
    auto& histogram = m.histogram("h", "H.", {1}).only();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 1000; ++i) {
                counter.add();
                histogram.observe(i % 2 == 0 ? 0.5 : 2);
                m.gauge("g", "G.", {"t"}).with({std::to_string(t)}).add(1);
                if (i % 100 == 0) {
                    EXPECT_THAT(m.text(), HasSubstr("c_total"));
                }
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(counter.value(), 4000);
    EXPECT_THAT(histogram.cumulative(), ElementsAre(2000u, 4000u));
    EXPECT_EQ(histogram.sum(), 5000);
    EXPECT_EQ(m.gauge("g", "G.", {"t"}).with({"3"}).value(), 1000);
}

TEST(Metrics, ExponentialBuckets) {
    EXPECT_THAT(exponential_buckets(1, 2, 4), ElementsAre(1, 2, 4, 8));
    EXPECT_THAT(exponential_buckets(.1, 2, 2), ElementsAre(.1, .2));
}

/// name → type of every metric in a scrape.
std::map<std::string, std::string> types(const std::string& text) {
    std::map<std::string, std::string> out;
    std::istringstream in(text);
    for (std::string hash, word, name, rest; in >> hash;) {
        if (hash == "#" && in >> word >> name && word == "TYPE") in >> out[name];
        std::getline(in, rest);
    }
    return out;
}

TEST(StandardMetrics, NodeScrapeIsTheGolden) {
    Metrics m;
    StandardMetrics s(m, Role::node, {"1.2.3", "abc", "main", "2026-08-01"});
    s.controller_ready_duration().set(1.5);
    s.controller_sync_duration("pod").set(0.25);
    s.pod_creation_latency().observe(0.15);
    s.node_ready_duration().set(2);
    s.cni_request_duration("ADD", false).observe(0.3);
    s.egress_routing_via_host().set(0);
    auto text = m.text();
    // The compiler differs from build to build.
    const auto at = text.find("compiler=\"");
    ASSERT_NE(at, std::string::npos);
    text.replace(at, text.find('"', at + 10) + 1 - at, "compiler=\"x\"");
    const std::string buckets_to_02 = "_bucket{command=\"ADD\",err=\"false\",le=\"0.1\"} 0\n";
    EXPECT_THAT(text, HasSubstr("ovnkube_node_cni_request_duration_seconds" + buckets_to_02));
    EXPECT_THAT(
        text,
        HasSubstr("ovnkube_node_cni_request_duration_seconds_bucket{command=\"ADD\",err=\"false\",le=\"0.4\"} 1\n"));
    EXPECT_THAT(
        text,
        HasSubstr("ovnkube_node_cni_request_duration_seconds_bucket{command=\"ADD\",err=\"false\",le=\"1638.4\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("ovnkube_controller_pod_creation_latency_seconds_bucket{le=\"0.2\"} 1\n"));
    // Without the buckets the scrape is this.
    std::string without;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        if (line.find("_bucket{") == std::string::npos) without += line + "\n";
    }
    EXPECT_EQ(
        without,
        R"(# HELP ovnkube_controller_build_info A metric with a constant '1' value labeled by version, revision, branch, build user, build date and compiler from which weft was built.
# TYPE ovnkube_controller_build_info gauge
ovnkube_controller_build_info{version="1.2.3",revision="abc",branch="main",build_user="",build_date="2026-08-01",goversion=""} 1
# HELP ovnkube_controller_egress_routing_via_host Whether egress gateway mode is via host networking stack (1), OVN (0) or unsupported (2).
# TYPE ovnkube_controller_egress_routing_via_host gauge
ovnkube_controller_egress_routing_via_host 0
# HELP ovnkube_controller_pod_creation_latency_seconds The duration between a pod being scheduled and its logical switch port being committed.
# TYPE ovnkube_controller_pod_creation_latency_seconds histogram
ovnkube_controller_pod_creation_latency_seconds_sum 0.15
ovnkube_controller_pod_creation_latency_seconds_count 1
# HELP ovnkube_controller_ready_duration_seconds The duration for the controller to get to ready state.
# TYPE ovnkube_controller_ready_duration_seconds gauge
ovnkube_controller_ready_duration_seconds 1.5
# HELP ovnkube_controller_sync_duration_seconds The duration to sync and setup all handlers for a given resource.
# TYPE ovnkube_controller_sync_duration_seconds gauge
ovnkube_controller_sync_duration_seconds{resource_name="pod"} 0.25
# HELP ovnkube_node_build_info A metric with a constant '1' value labeled by version, revision, branch, build user, build date and compiler from which weft was built.
# TYPE ovnkube_node_build_info gauge
ovnkube_node_build_info{version="1.2.3",revision="abc",branch="main",build_user="",build_date="2026-08-01",goversion=""} 1
# HELP ovnkube_node_cni_request_duration_seconds The duration of CNI requests to the server.
# TYPE ovnkube_node_cni_request_duration_seconds histogram
ovnkube_node_cni_request_duration_seconds_sum{command="ADD",err="false"} 0.3
ovnkube_node_cni_request_duration_seconds_count{command="ADD",err="false"} 1
# HELP ovnkube_node_ready_duration_seconds The duration for the node to get to ready state.
# TYPE ovnkube_node_ready_duration_seconds gauge
ovnkube_node_ready_duration_seconds 2
# HELP weft_build_info 1, with what this weftd was built from.
# TYPE weft_build_info gauge
weft_build_info{version="1.2.3",revision="abc",compiler="x"} 1
)");
}

TEST(StandardMetrics, ClusterNamesTypesAndLabels) {
    Metrics m;
    StandardMetrics s(m, Role::cluster);
    s.leader().set(1);
    s.cluster_manager_ready_duration().set(1);
    for (auto family : {weft::Family::v4, weft::Family::v6}) {
        s.host_subnets(family, "default").set(256);
        s.allocated_host_subnets(family, "default").set(2);
    }
    const auto text = m.text();
    EXPECT_THAT(text, HasSubstr("\novnkube_clustermanager_leader 1\n"));
    EXPECT_THAT(text, HasSubstr("\novnkube_clustermanager_num_v4_host_subnets{network_name=\"default\"} 256\n"));
    EXPECT_THAT(text, HasSubstr("\novnkube_clustermanager_allocated_v6_host_subnets{network_name=\"default\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("ovnkube_clustermanager_build_info{version="));
    EXPECT_THAT(text, Not(HasSubstr("ovnkube_node_")));
    for (const auto& [name, type] : types(text))
        EXPECT_EQ(type, "gauge") << name;
}

TEST(StandardMetrics, OwnNames) {
    Metrics m;
    StandardMetrics s(m, Role::node);
    s.ticks().add();
    s.tick_duration().observe(0.001);
    s.rule_runs("p", "r").set_total(3);
    s.rule_cutoffs("p", "r").set_total(1);
    s.table_rows("Pod").set(7);
    s.plugin_info("p", "1").set(1);
    s.config_reload_ok().set(1);
    s.config_reloads().add();
    const auto all = types(m.text());
    for (auto name :
         {"weft_engine_ticks_total", "weft_rule_runs_total", "weft_rule_cutoffs_total", "weft_config_reloads_total"}) {
        EXPECT_EQ(all.at(name), "counter") << name;
    }
    for (auto name : {"weft_table_rows", "weft_plugin_info", "weft_config_last_reload_successful", "weft_build_info"}) {
        EXPECT_EQ(all.at(name), "gauge") << name;
    }
    EXPECT_EQ(all.at("weft_engine_tick_duration_seconds"), "histogram");
    EXPECT_THAT(m.text(), HasSubstr("weft_rule_runs_total{plugin=\"p\",rule=\"r\"} 3\n"));
}

TEST(StandardMetrics, AppliersComeAndGo) {
    Metrics m;
    StandardMetrics s(m, Role::node);
    appliers::Status nb{
        .name = "ovn-nb", .state = appliers::State::synced, .behind = 3, .applied = 10, .requests = 4, .repaired = 1};
    nb.faults.push_back({});
    s.publish({nb, {.name = "kube"}});
    auto text = m.text();
    for (auto line :
         {"weft_applier_synced{applier=\"ovn-nb\"} 1\n", "weft_applier_synced{applier=\"kube\"} 0\n",
          "weft_applier_behind_rows{applier=\"ovn-nb\"} 3\n", "weft_applier_faults{applier=\"ovn-nb\"} 1\n",
          "weft_applier_changes_total{applier=\"ovn-nb\"} 10\n", "weft_applier_requests_total{applier=\"ovn-nb\"} 4\n",
          "weft_applier_repaired_total{applier=\"ovn-nb\"} 1\n"}) {
        EXPECT_THAT(text, HasSubstr(line));
    }
    s.publish({nb});
    EXPECT_THAT(m.text(), Not(HasSubstr("\"kube\"")));
}

TEST(StandardMetrics, ProcessMetrics) {
    Metrics m;
    add_process_metrics(m);
    const auto text = m.text();
    const auto value = [&](const std::string& name) {
        const auto at = text.find("\n" + name + " ");
        return at == std::string::npos ? -1.0 : std::stod(text.substr(at + name.size() + 2));
    };
    EXPECT_GE(value("process_cpu_seconds_total"), 0);
    EXPECT_GT(value("process_resident_memory_bytes"), 1 << 20);
    EXPECT_GE(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
    EXPECT_GT(value("process_start_time_seconds"), 1.6e9);
    EXPECT_GE(value("process_open_fds"), 3);
    EXPECT_GE(value("process_max_fds"), value("process_open_fds"));
    EXPECT_GE(value("process_threads"), 1);
    EXPECT_EQ(types(text).at("process_cpu_seconds_total"), "counter");
}

}  // namespace
}  // namespace weft::services
