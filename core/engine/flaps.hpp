#pragma once

#include "engine/cells.hpp"
#include "engine/measures.hpp"

#include <weft/base/clock.hpp>

#include <algorithm>
#include <chrono>
#include <unordered_map>

namespace weft::engine {

/// Instances whose rows change without end, mostly because what they put comes back as what they read. Who changes too
/// often is *damped*: it runs after a pause only, which grows while it goes on.
class Flaps {
  public:
    static constexpr Duration least_pause = std::chrono::seconds(1);
    static constexpr Duration most_pause = std::chrono::seconds(10);
    /// Changes are counted in windows of 2^10 hundredths of a second.
    static constexpr unsigned window_bits = 10;

    static constexpr unsigned most_limit = 3000;  ///< more can't be counted

    /// `limit`: so many changes a second are too many; 0: none are.
    explicit Flaps(unsigned limit) : most_(std::min<unsigned>(limit, most_limit) * ((1U << window_bits) / 100U)) {}

    bool on() const { return most_ != 0; }
    unsigned most_in_window() const { return most_; }

    /// Counts a change; true when there are too many, in this window and in the one before: a burst is none.
    bool count(Instance& instance, Stamp now) const {
        const auto window = static_cast<std::uint8_t>(now >> window_bits);
        if (instance.window != window) {
            const bool next = window == static_cast<std::uint8_t>(instance.window + 1);
            instance.busy = next && instance.changes > most_ ? 1 : 0;
            instance.window = window;
            instance.changes = 0;
        }
        if (instance.changes < Instance::most_changes)
            instance.changes = (instance.changes + 1U) & Instance::most_changes;
        return instance.busy != 0 && instance.changes > most_;
    }
    /// How long to leave it alone: longer each time.
    Duration next_pause(InstanceId id) {
        const auto [at, fresh] = pauses_.try_emplace(id, least_pause);
        const Duration pause = at->second;
        at->second = std::min(pause * 2, most_pause);
        return pause;
    }
    void forget(InstanceId id) { pauses_.erase(id); }

  private:
    unsigned most_;
    std::unordered_map<InstanceId, Duration> pauses_;
};

}  // namespace weft::engine
