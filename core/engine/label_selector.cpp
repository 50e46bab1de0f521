#include <weft/base/json.hpp>
#include <weft/engine/operator.hpp>

#include <algorithm>
#include <cctype>

/// Label selectors as Kubernetes means them: its syntax checks, its operators, its idea that an absent label is not in
/// any set of values.
namespace weft {

namespace {

constexpr std::size_t most_name = 63;
constexpr std::size_t most_prefix = 253;

bool alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// What is wrong with a label's value, or the last part of its key; empty when nothing is.
std::string fault_in_name(std::string_view name) {
    if (name.size() > most_name) return "is longer than 63 characters";
    if (!alphanumeric(name.front()) || !alphanumeric(name.back())) return "must begin and end with a letter or digit";
    const bool fine = std::all_of(name.begin(), name.end(),
                                  [](char c) { return alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
    return fine ? "" : "may hold only letters, digits, '-', '_' and '.'";
}

std::string fault_in_prefix(std::string_view prefix) {
    if (prefix.empty()) return "has nothing before its '/'";
    if (prefix.size() > most_prefix) return "has more than 253 characters before its '/'";
    char before = '.';
    for (const char c : prefix) {
        const bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
        if (!word && c != '-' && c != '.')
            return "may hold only lower case letters, digits, '-' and '.' before its '/'";
        if (!word && (before == '.' || (c == '.' && before == '-'))) return "has no DNS name before its '/'";
        before = c;
    }
    return before == '.' || before == '-' ? "has no DNS name before its '/'" : "";
}

std::string fault_in_key(std::string_view key) {
    const std::size_t slash = key.find('/');
    if (slash != std::string_view::npos) {
        if (std::string fault = fault_in_prefix(key.substr(0, slash)); !fault.empty()) return fault;
        key.remove_prefix(slash + 1);
    }
    return key.empty() ? "is empty" : fault_in_name(key);
}

std::string fault_in_value(std::string_view value) {
    return value.empty() ? "" : fault_in_name(value);
}

std::string quoted(std::string_view text) {
    return json_quote(text);
}

Error at_field(std::string what, std::string where, std::string mend = {}) {
    return {ErrorKind::invalid, std::move(what), std::move(where), std::move(mend)};
}

Result<void> check_key(std::string_view key, const std::string& where) {
    const std::string fault = fault_in_key(key);
    if (!fault.empty()) return at_field("label " + quoted(key) + " " + fault, where);
    return {};
}

Result<void> check_value(std::string_view value, const std::string& where) {
    const std::string fault = fault_in_value(value);
    if (!fault.empty()) return at_field("label value " + quoted(value) + " " + fault, where);
    return {};
}

Result<Requirement> parse_expression(JsonView expression, const std::string& where) {
    if (!expression.is_object()) return at_field("is no object", where);
    const auto key = expression["key"].string();
    if (!key) return at_field("the label is missing", where + ".key");
    if (auto fine = check_key(*key, where + ".key"); !fine) return std::move(fine).error();
    Requirement made;
    made.label = *key;
    const std::string_view op = expression["operator"].string_or("");
    if (op == "In") {
        made.op = Requirement::Op::in;
    } else if (op == "NotIn") {
        made.op = Requirement::Op::not_in;
    } else if (op == "Exists") {
        made.op = Requirement::Op::exists;
    } else if (op == "DoesNotExist") {
        made.op = Requirement::Op::does_not_exist;
    } else {
        return at_field(quoted(op) + " is no operator", where + ".operator", "use In, NotIn, Exists or DoesNotExist");
    }
    const JsonView values = expression["values"];
    if (values.present() && !values.is_null() && !values.is_array()) return at_field("is no list", where + ".values");
    std::optional<Error> error;
    std::size_t position = 0;
    values.each([&](JsonView value) {
        const std::string here = where + ".values[" + std::to_string(position++) + "]";
        if (error) return;
        if (const auto text = value.string(); !text) {
            error = at_field("is no string", here);
        } else if (auto fine = check_value(*text, here); !fine) {
            error = fine.error();
        } else {
            made.values.emplace_back(*text);
        }
    });
    if (error) return *std::move(error);
    const bool wants_values = made.op == Requirement::Op::in || made.op == Requirement::Op::not_in;
    if (wants_values && made.values.empty()) {
        return at_field("operator " + std::string(op) + " needs at least one value", where + ".values");
    }
    if (!wants_values && !made.values.empty()) {
        return at_field("operator " + std::string(op) + " takes no values", where + ".values");
    }
    return made;
}

/// Reads the one-line form from left to right.
class TextParser {
  public:
    explicit TextParser(std::string_view text) : text_(text) {}

    Result<LabelSelector> parse() {
        LabelSelector selector;
        skip_space();
        if (at_ == text_.size()) return selector;
        for (;;) {
            auto requirement = parse_one();
            if (!requirement) return std::move(requirement).error();
            selector.requirements.push_back(*std::move(requirement));
            skip_space();
            if (at_ == text_.size()) break;
            if (!take(",")) return fault("expected ',' between requirements");
        }
        selector.settle();
        return selector;
    }

  private:
    Error fault(const std::string& what) const {
        return at_field(what + " in selector " + quoted(text_), "character " + std::to_string(at_ + 1),
                        "write a=b, a!=b, a in (b,c), a notin (b,c), a or !a, joined by commas");
    }
    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t'))
            ++at_;
    }
    bool take(std::string_view symbol) {
        skip_space();
        if (text_.substr(at_, symbol.size()) != symbol) return false;
        at_ += symbol.size();
        return true;
    }
    std::string_view word() {
        skip_space();
        const std::size_t from = at_;
        constexpr std::string_view ends = " \t,=!()<>";
        while (at_ < text_.size() && ends.find(text_[at_]) == std::string_view::npos)
            ++at_;
        return text_.substr(from, at_ - from);
    }

    Result<Requirement> parse_one() {
        Requirement made;
        const bool absent = take("!");
        const std::string_view label = word();
        if (label.empty()) return fault("expected a label");
        if (auto fine = check_key(label, {}); !fine) return fault(fine.error().what);
        made.label = label;
        if (absent) {
            made.op = Requirement::Op::does_not_exist;
            return made;
        }
        if (take("!=")) return with_value(std::move(made), Requirement::Op::not_in);
        if (take("==") || take("=")) return with_value(std::move(made), Requirement::Op::in);
        skip_space();
        if (at_ == text_.size() || text_[at_] == ',') return made;  // exists
        const std::string_view op = word();
        if (op == "in") return with_values(std::move(made), Requirement::Op::in);
        if (op == "notin") return with_values(std::move(made), Requirement::Op::not_in);
        return fault("expected an operator after " + quoted(label));
    }

    Result<Requirement> with_value(Requirement made, Requirement::Op op) {
        made.op = op;
        const std::string_view value = word();
        if (auto fine = check_value(value, {}); !fine) return fault(fine.error().what);
        made.values.emplace_back(value);
        return made;
    }

    Result<Requirement> with_values(Requirement made, Requirement::Op op) {
        made.op = op;
        if (!take("(")) return fault("expected '(' before the values");
        do {
            const std::string_view value = word();
            if (auto fine = check_value(value, {}); !fine) return fault(fine.error().what);
            made.values.emplace_back(value);
        } while (take(","));
        if (!take(")")) return fault("expected ')' after the values");
        return made;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

Result<LabelSelector> LabelSelector::parse(JsonView selector) {
    if (!selector.is_object()) {
        return at_field(selector.present() ? "the selector is no object" : "the selector is missing", {},
                        "write {} to select everything");
    }
    LabelSelector made;
    std::optional<Error> error;
    const auto keep_first = [&](Error found) {
        if (!error) error = std::move(found);
    };
    selector.members([&](std::string_view name, JsonView) {
        // Ignoring a misspelt member would select more than was meant.
        if (name != "matchLabels" && name != "matchExpressions") {
            keep_first(
                at_field("is no part of a label selector", std::string(name), "use matchLabels or matchExpressions"));
        }
    });
    const JsonView labels = selector["matchLabels"];
    if (labels.present() && !labels.is_null() && !labels.is_object())
        keep_first(at_field("is no object", "matchLabels"));
    labels.members([&](std::string_view label, JsonView value) {
        const std::string where = "matchLabels[" + quoted(label) + "]";
        if (auto fine = check_key(label, where); !fine) return keep_first(fine.error());
        const auto text = value.string();
        if (!text) return keep_first(at_field("is no string", where));
        if (auto fine = check_value(*text, where); !fine) return keep_first(fine.error());
        made.requirements.push_back({std::string(label), Requirement::Op::in, {std::string(*text)}});
    });
    const JsonView expressions = selector["matchExpressions"];
    if (expressions.present() && !expressions.is_null() && !expressions.is_array()) {
        keep_first(at_field("is no list", "matchExpressions"));
    }
    std::size_t position = 0;
    expressions.each([&](JsonView expression) {
        auto parsed = parse_expression(expression, "matchExpressions[" + std::to_string(position++) + "]");
        if (!parsed) return keep_first(parsed.error());
        made.requirements.push_back(*std::move(parsed));
    });
    if (error) return *std::move(error);
    made.settle();
    return made;
}

Result<LabelSelector> LabelSelector::parse_text(std::string_view text) {
    return TextParser(text).parse();
}

void LabelSelector::settle() {
    for (Requirement& requirement : requirements) {
        auto& values = requirement.values;
        std::sort(values.begin(), values.end());
        values.erase(std::unique(values.begin(), values.end()), values.end());
    }
    std::sort(requirements.begin(), requirements.end(), [](const Requirement& a, const Requirement& b) {
        return std::tie(a.label, a.op, a.values) < std::tie(b.label, b.op, b.values);
    });
    requirements.erase(std::unique(requirements.begin(), requirements.end()), requirements.end());
}

std::string LabelSelector::text() const {
    std::string text;
    for (const Requirement& requirement : requirements) {
        if (!text.empty()) text += ',';
        if (requirement.op == Requirement::Op::does_not_exist) text += '!';
        text += requirement.label;
        if (requirement.op != Requirement::Op::in && requirement.op != Requirement::Op::not_in) continue;
        const bool in = requirement.op == Requirement::Op::in;
        if (requirement.values.size() == 1) {
            text += (in ? "=" : "!=") + requirement.values.front();
            continue;
        }
        text += in ? " in (" : " notin (";
        for (std::size_t i = 0; i < requirement.values.size(); ++i)
            text += (i > 0 ? "," : "") + requirement.values[i];
        text += ')';
    }
    return text;
}

bool matches(const LabelSelector& selector, const Labels& labels) {
    for (const Requirement& requirement : selector.requirements) {
        const auto at = std::lower_bound(labels.begin(), labels.end(), requirement.label,
                                         [](const auto& label, const std::string& name) { return label.first < name; });
        const bool there = at != labels.end() && at->first == requirement.label;
        const auto among = [&] {
            return std::binary_search(requirement.values.begin(), requirement.values.end(), at->second);
        };
        switch (requirement.op) {
            case Requirement::Op::in:
                if (!there || !among()) return false;
                break;
            case Requirement::Op::not_in:
                if (there && among()) return false;
                break;
            case Requirement::Op::exists:
                if (!there) return false;
                break;
            case Requirement::Op::does_not_exist:
                if (there) return false;
                break;
        }
    }
    return true;
}

}  // namespace weft
