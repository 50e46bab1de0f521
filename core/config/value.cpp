#include "config/value.hpp"

#include "config/ini.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace weft::config {

namespace {

struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
};
// Longer names first, so that "ms" isn't read as minutes.
constexpr Unit units[] = {{"ns", 1},
                          {"us", 1'000},
                          {"µs", 1'000},
                          {"ms", 1'000'000},
                          {"s", 1'000'000'000},
                          {"m", 60'000'000'000},
                          {"h", 3'600'000'000'000}};

const Unit* unit_at(std::string_view text) {
    for (const auto& unit : units) {
        if (text.starts_with(unit.name)) return &unit;
    }
    return nullptr;
}

/// One "1.5h" off the front of `rest`, added to `total`; false when it is none or too large.
bool add_part(std::string_view& rest, double& total) {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    double number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + digits, number, std::chars_format::fixed);
    if (digits == 0 || error != std::errc{} || end != rest.data() + digits) return false;
    rest.remove_prefix(digits);
    const Unit* unit = unit_at(rest);
    if (!unit) return false;
    rest.remove_prefix(unit->name.size());
    total += number * static_cast<double>(unit->nanoseconds);
    return total < 9.2e18;
}

bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        const auto part = trimmed(text.substr(0, comma));
        if (!part.empty()) parts.emplace_back(part);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return parts;
}

Result<void> read_value(std::string_view text, Spelling, bool& to) {
    const std::string word = lower_case(text);
    if (word == "true" || word == "yes" || word == "on" || word == "1") {
        to = true;
    } else if (word == "false" || word == "no" || word == "off" || word == "0") {
        to = false;
    } else {
        return invalid(json_quote(text) + " is neither true nor false", "write true or false");
    }
    return {};
}

Result<void> read_value(std::string_view text, Spelling spelling, Nanoseconds& to) {
    if (text == "0" || (spelling == Spelling::file && all_digits(text))) {
        auto number = read_integer(text, 0, std::numeric_limits<std::int64_t>::max());
        if (!number) return std::move(number).error();
        to = Nanoseconds(*number);
        return {};
    }
    double total = 0;
    std::string_view rest = text;
    bool good = !rest.empty();
    while (good && !rest.empty())
        good = add_part(rest, total);
    if (!good) return invalid(json_quote(text) + " is no duration", "write one such as 100s, 2m or 1h30m");
    to = Nanoseconds(std::llround(total));
    return {};
}

Result<void> read_value(std::string_view text, Spelling, std::vector<std::string>& to) {
    to = split_list(text);
    return {};
}

Result<std::int64_t> read_integer(std::string_view text, std::int64_t low, std::int64_t high) {
    std::string_view digits = text;
    const bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
    if (hex) digits.remove_prefix(2);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, hex ? 16 : 10);
    const bool parsed = !digits.empty() && digits[0] != '-' && end == digits.data() + digits.size();
    if (!parsed && error != std::errc::result_out_of_range) {
        return invalid(json_quote(text) + " is no number", "write a decimal number, or 0x and a hexadecimal one");
    }
    if (negative) number = -number;
    if (error != std::errc{} || number < low || number > high) {
        return invalid(json_quote(text) + " is out of range",
                       "it must be from " + std::to_string(low) + " to " + std::to_string(high));
    }
    return number;
}

std::string write_value(Nanoseconds v) {
    std::int64_t rest = v.count();
    if (rest == 0) return "0s";
    std::string out;
    for (const auto& [name, size] : {units[6], units[5], units[4]}) {
        const std::int64_t n = rest / size;
        rest %= size;
        if (n != 0 || (!out.empty() && rest != 0)) out += std::to_string(n) + std::string(name);
    }
    for (const auto& [name, size] : {units[3], units[1], units[0]}) {
        const std::int64_t n = rest / size;
        rest %= size;
        if (n != 0) out += std::to_string(n) + std::string(name);
    }
    return out;
}

std::string write_value(const std::vector<std::string>& v) {
    std::string out;
    for (const auto& part : v) {
        if (!out.empty()) out.push_back(',');
        out += part;
    }
    return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        next[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                next[j] = std::min(next[j], before[j - 2] + 1);
        }
        before = row;
        row = next;
    }
    return row[b.size()];
}

Result<std::optional<std::uint64_t>> memory_limit_of(std::string_view text) {
    text = trimmed(text);
    if (text == "auto") return std::optional<std::uint64_t>();
    unsigned shift = 0;
    if (!text.empty()) {
        switch (text.back()) {
            case 'k':
            case 'K': shift = 10; break;
            case 'm':
            case 'M': shift = 20; break;
            case 'g':
            case 'G': shift = 30; break;
            default: break;
        }
    }
    const auto number = read_integer(shift == 0 ? text : text.substr(0, text.size() - 1), 0, 1 << 30);
    const auto bytes = number ? static_cast<std::uint64_t>(*number) << shift : 0;
    constexpr std::uint64_t least = 64ULL << 20;  // weftd itself needs some
    if (!number || (bytes != 0 && bytes < least)) {
        return invalid("\"" + std::string(text) + "\" is no limit of memory",
                       "write auto, 0 for none, or at least 64M, such as 512M or 2G");
    }
    return std::optional(bytes);
}

}  // namespace weft::config
