#include <weft/base/json.hpp>
#include <weft/base/uuid.hpp>

#include <cstring>
#include <stdexcept>

#include <sys/random.h>

namespace weft {

namespace {

/// Random bytes a page at a time: one system call for 256 UUIDs.
void fill_random(std::uint8_t* to, std::size_t size) {
    thread_local std::array<std::uint8_t, 4096> pool;
    thread_local std::size_t used = sizeof(pool);
    if (used + size > pool.size()) {
        std::size_t have = 0;
        while (have < pool.size()) {
            const ssize_t got = getrandom(pool.data() + have, pool.size() - have, 0);
            if (got < 0 && errno != EINTR) throw std::runtime_error("getrandom failed");
            if (got > 0) have += static_cast<std::size_t>(got);
        }
        used = 0;
    }
    std::memcpy(to, pool.data() + used, size);
    used += size;
}

}  // namespace

Result<Uuid> Uuid::parse(std::string_view text) {
    const auto wrong = [&] { return invalid("not a UUID: " + json_quote(text.substr(0, 64))); };
    if (text.size() != 36) return wrong();
    std::array<std::uint8_t, 16> bytes{};
    std::size_t nibble = 0;
    for (std::size_t i = 0; i < 36; ++i) {
        const char c = text[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-') return wrong();
            continue;
        }
        int digit = 0;
        if (c >= '0' && c <= '9') {
            digit = c - '0';
        } else if (c >= 'a' && c <= 'f') {
            digit = c - 'a' + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = c - 'A' + 10;
        } else {
            return wrong();
        }
        auto& byte = bytes[nibble / 2];
        byte = static_cast<std::uint8_t>(nibble % 2 == 0 ? digit << 4 : byte | digit);
        ++nibble;
    }
    return Uuid(bytes);
}

Uuid Uuid::random() {
    std::array<std::uint8_t, 16> bytes{};
    fill_random(bytes.data(), bytes.size());
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
    return Uuid(bytes);
}

std::string Uuid::text() const {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(36);
    for (std::size_t i = 0; i < 16; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
        out.push_back(digits[bytes_[i] >> 4]);
        out.push_back(digits[bytes_[i] & 15]);
    }
    return out;
}

std::uint64_t Uuid::hash() const {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::memcpy(&a, bytes_.data(), 8);
    std::memcpy(&b, bytes_.data() + 8, 8);
    return hash_mix(a, b);
}

}  // namespace weft
