#pragma once

#include "base/block_allocator.hpp"
#include "base/shrink.hpp"
#include "ipam/number_set.hpp"

#include <weft/base/ip.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

namespace weft::ipam {

/// The addresses of one prefix: who has which, which of them ports carry, and which comes next. An address is free when
/// it is neither reserved, nor given, nor carried by a port.
///
/// Handed out are, as upstream does, base+1 to the last but one in IPv4 and base+1 to base+65535 in IPv6.
template <class Owner>
class AddressBook {
  public:
    explicit AddressBook(IpPrefix prefix)
        : prefix_(prefix.network()),
          carried_(usable(prefix)),
          taken_(usable(prefix)),
          reserved_(usable(prefix)) {}

    const IpPrefix& prefix() const { return prefix_; }
    /// Where an address stands in this book; nothing when it is none that is handed out.
    std::optional<std::uint32_t> number(const Ip& ip) const {
        const auto distance = ip.distance_from(prefix_.ip());
        if (!distance || *distance == 0 || *distance > taken_.limit()) return std::nullopt;
        return static_cast<std::uint32_t>(*distance - 1);
    }
    Ip address(std::uint32_t number) const { return *prefix_.ip().plus(std::int64_t{number} + 1); }
    Ip first() const { return address(0); }
    Ip last() const { return address(taken_.limit() == 0 ? 0 : taken_.limit() - 1); }
    bool full() const { return taken_.full(); }

    Owner* owner(std::uint32_t number) const {
        const auto at = owners_.find(number);
        return at == owners_.end() ? nullptr : at->second;
    }
    bool free(std::uint32_t number) const { return !taken_.contains(number); }
    bool reserved(std::uint32_t number) const { return reserved_.contains(number); }
    /// How many ports carry it.
    std::uint32_t carriers(std::uint32_t number) const {
        if (!carried_.contains(number)) return 0;
        const auto more = carried_more_.find(number);
        return more == carried_more_.end() ? 1 : more->second + 1;
    }

    void reserve(std::uint32_t number) {
        reserved_.insert(number);
        taken_.insert(number);
    }
    void give(std::uint32_t number, Owner* owner) {
        owners_[number] = owner;
        taken_.insert(number);
    }
    void take_back(std::uint32_t number) {
        owners_.erase(number);
        shrink(owners_);
        freed_ = true;
        settle(number);
    }
    void carry(std::uint32_t number) {
        if (!carried_.insert(number)) ++carried_more_[number];
        taken_.insert(number);
    }
    void drop(std::uint32_t number) {
        if (const auto more = carried_more_.find(number); more != carried_more_.end()) {
            if (--more->second == 0) carried_more_.erase(more);
            return;
        }
        carried_.erase(number);
        settle(number);
    }

    /// The next free one; the book moves on only when advance() confirms it.
    std::optional<std::uint32_t> next_free() const { return taken_.next_free(next_); }
    void advance(std::uint32_t number) { next_ = number + 1; }
    void start_at(std::uint32_t next) { next_ = next; }
    std::uint32_t next() const { return next_; }
    /// True once after an owner or a carrier left an address.
    bool freed() { return std::exchange(freed_, false); }

  private:
    static std::uint32_t usable(const IpPrefix& prefix) {
        const int host_bits = prefix.ip().bits() - prefix.length();
        if (prefix.is_v6()) return (std::uint32_t{1} << std::min(host_bits, 16)) - 1;
        // More than a /8 of addresses on one node is nobody's wish.
        const std::uint32_t size = std::uint32_t{1} << std::min(host_bits, 24);
        return size < 2 ? 0 : size - 2;
    }
    void settle(std::uint32_t number) {
        if (owners_.contains(number) || carried_.contains(number) || reserved_.contains(number)) return;
        taken_.erase(number);
        freed_ = true;
    }

    IpPrefix prefix_;
    std::uint32_t next_ = 0;
    bool freed_ = false;
    NumberSet carried_;
    NumberSet taken_;
    NumberSet reserved_;
    std::unordered_map<std::uint32_t, Owner*, std::hash<std::uint32_t>, std::equal_to<>,
                       BlockAllocator<std::pair<const std::uint32_t, Owner*>>>
        owners_;
    std::unordered_map<std::uint32_t, std::uint32_t> carried_more_;  ///< carriers beyond the first
};

}  // namespace weft::ipam
