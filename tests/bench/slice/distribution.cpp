#include "distribution.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace weft::bench {

namespace {

constexpr auto* stages_family = "weft_cni_add_stage_duration_seconds";
constexpr auto* requests_family = "ovnkube_node_cni_request_duration_seconds";
/// In their order; the port and the pod's end of the link are made side by side, once the link is there.
constexpr std::array<std::pair<const char*, const char*>, 5> stages{{{"interface", "weft knows what the pod gets"},
                                                                     {"link", "veth pair"},
                                                                     {"port", "Open vSwitch takes the port"},
                                                                     {"configure", "the pod's end (beside the port)"},
                                                                     {"binding", "OVN binds it, flows installed"}}};

}  // namespace

double Distribution::percentile(double share) const {
    double lower = 0;
    double below = 0;
    for (const auto& [bound, count] : counts) {
        if (count >= all() * share) {
            if (std::isinf(bound) || count <= below) return lower;
            return lower + (bound - lower) * (all() * share - below) / (count - below);
        }
        lower = bound;
        below = count;
    }
    return lower;
}

Distribution distribution_of(const MetricsPage& page, const std::string& family,
                             const std::vector<std::string>& labels) {
    Distribution result;
    for (auto at = page.lower_bound(family); at != page.end() && at->first.starts_with(family); ++at) {
        const std::string& series = at->first;
        const double value = at->second;
        const auto carries = [&](const std::string& label) { return series.find(label) != std::string::npos; };
        if (!std::all_of(labels.begin(), labels.end(), carries)) continue;
        if (series.starts_with(family + "_sum")) result.sum += value;
        const auto le = series.find("le=\"");
        if (series.starts_with(family + "_bucket") && le != std::string::npos) {
            result.counts[std::strtod(series.c_str() + le + 4, nullptr)] += value;
        }
    }
    return result;
}

MetricsPage since(MetricsPage now, const MetricsPage& earlier) {
    for (const auto& [series, value] : earlier)
        now[series] -= value;
    return now;
}

MetricsPage together(MetricsPage one, const MetricsPage& other) {
    for (const auto& [series, value] : other)
        one[series] += value;
    return one;
}

void report_distribution(const std::string& id, const std::string& title, const Distribution& times, Report& report) {
    report.add({id + "_mean_ms", title + ": mean", times.mean() * 1e3, "ms", "", ""});
    report.add({id + "_p50_ms", title + ": p50", times.percentile(0.5) * 1e3, "ms", "", ""});
    report.add({id + "_p99_ms", title + ": p99", times.percentile(0.99) * 1e3, "ms", "", ""});
}

Result<void> report_cni_stages(const std::string& id, const MetricsPage& page, std::size_t pods, Report& report) {
    for (const auto& [stage, title] : stages) {
        const auto times = distribution_of(page, stages_family, {"stage=\"" + std::string(stage) + "\""});
        if (times.all() < static_cast<double>(pods)) return again("weftd tells too few stages of CNI ADDs");
        report_distribution(id + "_" + stage, title, times, report);
    }
    const auto whole = distribution_of(page, requests_family, {"command=\"ADD\"", "err=\"false\""});
    report_distribution(id + "_add", "whole ADD", whole, report);
    return {};
}

}  // namespace weft::bench
