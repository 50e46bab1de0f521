#pragma once

#include <weft/base/hash.hpp>
#include <weft/base/result.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft {

/// An RFC 4122 UUID, as OVSDB rows carry it.
class WEFT_API Uuid {
  public:
    Uuid() = default;
    explicit Uuid(std::array<std::uint8_t, 16> bytes) : bytes_(bytes) {}
    /// 8-4-4-4-12 hex digits.
    static Result<Uuid> parse(std::string_view text);
    /// Version 4, from the kernel's random numbers.
    static Uuid random();

    /// Is it the one that no row has?
    bool is_zero() const { return bytes_ == std::array<std::uint8_t, 16>{}; }
    /// The sixteen bytes.
    const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
    std::string text() const;

    friend auto operator<=>(const Uuid&, const Uuid&) = default;
    std::uint64_t hash() const;

  private:
    std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace weft

template <>
struct std::hash<weft::Uuid> {
    std::size_t operator()(const weft::Uuid& uuid) const { return uuid.hash(); }
};
