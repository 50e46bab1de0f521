#pragma once

#include "bed.hpp"
#include "report.hpp"

#include <map>
#include <string>
#include <vector>

namespace weft::bench {

/// A histogram: how many values don't exceed each bound.
struct Distribution {
    std::map<double, double> counts;  ///< by upper bound
    double sum = 0;

    double all() const { return counts.empty() ? 0 : counts.rbegin()->second; }
    double mean() const { return all() > 0 ? sum / all() : 0; }
    /// The value that a share of all doesn't exceed; inside a bucket values count as evenly spread.
    double percentile(double share) const;
};

/// The series of a family that carry all these labels, added up.
Distribution distribution_of(const MetricsPage& page, const std::string& family,
                             const std::vector<std::string>& labels);
/// What came since an earlier page, or of another server besides.
MetricsPage since(MetricsPage now, const MetricsPage& earlier);
MetricsPage together(MetricsPage one, const MetricsPage& other);

/// Mean, p50 and p99 in milliseconds, as <id>_mean_ms and so on.
void report_distribution(const std::string& id, const std::string& title, const Distribution& times, Report& report);
/// The stages of CNI ADDs and their whole, as weftd counts them: <id>_<stage>_mean_ms and so on. Fewer than `pods` of
/// them are an error.
Result<void> report_cni_stages(const std::string& id, const MetricsPage& page, std::size_t pods, Report& report);

}  // namespace weft::bench
