#include "ctl/row_text.hpp"

#include "ctl/text_table.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <optional>

namespace weft::ctl {

namespace {

std::optional<std::time_t> time_of(std::string_view rfc3339) {
    std::tm parts{};
    const std::string text(rfc3339);
    const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (!end || *end != '\0') return std::nullopt;
    return ::timegm(&parts);
}

bool is_empty(const JsonView& value) {
    return value.is_null() || (value.string() && value.string()->empty()) ||
           ((value.is_array() || value.is_object()) && value.size() == 0);
}

std::string value_text(const JsonView& value) {
    if (!value.present()) return "(not there)";
    if (const auto text = value.string()) return plain(*text);
    return plain(value.dump());
}

}  // namespace

std::string age_text(std::string_view rfc3339, WallTime now) {
    const auto time = time_of(rfc3339);
    return time ? short_duration(WallTime::clock::to_time_t(now) - *time) : std::string();
}

std::string when_text(std::string_view rfc3339, WallTime now) {
    if (!time_of(rfc3339)) return {};
    std::string text(rfc3339.substr(0, 19));
    text[10] = ' ';
    return text + ", " + age_text(rfc3339, now) + " ago";
}

std::vector<std::string> row_lines(const JsonView& row) {
    std::size_t width = 0;
    row.members([&](std::string_view name, JsonView value) {
        if (!is_empty(value)) width = std::max(width, name.size());
    });
    std::vector<std::string> lines;
    row.members([&](std::string_view name, JsonView value) {
        if (is_empty(value) || name == "key") return;
        lines.push_back(std::string(name) + std::string(width - name.size() + 2, ' ') + value_text(value));
    });
    return lines;
}

std::vector<std::string> row_changes(const JsonView& before, const JsonView& after) {
    std::vector<std::string> lines;
    const auto compare = [&](std::string_view name) {
        const auto old_value = before[name];
        const auto new_value = after[name];
        if (old_value.present() == new_value.present() && old_value.present() && old_value.dump() == new_value.dump())
            return;
        lines.push_back(std::string(name) + ": " + value_text(old_value) + " → " + value_text(new_value));
    };
    before.members([&](std::string_view name, JsonView) { compare(name); });
    after.members([&](std::string_view name, JsonView) {
        if (!before[name].present()) compare(name);
    });
    return lines;
}

std::string row_name(const JsonView& row) {
    const auto object = plain(row["object"].string_or(""));
    const auto name = plain(row["table"].string_or("")) + " " + plain(row["key"].string_or(""));
    return object.empty() || object == name ? name : name + " (" + object + ")";
}

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (auto at = static_cast<int>(text.size()) - 3; at > 0; at -= 3)
        text.insert(static_cast<std::size_t>(at), ",");
    return text;
}

std::string duration_text(double us) {
    char buffer[32];
    if (us < 9.95) {
        std::snprintf(buffer, sizeof(buffer), "%.1f µs", us);
    } else if (us < 999.5) {
        std::snprintf(buffer, sizeof(buffer), "%.0f µs", us);
    } else if (us < 999'950) {
        std::snprintf(buffer, sizeof(buffer), "%.1f ms", us / 1000);
    } else {
        std::snprintf(buffer, sizeof(buffer), "%.1f s", us / 1'000'000);
    }
    return buffer;
}

}  // namespace weft::ctl
