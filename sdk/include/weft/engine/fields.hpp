#pragma once

#include <weft/base/hash.hpp>
#include <weft/base/json.hpp>
#include <weft/base/key.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// Structs that list their fields once: equality, hash, JSON and the schema hash derive from that list; the bytes in
/// which they rest too (packing.hpp).
namespace weft {

/// A field of a struct: its name and where it is.
template <class Owner, class T>
struct Field {
    std::string_view name;
    T Owner::*member;  ///< where it is
};

/// An entry of fields().
template <class Owner, class T>
constexpr Field<Owner, T> field(std::string_view name, T Owner::*member) {
    return {name, member};
}

/// Anything that lists its fields: rows, and the structs inside rows.
template <class T>
concept Fielded = requires {
    T::fields();
};

// ---------------------------------------------------------------------------------------------------------------------
// What a field can be made of. A type of your own either lists fields() or has text() (written as a JSON string).

/// A type that says what it is in one text.
template <class T>
concept HasText = requires(const T& v) {
    { v.text() } -> std::convertible_to<std::string>;
};

/// Is it a std::pair?
template <class T>
struct IsPair : std::false_type {};
template <class A, class B>
struct IsPair<std::pair<A, B>> : std::true_type {};

/// A container of values.
template <class T>
concept RangeField = !std::convertible_to<T, std::string_view> && !HasText<T> && requires(const T& v) {
    v.begin();
    v.end();
    v.size();
};

/// A value that may be absent.
template <class T>
concept OptionalField = requires(const T& v) {
    { v.has_value() } -> std::same_as<bool>;
    *v;
};

template <class T>
std::uint64_t hash_value(const T& v);
template <class T>
void json_value(JsonWriter& w, const T& v);

namespace detail {

template <class T>
std::uint64_t hash_fields(const T& v) {
    std::uint64_t h = 0x77656674;
    std::apply([&](const auto&... f) { ((h = hash_mix(h, hash_value(v.*(f.member)))), ...); }, T::fields());
    return h;
}

template <class T>
void json_fields(JsonWriter& w, const T& v) {
    w.begin_object();
    std::apply([&](const auto&... f) { ((json_value(w.key(f.name), v.*(f.member))), ...); }, T::fields());
    w.end_object();
}

template <class T>
bool equal_fields(const T& a, const T& b) {
    return std::apply([&](const auto&... f) { return ((a.*(f.member) == b.*(f.member)) && ...); }, T::fields());
}

/// The name of a class that is no template, as the compiler prints it. Names of templates are not used: how compilers
/// print their arguments differs from one place to another.
template <class T>
constexpr std::string_view class_name() {
    return __PRETTY_FUNCTION__;
}

template <class T>
constexpr std::uint64_t type_hash();

template <class A, class B>
constexpr std::uint64_t type_hash_of(const std::pair<A, B>*) {
    return fnv1a64("pair", type_hash<A>() * 31 + type_hash<B>());
}
template <class T>
constexpr std::uint64_t type_hash_of(const std::vector<T>*) {
    return fnv1a64("list", type_hash<T>());
}
template <class T>
constexpr std::uint64_t type_hash_of(const std::optional<T>*) {
    return fnv1a64("optional", type_hash<T>());
}
constexpr std::uint64_t type_hash_of(const std::string*) {
    return fnv1a64("text");
}
template <class R>
constexpr std::uint64_t type_hash_of(const Key<R>*) {
    return fnv1a64("key");
}
template <class Tag>
constexpr std::uint64_t type_hash_of(const Id<Tag>*) {
    return fnv1a64("id");
}
/// Other templates (ovsdb::Column, Set, Map, …) say what they are made of by overloading this beside themselves.
template <class T>
constexpr std::uint64_t type_hash_of(const T*) {
    if constexpr (Fielded<T>) {
        std::uint64_t h = fnv1a64("struct");
        std::apply(
            [&](const auto&... f) {
                ((h = fnv1a64(f.name,
                              h * 31 + type_hash<std::remove_cvref_t<decltype(std::declval<T>().*(f.member))>>())),
                 ...);
            },
            T::fields());
        return h;
    } else {
        static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_class_v<T>);
        return fnv1a64(class_name<T>(), sizeof(T));
    }
}

/// Part of the schema hash, so that a changed field type is a new schema.
template <class T>
constexpr std::uint64_t type_hash() {
    return type_hash_of(static_cast<const T*>(nullptr));
}

}  // namespace detail

/// Is it a Key?
template <class T>
struct IsKey : std::false_type {};
/// It is.
template <class R>
struct IsKey<Key<R>> : std::true_type {};
/// Is it an Id?
template <class T>
struct IsId : std::false_type {};
/// It is.
template <class Tag>
struct IsId<Id<Tag>> : std::true_type {};

/// The hash of a field's value; equal values have equal ones, within a process.
template <class T>
std::uint64_t hash_value(const T& v) {
    if constexpr (IsKey<T>::value) {
        return hash_bytes(v.text);
    } else if constexpr (IsId<T>::value) {
        return v.value;
    } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
        return static_cast<std::uint64_t>(v) * 0x9e3779b97f4a7c15ULL;
    } else if constexpr (std::is_floating_point_v<T>) {
        return std::hash<T>{}(v);
    } else if constexpr (std::convertible_to<const T&, std::string_view>) {
        return hash_bytes(v);
    } else if constexpr (Fielded<T>) {
        return detail::hash_fields(v);
    } else if constexpr (IsPair<T>::value) {
        return hash_mix(hash_value(v.first), hash_value(v.second));
    } else if constexpr (OptionalField<T>) {
        return v.has_value() ? hash_mix(1, hash_value(*v)) : 0;
    } else if constexpr (RangeField<T>) {
        std::uint64_t h = v.size();
        for (const auto& element : v)
            h = hash_mix(h, hash_value(element));
        return h;
    } else {
        return std::hash<T>{}(v);
    }
}

/// A field's value as JSON.
template <class T>
void json_value(JsonWriter& w, const T& v) {
    if constexpr (IsKey<T>::value) {
        w.value(std::string_view(v.text));
    } else if constexpr (IsId<T>::value) {
        w.value(static_cast<std::uint64_t>(v.value));
    } else if constexpr (std::same_as<T, bool>) {
        w.value(v);
    } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
        w.value(static_cast<std::int64_t>(v));
    } else if constexpr (std::is_floating_point_v<T>) {
        w.value(static_cast<double>(v));
    } else if constexpr (std::convertible_to<const T&, std::string_view>) {
        w.value(std::string_view(v));
    } else if constexpr (Fielded<T>) {
        detail::json_fields(w, v);
    } else if constexpr (HasText<T>) {
        w.value(std::string_view(v.text()));
    } else if constexpr (IsPair<T>::value) {
        w.begin_array();
        json_value(w, v.first);
        json_value(w, v.second);
        w.end_array();
    } else if constexpr (OptionalField<T>) {
        if (v.has_value()) {
            json_value(w, *v);
        } else {
            w.null();
        }
    } else if constexpr (RangeField<T>) {
        w.begin_array();
        for (const auto& element : v)
            json_value(w, element);
        w.end_array();
    } else {
        static_assert(!sizeof(T), "this field type has neither fields() nor text()");
    }
}

/// `bool operator==` for a struct that lists fields(): write `WEFT_FIELDS_EQUAL(T)` inside it. A template, so that only
/// who compares pays for it: there are some hundred such types.
#define WEFT_FIELDS_EQUAL(T)                            \
    template <std::same_as<T> Same>                     \
    friend bool operator==(const T& a, const Same& b) { \
        return ::weft::detail::equal_fields(a, b);      \
    }

}  // namespace weft
