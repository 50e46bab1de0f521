#pragma once

#include <weft/base/ip.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft {

/// A 48-bit Ethernet address.
class WEFT_API Mac {
  public:
    Mac() = default;
    explicit Mac(std::array<std::uint8_t, 6> bytes) : bytes_(bytes) {}
    /// Six pairs of hex digits joined by ':' or '-', any case.
    static Result<Mac> parse(std::string_view text);
    /// The address that OVN-Kubernetes gives whatever holds `ip`: 0a:58 and the four IPv4 bytes, or 0a:58 and the first
    /// four bytes of the SHA-256 of the IPv6 address's canonical text. Other nodes derive the same, so it is fixed.
    static Mac of(const Ip& ip);

    /// The six bytes, as they go over the wire.
    const std::array<std::uint8_t, 6>& bytes() const { return bytes_; }
    /// Is it a group's address?
    bool is_multicast() const { return (bytes_[0] & 1) != 0; }
    /// Is it 00:00:00:00:00:00?
    bool is_zero() const { return bytes_ == std::array<std::uint8_t, 6>{}; }
    /// The fe80:: address that EUI-64 makes of this MAC.
    Ip link_local() const;
    /// Lower case, with colons.
    std::string text() const;

    friend auto operator<=>(const Mac&, const Mac&) = default;
    std::uint64_t hash() const;

  private:
    std::array<std::uint8_t, 6> bytes_{};
};

}  // namespace weft

template <>
struct std::hash<weft::Mac> {
    std::size_t operator()(const weft::Mac& mac) const { return mac.hash(); }
};
