#pragma once

#include <weft/engine/row.hpp>

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

/// More of what RowPtr::read() is for: looks into rows at rest without laying them out.
namespace weft {

/// Reads a packed value of this type from each, up to the first difference. Bytes alone don't tell: a text may be spelt
/// out in one row and refer to an earlier one in another.
template <class T>
bool same_value(Unpacker& a, Unpacker& b) {
    if constexpr (PacksItself<T>) {
        return read_value<T>(a) == read_value<T>(b);
    } else if constexpr (IsKey<T>::value || std::same_as<T, std::string>) {
        return a.text() == b.text();
    } else if constexpr (IsPair<T>::value) {
        return same_value<std::remove_cv_t<typename T::first_type>>(a, b) &&
               same_value<std::remove_cv_t<typename T::second_type>>(a, b);
    } else if constexpr (OptionalField<T>) {
        const bool there = a.number() != 0;
        if (there != (b.number() != 0)) return false;
        return !there || same_value<std::remove_cvref_t<decltype(*std::declval<T&>())>>(a, b);
    } else if constexpr (RangeField<T> && !Fielded<T>) {
        std::uint64_t left = a.count();
        if (left != b.count()) return false;
        while (left > 0 && same_value<typename T::value_type>(a, b))
            --left;
        return left == 0;
    } else {
        return read_value<T>(a) == read_value<T>(b);
    }
}

namespace detail {

template <auto Member, std::size_t N>
bool same_field_but(Unpacker& a, Unpacker& b) {
    using T = typename MemberPointer<decltype(Member)>::Owner;
    constexpr auto member = std::get<N>(T::fields()).member;
    if constexpr (same_member(member, &T::key)) {
        return true;
    } else if constexpr (same_member(member, Member)) {
        return skip_field<T, N>(a), skip_field<T, N>(b), true;
    } else {
        using Value = typename MemberPointer<std::remove_cv_t<decltype(member)>>::Type;
        return same_value<Value>(a, b);
    }
}

/// In the order of pack_row(), up to the first difference.
template <auto Member, std::size_t... N>
bool same_fields_but(Unpacker& a, Unpacker& b, std::index_sequence<N...>) {
    return a.text() == b.text() && (same_field_but<Member, N>(a, b) && ...);
}

}  // namespace detail

/// Are two rows the same in all fields but this one? The caller knows the type of both, by table.
template <auto Member>
bool equal_but(const RowPtr& a, const RowPtr& b) {
    using T = typename detail::MemberPointer<decltype(Member)>::Owner;
    Unpacker left(a.bytes());
    Unpacker right(b.bytes());
    constexpr std::size_t count = std::tuple_size_v<decltype(T::fields())>;
    return detail::same_fields_but<Member>(left, right, std::make_index_sequence<count>());
}

/// Calls visit(text) for each member of a set of texts, in its order, with views that are valid as long as the row.
template <auto Member, class Visit>
void each_text(const RowPtr& row, Visit&& visit) {
    Unpacker in(row.bytes());
    detail::skip_to<Member>(in);
    if constexpr (OptionalField<typename detail::MemberPointer<decltype(Member)>::Type>) {
        if (in.number() == 0) return;
    }
    for (std::uint64_t left = in.count(); left > 0; --left)
        visit(in.text());
}

/// Calls visit(name, value) for each entry of a map of texts to texts, in its order, with views that are valid as long
/// as the row.
template <auto Member, class Visit>
void each_entry(const RowPtr& row, Visit&& visit) {
    Unpacker in(row.bytes());
    detail::skip_to<Member>(in);
    using Map = typename detail::MemberPointer<decltype(Member)>::Type;
    if constexpr (OptionalField<Map>) {
        if (in.number() == 0) return;
    }
    for (std::uint64_t left = in.count(); left > 0; --left) {
        const std::string_view name = in.text();
        visit(name, in.text());
    }
}

}  // namespace weft
