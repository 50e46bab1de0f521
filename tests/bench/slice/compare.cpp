#include "compare.hpp"

#include <weft/base/json.hpp>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace weft::bench {

namespace {

bool is_time(const Report::Row& row) {
    return row.unit == "s" || row.unit == "ms" || row.unit == "us";
}
bool is_floor(const Report::Row& row) {
    return row.name.starts_with("floor_") || row.name == "shim_true_ms";
}

/// What two runs of the same program differ by: shares of the value, and in its unit.
struct Noise {
    double share;
    double least;
};
Noise noise_of(const Report::Row& row) {
    if (is_time(row)) return {0.25, 0};
    if (row.unit == "MiB" || row.unit == "bytes") return {0.06, row.unit == "MiB" ? 0.5 : 8};
    if (row.name.ends_with("_ratio")) return {0.15, 0};
    return {0.02, 0.05};
}

/// How much slower this run's machine was: the geometric mean over all floors that both runs have.
double machine_factor(const Report& report, const Earlier& earlier) {
    double sum = 0;
    int count = 0;
    for (const auto& row : report.rows()) {
        const auto then = earlier.find(row.name);
        if (!is_floor(row) || !is_time(row) || then == earlier.end()) continue;
        if (row.value <= 0 || then->second <= 0) continue;
        sum += std::log(row.value / then->second);
        ++count;
    }
    return count > 0 ? std::exp(sum / count) : 1;
}

const char* verdict_of(const Report::Row& row, double now, double then) {
    const auto noise = noise_of(row);
    if (std::abs(now - then) <= std::max(noise.least, noise.share * std::abs(then))) return "";
    return now < then ? "better" : "WORSE";
}

}  // namespace

Result<Earlier> read_earlier(const std::string& file) {
    std::ifstream in(file);
    if (!in) return invalid("can't read " + file, "give a file that --json has written");
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    auto json = JsonDocument::parse(text);
    if (!json) return json.error();
    Earlier earlier;
    json->root().members([&](std::string_view name, JsonView value) {
        if (const auto number = value.number()) earlier.emplace(name, *number);
    });
    if (earlier.empty()) return invalid(file + " holds no numbers", "give a file that --json has written");
    return earlier;
}

void print_comparison(const Report& report, const Earlier& earlier) {
    const double factor = machine_factor(report, earlier);
    std::printf(
        "\nCompared with the earlier run. By its floors the machine was %.2f times as slow now: times are divided by "
        "that.\n%-58s %12s %12s %8s\n",
        factor, "", "then", "now", "");
    int better = 0, worse = 0, same = 0;
    for (const auto& row : report.rows()) {
        const auto then = earlier.find(row.name);
        if (row.name.empty() || is_floor(row) || then == earlier.end()) continue;
        const double now = is_time(row) ? row.value / factor : row.value;
        const std::string verdict = verdict_of(row, now, then->second);
        (verdict.empty() ? same : verdict == "better" ? better : worse) += 1;
        if (verdict.empty()) continue;
        const double percent = then->second != 0 ? (now / then->second - 1) * 100 : 0;
        std::printf("  %-56s %12.3g %12.3g %+6.0f %%  %s\n", row.what.c_str(), then->second, now, percent,
                    verdict.c_str());
    }
    std::printf("%d better, %d worse, %d as before (within noise)\n", better, worse, same);
}

}  // namespace weft::bench
