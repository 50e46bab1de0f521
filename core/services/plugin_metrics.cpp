#include "services/plugin_metrics.hpp"

#include <weft/base/log.hpp>

#include <stdexcept>

namespace weft::services {

namespace {

LabelValues values_of(const tables::Metric& row) {
    LabelValues values;
    for (const auto& [label, value] : row.labels)
        values.push_back(value);
    return values;
}

}  // namespace

void PluginMetrics::set(const tables::Metric& row) {
    std::vector<std::string> labels;
    for (const auto& [label, value] : row.labels)
        labels.push_back(label);
    if (row.counter) {
        auto& family = metrics_.counter(row.name, row.help, labels);
        counters_[row.name] = &family;
        family.with(values_of(row)).set_total(row.value);
    } else {
        auto& family = metrics_.gauge(row.name, row.help, labels);
        gauges_[row.name] = &family;
        family.with(values_of(row)).set(row.value);
    }
}

void PluginMetrics::publish(const std::vector<RowPtr>& rows) {
    std::map<std::string, std::set<LabelValues>> there;
    for (const RowPtr& row : rows) {
        const auto& metric = row.as<tables::Metric>();
        try {
            set(metric);
            there[metric.name].insert(values_of(metric));
        } catch (const std::logic_error& e) {
            if (!refused_.insert(metric.key.text).second) continue;
            log(LogLevel::warn, "metrics", "a plugin's metric is left out",
                {{"metric", metric.key.text}, {"why", e.what()}});
        }
    }
    const auto keep = [&](auto& families) {
        for (auto& [name, family] : families) {
            const auto& wanted = there[name];
            family->retain([&](const LabelValues& values) { return wanted.contains(values); });
        }
    };
    keep(gauges_);
    keep(counters_);
}

}  // namespace weft::services
