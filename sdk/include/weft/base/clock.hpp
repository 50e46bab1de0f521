#pragma once

#include <weft/base/api.hpp>

#include <chrono>

namespace weft {

/// A point on the monotonic clock that everything inside weft is timed by.
using TimePoint = std::chrono::steady_clock::time_point;
/// A length of time on that clock.
using Duration = std::chrono::steady_clock::duration;
/// A point on the wall clock, for people and for what outlives the process.
using WallTime = std::chrono::system_clock::time_point;

/// Where time comes from. Injected everywhere, so that a test owns it.
class WEFT_API Clock {
  public:
    virtual ~Clock();
    /// The monotonic clock.
    virtual TimePoint now() const = 0;
    /// The wall clock.
    virtual WallTime wall() const = 0;

    /// The machine's clock.
    static const Clock& system();
};

/// A clock that moves only when told to.
class WEFT_API ManualClock final : public Clock {
  public:
    /// As it was set.
    TimePoint now() const override { return now_; }
    /// The same moment, counted from the epoch.
    WallTime wall() const override {
        return WallTime(std::chrono::duration_cast<WallTime::duration>(now_.time_since_epoch()));
    }
    /// Lets time pass.
    void advance(Duration by) { now_ += by; }

  private:
    TimePoint now_{std::chrono::hours(24)};
};

}  // namespace weft
