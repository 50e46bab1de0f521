#pragma once

#include <weft/base/result.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Texts of config files and flags to values and back.
namespace weft::config {

using Nanoseconds = std::chrono::nanoseconds;

/// Where a text comes from decides how a duration may be written: bare nanoseconds only in a file, as upstream has it.
enum class Spelling { file, flag };

/// true|yes|on|1, false|no|off|0, in any case.
Result<void> read_value(std::string_view text, Spelling spelling, bool& to);
/// Go's durations ("1m40s", "137s", "1.5h", "300ms"); in a file also a bare number of nanoseconds. Never negative.
Result<void> read_value(std::string_view text, Spelling spelling, Nanoseconds& to);
inline Result<void> read_value(std::string_view text, Spelling, std::string& to) {
    to = text;
    return {};
}
/// Comma separated; blanks around an element are dropped, empty elements too.
Result<void> read_value(std::string_view text, Spelling spelling, std::vector<std::string>& to);

/// Decimal or 0x hexadecimal, within the limits.
Result<std::int64_t> read_integer(std::string_view text, std::int64_t low, std::int64_t high);
template <std::integral T>
requires(!std::same_as<T, bool>) Result<void> read_value(std::string_view text, Spelling, T& to) {
    auto number = read_integer(text, static_cast<std::int64_t>(std::numeric_limits<T>::min()),
                               static_cast<std::int64_t>(std::numeric_limits<T>::max()));
    if (!number) return std::move(number).error();
    to = static_cast<T>(*number);
    return {};
}

inline std::string write_value(bool v) {
    return v ? "true" : "false";
}
inline std::string write_value(const std::string& v) {
    return v;
}
/// "1m40s", as Go prints it.
std::string write_value(Nanoseconds v);
std::string write_value(const std::vector<std::string>& v);
template <std::integral T>
requires(!std::same_as<T, bool>) std::string write_value(T v) {
    return std::to_string(v);
}

/// What a value of this C++ type is called in messages and in weft.conf.
inline std::string_view type_name(const bool*) {
    return "true or false";
}
inline std::string_view type_name(const std::string*) {
    return "text";
}
inline std::string_view type_name(const Nanoseconds*) {
    return "duration";
}
inline std::string_view type_name(const std::vector<std::string>*) {
    return "list";
}
template <std::integral T>
requires(!std::same_as<T, bool>) std::string_view type_name(const T*) {
    return "number";
}

std::vector<std::string> split_list(std::string_view text);
/// "auto" (nothing), "0" (no limit) or a number of bytes with k, M or G, in 1024s.
Result<std::optional<std::uint64_t>> memory_limit_of(std::string_view text);
std::string_view trimmed(std::string_view text);
/// How many edits (insert, delete, replace, swap of neighbours) turn one text into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The name that somebody who wrote `wrong` probably meant; empty when none is near.
template <class Names>
std::string nearest(std::string_view wrong, const Names& names) {
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, wrong.size() / 3) + 1;
    for (const auto& name : names) {
        const auto distance = edit_distance(wrong, name);
        if (distance < best_distance) {
            best_distance = distance;
            best = name;
        }
    }
    return best;
}

}  // namespace weft::config
