#include "services/plugin_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::services {
namespace {

using testing::HasSubstr;
using testing::Not;

RowPtr metric(const std::string& name, double value, std::vector<std::pair<std::string, std::string>> labels = {},
              bool counter = false) {
    tables::Metric row{.name = name, .help = "Help.", .counter = counter, .labels = std::move(labels), .value = value};
    row.settle_key();
    return RowPtr::make(row);
}

TEST(PluginMetrics, AreThereAsLongAsTheirRowsAre) {
    Metrics metrics;
    PluginMetrics plugins(metrics);
    plugins.publish({metric("small_lamps", 2, {{"room", "a"}}), metric("small_lamps", 3, {{"room", "b"}}),
                     metric("small_switched_total", 7, {}, true)});
    EXPECT_THAT(metrics.text(), HasSubstr("# HELP small_lamps Help.\n# TYPE small_lamps gauge\n"
                                          "small_lamps{room=\"a\"} 2\nsmall_lamps{room=\"b\"} 3\n"));
    EXPECT_THAT(metrics.text(), HasSubstr("# TYPE small_switched_total counter\nsmall_switched_total 7\n"));
    plugins.publish({metric("small_lamps", 4, {{"room", "b"}})});
    EXPECT_THAT(metrics.text(), HasSubstr("small_lamps{room=\"b\"} 4\n"));
    EXPECT_THAT(metrics.text(), Not(HasSubstr("room=\"a\"")));
    EXPECT_THAT(metrics.text(), Not(HasSubstr("small_switched_total")));
}

TEST(PluginMetrics, ThatContradictOthersAreLeftOut) {
    Metrics metrics;
    metrics.gauge("weft_own", "Ours.", {"a"}).with({"x"}).set(1);
    PluginMetrics plugins(metrics);
    plugins.publish(
        {metric("weft_own", 9), metric("no name", 1), metric("good", 1), metric("good2", 1, {{"bad label", "x"}})});
    EXPECT_THAT(metrics.text(), HasSubstr("weft_own{a=\"x\"} 1\n"));
    EXPECT_THAT(metrics.text(), Not(HasSubstr("no name")));
    EXPECT_THAT(metrics.text(), HasSubstr("good 1\n"));
    EXPECT_THAT(metrics.text(), Not(HasSubstr("good2")));
}

TEST(MetricRow, ItsKeyIsWhatAScrapeShows) {
    EXPECT_EQ(metric("m", 1, {{"a", "x\"y"}, {"b", ""}}).key(), R"(m{a="x\"y",b=""})");
    EXPECT_EQ(metric("m", 1).key(), "m{}");
}

}  // namespace
}  // namespace weft::services
