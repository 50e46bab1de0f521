#pragma once

#include <weft/base/ip.hpp>

#include <cstdint>

namespace weft::ipam {

/// Numbers the subnets of one range in the order in which OVN-Kubernetes hands them out, so that a cluster that moves
/// over sees the addresses it expects: a range whose subnets end within a byte is walked whole bytes first
/// (10.128.0.0/14 cut to /23: 10.128.0.0, 10.129.0.0, 10.130.0.0, 10.131.0.0, 10.128.2.0, …), and IPv6 leaves out
/// subnets whose last 16 bits are zero.
class SubnetCutter {
  public:
    SubnetCutter(IpPrefix range, int length);

    const IpPrefix& range() const { return range_; }
    int length() const { return length_; }
    Family family() const { return range_.family(); }
    /// How many numbers there are; 0 when `length` can't be cut from the range.
    std::uint32_t count() const { return count_; }
    bool skipped(std::uint32_t number) const;
    /// The subnet with this number, below count().
    IpPrefix subnet(std::uint32_t number) const;

    /// Where the next search starts: behind the last one given out, from the start once the range was found full.
    std::uint32_t next = 0;

  private:
    std::uint32_t rotated(std::uint32_t number) const;

    IpPrefix range_;
    int length_;
    int host_bits_ = 0;
    int subnet_bits_ = 0;
    std::uint32_t count_ = 0;
    int rotate_left_ = 0;  ///< 0: the number is used as it is
};

}  // namespace weft::ipam
