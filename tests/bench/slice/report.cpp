#include "report.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace weft::bench {

namespace {

std::string text_of(double value, const std::string& unit) {
    if (std::isnan(value)) return {};
    char buffer[64];
    const bool whole = std::abs(value - std::round(value)) < 1e-9;
    const int digits = whole ? 0 : std::abs(value) < 10 ? 2 : 1;
    std::snprintf(buffer, sizeof(buffer), "%.*f%s%s", digits, value, unit.empty() ? "" : " ", unit.c_str());
    return buffer;
}

}  // namespace

std::optional<double> Report::value(const std::string& name) const {
    for (const auto& row : rows_) {
        if (row.name == name) return row.value;
    }
    return std::nullopt;
}

void Report::put_beside(const Report& kubernetes) {
    auto place = rows_.end();
    for (const auto& row : kubernetes.rows_) {
        const auto same = std::find_if(rows_.begin(), rows_.end(), [&](const Row& one) {
            return one.name == row.name && (!row.name.empty() || one.what == row.what);
        });
        if (same != rows_.end()) {
            same->kubernetes = row.name.empty() ? std::nullopt : std::optional(row.value);
            place = std::next(same);
            continue;
        }
        Row added = row;
        if (!row.name.empty()) {
            added.kubernetes = row.value;
            added.value = std::nan("");
        }
        place = std::next(rows_.insert(place, std::move(added)));
    }
    for (const auto& why : kubernetes.failures_)
        failures_.push_back("against Kubernetes: " + why);
}

void Report::print() const {
    const bool both = std::any_of(rows_.begin(), rows_.end(), [](const Row& row) { return row.kubernetes; });
    const auto* beside = both ? "kube-apiserver" : "";
    const int width = both ? 15 : 0;
    std::printf("\n%-58s %14s %*s  %-18s %s\n", "", "weft", width, beside, "OVN-Kubernetes", "wanted");
    for (const auto& row : rows_) {
        if (row.name.empty()) {
            std::printf("\n%s\n", row.what.c_str());
            continue;
        }
        const std::string other = row.kubernetes ? text_of(*row.kubernetes, row.unit) : "";
        std::printf("  %-56s %14s %*s  %-18s %s\n", row.what.c_str(), text_of(row.value, row.unit).c_str(), width,
                    other.c_str(), row.ovn_kubernetes.c_str(), row.target.c_str());
    }
    for (const auto& why : failures_)
        std::printf("\nnot measured: %s\n", why.c_str());
    std::printf("\n");
}

std::string Report::json() const {
    JsonWriter w;
    w.object([&] {
        for (const auto& row : rows_) {
            if (!row.name.empty() && !std::isnan(row.value)) w.member(row.name, row.value);
            if (row.kubernetes && std::isfinite(*row.kubernetes))
                w.member(kubernetes_prefix + row.name, *row.kubernetes);
        }
        w.key("failures").array([&] {
            for (const auto& why : failures_)
                w.value(why);
        });
    });
    return w.take();
}

}  // namespace weft::bench
