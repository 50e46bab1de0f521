#pragma once

#include "engine/cells.hpp"

#include <weft/base/clock.hpp>

#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

namespace weft::engine {

/// The next moment at which an instance must run again though nothing has changed: a time it asked about, or a retry.
class Deadlines {
  public:
    void set(InstanceId instance, TimePoint when) {
        cancel(instance);
        of_.emplace(instance, when);
        order_.emplace(when, instance);
    }
    void cancel(InstanceId instance) {
        const auto at = of_.find(instance);
        if (at == of_.end()) return;
        order_.erase({at->second, instance});
        of_.erase(at);
    }
    std::optional<TimePoint> next() const {
        return order_.empty() ? std::nullopt : std::optional(order_.begin()->first);
    }
    /// Takes out one that is due, or 0.
    InstanceId take(TimePoint now) {
        if (order_.empty() || order_.begin()->first > now) return 0;
        const InstanceId instance = order_.begin()->second;
        cancel(instance);
        return instance;
    }

  private:
    std::set<std::pair<TimePoint, InstanceId>> order_;
    std::unordered_map<InstanceId, TimePoint> of_;
};

}  // namespace weft::engine
