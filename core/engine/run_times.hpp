#pragma once

#include <weft/base/clock.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace weft::engine {

/// How long runs took: counts in steps of a quarter of an octave, from 64 ns to a minute, so that a percentile is at
/// most a fifth too high. What happened between two looks is the difference of the counts, which wrap around.
class RunTimes {
  public:
    static constexpr std::size_t steps = 120;
    using Counts = std::array<std::uint32_t, steps>;

    void add(Duration took) { ++counts_[step_of(took)]; }
    const Counts& counts() const { return counts_; }

    static std::size_t step_of(Duration took) {
        const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 64));
        const auto octave = static_cast<std::size_t>(std::bit_width(ns)) - 1;
        return std::min<std::size_t>((octave - 6) * 4 + ((ns >> (octave - 2)) & 3), steps - 1);
    }
    /// What a run of this step took at most.
    static Duration longest(std::size_t step) {
        const std::uint64_t octave = 6 + step / 4;
        return Duration(static_cast<std::int64_t>((std::uint64_t{5} + step % 4) << (octave - 2)));
    }
    /// So long at most did this share of the runs take; zero for no runs.
    static Duration percentile(std::span<const std::uint32_t> counts, double share) {
        std::uint64_t all = 0;
        for (const std::uint32_t count : counts)
            all += count;
        std::uint64_t seen = 0;
        for (std::size_t step = 0; step < counts.size(); ++step) {
            seen += counts[step];
            if (counts[step] > 0 && static_cast<double>(seen) >= share * static_cast<double>(all)) return longest(step);
        }
        return Duration::zero();
    }

  private:
    Counts counts_{};
};

}  // namespace weft::engine
