#include "ctl/redact.hpp"

#include "record/format.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace weft::ctl {

namespace {

constexpr std::string_view removed = "(removed)";
/// A name that holds one of these, folded to lower case without '-' and '_', names a secret.
constexpr std::array<std::string_view, 9> secret_words{"token",         "password",      "passwd",
                                                       "passphrase",    "secret",        "privatekey",
                                                       "clientkeydata", "authorization", "credential"};

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' || c == '/';
}
bool is_base64(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '/' || c == '=' || c == '-' || c == '_';
}

std::string folded(std::string_view name) {
    std::string out;
    for (const char c : name) {
        if (c != '-' && c != '_') out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return out;
}

bool is_secret_name(std::string_view name) {
    const std::string text = folded(name);
    return std::any_of(secret_words.begin(), secret_words.end(),
                       [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

/// One pass over a text, copying what may stay.
class Redactor {
  public:
    /// In place: what goes keeps its length.
    explicit Redactor(std::string_view text, bool in_place = false) : text_(text), in_place_(in_place) {
        out_.reserve(text.size());
    }

    std::string run() {
        while (at_ < text_.size()) {
            if (pem() || encoded_pem() || web_token() || scheme() || user_of_url()) continue;
            if (starts_word()) {
                word();
            } else {
                out_ += text_[at_++];
            }
        }
        return std::move(out_);
    }

  private:
    std::string_view rest() const { return text_.substr(at_); }
    bool starts_word() const { return is_word(text_[at_]) && (at_ == 0 || !is_word(text_[at_ - 1])); }
    void drop(std::size_t size) {
        in_place_ ? out_.append(size, 'x') : out_.append(removed);
        at_ += size;
    }
    template <class Is>
    std::size_t run_of(std::size_t from, Is is) const {
        std::size_t end = from;
        while (end < text_.size() && is(text_[end]))
            ++end;
        return end - from;
    }

    bool pem() {
        if (!rest().starts_with("-----BEGIN ")) return false;
        const auto head = rest().find("-----", 11);
        if (head == std::string_view::npos || rest().substr(0, head).find("PRIVATE KEY") == std::string_view::npos)
            return false;
        const auto end = rest().find("-----END ", head);
        const auto tail = end == std::string_view::npos ? end : rest().find("-----", end + 9);
        drop(tail == std::string_view::npos ? rest().size() : tail + 5);  // one that is cut off ends with the text
        return true;
    }
    /// "-----BEGIN" in base64, as kubeconfigs and Secrets have it: certificate or key can't be told at a glance.
    bool encoded_pem() {
        if (!rest().starts_with("LS0tLS1CRUdJTi")) return false;
        drop(run_of(at_, is_base64));
        return true;
    }
    bool web_token() {
        if (!rest().starts_with("eyJ") || (at_ > 0 && is_base64(text_[at_ - 1]) && text_[at_ - 1] != '=')) return false;
        const auto size = run_of(at_, [](char c) { return is_base64(c) || c == '.'; });
        if (size < 20 || rest().substr(0, size).find('.') == std::string_view::npos) return false;
        drop(size);
        return true;
    }
    bool scheme() {
        for (const std::string_view name : {"Bearer ", "bearer ", "Basic ", "basic "}) {
            if (!rest().starts_with(name) || (at_ > 0 && is_word(text_[at_ - 1]))) continue;
            const auto size = run_of(at_ + name.size(), [](char c) { return is_base64(c) || c == '.' || c == '~'; });
            if (size < 8) return false;
            out_ += name;
            at_ += name.size();
            drop(size);
            return true;
        }
        return false;
    }
    /// ://user:password@
    bool user_of_url() {
        if (!rest().starts_with("://")) return false;
        const auto end = rest().find_first_of("/@ \"'\\\n", 3);
        if (end == std::string_view::npos || rest()[end] != '@') return false;
        out_ += "://";
        at_ += 3;
        drop(end - 3);
        return true;
    }

    /// A word; and its value, when it names a secret: name=value, name: value, "name":"value", --name value.
    void word() {
        const auto size = run_of(at_, is_word);
        const auto name = text_.substr(at_, size);
        // Only the word itself is looked at further: what is inside of it was no token.
        out_ += name;
        at_ += size;
        if (!is_secret_name(name)) return;
        std::size_t value = at_;
        const auto skip = [&](std::string_view these) {
            while (value < text_.size() && these.find(text_[value]) != std::string_view::npos)
                ++value;
        };
        skip("\\\"'");
        skip(" \t");
        const bool flag = name.starts_with("--") && value > at_;
        if (value >= text_.size() || (text_[value] != '=' && text_[value] != ':' && !flag)) return;
        if (!flag) ++value;
        skip(" \t");
        skip("\\");
        const bool quoted = value < text_.size() && (text_[value] == '"' || text_[value] == '\'');
        const char quote = quoted ? text_[value] : '\0';
        if (quoted) ++value;
        const auto length = run_of(value, [&](char c) {
            return quoted ? c != quote && c != '\\'
                          : c != '\n' && c != ',' && c != '}' && c != ']' && c != '"' && c != '\\';
        });
        const auto text = text_.substr(value, length);
        const bool structure =
            text.starts_with('{') || text.starts_with('[') || text == "null" || text == "true" || text == "false";
        if (text.empty() || text.starts_with('/') || structure) return;
        out_ += text_.substr(at_, value - at_);
        at_ = value;
        drop(length);
    }

    std::string_view text_;
    const bool in_place_;
    std::size_t at_ = 0;
    std::string out_;
};

}  // namespace

std::string redacted(std::string_view text) {
    return Redactor(text).run();
}

void redact_in_place(char* bytes, std::size_t size) {
    const std::string clean = Redactor({bytes, size}, true).run();
    std::copy_n(clean.data(), std::min(size, clean.size()), bytes);
}

namespace {

/// Overwrites a text of a packed row wherever it stands: whole texts stand there in one piece.
void overwrite(std::string_view text, std::string_view with, char* bytes, std::size_t size) {
    std::string packed;  // with its length before it, so that a short one is not mistaken
    std::size_t head = text.size() << 1;
    for (; head >= 0x80; head >>= 7)
        packed += static_cast<char>(head | 0x80);
    packed += static_cast<char>(head);
    const std::size_t skip = packed.size();
    packed += text;
    const std::string_view all(bytes, size);
    bool found = false;
    for (auto at = all.find(packed); at != std::string_view::npos; at = all.find(packed, at + skip)) {
        std::copy_n(with.data(), with.size(), bytes + at + skip);
        found = true;
    }
    constexpr std::size_t unmistakable = 4;
    if (found || text.size() < unmistakable) return;
    for (auto at = all.find(text); at != std::string_view::npos; at = all.find(text, at + 1))
        std::copy_n(with.data(), with.size(), bytes + at);
}

/// Looks through a row's values for texts that have to go.
class RowRedactor {
  public:
    RowRedactor(char* bytes, std::size_t size) : bytes_(bytes), size_(size) {}

    void walk(const JsonView& value) {
        if (const auto text = value.string()) return check(*text, false);
        std::optional<std::string> name;  // of a pair, as maps are written
        std::size_t place = 0;
        const bool pair = value.is_array() && value.size() == 2;
        value.each([&](JsonView element) {
            const auto text = element.string();
            if (pair && place == 1 && name && text) {
                check(*text, is_secret_name(*name));
            } else {
                walk(element);
            }
            if (place++ == 0 && text) name = *text;
        });
        const auto key = value["key"].string_or("");
        value.members([&](std::string_view member, JsonView element) {
            const auto text = element.string();
            // A row "rate-limit/password" with a value names it in its key.
            const bool secret = is_secret_name(member) || (member == "value" && is_secret_name(key));
            if (text) return check(*text, secret);
            walk(element);
        });
    }

  private:
    void check(std::string_view text, bool secret) {
        std::string clean(text);
        if (secret) {
            std::fill(clean.begin(), clean.end(), 'x');
        } else {
            redact_in_place(clean.data(), clean.size());
        }
        if (clean != text) overwrite(text, clean, bytes_, size_);
    }

    char* bytes_;
    std::size_t size_;
};

}  // namespace

void redact_row(const RowType& type, char* bytes, std::size_t size) {
    const auto row = record::row_from(type, {bytes, size});
    const auto json = row ? JsonDocument::parse((*row).json()) : Result<JsonDocument>(row.error());
    if (!json) return std::fill_n(bytes, size, 'x'), void();
    RowRedactor(bytes, size).walk(json->root());
}

}  // namespace weft::ctl
