#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/pack.hpp>
#include <weft/engine/fields.hpp>

/// Fields as bytes. A type of your own lists fields(), or has `void pack(Packer&) const` and `void unpack(Unpacker&)`,
/// or is plain bytes without padding.
namespace weft {

/// A type that packs itself.
template <class T>
concept PacksItself = requires(const T& v, T& w, Packer& out, Unpacker& in) {
    v.pack(out);
    w.unpack(in);
};

/// Appends a field's value.
template <class T>
void pack_value(Packer& out, const T& v);
/// Reads a field's value into one that is as made.
template <class T>
void unpack_value(Unpacker& in, T& v);

/// A prefix has padding.
inline void pack_value(Packer& out, const IpPrefix& v) {
    out.raw(&v.ip(), sizeof(Ip));
    out.number(static_cast<std::uint64_t>(v.length()));
}
/// And back.
inline void unpack_value(Unpacker& in, IpPrefix& v) {
    Ip ip;
    in.raw(&ip, sizeof(ip));
    v = IpPrefix(ip, static_cast<int>(in.number()));
}

template <class T>
void pack_value(Packer& out, const T& v) {
    if constexpr (PacksItself<T>) {
        v.pack(out);
    } else if constexpr (IsKey<T>::value) {
        out.text(v.text);
    } else if constexpr (IsId<T>::value) {
        out.number(v.value);
    } else if constexpr (std::same_as<T, std::string>) {
        out.text(v);
    } else if constexpr (std::is_enum_v<T> || std::unsigned_integral<T>) {
        out.number(static_cast<std::uint64_t>(v));
    } else if constexpr (std::signed_integral<T>) {  // small ones of either sign in few bytes
        const auto wide = static_cast<std::int64_t>(v);
        out.number(static_cast<std::uint64_t>(wide) << 1 ^ static_cast<std::uint64_t>(wide >> 63));
    } else if constexpr (Fielded<T>) {
        std::apply([&](const auto&... f) { (pack_value(out, v.*(f.member)), ...); }, T::fields());
    } else if constexpr (IsPair<T>::value) {
        pack_value(out, v.first);
        pack_value(out, v.second);
    } else if constexpr (OptionalField<T>) {
        out.number(v.has_value());
        if (v.has_value()) pack_value(out, *v);
    } else if constexpr (RangeField<T>) {
        out.number(v.size());
        for (const auto& element : v)
            pack_value(out, element);
    } else {
        static_assert(std::is_trivially_copyable_v<T> &&
                          (std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>),
                      "this field type has neither fields() nor pack() and unpack()");
        out.raw(&v, sizeof(v));
    }
}

template <class T>
void unpack_value(Unpacker& in, T& v) {
    if constexpr (PacksItself<T>) {
        v.unpack(in);
    } else if constexpr (IsKey<T>::value) {
        v.text.assign(in.text());
    } else if constexpr (IsId<T>::value) {
        v.value = static_cast<std::uint32_t>(in.number());
    } else if constexpr (std::same_as<T, std::string>) {
        v.assign(in.text());
    } else if constexpr (std::is_enum_v<T> || std::unsigned_integral<T>) {
        v = static_cast<T>(in.number());
    } else if constexpr (std::signed_integral<T>) {
        const std::uint64_t wide = in.number();
        v = static_cast<T>(static_cast<std::int64_t>(wide >> 1 ^ (0 - (wide & 1))));
    } else if constexpr (Fielded<T>) {
        std::apply([&](const auto&... f) { (unpack_value(in, v.*(f.member)), ...); }, T::fields());
    } else if constexpr (IsPair<T>::value) {
        unpack_value(in, v.first);
        unpack_value(in, v.second);
    } else if constexpr (OptionalField<T>) {
        if (in.number() == 0) return;  // it is new, so without a value
        std::remove_cvref_t<decltype(*v)> value{};
        unpack_value(in, value);
        v = std::move(value);
    } else if constexpr (RangeField<T>) {
        std::vector<typename T::value_type> elements(in.count());
        for (auto& element : elements)
            unpack_value(in, element);
        v = T(std::move(elements));
    } else {
        in.raw(&v, sizeof(v));
    }
}

/// A type that packs itself and can tell where it ends: `static void skip(Unpacker&)`. Others are read and thrown away.
template <class T>
concept SkipsItself = requires(Unpacker& in) {
    T::skip(in);
};

/// Passes over a field's value, without making one.
template <class T>
void skip_value(Unpacker& in) {
    if constexpr (SkipsItself<T>) {
        T::skip(in);
    } else if constexpr (PacksItself<T>) {
        T v{};
        v.unpack(in);
    } else if constexpr (IsKey<T>::value || std::same_as<T, std::string>) {
        in.skip_text();
    } else if constexpr (std::same_as<T, IpPrefix>) {
        in.skip_raw();
        in.number();
    } else if constexpr (IsId<T>::value || std::is_enum_v<T> || std::integral<T>) {
        in.number();
    } else if constexpr (Fielded<T>) {
        std::apply(
            [&](const auto&... f) {
                (skip_value<std::remove_cvref_t<decltype(std::declval<T&>().*(f.member))>>(in), ...);
            },
            T::fields());
    } else if constexpr (IsPair<T>::value) {
        skip_value<std::remove_cv_t<typename T::first_type>>(in);
        skip_value<std::remove_cv_t<typename T::second_type>>(in);
    } else if constexpr (OptionalField<T>) {
        if (in.number() != 0) skip_value<std::remove_cvref_t<decltype(*std::declval<T&>())>>(in);
    } else if constexpr (RangeField<T>) {
        for (std::uint64_t left = in.count(); left > 0; --left)
            skip_value<typename T::value_type>(in);
    } else {
        in.skip_raw();
    }
}

/// What is read of a field alone: of a text a view into the bytes it was packed in, of anything else a value.
template <class T>
auto read_value(Unpacker& in) {
    if constexpr (IsKey<T>::value || std::same_as<T, std::string>) {
        return in.text();
    } else if constexpr (OptionalField<T> && !PacksItself<T>) {
        using Value = decltype(read_value<std::remove_cvref_t<decltype(*std::declval<T&>())>>(in));
        if constexpr (std::same_as<Value, std::string_view>) {
            return in.number() == 0 ? std::optional<Value>() : std::optional<Value>(in.text());
        } else {
            T v{};
            unpack_value(in, v);
            return v;
        }
    } else {
        T v{};
        unpack_value(in, v);
        return v;
    }
}

}  // namespace weft
