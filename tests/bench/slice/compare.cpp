#include "compare.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace weft::bench {

namespace {

bool is_time(const Report::Row& row) {
    return row.unit == "s" || row.unit == "ms" || row.unit == "us";
}
bool is_cpu(const Report::Row& row) {
    return row.name.find("cpu") != std::string::npos;
}
bool is_floor(const Report::Row& row) {
    if (row.name.starts_with(kubernetes_prefix + "server_") || row.name.starts_with("server_")) return true;
    return row.name.starts_with("floor_") || row.name.starts_with(kubernetes_prefix + "floor_") ||
           row.name == "shim_true_ms";
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
    if (row.name.ends_with("transactions")) return {0.2, 0.05};  // how events fall into batches is chance
    return {0.02, 0.05};
}

/// What stands beside each other, one after the other, under the names that JSON has.
std::vector<Report::Row> flat(const Report& report) {
    std::vector<Report::Row> rows;
    for (const auto& row : report.rows()) {
        if (!std::isnan(row.value)) rows.push_back(row);
        if (!row.kubernetes) continue;
        rows.push_back(row);
        rows.back().name = kubernetes_prefix + row.name;
        rows.back().what = "kube-apiserver: " + row.what;
        rows.back().value = *row.kubernetes;
    }
    return rows;
}

/// How much slower this run's machine was: the geometric mean over the floors that both runs have, of CPU or of wall
/// time. What others use of the machine shows in the latter far more.
double machine_factor(const std::vector<Report::Row>& rows, const Earlier& earlier, bool cpu) {
    double sum = 0;
    int count = 0;
    for (const auto& row : rows) {
        const auto then = earlier.find(row.name);
        if (!is_floor(row) || !is_time(row) || is_cpu(row) != cpu || then == earlier.end()) continue;
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
    const auto rows = flat(report);
    const double wall = machine_factor(rows, earlier, false);
    const double cpu = machine_factor(rows, earlier, true);
    std::printf(
        "\nCompared with the earlier run. By its floors the machine needed %.2f times the time and %.2f times the "
        "CPU:\ntimes are divided by that.\n%-58s %12s %12s\n",
        wall, cpu, "", "then", "now");
    int better = 0, worse = 0, same = 0;
    for (const auto& row : rows) {
        const auto then = earlier.find(row.name);
        if (row.name.empty() || is_floor(row) || then == earlier.end()) continue;
        const double now = is_time(row) ? row.value / (is_cpu(row) ? cpu : wall) : row.value;
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
