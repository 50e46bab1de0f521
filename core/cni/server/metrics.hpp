#pragma once

#include <weft/base/clock.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <string>

namespace weft::cni {

/// Durations in buckets, ready for a metrics page.
struct Histogram {
    /// Upper bounds in seconds; the last bucket has none.
    static constexpr std::array<double, 14> bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                   0.25,  0.5,    1,     2.5,  5,     10,   60};
    std::array<std::uint64_t, bounds.size() + 1> counts{};
    std::uint64_t count = 0;
    double sum = 0;

    void add(Duration duration) {
        const double seconds = std::chrono::duration<double>(duration).count();
        std::size_t bucket = 0;
        while (bucket < bounds.size() && seconds > bounds[bucket])
            ++bucket;
        ++counts[bucket];
        ++count;
        sum += seconds;
    }
};

struct CniMetrics {
    /// "ADD", "DEL", …; good and failed requests apart.
    std::map<std::string, Histogram> requests;
    std::map<std::string, Histogram> failures;
    /// Parts of ADDs that went well: "interface" (waiting for the pod's row), "link", "port" (Open vSwitch's commit),
    /// "configure", "binding" (from the commit to ovn-installed).
    std::map<std::string, Histogram> add_stages;
    std::uint64_t refused = 0;   ///< connections and requests that were no valid request
    std::uint64_t scrubbed = 0;  ///< stale ports removed
};

}  // namespace weft::cni
