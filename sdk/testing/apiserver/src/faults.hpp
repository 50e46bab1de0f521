#pragma once

#include "json.hpp"

#include <weft/testing/api_server.hpp>

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>

namespace weft::apiserver {

using weft::testing::Fault;

/// The faults that are in force. Any thread.
class Faults {
  public:
    int inject(Fault fault);
    void heal(int id);
    void heal_all();
    /// The oldest fault that meets this request, used up by one. Watches are met by "WATCH" and "GET".
    std::optional<Fault> take(std::string_view method, std::string_view path, bool watch);
    /// Whether a running watch has to be silent, or to tell everything twice.
    bool stalls_watch(std::string_view path) const { return holds(Fault::Kind::stall, path); }
    bool duplicates_watch(std::string_view path) const { return holds(Fault::Kind::duplicate, path); }
    /// Called after each change, without a lock held. Set before the first request.
    void on_change(std::function<void()> call) { on_change_ = std::move(call); }

    /// {"kind": "error", "code": 503, "times": 2, ...} as posted to /_faults.
    static Result<Fault> parse(const Json& json);

  private:
    bool holds(Fault::Kind kind, std::string_view path) const;
    void changed() const;

    mutable std::mutex mutex_;
    std::map<int, Fault> faults_;
    int next_ = 1;
    std::function<void()> on_change_;
};

}  // namespace weft::apiserver
