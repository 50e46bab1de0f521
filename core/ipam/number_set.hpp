#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace weft::ipam {

/// A set of the numbers 0..limit-1 as a bitmap in pieces. Pieces exist only where numbers are, so a set over sixteen
/// million addresses costs what is in it, and finding a free number skips full pieces at once.
class NumberSet {
  public:
    explicit NumberSet(std::uint32_t limit = 0) : limit_(limit) {}

    std::uint32_t limit() const { return limit_; }
    std::uint32_t size() const { return size_; }
    bool full() const { return size_ == limit_; }
    bool contains(std::uint32_t n) const;
    /// False when it was there already, or is no number of this set.
    bool insert(std::uint32_t n);
    bool erase(std::uint32_t n);
    /// The first number from `start` on, wrapping, that is not in the set.
    std::optional<std::uint32_t> next_free(std::uint32_t start) const;

  private:
    static constexpr std::uint32_t word_bits = 64;
    static constexpr std::uint32_t piece_words = 64;
    static constexpr std::uint32_t piece_bits = word_bits * piece_words;
    struct Piece {
        std::array<std::uint64_t, piece_words> words{};
        std::uint32_t size = 0;
    };

    std::optional<std::uint32_t> first_free(std::uint32_t from, std::uint32_t to) const;

    std::uint32_t limit_;
    std::uint32_t size_ = 0;
    std::vector<std::unique_ptr<Piece>> pieces_;
};

}  // namespace weft::ipam
