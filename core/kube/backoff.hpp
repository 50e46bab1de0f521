#pragma once

#include <weft/base/clock.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>

namespace weft::kube {

/// Numbers in [0, 1) for jitter. Injected, so that a test knows them.
using Random = std::function<double()>;

inline Random seeded_random(std::uint64_t seed) {
    return [engine = std::mt19937_64(seed)]() mutable { return std::uniform_real_distribution<double>(0, 1)(engine); };
}
inline Random system_random() {
    return seeded_random(std::random_device{}());
}

/// How long to wait after the n-th failure in a row: doubled each time up to the most, plus up to `jitter` of itself,
/// so that many clients of a server that comes back do not come at once.
class Backoff {
  public:
    struct Options {
        Duration first = std::chrono::milliseconds(800);
        Duration most = std::chrono::seconds(30);
        double jitter = 1.0;
    };

    Backoff(Options options, Random random) : options_(options), random_(std::move(random)) {}

    /// The next delay; never shorter than what the server asked for.
    Duration next(std::optional<Duration> retry_after = std::nullopt) {
        const Duration base = std::min(options_.most, options_.first * (1U << std::min(failures_, 20U)));
        ++failures_;
        const auto jitter = std::chrono::duration<double, Duration::period>(static_cast<double>(base.count()) *
                                                                            options_.jitter * random_());
        const Duration delay = base + std::chrono::duration_cast<Duration>(jitter);
        return std::max(delay, retry_after.value_or(Duration::zero()));
    }
    void reset() { failures_ = 0; }
    unsigned failures() const { return failures_; }

  private:
    Options options_;
    Random random_;
    unsigned failures_ = 0;
};

}  // namespace weft::kube
