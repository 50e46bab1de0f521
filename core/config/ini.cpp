#include "config/ini.hpp"

#include <weft/base/json.hpp>

#include <optional>

namespace weft::config {

namespace {

constexpr int end_of_text = -1;

bool is_letter(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name_char(int c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}
bool is_blank(int c) {
    return c == ' ' || c == '\t' || c == '\r';
}
bool is_comment(int c) {
    return c == '#' || c == ';';
}

/// Where the first byte sequence is that is no UTF-8, or nothing.
std::optional<std::size_t> bad_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t length = lead < 0x80   ? 1
                                   : lead < 0xc2 ? 0
                                   : lead < 0xe0 ? 2
                                   : lead < 0xf0 ? 3
                                   : lead < 0xf5 ? 4
                                                 : 0;
        if (length == 0 || i + length > text.size()) return i;
        for (std::size_t k = 1; k < length; ++k) {
            if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return i;
        }
        const auto second = length > 1 ? static_cast<unsigned char>(text[i + 1]) : 0;
        const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
        const bool surrogate = lead == 0xed && second >= 0xa0;
        if (overlong || surrogate || (lead == 0xf4 && second >= 0x90)) return i;
        i += length;
    }
    return std::nullopt;
}

/// A character as an error message shows it.
std::string shown(int c) {
    if (c == end_of_text) return "the end of the file";
    if (c == '\n') return "the end of the line";
    return json_quote(std::string(1, static_cast<char>(c)));
}

class Parser {
  public:
    Parser(std::string_view text, std::string_view file) : text_(text), file_(file) {}

    Result<std::vector<IniEntry>> run();

  private:
    int peek() const { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : end_of_text; }
    int next();
    int column() const { return static_cast<int>(at_ - line_start_) + 1; }
    void skip_blanks();
    void skip_line();
    Error fail(std::string what, std::string mend = {}) const {
        return fail_at(line_, column(), std::move(what), std::move(mend));
    }
    Error fail_at(int line, int column, std::string what, std::string mend = {}) const;

    Result<void> check_bytes();
    Result<void> section();
    Result<std::string> subsection();
    Result<void> entry();
    Result<std::string> value();
    Result<char> escape();
    /// Only a comment may follow on this line.
    Result<void> end_line(std::string_view after);

    std::string_view text_;
    std::string_view file_;
    std::size_t at_ = 0;
    std::size_t line_start_ = 0;
    int line_ = 1;
    std::string section_;
    std::vector<IniEntry> entries_;
};

int Parser::next() {
    const int c = peek();
    if (c == end_of_text) return c;
    ++at_;
    if (c == '\n') {
        ++line_;
        line_start_ = at_;
    }
    return c;
}

void Parser::skip_blanks() {
    while (is_blank(peek()))
        next();
}

void Parser::skip_line() {
    while (peek() != end_of_text && next() != '\n') {
    }
}

Error Parser::fail_at(int line, int column, std::string what, std::string mend) const {
    return {ErrorKind::invalid, std::move(what),
            std::string(file_) + ":" + std::to_string(line) + ":" + std::to_string(column), std::move(mend)};
}

Result<void> Parser::check_bytes() {
    const std::size_t nul = text_.find('\0');
    const auto utf8 = bad_utf8(text_);
    const std::size_t bad = std::min(nul, utf8.value_or(std::string_view::npos));
    if (bad == std::string_view::npos) return {};
    while (at_ < bad)
        next();
    if (bad == nul) return fail("a NUL byte in the file", "remove it; is this a text file?");
    return fail("bytes that are not UTF-8", "save the file as UTF-8");
}

Result<std::vector<IniEntry>> Parser::run() {
    if (auto checked = check_bytes(); !checked) return std::move(checked).error();
    at_ = text_.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0;  // a byte order mark is no content
    line_ = 1;
    line_start_ = at_;
    while (true) {
        skip_blanks();
        const int c = peek();
        if (c == end_of_text) return std::move(entries_);
        if (c == '\n') {
            next();
        } else if (is_comment(c)) {
            skip_line();
        } else {
            auto done = c == '[' ? section() : entry();
            if (!done) return std::move(done).error();
        }
    }
}

Result<void> Parser::end_line(std::string_view after) {
    skip_blanks();
    if (is_comment(peek()) || peek() == '\n' || peek() == end_of_text) {
        skip_line();
        return {};
    }
    return fail("unexpected " + shown(peek()) + " after " + std::string(after));
}

Result<void> Parser::section() {
    IniEntry head{.line = line_, .column = column()};
    next();
    skip_blanks();
    if (!is_letter(peek())) return fail("expected a section name, got " + shown(peek()), "write [name]");
    std::string name;
    while (is_name_char(peek()))
        name.push_back(static_cast<char>(next()));
    name = lower_case(name);
    skip_blanks();
    if (peek() == '"') {
        auto sub = subsection();
        if (!sub) return std::move(sub).error();
        name += "." + lower_case(*sub);
        skip_blanks();
    }
    if (peek() != ']') return fail("expected \"]\" to end the section name, got " + shown(peek()));
    next();
    section_ = std::move(name);
    head.section = section_;
    entries_.push_back(std::move(head));
    return end_line("the section name");
}

Result<std::string> Parser::subsection() {
    std::string name;
    next();
    while (true) {
        if (peek() == '\n' || peek() == end_of_text) return fail("the section's quoted part has no end");
        int c = next();
        if (c == '"') return name;
        if (c == '\\') {
            if (peek() != '"' && peek() != '\\') return fail("unknown escape in a section name");
            c = next();
        }
        name.push_back(static_cast<char>(c));
    }
}

Result<void> Parser::entry() {
    if (!is_letter(peek())) return fail("expected a key, a section or a comment, got " + shown(peek()));
    if (section_.empty()) return fail("a key before the first section", "write a section such as [default] above it");
    IniEntry made{.section = section_, .line = line_, .column = column()};
    while (is_name_char(peek()))
        made.key.push_back(static_cast<char>(next()));
    made.key = lower_case(made.key);
    skip_blanks();
    if (peek() == '=') {
        next();
        auto text = value();
        if (!text) return std::move(text).error();
        made.value = std::move(*text);
        made.has_value = true;
        entries_.push_back(std::move(made));
        return {};
    }
    entries_.push_back(std::move(made));
    return end_line("the key (a value needs \"=\" before it)");
}

Result<char> Parser::escape() {
    const int line = line_;
    const int at = column() - 1;
    const int c = next();
    switch (c) {
        case '\\': return '\\';
        case '"': return '"';
        case 'n': return '\n';
        case 't': return '\t';
        default:
            return fail_at(line, at, "unknown escape: backslash before " + shown(c),
                           "write \\\\ for a backslash; the others are \\\" \\n \\t and one at the end of a line");
    }
}

Result<std::string> Parser::value() {
    skip_blanks();
    std::string text;
    std::size_t kept = 0;  // trailing blanks beyond this length are trimmed, unless they were quoted or escaped
    bool quoted = false;
    const int start_line = line_;
    const int start_column = column();
    while (true) {
        const int c = peek();
        if (c == end_of_text || c == '\n') {
            if (quoted)
                return fail_at(start_line, start_column, "a quote is not closed on its line", "add the closing \"");
            next();
            break;
        }
        if (!quoted && is_comment(c)) {
            skip_line();
            break;
        }
        next();
        if (c == '"') {
            quoted = !quoted;
            kept = text.size();
        } else if (c == '\\') {
            if (peek() == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') next();
            if (peek() == '\n') {
                next();
                continue;
            }
            auto escaped = escape();
            if (!escaped) return std::move(escaped).error();
            text.push_back(*escaped);
            kept = text.size();
        } else if (c == '\r' && peek() == '\n') {
            continue;
        } else {
            text.push_back(static_cast<char>(c));
            if (quoted || !is_blank(c)) kept = text.size();
        }
    }
    text.resize(kept);
    return text;
}

}  // namespace

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

Result<std::vector<IniEntry>> parse_ini(std::string_view text, std::string_view file) {
    return Parser(text, file).run();
}

}  // namespace weft::config
