#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cstddef>
#include <cstdint>

#include <sys/mman.h>

namespace weft {

/// Which places of a piece of memory are free. It lies in the head of that piece, so that nobody has to look into the
/// places themselves, and pages without a place that is taken can go back to the system. `capacity`: the most places.
template <std::size_t capacity>
class FreePlaces {
  public:
    /// All of them.
    explicit FreePlaces(std::uint32_t count) : count_(count) {
        for (std::uint32_t place = 0; place < count; ++place)
            put_back(place);
    }

    bool is_free(std::uint32_t place) const { return (free_[place / word_bits] >> place % word_bits & 1) != 0; }

    /// The first that is free; there has to be one. So what is taken stays close together, and no page is touched
    /// before it is needed.
    std::uint32_t take() {
        while (free_[hint_] == 0)
            ++hint_;
        Word& word = free_[hint_];
        const auto place = hint_ * word_bits + static_cast<std::uint32_t>(std::countr_zero(word));
        word &= word - 1;
        return place;
    }

    void put_back(std::uint32_t place) {
        free_[place / word_bits] |= Word{1} << place % word_bits;
        hint_ = std::min(hint_, place / word_bits);
    }

    /// Gives the system the pages of a piece that neither its head nor a taken place reaches into.
    /// `piece`: begins on a page. `head`: bytes before the first place. `each`: bytes of a place.
    template <std::size_t piece_size>
    void give_back_pages(std::byte* piece, std::size_t head, std::size_t each) const {
        std::bitset<piece_size / page> needed;
        const auto need = [&](std::size_t begin, std::size_t size) {
            for (std::size_t at = begin / page; at <= (begin + size - 1) / page && at < needed.size(); ++at)
                needed.set(at);
        };
        need(0, head);
        for (std::uint32_t place = 0; place < count_; ++place) {
            if (!is_free(place)) need(head + place * each, each);
        }
        for (std::size_t at = 0; at < needed.size(); ++at) {
            if (!needed.test(at)) ::madvise(piece + at * page, page, MADV_DONTNEED);
        }
    }

  private:
    using Word = std::uint64_t;
    static constexpr std::uint32_t word_bits = 64;
    static constexpr std::size_t page = 4 << 10;

    std::array<Word, (capacity + word_bits - 1) / word_bits> free_{};
    std::uint32_t count_;
    std::uint32_t hint_ = 0;  ///< no word before this one has a free place
};

}  // namespace weft
