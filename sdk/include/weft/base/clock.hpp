#pragma once

#include <weft/base/api.hpp>

#include <chrono>

namespace weft {

/// A point on the monotonic clock that everything inside weft is timed by.
using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;
using WallTime = std::chrono::system_clock::time_point;

/// Where time comes from. Injected everywhere, so that a test owns it.
class WEFT_API Clock {
  public:
    virtual ~Clock();
    virtual TimePoint now() const = 0;
    virtual WallTime wall() const = 0;

    /// The machine's clock.
    static const Clock& system();
};

/// A clock that moves only when told to.
class WEFT_API ManualClock final : public Clock {
  public:
    TimePoint now() const override { return now_; }
    WallTime wall() const override {
        return WallTime(std::chrono::duration_cast<WallTime::duration>(now_.time_since_epoch()));
    }
    void advance(Duration by) { now_ += by; }

  private:
    TimePoint now_{std::chrono::hours(24)};
};

}  // namespace weft
