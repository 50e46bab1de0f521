#include "ctl/redact.hpp"

#include <algorithm>
#include <array>
#include <cctype>

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

/// A name that ends so: among packed texts nothing tells a name from a value, so a mere mention is not enough.
bool ends_as_secret(std::string_view name) {
    const std::string text = folded(name);
    return std::any_of(secret_words.begin(), secret_words.end(),
                       [&](std::string_view word) { return text.ends_with(word); });
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
        if (in_place_ && ends_as_secret(name) && packed_text()) return;
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

    /// A text as rows pack it, its length before it: the value of the name that went before.
    bool packed_text() {
        std::size_t head = at_, size = 0;
        for (unsigned shift = 0; head < text_.size() && shift < 28; shift += 7) {
            const auto byte = static_cast<unsigned char>(text_[head++]);
            size |= static_cast<std::size_t>(byte & 0x7f) << shift;
            if (byte < 0x80) break;
        }
        const bool is_text = size > 0 && (size & 1) == 0 && size / 2 <= text_.size() - head;
        if (!is_text) return false;
        const auto value = text_.substr(head, size / 2);
        const bool readable = std::all_of(value.begin(), value.end(),
                                          [](char c) { return static_cast<unsigned char>(c) >= 0x20 || c == '\n'; });
        if (!readable) return false;
        out_ += text_.substr(at_, head - at_);
        at_ = head;
        drop(value.size());
        return true;
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

bool names_secret(std::string_view name) {
    return is_secret_name(name);
}

}  // namespace weft::ctl
