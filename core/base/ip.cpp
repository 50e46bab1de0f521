#include <weft/base/ip.hpp>
#include <weft/base/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>

namespace weft {

namespace {

/// The bytes of `ip` with all bits after `length` set to `fill`.
std::array<std::uint8_t, 16> masked(const Ip& ip, int length, bool fill) {
    auto bytes = ip.bytes();
    const int size = ip.bits() / 8;
    for (int i = 0; i < size; ++i) {
        const int kept = std::clamp(length - i * 8, 0, 8);
        const auto mask = static_cast<std::uint8_t>(0xff00U >> kept);
        auto& byte = bytes[static_cast<std::size_t>(i)];
        byte = static_cast<std::uint8_t>(fill ? (byte | static_cast<std::uint8_t>(~mask)) : (byte & mask));
    }
    return bytes;
}

Ip with_bytes(Family family, const std::array<std::uint8_t, 16>& bytes) {
    if (family == Family::v6) return Ip::v6(bytes);
    return Ip::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
}

std::optional<std::uint8_t> parse_octet(std::string_view text) {
    if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    unsigned value = 0;
    for (char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    if (value > 255) return std::nullopt;
    return static_cast<std::uint8_t>(value);
}

std::optional<Ip> parse_v4(std::string_view text) {
    std::array<std::uint8_t, 4> bytes{};
    for (std::size_t i = 0; i < 4; ++i) {
        const auto dot = text.find('.');
        if ((dot == std::string_view::npos) != (i == 3)) return std::nullopt;
        const auto octet = parse_octet(text.substr(0, dot));
        if (!octet) return std::nullopt;
        bytes[i] = *octet;
        if (i < 3) text.remove_prefix(dot + 1);
    }
    return Ip::v4(bytes);
}

std::optional<Ip> parse_v6(std::string_view text) {
    char buffer[INET6_ADDRSTRLEN] = {};
    if (text.size() >= sizeof(buffer) || text.find('\0') != std::string_view::npos) return std::nullopt;
    std::memcpy(buffer, text.data(), text.size());
    std::array<std::uint8_t, 16> bytes{};
    if (inet_pton(AF_INET6, buffer, bytes.data()) != 1) return std::nullopt;
    return Ip::v6(bytes);
}

}  // namespace

Ip Ip::v4(std::array<std::uint8_t, 4> bytes) {
    Ip ip;
    std::copy(bytes.begin(), bytes.end(), ip.bytes_.begin());
    return ip;
}

Ip Ip::v4(std::uint32_t host_order) {
    return v4({static_cast<std::uint8_t>(host_order >> 24), static_cast<std::uint8_t>(host_order >> 16),
               static_cast<std::uint8_t>(host_order >> 8), static_cast<std::uint8_t>(host_order)});
}

Ip Ip::v6(std::array<std::uint8_t, 16> bytes) {
    Ip ip;
    ip.family_ = Family::v6;
    ip.bytes_ = bytes;
    return ip;
}

Result<Ip> Ip::parse(std::string_view text) {
    const auto ip = text.find(':') == std::string_view::npos ? parse_v4(text) : parse_v6(text);
    if (!ip) return invalid("not an IP address: " + json_quote(text.substr(0, 64)));
    return *ip;
}

std::uint32_t Ip::v4_value() const {
    return (std::uint32_t{bytes_[0]} << 24) | (std::uint32_t{bytes_[1]} << 16) | (std::uint32_t{bytes_[2]} << 8) |
           std::uint32_t{bytes_[3]};
}

std::optional<Ip> Ip::plus(std::int64_t n) const {
    const int size = bits() / 8;
    auto bytes = bytes_;
    // Byte by byte from the end; `carry` holds what is still to be added and may be negative.
    std::int64_t carry = n;
    for (int i = size - 1; i >= 0 && carry != 0; --i) {
        auto& byte = bytes[static_cast<std::size_t>(i)];
        const std::int64_t low = carry & 0xff;
        const std::int64_t sum = byte + low;
        byte = static_cast<std::uint8_t>(sum);
        carry = (carry >> 8) + (sum >> 8);
    }
    if (carry != 0) return std::nullopt;
    return with_bytes(family_, bytes);
}

std::optional<std::uint64_t> Ip::distance_from(const Ip& base) const {
    if (family_ != base.family_ || *this < base) return std::nullopt;
    const int size = bits() / 8;
    std::uint64_t distance = 0;
    int borrow = 0;
    for (int i = size - 1; i >= 0; --i) {
        const auto at = static_cast<std::size_t>(i);
        int digit = int{bytes_[at]} - int{base.bytes_[at]} - borrow;
        borrow = digit < 0 ? 1 : 0;
        digit += borrow * 256;
        const int place = size - 1 - i;
        if (place >= 8 && digit != 0) return std::nullopt;
        if (place < 8) distance |= static_cast<std::uint64_t>(digit) << (place * 8);
    }
    if (distance >> 63 != 0) return std::nullopt;
    return distance;
}

bool Ip::is_unspecified() const {
    return std::all_of(bytes_.begin(), bytes_.end(), [](auto b) { return b == 0; });
}

bool Ip::is_loopback() const {
    if (is_v4()) return bytes_[0] == 127;
    return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto b) { return b == 0; });
}

bool Ip::is_link_local() const {
    if (is_v4()) return bytes_[0] == 169 && bytes_[1] == 254;
    return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool Ip::is_multicast() const {
    return is_v4() ? (bytes_[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}

std::string Ip::text() const {
    if (is_v4()) {
        char buffer[INET_ADDRSTRLEN];
        char* end = buffer;
        for (std::size_t i = 0; i < 4; ++i) {
            if (i > 0) *end++ = '.';
            end = std::to_chars(end, buffer + sizeof(buffer), unsigned{bytes_[i]}).ptr;
        }
        return {buffer, end};
    }
    // glibc's form is RFC 5952 but for two things: ::a.b.c.d for other prefixes than ::ffff:0:0/96, handled here.
    char buffer[INET6_ADDRSTRLEN] = {};
    inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof(buffer));
    std::string out = buffer;
    const bool mapped = out.starts_with("::ffff:");
    if (out.find('.') == std::string::npos || mapped) return out;
    const auto word = [&](std::size_t i) { return (unsigned{bytes_[i]} << 8) | bytes_[i + 1]; };
    char low[16] = {};
    char* end = low;
    if (word(12) != 0) {
        end = std::to_chars(end, low + sizeof(low), word(12), 16).ptr;
        *end++ = ':';
    }
    end = std::to_chars(end, low + sizeof(low), word(14), 16).ptr;
    return "::" + std::string(low, end);
}

std::uint64_t Ip::hash() const {
    const std::string_view raw(reinterpret_cast<const char*>(bytes_.data()), is_v4() ? 4 : 16);
    return hash_bytes(raw);
}

IpPrefix::IpPrefix(Ip ip, int length) : ip_(ip), length_(length) {
    if (length < 0 || length > ip.bits()) throw std::out_of_range("prefix length " + std::to_string(length));
}

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
    const auto wrong = [&](std::string_view why) {
        return invalid("not an IP prefix: " + json_quote(text.substr(0, 64)) + ", " + std::string(why));
    };
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return wrong("no /length");
    const auto ip = Ip::parse(text.substr(0, slash));
    if (!ip) return wrong("bad address");
    const auto digits = text.substr(slash + 1);
    int length = -1;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (code != std::errc{} || end != digits.data() + digits.size() || digits.empty() || digits[0] == '-' ||
        (digits.size() > 1 && digits[0] == '0') || length > ip->bits()) {
        return wrong("bad length");
    }
    return IpPrefix(*ip, length);
}

Ip IpPrefix::first() const {
    return with_bytes(family(), masked(ip_, length_, false));
}

Ip IpPrefix::last() const {
    return with_bytes(family(), masked(ip_, length_, true));
}

bool IpPrefix::contains(const Ip& ip) const {
    return ip.family() == family() && with_bytes(family(), masked(ip, length_, false)) == first();
}

bool IpPrefix::contains(const IpPrefix& other) const {
    return other.length_ >= length_ && contains(other.ip_);
}

bool IpPrefix::overlaps(const IpPrefix& other) const {
    return contains(other.first()) || other.contains(first());
}

std::string IpPrefix::text() const {
    std::string out = ip_.text();
    out.push_back('/');
    return out += std::to_string(length_);
}

}  // namespace weft
