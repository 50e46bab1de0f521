#include <weft/base/json.hpp>
#include <weft/base/mac.hpp>

#include <openssl/sha.h>

namespace weft {

namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

Result<Mac> Mac::parse(std::string_view text) {
    const auto wrong = [&] { return invalid("not a MAC address: " + json_quote(text.substr(0, 64))); };
    if (text.size() != 17) return wrong();
    std::array<std::uint8_t, 6> bytes{};
    for (std::size_t i = 0; i < 6; ++i) {
        const int high = hex_digit(text[i * 3]);
        const int low = hex_digit(text[i * 3 + 1]);
        if (high < 0 || low < 0) return wrong();
        if (i < 5 && text[i * 3 + 2] != ':' && text[i * 3 + 2] != '-') return wrong();
        bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return Mac(bytes);
}

Mac Mac::of(const Ip& ip) {
    std::array<std::uint8_t, 6> bytes{0x0a, 0x58};
    if (ip.is_v4()) {
        for (std::size_t i = 0; i < 4; ++i)
            bytes[i + 2] = ip.bytes()[i];
        return Mac(bytes);
    }
    const std::string text = ip.text();
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    for (std::size_t i = 0; i < 4; ++i)
        bytes[i + 2] = digest[i];
    return Mac(bytes);
}

Ip Mac::link_local() const {
    std::array<std::uint8_t, 16> ip{0xfe, 0x80};
    ip[8] = bytes_[0] ^ 2;
    ip[9] = bytes_[1];
    ip[10] = bytes_[2];
    ip[11] = 0xff;
    ip[12] = 0xfe;
    ip[13] = bytes_[3];
    ip[14] = bytes_[4];
    ip[15] = bytes_[5];
    return Ip::v6(ip);
}

std::string Mac::text() const {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(17);
    for (auto byte : bytes_) {
        if (!out.empty()) out.push_back(':');
        out.push_back(digits[byte >> 4]);
        out.push_back(digits[byte & 15]);
    }
    return out;
}

std::uint64_t Mac::hash() const {
    return hash_bytes({reinterpret_cast<const char*>(bytes_.data()), bytes_.size()});
}

}  // namespace weft
