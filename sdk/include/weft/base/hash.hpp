#pragma once

#include <weft/base/api.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace weft {

/// FNV-1a, 64 bit: the hash in the names of Address_Sets and Port_Groups, so its value is part of the row format.
constexpr std::uint64_t fnv1a64(std::string_view bytes, std::uint64_t seed = 14695981039346656037ULL) {
    for (char c : bytes)
        seed = (seed ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    return seed;
}

/// Mixes `value` into `seed`; for hashes that stay inside the process.
constexpr std::uint64_t hash_mix(std::uint64_t seed, std::uint64_t value) {
    seed ^= value + 0x9e3779b97f4a7c15ULL + (seed << 6) + (seed >> 2);
    return seed * 0xff51afd7ed558ccdULL;
}

/// A fast hash of bytes; for hashes that stay inside the process.
WEFT_API std::uint64_t hash_bytes(std::string_view bytes);

/// Transparent hash for maps keyed by std::string and looked up by std::string_view.
struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return hash_bytes(text); }
};

}  // namespace weft
