#pragma once

#include <weft/engine/row.hpp>

#include <string>
#include <utility>
#include <vector>

/// What rules want to be seen in a scrape of this weftd.
namespace weft::tables {

/// One number under /metrics, there as long as its row is. Rows of one name are one metric: they must have the same
/// help, kind and label names. What weftd counts of each rule by itself (runs, cutoffs, what failed) needs none of
/// this.
///
///   out.put(tables::Metric{.name = "rate_limit_pods", .help = "Pods with a rate limit.", .value = 3});
struct Metric {
    static constexpr std::string_view table_name = "Metric";

    Key<Metric> key;       ///< name{label="value",...}; settled by put()
    std::string name;      ///< as Prometheus has it; begins with the plugin's name, in snake_case
    std::string help;      ///< one sentence
    bool counter = false;  ///< a total that only grows; otherwise a gauge
    std::vector<std::pair<std::string, std::string>> labels;  ///< name and value
    double value = 0;

    void settle_key() {
        key.text = name + "{";
        for (const auto& [label, text] : labels)
            key.text += (key.text.back() == '{' ? "" : ",") + label + "=" + json_quote(text);
        key.text += "}";
    }
    static constexpr auto fields() {
        return std::tuple{field("key", &Metric::key),       field("name", &Metric::name),
                          field("help", &Metric::help),     field("counter", &Metric::counter),
                          field("labels", &Metric::labels), field("value", &Metric::value)};
    }
};

}  // namespace weft::tables
