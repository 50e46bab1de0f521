#include "yaml.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include <yaml-cpp/yaml.h>

namespace weft::apiserver {

namespace {

/// Aliases can make a small text huge.
constexpr int node_limit = 500'000;

struct TooBig : std::runtime_error {
    TooBig() : std::runtime_error("too many values: aliases that expand into each other?") {}
};

bool is_any(std::string_view text, std::initializer_list<std::string_view> words) {
    for (auto word : words) {
        if (text == word) return true;
    }
    return false;
}

template <class Number>
std::optional<Number> whole_number(std::string_view text, int base) {
    Number value{};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
    return value;
}

std::optional<Json> integer(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    bool negative = text.starts_with('-');
    auto digits = negative ? text.substr(1) : text;
    int base = 10;
    if (digits.starts_with("0x")) {
        base = 16;
    } else if (digits.starts_with("0o")) {
        base = 8;
    } else if (digits.starts_with("0b")) {
        base = 2;
    }
    if (base != 10) {
        digits.remove_prefix(2);
    } else if (digits.size() > 1 && digits[0] == '0') {
        base = 8;  // YAML 1.1
    }
    if (digits.empty() || digits[0] == '-' || digits[0] == '+') return {};
    if (auto value = whole_number<std::int64_t>(digits, base)) return Json(negative ? -*value : *value);
    if (auto value = whole_number<std::uint64_t>(digits, base); value && !negative) return Json(*value);
    return {};
}

std::optional<Json> real(const std::string& text) {
    if (text.find_first_of("0123456789") == std::string::npos) return {};
    if (text.find_first_not_of("0123456789+-.eE") != std::string::npos) return {};
    char* end = nullptr;
    double value = std::strtod(text.c_str(), &end);
    if (end != text.c_str() + text.size() || !std::isfinite(value)) return {};
    return Json(value);
}

Json scalar(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    // "!" is a quoted scalar, "?" a plain one; anything else is an explicit tag.
    if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return text;
    if (is_any(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
    if (is_any(text, {"true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON"})) return true;
    if (is_any(text, {"false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF"})) return false;
    if (auto value = integer(text)) return *value;
    if (auto value = real(text)) return *value;
    return text;
}

Json convert(const YAML::Node& node, int depth, int& budget) {
    if (depth > max_depth || --budget < 0) throw TooBig();
    if (node.IsScalar()) return scalar(node);
    if (node.IsSequence()) {
        Json out = Json::array();
        for (const auto& item : node)
            out.push_back(convert(item, depth + 1, budget));
        return out;
    }
    if (!node.IsMap()) return nullptr;
    Json out = Json::object();
    for (const auto& item : node) {
        if (!item.first.IsScalar()) throw std::runtime_error("a key that is no scalar");
        if (item.first.Scalar() == "<<" && item.second.IsMap()) {
            Json merged = convert(item.second, depth + 1, budget);
            for (const auto& [key, value] : merged.items())
                set_default(out, key, value);
        } else {
            out[item.first.Scalar()] = convert(item.second, depth + 1, budget);
        }
    }
    return out;
}

bool looks_like_json(std::string_view text) {
    auto first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

std::optional<std::vector<Json>> parse_documents(std::string_view text, std::string& why) {
    if (looks_like_json(text)) {
        if (auto json = parse_json(text, why)) return std::vector<Json>{std::move(*json)};
    }
    try {
        std::vector<Json> out;
        int budget = node_limit;
        for (const auto& document : YAML::LoadAll(std::string(text))) {
            out.push_back(convert(document, 0, budget));
            (void)out.back().dump();  // throws for bytes that are no UTF-8
        }
        return out;
    } catch (const std::exception& error) {
        why = error.what();
        return {};
    }
}

void take_apart(Json value, std::vector<Json>& out) {
    if (value.is_null()) return;
    std::string kind(text_at(value, {"kind"}));
    bool list = kind.ends_with("List") && value.contains("items");
    Json* items = value.is_array() ? &value : list ? &value["items"] : nullptr;
    if (!items || !items->is_array()) {
        out.push_back(std::move(value));
        return;
    }
    for (auto& item : *items) {
        if (kind != "List" && list && item.is_object()) {
            // The items of a typed list don't repeat their type.
            set_default(item, "kind", kind.substr(0, kind.size() - 4));
            set_default(item, "apiVersion", value["apiVersion"]);
        }
        take_apart(std::move(item), out);
    }
}

}  // namespace

std::optional<Json> parse_yaml(std::string_view text, std::string& why) {
    auto documents = parse_documents(text, why);
    if (!documents) return {};
    if (documents->size() != 1) {
        why = "one document expected, not " + std::to_string(documents->size());
        return {};
    }
    return std::move((*documents)[0]);
}

std::optional<std::vector<Json>> parse_manifests(std::string_view text, std::string& why) {
    auto documents = parse_documents(text, why);
    if (!documents) return {};
    std::vector<Json> out;
    for (auto& document : *documents)
        take_apart(std::move(document), out);
    return out;
}

}  // namespace weft::apiserver
