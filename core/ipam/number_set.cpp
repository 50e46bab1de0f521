#include "ipam/number_set.hpp"

#include <algorithm>
#include <bit>

namespace weft::ipam {

namespace {

constexpr std::uint64_t bit(std::uint32_t n) {
    return std::uint64_t{1} << (n % 64);
}

}  // namespace

bool NumberSet::contains(std::uint32_t n) const {
    const std::size_t at = n / piece_bits;
    if (at >= pieces_.size() || !pieces_[at]) return false;
    return (pieces_[at]->words[n % piece_bits / word_bits] & bit(n)) != 0;
}

bool NumberSet::insert(std::uint32_t n) {
    if (n >= limit_) return false;
    const std::size_t at = n / piece_bits;
    if (at >= pieces_.size()) pieces_.resize(at + 1);
    if (!pieces_[at]) pieces_[at] = std::make_unique<Piece>();
    auto& word = pieces_[at]->words[n % piece_bits / word_bits];
    if ((word & bit(n)) != 0) return false;
    word |= bit(n);
    ++pieces_[at]->size;
    ++size_;
    return true;
}

bool NumberSet::erase(std::uint32_t n) {
    if (!contains(n)) return false;
    auto& piece = pieces_[n / piece_bits];
    piece->words[n % piece_bits / word_bits] &= ~bit(n);
    --size_;
    if (--piece->size == 0) piece.reset();
    return true;
}

std::optional<std::uint32_t> NumberSet::next_free(std::uint32_t start) const {
    if (full()) return std::nullopt;
    if (start >= limit_) start = 0;
    if (const auto found = first_free(start, limit_)) return found;
    return first_free(0, start);
}

std::optional<std::uint32_t> NumberSet::first_free(std::uint32_t from, std::uint32_t to) const {
    while (from < to) {
        const std::size_t at = from / piece_bits;
        if (at >= pieces_.size() || !pieces_[at]) return from;
        const Piece& piece = *pieces_[at];
        if (piece.size == piece_bits) {
            from = static_cast<std::uint32_t>(at + 1) * piece_bits;
            continue;
        }
        // Taken bits below `from` count as taken.
        const std::uint64_t word = piece.words[from % piece_bits / word_bits] | (bit(from) - 1);
        if (word != ~std::uint64_t{0}) {
            const std::uint32_t found =
                from / word_bits * word_bits + static_cast<std::uint32_t>(std::countr_one(word));
            return found < to ? std::optional(found) : std::nullopt;
        }
        from = (from / word_bits + 1) * word_bits;
    }
    return std::nullopt;
}

}  // namespace weft::ipam
