#include "ipam/subnet_cutter.hpp"

#include <algorithm>
#include <array>

namespace weft::ipam {

namespace {

/// Upstream stops counting here; nobody has more nodes.
constexpr int most_subnet_bits = 24;

/// `ip` with the bits of `number` set, shifted left by `shift`.
Ip with_number(const Ip& ip, std::uint32_t number, unsigned shift) {
    auto bytes = ip.bytes();
    const auto bits = static_cast<unsigned>(ip.bits());
    for (unsigned bit = 0; bit < 32; ++bit) {
        const unsigned at = bit + shift;
        if ((number >> bit & 1U) == 0 || at >= bits) continue;
        auto& byte = bytes[bits / 8 - 1 - at / 8];
        byte = static_cast<std::uint8_t>(byte | (1U << (at % 8)));
    }
    return ip.is_v4() ? Ip::v4(std::array{bytes[0], bytes[1], bytes[2], bytes[3]}) : Ip::v6(bytes);
}

}  // namespace

SubnetCutter::SubnetCutter(IpPrefix range, int length) : range_(range.network()), length_(length) {
    if (length < range.length() || length > range.ip().bits()) return;
    host_bits_ = range.ip().bits() - length;
    subnet_bits_ = length - range.length();
    count_ = std::uint32_t{1} << std::min(subnet_bits_, most_subnet_bits);
    const bool ends_within_a_byte = host_bits_ % 8 != 0 && (host_bits_ - 1) / 8 != (host_bits_ + subnet_bits_ - 1) / 8;
    if (range.is_v4() && ends_within_a_byte) rotate_left_ = 8 - host_bits_ % 8;
}

bool SubnetCutter::skipped(std::uint32_t number) const {
    return range_.is_v6() && subnet_bits_ >= 16 && (number & 0xffffU) == 0;
}

std::uint32_t SubnetCutter::rotated(std::uint32_t number) const {
    if (rotate_left_ == 0) return number;
    const int right = subnet_bits_ - rotate_left_;
    const auto all = static_cast<std::uint32_t>((std::uint64_t{1} << subnet_bits_) - 1);
    const std::uint32_t low = (std::uint32_t{1} << rotate_left_) - 1;
    return ((number << rotate_left_) & all) | ((number >> right) & low);
}

IpPrefix SubnetCutter::subnet(std::uint32_t number) const {
    return {with_number(range_.ip(), rotated(number), static_cast<unsigned>(host_bits_)), length_};
}

}  // namespace weft::ipam
