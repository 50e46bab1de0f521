#include "ovsdb/codec.hpp"

#include <charconv>

namespace weft::ovsdb {

bool two(const JsonView& array, JsonView& first, JsonView& second) {
    if (!array.is_array() || array.size() != 2) return false;
    struct {
        JsonView& first;
        JsonView& second;
        int seen = 0;
    } state{first, second};
    array.each([&state](JsonView element) { (state.seen++ == 0 ? state.first : state.second) = element; });
    return true;
}

bool tagged(const JsonView& value, std::string_view& tag, JsonView& body) {
    JsonView first;
    if (!two(value, first, body)) return false;
    const auto text = first.string();
    if (!text) return false;
    tag = *text;
    return true;
}

bool parse_uuid(const JsonView& value, Uuid& to) {
    std::string_view tag;
    JsonView body;
    if (!tagged(value, tag, body) || tag != "uuid") return false;
    const auto text = body.string();
    if (!text) return false;
    auto uuid = Uuid::parse(*text);
    if (!uuid) return false;
    to = *uuid;
    return true;
}

Error unresolved(std::string_view table, std::string_view key) {
    return waiting("the " + std::string(table) + " " + json_quote(key) + " that is referred to isn't there");
}

RefResolver::~RefResolver() = default;

std::string_view to_string(Atom atom) {
    switch (atom) {
        case Atom::none: return "none";
        case Atom::integer: return "integer";
        case Atom::real: return "real";
        case Atom::boolean: return "boolean";
        case Atom::string: return "string";
        case Atom::uuid: return "uuid";
    }
    return "none";
}

namespace {

template <class T>
std::string number_text(T number) {
    char buffer[32];
    return {buffer, std::to_chars(buffer, buffer + sizeof(buffer), number).ptr};
}

struct TextOf {
    std::string operator()(std::int64_t v) const { return number_text(v); }
    std::string operator()(double v) const { return number_text(v); }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const Uuid& v) const { return v.text(); }
};

}  // namespace

std::string text_of(const Scalar& value) {
    return std::visit(TextOf{}, value);
}

void write_uuid(JsonWriter& w, const Uuid& uuid) {
    w.begin_array().value("uuid").value(std::string_view(uuid.text())).end_array();
}

void write_scalar(JsonWriter& w, const Scalar& value) {
    if (const auto* uuid = std::get_if<Uuid>(&value)) return write_uuid(w, *uuid);
    std::visit(
        [&w](const auto& v) {
            if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(v)>, Uuid>) w.value(v);
        },
        value);
}

}  // namespace weft::ovsdb
