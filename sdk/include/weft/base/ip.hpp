#pragma once

#include <weft/base/api.hpp>
#include <weft/base/hash.hpp>
#include <weft/base/result.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft {

/// The two families of addresses.
enum class Family : std::uint8_t { v4, v6 };

/// An IPv4 or IPv6 address. Default constructed it is 0.0.0.0. IPv4-mapped IPv6 text (::ffff:1.2.3.4) is an IPv6
/// address.
class WEFT_API Ip {
  public:
    Ip() = default;
    /// From four or sixteen bytes in network order.
    static Ip v4(std::array<std::uint8_t, 4> bytes);
    /// From four bytes in network order, or a number in the host's.
    static Ip v4(std::uint32_t host_order);
    /// From sixteen bytes in network order.
    static Ip v6(std::array<std::uint8_t, 16> bytes);
    /// Strict text: dotted decimal without leading zeros, or RFC 4291 text. No zone, no mask, no surrounding space.
    static Result<Ip> parse(std::string_view text);

    Family family() const { return family_; }
    /// Is it IPv4?
    bool is_v4() const { return family_ == Family::v4; }
    /// Is it IPv6 (mapped ones too)?
    bool is_v6() const { return family_ == Family::v6; }
    /// 32 or 128.
    int bits() const { return is_v4() ? 32 : 128; }
    /// Network order; an IPv4 address uses the first four bytes, the rest are zero.
    const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
    /// An IPv4 address as a number in the host's order.
    std::uint32_t v4_value() const;

    /// The address `n` further on; nothing when that leaves the family's range. Negative goes back.
    std::optional<Ip> plus(std::int64_t n) const;
    /// How far this address is behind `base`, of the same family; nothing when before it or beyond 63 bits.
    std::optional<std::uint64_t> distance_from(const Ip& base) const;

    /// 0.0.0.0 or ::
    bool is_unspecified() const;
    /// 127.0.0.0/8 or ::1.
    bool is_loopback() const;
    bool is_link_local() const;  ///< 169.254.0.0/16 or fe80::/10
    /// 224.0.0.0/4 or ff00::/8.
    bool is_multicast() const;

    /// Dotted decimal, or RFC 5952 (lower case, longest zero run shortened, no mixed notation but for ::ffff:0:0/96).
    std::string text() const;

    friend auto operator<=>(const Ip&, const Ip&) = default;
    std::uint64_t hash() const;

  private:
    Family family_ = Family::v4;
    std::array<std::uint8_t, 16> bytes_{};
};

/// An address with a prefix length. It may have host bits ("10.0.0.5/24", an interface's address); `network()` clears
/// them.
class WEFT_API IpPrefix {
  public:
    IpPrefix() = default;
    /// `length` must be 0..ip.bits(); anything else is a broken invariant and throws std::out_of_range.
    IpPrefix(Ip ip, int length);
    /// The host prefix of an address: /32 or /128.
    static IpPrefix host(Ip ip) { return {ip, ip.bits()}; }
    /// "address/length". Host bits are kept.
    static Result<IpPrefix> parse(std::string_view text);

    /// The address, host bits and all.
    const Ip& ip() const { return ip_; }
    /// How many bits the prefix has.
    int length() const { return length_; }
    Family family() const { return ip_.family(); }
    /// Is it IPv4?
    bool is_v4() const { return ip_.is_v4(); }
    /// Is it IPv6?
    bool is_v6() const { return ip_.is_v6(); }

    /// The first address of the prefix.
    Ip first() const;
    /// The last one: the broadcast address of an IPv4 subnet.
    Ip last() const;
    /// The same without host bits.
    IpPrefix network() const { return {first(), length_}; }
    bool contains(const Ip& ip) const;
    bool contains(const IpPrefix& other) const;
    /// Has any address in common with the other.
    bool overlaps(const IpPrefix& other) const;

    std::string text() const;

    friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
    std::uint64_t hash() const { return hash_mix(ip_.hash(), static_cast<std::uint64_t>(length_)); }

  private:
    Ip ip_;
    int length_ = 0;
};

}  // namespace weft

template <>
struct std::hash<weft::Ip> {
    std::size_t operator()(const weft::Ip& ip) const { return ip.hash(); }
};
template <>
struct std::hash<weft::IpPrefix> {
    std::size_t operator()(const weft::IpPrefix& prefix) const { return prefix.hash(); }
};
