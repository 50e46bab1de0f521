#include <weft/base/hash.hpp>

#include <cstring>

namespace weft {

std::uint64_t hash_bytes(std::string_view bytes) {
    // Eight bytes a step, mixed by multiplication; not for outside use, so the exact function may change.
    std::uint64_t h = 0x9e3779b97f4a7c15ULL ^ bytes.size();
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, 8);
        h = (h ^ word) * 0xff51afd7ed558ccdULL;
        h ^= h >> 32;
    }
    if (left > 0) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, left);
        h = (h ^ word) * 0xff51afd7ed558ccdULL;
    }
    h ^= h >> 29;
    h *= 0xc4ceb9fe1a85ec53ULL;
    return h ^ (h >> 32);
}

}  // namespace weft
