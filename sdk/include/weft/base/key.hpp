#pragma once

#include <weft/base/hash.hpp>

#include <compare>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace weft {

/// The key of a row in the table of `Row`: one text, unique in its table, ordered by bytes. Parts are joined by '/', so
/// that Key<Pod>{"web", "p1"} is "web/p1". A Key of one table does not convert to a Key of another.
template <class Row>
struct Key {
    std::string text;

    Key() = default;
    explicit Key(std::string whole) : text(std::move(whole)) {}
    explicit Key(std::string_view whole) : text(whole) {}
    explicit Key(const char* whole) : text(whole) {}
    template <class... Part>
    requires(sizeof...(Part) > 0 && (std::convertible_to<const Part&, std::string_view> && ...))
        Key(std::string_view first, const Part&... rest)
        : text(first) {
        ((text.push_back('/'), text.append(std::string_view(rest))), ...);
    }

    bool empty() const { return text.empty(); }
    friend auto operator<=>(const Key&, const Key&) = default;
};

/// A number that names one thing of kind `Tag`, such as a node id; not to be mixed with a number of another kind.
template <class Tag>
struct Id {
    std::uint32_t value = 0;

    friend auto operator<=>(const Id&, const Id&) = default;
};

}  // namespace weft

template <class Row>
struct std::hash<weft::Key<Row>> {
    std::size_t operator()(const weft::Key<Row>& key) const { return weft::hash_bytes(key.text); }
};
template <class Tag>
struct std::hash<weft::Id<Tag>> {
    std::size_t operator()(const weft::Id<Tag>& id) const { return id.value; }
};
