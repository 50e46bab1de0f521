#include "report.hpp"

#include <weft/base/json.hpp>

#include <cmath>
#include <cstdio>

namespace weft::bench {

namespace {

std::string text_of(double value, const std::string& unit) {
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

void Report::print() const {
    std::printf("\n%-58s %14s  %-18s %s\n", "", "weft", "OVN-Kubernetes", "wanted");
    for (const auto& row : rows_) {
        if (row.name.empty()) {
            std::printf("\n%s\n", row.what.c_str());
            continue;
        }
        std::printf("  %-56s %14s  %-18s %s\n", row.what.c_str(), text_of(row.value, row.unit).c_str(),
                    row.ovn_kubernetes.c_str(), row.target.c_str());
    }
    for (const auto& why : failures_)
        std::printf("\nnot measured: %s\n", why.c_str());
    std::printf("\n");
}

std::string Report::json() const {
    JsonWriter w;
    w.object([&] {
        for (const auto& row : rows_) {
            if (!row.name.empty()) w.member(row.name, row.value);
        }
        w.key("failures").array([&] {
            for (const auto& why : failures_)
                w.value(why);
        });
    });
    return w.take();
}

}  // namespace weft::bench
