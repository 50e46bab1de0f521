#include "selector.hpp"

#include "validation.hpp"

#include <algorithm>
#include <charconv>

namespace weft::apiserver {

namespace {

std::string_view trim(std::string_view text) {
    auto from = text.find_first_not_of(' ');
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(' ') - from + 1);
}

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return {};
    return value;
}

}  // namespace

/// One pass over the text; keeps the first error.
class LabelSelector::Parser {
  public:
    explicit Parser(std::string_view text) : rest_(trim(text)) {}

    Outcome<LabelSelector> run() {
        LabelSelector selector;
        while (!rest_.empty()) {
            auto requirement = one();
            if (!requirement) return requirement.take_error();
            selector.requirements_.push_back(std::move(*requirement));
            skip();
            if (rest_.empty()) break;
            if (rest_[0] != ',') return wrong("',' expected before '" + std::string(rest_) + "'");
            rest_.remove_prefix(1);
            skip();
            if (rest_.empty()) return wrong("a requirement expected after ','");
        }
        return selector;
    }

  private:
    static ApiError wrong(const std::string& why) { return bad_request("unable to parse requirement: " + why); }

    void skip() {
        while (!rest_.empty() && rest_[0] == ' ')
            rest_.remove_prefix(1);
    }

    std::string_view word() {
        skip();
        auto taken = rest_.substr(0, rest_.find_first_of(" ,()=!<>"));
        rest_.remove_prefix(taken.size());
        return taken;
    }

    bool take(std::string_view token) {
        skip();
        if (!rest_.starts_with(token)) return false;
        rest_.remove_prefix(token.size());
        return true;
    }

    Outcome<Requirement> one() {
        Requirement out;
        bool absent = take("!");
        out.key = word();
        if (auto why = label_key_error(out.key); !why.empty()) {
            return wrong("<nil>: Invalid value: \"" + out.key + "\": " + why);
        }
        skip();
        if (absent || rest_.empty() || rest_[0] == ',') {
            out.op = absent ? Op::absent : Op::exists;
            return out;
        }
        if (take("==") || take("=")) return with_value(std::move(out), Op::in);
        if (take("!=")) return with_value(std::move(out), Op::not_in);
        if (take(">")) return with_number(std::move(out), Op::greater);
        if (take("<")) return with_number(std::move(out), Op::less);
        auto op = word();
        if (op != "in" && op != "notin")
            return wrong("found '" + std::string(op) + "', expected: in, notin, =, ==, !=");
        out.op = op == "in" ? Op::in : Op::not_in;
        return with_set(std::move(out));
    }

    Outcome<Requirement> with_value(Requirement out, Op op) {
        out.op = op;
        out.values = {std::string(word())};
        return checked(std::move(out));
    }

    Outcome<Requirement> with_number(Requirement out, Op op) {
        out.op = op;
        out.values = {std::string(word())};
        if (!number(out.values[0])) return wrong("for 'Gt', 'Lt' operators, the value must be an integer");
        return out;
    }

    Outcome<Requirement> with_set(Requirement out) {
        if (!take("(")) return wrong("found '" + std::string(rest_) + "', expected: '('");
        do {
            out.values.emplace_back(word());
        } while (take(","));
        if (!take(")")) return wrong("found '" + std::string(rest_) + "', expected: ',' or ')'");
        return checked(std::move(out));
    }

    static Outcome<Requirement> checked(Requirement out) {
        for (const auto& value : out.values) {
            if (auto why = label_value_error(value); !why.empty()) {
                std::string text = "values[0][" + out.key + "]";
                return wrong(text.append(": Invalid value: \"").append(value).append("\": ").append(why));
            }
        }
        return out;
    }

    std::string_view rest_;
};

Outcome<LabelSelector> LabelSelector::parse(std::string_view text) {
    return Parser(text).run();
}

bool LabelSelector::Requirement::holds(const std::string* value) const {
    auto listed = [&] { return std::find(values.begin(), values.end(), *value) != values.end(); };
    switch (op) {
        case Op::in: return value && listed();
        case Op::not_in: return !value || !listed();
        case Op::exists: return value != nullptr;
        case Op::absent: return value == nullptr;
        case Op::greater:
        case Op::less: break;
    }
    auto have = value ? number(*value) : std::nullopt;
    if (!have) return false;
    return op == Op::greater ? *have > *number(values[0]) : *have < *number(values[0]);
}

bool LabelSelector::matches(const Object& object) const {
    return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& requirement) {
        auto at = std::lower_bound(object.labels.begin(), object.labels.end(), requirement.key,
                                   [](const auto& label, const std::string& key) { return label.first < key; });
        bool found = at != object.labels.end() && at->first == requirement.key;
        return requirement.holds(found ? &at->second : nullptr);
    });
}

Outcome<FieldSelector> FieldSelector::parse(std::string_view text, const Resource& resource) {
    FieldSelector selector;
    while (!text.empty()) {
        auto end = text.find(',');
        auto part = trim(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (part.empty()) continue;
        auto at = part.find('=');
        if (at == std::string_view::npos) {
            return bad_request("invalid selector: '" + std::string(part) + "'; can't understand '" + std::string(part) +
                               "'");
        }
        Requirement requirement;
        auto name = part.substr(0, at);
        auto value = part.substr(at + 1);
        if (name.ends_with('!')) {
            requirement.equal = false;
            name.remove_suffix(1);
        } else if (value.starts_with('=')) {
            value.remove_prefix(1);
        }
        requirement.value = value;
        auto field = std::find_if(resource.fields.begin(), resource.fields.end(),
                                  [&](const SelectableField& f) { return f.name == name; });
        if (name == "metadata.name") {
            requirement.field = by_name;
        } else if (name == "metadata.namespace") {
            requirement.field = by_namespace;
        } else if (field != resource.fields.end()) {
            requirement.field = static_cast<int>(field - resource.fields.begin());
        } else {
            return bad_request("field label not supported: " + std::string(name));
        }
        selector.requirements_.push_back(std::move(requirement));
    }
    return selector;
}

bool FieldSelector::matches(const Object& object) const {
    return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& requirement) {
        const std::string& have = requirement.field == by_name        ? object.name
                                  : requirement.field == by_namespace ? object.space
                                                                      : object.fields[size_t(requirement.field)];
        return (have == requirement.value) == requirement.equal;
    });
}

}  // namespace weft::apiserver
