#include "table.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace weft::testing {

namespace {

constexpr std::size_t columns = 9;
using Line = std::array<std::string, columns>;

std::string decimal(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f", value);
    return text.data();
}

Line line_of(const FaultRow& row) {
    return {row.fault,
            row.with_weft ? "yes" : "no",
            std::to_string(row.flows.sent),
            std::to_string(row.flows.lost),
            decimal(row.flows.longest_gap_ms),
            std::to_string(row.changed),
            std::to_string(row.stale),
            decimal(row.seconds),
            row.note};
}

bool is_text(std::size_t column) {
    return column < 2 || column + 1 == columns;
}

}  // namespace

std::string FaultTable::text() const {
    std::vector<Line> lines{{"fault", "weft", "packets", "lost", "gap ms", "changed", "stale", "in step s", ""}};
    for (const auto& row : rows_)
        lines.push_back(line_of(row));
    std::array<std::size_t, columns> widths{};
    for (const auto& line : lines) {
        for (std::size_t i = 0; i < columns; ++i)
            widths[i] = std::max(widths[i], line[i].size());
    }
    std::string out;
    for (const auto& line : lines) {
        for (std::size_t i = 0; i < columns; ++i) {
            const std::string space(widths[i] - line[i].size(), ' ');
            out += (i == 0 ? "" : "  ") + (is_text(i) ? line[i] + space : space + line[i]);
        }
        out.erase(out.find_last_not_of(' ') + 1);
        out += '\n';
    }
    return out;
}

std::string FaultTable::json() const {
    JsonWriter w;
    w.array([&] {
        for (const auto& row : rows_) {
            w.object([&] {
                w.member("fault", row.fault).member("weft", row.with_weft);
                w.member("sent", row.flows.sent).member("lost", row.flows.lost);
                w.member("longestGapMs", row.flows.longest_gap_ms);
                w.member("changedRows", row.changed).member("staleRows", row.stale);
                w.member("inStepSeconds", row.seconds).member("note", row.note);
            });
        }
    });
    return w.take();
}

}  // namespace weft::testing
