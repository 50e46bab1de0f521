#pragma once

#include "services/metrics.hpp"

#include <weft/tables/metric.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace weft::services {

/// Shows rows of tables::Metric in the scrape: what has no row any more is gone from it. A row that contradicts another
/// metric of its name (kind, labels), or whose name Prometheus does not take, is left out and told once.
class PluginMetrics {
  public:
    explicit PluginMetrics(Metrics& metrics) : metrics_(metrics) {}
    /// All rows there are.
    void publish(const std::vector<RowPtr>& rows);

  private:
    void set(const tables::Metric& row);

    Metrics& metrics_;
    std::map<std::string, Family<Gauge>*> gauges_;
    std::map<std::string, Family<Counter>*> counters_;
    std::set<std::string> refused_;  ///< keys that were complained about
};

}  // namespace weft::services
