#include "ctl/text_table.hpp"

#include <algorithm>

namespace weft::ctl {

namespace {

/// Characters, not bytes.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string_view code(Colour colour) {
    switch (colour) {
        case Colour::good: return "\x1b[32m";
        case Colour::warn: return "\x1b[33m";
        case Colour::bad: return "\x1b[31m";
        case Colour::dim: return "\x1b[2m";
        case Colour::strong: return "\x1b[1m";
        case Colour::none: return "";
    }
    return "";
}

}  // namespace

std::string plain(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c == '\n' || c == '\t' || c == '\r') c = ' ';
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    // The C1 controls, 0xc2 0x80 to 0xc2 0x9f in UTF-8, drive terminals too.
    for (std::size_t i = 0; i + 1 < out.size(); ++i) {
        const auto second = static_cast<unsigned char>(out[i + 1]);
        if (static_cast<unsigned char>(out[i]) == 0xc2 && second >= 0x80 && second < 0xa0) out.replace(i, 2, "?");
    }
    return out;
}

std::string painted(std::string_view text, Colour colour, bool colours) {
    if (!colours || colour == Colour::none) return std::string(text);
    return std::string(code(colour)) + std::string(text) + "\x1b[0m";
}

std::string short_duration(long long seconds) {
    if (seconds < 0) return "0s";
    const auto two = [](long long a, const char* a_unit, long long b, const char* b_unit) {
        return std::to_string(a) + a_unit + (b > 0 ? std::to_string(b) + b_unit : "");
    };
    if (seconds >= 86400) return two(seconds / 86400, "d", seconds % 86400 / 3600, "h");
    if (seconds >= 3600) return two(seconds / 3600, "h", seconds % 3600 / 60, "m");
    if (seconds >= 60) return two(seconds / 60, "m", seconds % 60, "s");
    return std::to_string(seconds) + "s";
}

void TextTable::note(std::string text, Colour colour) {
    rows_.push_back({Cell(std::move(text), colour)});
}

std::string TextTable::text(bool colours, std::string_view indent) const {
    std::vector<std::size_t> widths;
    for (const auto& name : head_)
        widths.push_back(width(name));
    for (const auto& row : rows_) {
        if (row.size() < head_.size()) continue;
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width(row[i].text));
    }
    std::string out;
    const auto line = [&](const std::vector<Cell>& cells) {
        out += indent;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            out += painted(cells[i].text, cells[i].colour, colours);
            if (i + 1 < cells.size()) out.append(widths[i] - width(cells[i].text) + 2, ' ');
        }
        while (!out.empty() && out.back() == ' ')
            out.pop_back();
        out += "\n";
    };
    std::vector<Cell> head;
    for (const auto& name : head_)
        head.emplace_back(name, Colour::dim);
    line(head);
    for (const auto& row : rows_) {
        if (row.size() < head_.size()) {
            out += std::string(indent) + "    " + painted(row[0].text, row[0].colour, colours) + "\n";
        } else {
            line(row);
        }
    }
    return out;
}

}  // namespace weft::ctl
