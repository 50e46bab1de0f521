#include "table.hpp"

#include <algorithm>
#include <iostream>

namespace weft::demo {

Table::Table(std::vector<std::string> header) {
    lines_.push_back({Kind::header, std::move(header)});
}

void Table::add(std::vector<std::string> cells, bool good) {
    lines_.push_back({good ? Kind::good : Kind::bad, std::move(cells)});
}

void Table::add_heading(std::string text) {
    lines_.push_back({Kind::heading, {std::move(text)}});
}

void Table::print(const Steps& steps) const {
    std::vector<std::size_t> widths(lines_.front().cells.size());
    for (const auto& line : lines_) {
        if (line.kind == Kind::heading) continue;
        for (std::size_t n = 0; n < widths.size() && n < line.cells.size(); ++n)
            widths[n] = std::max(widths[n], line.cells[n].size());
    }
    for (const auto& line : lines_) {
        std::string text;
        for (std::size_t n = 0; n < line.cells.size(); ++n) {
            if (n + 1 == line.cells.size()) {
                text += line.cells[n];
            } else {
                text += line.cells[n] + std::string(widths[n] - line.cells[n].size() + 2, ' ');
            }
        }
        switch (line.kind) {
            case Kind::header: std::cout << steps.bold(text); break;
            case Kind::heading: std::cout << steps.dim(text); break;
            case Kind::good: std::cout << text; break;
            case Kind::bad: std::cout << steps.bad(text); break;
        }
        std::cout << "\n";
    }
    std::cout << std::flush;
}

}  // namespace weft::demo
