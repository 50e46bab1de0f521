#include "kube/framing.hpp"

#include <weft/base/json.hpp>

#include <cstring>

namespace weft::kube {

namespace {

constexpr std::size_t envelope_limit = 1U << 20;
constexpr int depth_limit = 1000;

bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    return text;
}

}  // namespace

/// From inside a string at `i`: the position after its closing quote, or the end of the bytes.
std::size_t ListSplitter::skip_string(std::string_view bytes, std::size_t i) {
    while (i < bytes.size()) {
        if (escaped_) {
            escaped_ = false;
            ++i;
            continue;
        }
        const char* const from = bytes.data() + i;
        const auto* quote = static_cast<const char*>(std::memchr(from, '"', bytes.size() - i));
        const std::size_t span = quote != nullptr ? static_cast<std::size_t>(quote - from) : bytes.size() - i;
        const auto* backslash = static_cast<const char*>(std::memchr(from, '\\', span));
        if (backslash != nullptr) {
            escaped_ = true;
            i += static_cast<std::size_t>(backslash - from) + 1;
        } else if (quote != nullptr) {
            in_string_ = false;
            return i + span + 1;
        } else {
            return bytes.size();
        }
    }
    return i;
}

/// From inside an item's brackets at `i`: the position after the bracket that ends the item, or the end of the bytes.
/// This is where nearly all bytes of a list pass.
std::size_t ListSplitter::skip_item(std::string_view bytes, std::size_t i) {
    while (i < bytes.size()) {
        if (in_string_) {
            i = skip_string(bytes, i);
            continue;
        }
        switch (bytes[i++]) {
            case '"': in_string_ = true; break;
            case '{':
            case '[': ++depth_; break;
            case '}':
            case ']':
                if (--depth_ == 2) return i;
                break;
            default: break;
        }
    }
    return i;
}

Result<void> ListSplitter::take(std::string_view bytes) {
    std::string& to = place_ == Place::items ? item_ : envelope_;
    const std::size_t limit = place_ == Place::items ? object_limit : envelope_limit;
    if (to.size() + bytes.size() > limit) {
        return invalid(place_ == Place::items ? "an object of the list is larger than 32 MiB"
                                              : "the list holds more than a megabyte besides its items");
    }
    to.append(bytes);
    return {};
}

void ListSplitter::item_ends(const OnItem& on_item) {
    if (const auto text = trimmed(item_); !text.empty()) on_item(text);
    item_.clear();
    if (item_.capacity() > (1U << 20)) item_.shrink_to_fit();
}

/// One byte outside strings. Bytes of items go to the item, all others to the envelope.
Result<void> ListSplitter::structural(char c, const OnItem& on_item) {
    if (place_ == Place::after) {
        if (is_space(c)) return {};
        return invalid("something follows the list: " + json_quote(std::string_view(&c, 1)));
    }
    if (place_ == Place::before) {
        if (is_space(c)) return {};
        if (c != '{') return invalid("no JSON object but " + json_quote(std::string_view(&c, 1)));
        place_ = Place::envelope;
    }
    const bool opens = c == '{' || c == '[';
    const bool closes = c == '}' || c == ']';
    if (place_ == Place::items && depth_ == 2 && (c == ',' || c == ']')) {
        item_ends(on_item);
        if (c == ',') return {};
        place_ = Place::envelope;
    }
    if (auto taken = take({&c, 1}); !taken) return taken;
    if (opens && ++depth_ > depth_limit) return invalid("nested too deeply");
    if (closes && --depth_ == 0) place_ = Place::after;
    if (place_ != Place::envelope || is_space(c)) return {};
    if (depth_ == 1 && c == ':') {
        after_items_key_ = last_string_ == "\"items\"";
    } else {
        if (after_items_key_ && c == '[' && depth_ == 2) place_ = Place::items;
        after_items_key_ = false;
    }
    return {};
}

Result<void> ListSplitter::feed(std::string_view bytes, const OnItem& on_item) {
    std::size_t i = 0;
    while (i < bytes.size()) {
        if (place_ == Place::items && depth_ > 2) {
            const std::size_t end = skip_item(bytes, i);
            if (auto taken = take(bytes.substr(i, end - i)); !taken) return taken;
            i = end;
            continue;
        }
        if (in_string_) {
            const std::size_t end = skip_string(bytes, i);
            if (auto taken = take(bytes.substr(i, end - i)); !taken) return taken;
            i = end;
            if (!in_string_ && place_ == Place::envelope && depth_ == 1) last_string_ = envelope_.substr(string_start_);
            continue;
        }
        if (bytes[i] == '"' && (place_ == Place::envelope || place_ == Place::items)) {
            in_string_ = true;
            string_start_ = envelope_.size();
            if (auto taken = take("\""); !taken) return taken;
            ++i;
            continue;
        }
        if (auto done = structural(bytes[i], on_item); !done) return done;
        ++i;
    }
    return {};
}

// ---------------------------------------------------------------------------------------------------------------------

Result<void> LineSplitter::feed(std::string_view bytes, const OnLine& on_line) {
    const auto resets = resets_;
    while (!bytes.empty()) {
        const auto end = bytes.find('\n');
        if (end == std::string_view::npos) break;
        std::string whole;
        std::string_view line = bytes.substr(0, end);
        if (!partial_.empty()) {
            whole = std::move(partial_);
            partial_.clear();
            whole.append(line);
            line = whole;
        }
        bytes.remove_prefix(end + 1);
        line = trimmed(line);
        if (!line.empty()) on_line(line);
        if (resets != resets_) return {};
    }
    if (partial_.size() + bytes.size() > object_limit) return invalid("an event is larger than 32 MiB");
    partial_.append(bytes);
    return {};
}

void LineSplitter::reset() {
    partial_.clear();
    partial_.shrink_to_fit();
    ++resets_;
}

}  // namespace weft::kube
