#pragma once

#include <weft/engine/row.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

/// Tables and indexes. Most tables hold the row type that names them; a second table of the same row type needs a tag:
///   struct ForeignPort { using Row = nb::LogicalSwitchPort; static constexpr std::string_view table_name = "..."; };
namespace weft {

/// What names a table: a row type, or a tag with Row and table_name.
template <class Tag>
concept TableTag = Row<Tag> ||(
    requires { typename Tag::Row; } && Row<typename Tag::Row> &&
    requires {
        { Tag::table_name } -> std::convertible_to<std::string_view>;
    });

namespace detail {
template <class Tag>
struct RowOf {
    using type = typename Tag::Row;
};
template <Row T>
struct RowOf<T> {
    using type = T;
};
}  // namespace detail

/// The row type of a table.
template <TableTag Tag>
using RowOf = typename detail::RowOf<Tag>::type;

/// What happens when several rule instances put rows with one key into a table.
enum class Merge : std::uint8_t {
    exclusive,  ///< one owner; the incumbent keeps it, at start the smallest (precedence, key); others: conflict status
    set_union,  ///< equal rows are one row with several owners; unequal ones are a conflict as above
    ordered,    ///< all are kept; readers and appliers see them under the key as a list ordered by owner
};

/// A table named by a tag, for crossing into libweft.
struct TableSpec {
    std::string_view name;
    const RowType* type = nullptr;  ///< what its rows are
    Merge merge = Merge::exclusive;
};

/// The spec of the table that a tag names.
template <TableTag Tag>
TableSpec table_spec() {
    TableSpec spec{Tag::table_name, &row_type<RowOf<Tag>>(), Merge::exclusive};
    if constexpr (requires { Tag::merge; }) spec.merge = Tag::merge;
    return spec;
}

/// An index: rows of a table found by a text that is computed from the row. An empty text leaves the row out.
///   struct PodsOfNode {
///       using Table = tables::Pod;
///       static constexpr std::string_view index_name = "node";
///       static std::string of(const tables::Pod& pod) { return pod.node; }
///   };
template <class T>
concept IndexTag = requires(const RowOf<typename T::Table>& row) {
    { T::index_name } -> std::convertible_to<std::string_view>;
    { T::of(row) } -> std::convertible_to<std::string>;
};

/// An index, for crossing into libweft.
struct IndexSpec {
    TableSpec table;  ///< whose rows it finds
    std::string_view name;
    std::string (*of)(const void* row) = nullptr;  ///< the text that a row is found by
};

/// The spec of the index that a tag names.
template <IndexTag T>
IndexSpec index_spec() {
    using TableRow = RowOf<typename T::Table>;
    return {table_spec<typename T::Table>(), T::index_name,
            [](const void* row) -> std::string { return T::of(*static_cast<const TableRow*>(row)); }};
}

}  // namespace weft
