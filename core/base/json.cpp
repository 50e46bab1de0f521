#include "base/json_access.hpp"

#include <weft/base/text.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <simdjson.h>

namespace weft {

namespace {

bool needs_backslash(char c) {
    return c == '"' || c == '\\';
}

void append_escaped(std::string& out, char c) {
    static constexpr char digits[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            if (byte >= 0x20) {
                if (needs_backslash(c)) out.push_back('\\');
                out.push_back(c);
            } else {
                out.append("\\u00").append({digits[byte >> 4], digits[byte & 15]});
            }
    }
}

/// What a text holds that can't simply be copied.
struct Look {
    std::size_t backslashes = 0;  ///< so many characters need one
    bool controls = false;
    bool beyond_ascii = false;
};

/// Sixteen characters at a time: texts are mostly looked at and copied as a whole.
Look look_at(std::string_view text) {
    using Bytes = unsigned char __attribute__((vector_size(16)));
    using Mask = decltype(Bytes{} == '"');
    struct Halves {
        std::uint64_t first, second;
    };
    constexpr std::uint64_t each = 0x0101010101010101;
    Look look;
    Mask controls{};
    Bytes all{};
    const auto take = [&](const Bytes& bytes) {
        const Mask marked = (bytes == '"') | (bytes == '\\');
        const auto halves = std::bit_cast<Halves>(marked);
        look.backslashes += (((halves.first & each) + (halves.second & each)) * each) >> 56;
        controls |= bytes < ' ';
        all |= bytes;
    };
    Bytes bytes;
    std::size_t at = 0;
    for (; at + sizeof(bytes) <= text.size(); at += sizeof(bytes)) {
        std::memcpy(&bytes, text.data() + at, sizeof(bytes));
        take(bytes);
    }
    if (at < text.size()) {
        bytes = Bytes{} + static_cast<unsigned char>(' ');
        std::memcpy(&bytes, text.data() + at, text.size() - at);
        take(bytes);
    }
    const auto control = std::bit_cast<Halves>(controls);
    const auto high = std::bit_cast<Halves>(all);
    look.controls = (control.first | control.second) != 0;
    look.beyond_ascii = ((high.first | high.second) & 0x80 * each) != 0;
    return look;
}

/// Nothing in eight characters needs a look: no quote, no backslash, no control character, nothing beyond ASCII.
bool is_plain(std::uint64_t eight) {
    constexpr std::uint64_t each = 0x0101010101010101;
    constexpr std::uint64_t high = 0x80 * each;
    const auto has_zero = [](std::uint64_t word) { return (word - each) & ~word & high; };
    const std::uint64_t controls = (eight - ' ' * each) & ~eight & high;
    return ((eight & high) | controls | has_zero(eight ^ '"' * each) | has_zero(eight ^ '\\' * each)) == 0;
}

bool is_plain(std::string_view text) {
    std::uint64_t eight = 0x2020202020202020;
    if (text.size() <= sizeof(eight)) {
        if (!text.empty()) std::memcpy(&eight, text.data(), text.size());
        return is_plain(eight);
    }
    const std::size_t last = text.size() - sizeof(eight);
    for (std::size_t at = 0; at < last; at += sizeof(eight)) {
        std::memcpy(&eight, text.data() + at, sizeof(eight));
        if (!is_plain(eight)) return false;
    }
    std::memcpy(&eight, text.data() + last, sizeof(eight));
    return is_plain(eight);
}

/// Most texts are short and need nothing but quotes: they are appended once, with what is around them. False: this one
/// is another.
bool append_plain(std::string& out, bool comma, std::string_view text, bool colon) {
    constexpr std::size_t most = 60;
    if (text.size() > most || !is_plain(text)) return false;
    char room[most + 4];
    char* to = room;
    if (comma) *to++ = ',';
    *to++ = '"';
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    to += text.size();
    *to++ = '"';
    if (colon) *to++ = ':';
    out.append(room, to);
    return true;
}

void append_quoted(std::string& out, std::string_view text) {
    const Look look = look_at(text);
    // What is written is read by others, and they refuse a whole text for one byte that is no UTF-8.
    if (look.beyond_ascii && !simdjson::validate_utf8(text.data(), text.size())) {
        return append_quoted(out, repair_utf8(text));
    }
    if (look.controls) {
        out.push_back('"');
        for (const char c : text)
            append_escaped(out, c);
        out.push_back('"');
        return;
    }
    if (look.backslashes == 0) {
        out.push_back('"');
        out.append(text);
        out.push_back('"');
        return;
    }
    const std::size_t begin = out.size();
    out.resize(begin + text.size() + look.backslashes + 2);
    char* to = out.data() + begin;
    *to++ = '"';
    for (const char c : text) {
        *to = '\\';  // stays only where the text goes on behind it
        to += needs_backslash(c) ? 1 : 0;
        *to++ = c;
    }
    *to = '"';
}

template <class T>
void append_number(std::string& out, T number) {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number).ptr;
    out.append(buffer, end);
}

}  // namespace

void JsonWriter::separate() {
    if (comma_) out_.push_back(',');
    comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
    separate();
    out_.push_back('{');
    comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_object() {
    out_.push_back('}');
    comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::begin_array() {
    separate();
    out_.push_back('[');
    comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_array() {
    out_.push_back(']');
    comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
    if (!append_plain(out_, comma_, name, true)) {
        separate();
        append_quoted(out_, name);
        out_.push_back(':');
    }
    comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
    if (append_plain(out_, comma_, text, false)) {
        comma_ = true;
    } else {
        separate();
        append_quoted(out_, text);
    }
    return *this;
}

JsonWriter& JsonWriter::value(bool flag) {
    return raw(flag ? "true" : "false");
}

JsonWriter& JsonWriter::value(std::int64_t number) {
    separate();
    append_number(out_, number);
    return *this;
}

JsonWriter& JsonWriter::value(std::uint64_t number) {
    separate();
    append_number(out_, number);
    return *this;
}

JsonWriter& JsonWriter::value(double number) {
    if (!std::isfinite(number)) return null();
    separate();
    append_number(out_, number);
    return *this;
}

JsonWriter& JsonWriter::null() {
    return raw("null");
}

JsonWriter& JsonWriter::raw(std::string_view json) {
    separate();
    out_.append(json);
    return *this;
}

std::string json_quote(std::string_view text) {
    std::string out;
    append_quoted(out, text);
    return out;
}

// ---------------------------------------------------------------------------------------------------------------------

using simdjson::dom::element;
using simdjson::dom::element_type;

const element& JsonAccess::element_of(const JsonView& view) {
    return *reinterpret_cast<const element*>(view.element_);
}

JsonView JsonAccess::view_of(const element& e) {
    static_assert(sizeof(element) <= sizeof(JsonView::element_) && std::is_trivially_copyable_v<element>);
    JsonView view;
    std::memcpy(view.element_, &e, sizeof(e));
    view.present_ = true;
    return view;
}

namespace {

element_type type_of(const JsonView& view) {
    return JsonAccess::element_of(view).type();
}

}  // namespace

bool JsonView::is_null() const {
    return present_ && type_of(*this) == element_type::NULL_VALUE;
}
bool JsonView::is_object() const {
    return present_ && type_of(*this) == element_type::OBJECT;
}
bool JsonView::is_array() const {
    return present_ && type_of(*this) == element_type::ARRAY;
}
bool JsonView::is_string() const {
    return present_ && type_of(*this) == element_type::STRING;
}
bool JsonView::is_bool() const {
    return present_ && type_of(*this) == element_type::BOOL;
}
bool JsonView::is_number() const {
    if (!present_) return false;
    const auto type = type_of(*this);
    return type == element_type::INT64 || type == element_type::UINT64 || type == element_type::DOUBLE;
}

JsonView JsonView::operator[](std::string_view member) const {
    if (!is_object()) return {};
    element found;
    if (JsonAccess::element_of(*this).at_key(member).get(found) != simdjson::SUCCESS) return {};
    return JsonAccess::view_of(found);
}

namespace {

template <class T>
std::optional<T> scalar(const JsonView& view) {
    T value;
    if (!view.present() || JsonAccess::element_of(view).get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
}

}  // namespace

std::optional<std::string_view> JsonView::string() const {
    return scalar<std::string_view>(*this);
}
std::optional<std::int64_t> JsonView::integer() const {
    return scalar<std::int64_t>(*this);
}
std::optional<std::uint64_t> JsonView::unsigned_integer() const {
    return scalar<std::uint64_t>(*this);
}
std::optional<double> JsonView::number() const {
    return scalar<double>(*this);
}
std::optional<bool> JsonView::boolean() const {
    return scalar<bool>(*this);
}

void JsonView::each(const std::function<void(JsonView)>& visit) const {
    if (!is_array()) return;
    const simdjson::dom::array array = JsonAccess::element_of(*this);
    for (const element child : array)
        visit(JsonAccess::view_of(child));
}

void JsonView::members(const std::function<void(std::string_view, JsonView)>& visit) const {
    if (!is_object()) return;
    const simdjson::dom::object object = JsonAccess::element_of(*this);
    for (const auto& [name, child] : object)
        visit(name, JsonAccess::view_of(child));
}

std::size_t JsonView::size() const {
    if (is_array()) return simdjson::dom::array(JsonAccess::element_of(*this)).size();
    if (is_object()) return simdjson::dom::object(JsonAccess::element_of(*this)).size();
    return 0;
}

std::string JsonView::dump() const {
    if (!present_) return {};
    return simdjson::minify(JsonAccess::element_of(*this));
}

struct JsonDocument::Impl {
    simdjson::dom::parser parser;
    element root;
};

JsonDocument::JsonDocument() : impl_(std::make_unique<Impl>()) {}
JsonDocument::~JsonDocument() = default;
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;

Result<JsonDocument> JsonDocument::parse(std::string_view text) {
    JsonDocument document;
    if (auto parsed = document.reparse(text); !parsed) return parsed.error();
    return document;
}

Result<void> JsonDocument::reparse(std::string_view text) {
    constexpr std::size_t max_depth = 512;
    const std::size_t capacity = std::max(text.size(), impl_->parser.capacity());
    if (impl_->parser.max_depth() > max_depth || capacity > impl_->parser.capacity()) {
        if (impl_->parser.allocate(capacity, max_depth) != simdjson::SUCCESS) return broken("out of memory for JSON");
    }
    const char* bytes = text.empty() ? "" : text.data();  // which may be null, and the parser copies from it
    const auto code = impl_->parser.parse(bytes, text.size()).get(impl_->root);
    if (code != simdjson::SUCCESS) {
        return invalid(std::string("not valid JSON: ") + simdjson::error_message(code) + ": " +
                       json_quote(beginning(text, 80)));
    }
    return {};
}

JsonView JsonDocument::root() const {
    return JsonAccess::view_of(impl_->root);
}

}  // namespace weft
