#pragma once

#include "engine/run_times.hpp"

#include <weft/base/clock.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

/// What the engine measures while it works; kept so small that nobody has to ask whether it may be on.
namespace weft::engine {

/// When something happened: hundredths of a second since the engine was made. 4 bytes last for 497 days; what is later
/// has the last stamp.
using Stamp = std::uint32_t;

inline Stamp stamp_of(Duration since_made) {
    const auto hundredths = since_made / std::chrono::milliseconds(10);
    return static_cast<Stamp>(std::clamp<std::int64_t>(hundredths, 0, std::numeric_limits<Stamp>::max()));
}
inline Duration since_made(Stamp stamp) {
    return std::chrono::milliseconds(10) * std::int64_t{stamp};
}

/// Why an instance is to run; said of the slowest run and of the widest fan-out.
struct Cause {
    enum class Kind : std::uint8_t { first_run, driver, row, bucket, scan, timer };
    Kind kind = Kind::first_run;
    std::uint32_t target = 0;  ///< cell, bucket or table
};

/// How often a rule ran because of what.
class CauseCounts {
  public:
    struct Entry {
        Cause::Kind kind = Cause::Kind::first_run;
        std::uint16_t table = 0;
        std::uint64_t count = 0;
    };

    void count(Cause::Kind kind, std::uint16_t table) {
        for (Entry& entry : entries_) {
            if (entry.kind == kind && entry.table == table) return void(++entry.count);
        }
        entries_.push_back({kind, table, 1});
    }
    const std::vector<Entry>& entries() const { return entries_; }

  private:
    std::vector<Entry> entries_;
};

struct SlowRun {
    Duration took{};
    std::string key;
    std::string cause;
};

/// The slowest runs of the last half minute to minute: those of the running window and of the one before.
class SlowRuns {
  public:
    /// Is this run to be added? Costs two comparisons for nearly all runs.
    bool takes(Duration took, TimePoint now) {
        if (now >= until_) turn(now);
        return took > least_;
    }
    void add(SlowRun run) {
        running_.push_back(std::move(run));
        std::sort(running_.begin(), running_.end(), [](const auto& a, const auto& b) { return a.took > b.took; });
        if (running_.size() > most) running_.pop_back();
        if (running_.size() == most) least_ = running_.back().took;
    }
    /// Slowest first, each key once.
    std::vector<SlowRun> list(TimePoint now) const {
        std::vector<SlowRun> all;
        if (now < until_ + window) all = running_;
        if (now < until_) all.insert(all.end(), before_.begin(), before_.end());
        std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.took > b.took; });
        std::vector<SlowRun> out;
        for (auto& run : all) {
            const auto same = [&](const SlowRun& other) { return other.key == run.key; };
            if (out.size() < most && std::none_of(out.begin(), out.end(), same)) out.push_back(std::move(run));
        }
        return out;
    }

  private:
    static constexpr std::size_t most = 3;
    static constexpr Duration window = std::chrono::seconds(30);

    void turn(TimePoint now) {
        before_ = now < until_ + window ? std::move(running_) : std::vector<SlowRun>();
        running_.clear();
        least_ = Duration::zero();
        until_ = now + window;
    }

    std::vector<SlowRun> running_, before_;
    Duration least_{};
    TimePoint until_{};
};

}  // namespace weft::engine
