#pragma once

#include "json.hpp"

#include <weft/testing/api_server.hpp>

#include <condition_variable>
#include <mutex>
#include <string>

namespace weft::apiserver {

using weft::testing::ApiStats;
using weft::testing::RequestCount;

/// Counts requests as they are answered. Any thread.
class Counters {
  public:
    void count(const std::string& label, const RequestCount& more);
    void connections(std::int64_t more);
    void watches(std::int64_t more);
    void stalled(std::uint64_t now);

    ApiStats get() const;
    void reset();
    bool wait(const std::function<bool(const ApiStats&)>& holds, TimePoint deadline) const;
    Json json() const;

  private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    ApiStats stats_;
};

}  // namespace weft::apiserver
