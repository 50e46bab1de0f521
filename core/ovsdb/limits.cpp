#include "ovsdb/limits.hpp"

#include "ovsdb/codec.hpp"

#include <algorithm>

namespace weft::ovsdb {

namespace {

/// For looking at values only: how many references there are matters, not where they lead.
class Unresolved final : public RefResolver {
  public:
    Uuid uuid_of(std::string_view, std::string_view) const override { return {}; }
};

std::optional<Scalar> atom(const JsonView& value) {
    if (const auto text = value.string()) return Scalar(std::string(*text));
    if (const auto flag = value.boolean()) return Scalar(*flag);
    if (const auto number = value.integer()) return Scalar(*number);
    if (const auto number = value.number()) return Scalar(*number);
    return std::nullopt;
}

/// What a schema counts a string's length in.
std::int64_t characters(std::string_view text) {
    return std::count_if(text.begin(), text.end(),
                         [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

std::string quoted(const Scalar& value) {
    return std::holds_alternative<std::string>(value) ? json_quote(std::get<std::string>(value)) : text_of(value);
}

template <class T>
Result<void> in_range(const Scalar& value, const T& is, const std::optional<T>& least, const std::optional<T>& most) {
    if (least && is < *least) return invalid(quoted(value) + " is less than " + text_of(Scalar(*least)));
    if (most && is > *most) return invalid(quoted(value) + " is more than " + text_of(Scalar(*most)));
    return {};
}

}  // namespace

BaseLimits BaseLimits::parse(const JsonView& base) {
    BaseLimits limits;
    if (!base.is_object()) return limits;
    if (const JsonView allowed = base["enum"]; allowed.present()) {
        codec::each_member(allowed, [&](const JsonView& member) {
            if (auto value = atom(member)) limits.allowed.push_back(*std::move(value));
            return true;
        });
    }
    limits.min_integer = base["minInteger"].integer();
    limits.max_integer = base["maxInteger"].integer();
    limits.min_real = base["minReal"].number();
    limits.max_real = base["maxReal"].number();
    limits.min_length = base["minLength"].integer();
    limits.max_length = base["maxLength"].integer();
    return limits;
}

bool BaseLimits::none() const {
    return *this == BaseLimits{};
}

Result<void> BaseLimits::check(const Scalar& value) const {
    if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
        std::string words;
        for (const Scalar& word : allowed)
            words += (words.empty() ? "" : ", ") + text_of(word);
        return invalid(quoted(value) + " is none of " + words);
    }
    if (const auto* number = std::get_if<std::int64_t>(&value))
        return in_range(value, *number, min_integer, max_integer);
    if (const auto* number = std::get_if<double>(&value)) return in_range(value, *number, min_real, max_real);
    if (const auto* text = std::get_if<std::string>(&value); text && (min_length || max_length)) {
        const std::int64_t length = characters(*text);
        if (min_length && length < *min_length) return invalid(quoted(value) + " is too short");
        if (max_length && length > *max_length) return invalid(quoted(value) + " is too long");
    }
    return {};
}

// ---------------------------------------------------------------------------------------------------------------------

ColumnLimits ColumnLimits::parse(const JsonView& type) {
    ColumnLimits limits;
    if (!type.is_object()) return limits;
    limits.key = BaseLimits::parse(type["key"]);
    limits.value = BaseLimits::parse(type["value"]);
    limits.min = static_cast<unsigned>(type["min"].integer().value_or(1));
    limits.max =
        type["max"].string_or("") == "unlimited" ? unlimited : static_cast<unsigned>(type["max"].integer().value_or(1));
    return limits;
}

bool ColumnLimits::none(const ColumnInfo& column) const {
    if (!key.none() || !value.none()) return false;
    if (column.is_map() || column.is_set()) return min == 0 && max == unlimited;
    return column.is_optional() ? min == 0 : true;
}

Result<void> ColumnLimits::check_member(const ColumnInfo& column, const Scalar& member) const {
    if (auto fits = key.check(member); !fits) return std::move(fits).error().at("column " + std::string(column.name));
    return {};
}

Result<void> ColumnLimits::check(const ColumnInfo& column, const void* row) const {
    const auto members = column.members(row, Unresolved());
    const auto wrong = [&](const std::string& what) {
        return invalid("column " + std::string(column.name) + ": " + what);
    };
    if (members.size() < min) {
        return wrong("it has " + std::to_string(members.size()) + " members and needs " + std::to_string(min));
    }
    if (members.size() > max) {
        return wrong("it has " + std::to_string(members.size()) + " members, and at most " + std::to_string(max) +
                     " are allowed");
    }
    for (const Scalar& member : members) {
        if (auto fits = check_member(column, member); !fits) return fits;
        if (value.none() || !column.is_map()) continue;
        const std::string* entry = column.entry(row, text_of(member));
        if (!entry) continue;
        if (auto fits = value.check(Scalar(*entry)); !fits) return wrong(fits.error().what);
    }
    return {};
}

}  // namespace weft::ovsdb
