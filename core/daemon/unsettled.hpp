#pragma once

#include "engine/engine.hpp"

#include <weft/engine/status.hpp>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weft::daemon {

/// Knows which rule instances wait or have failed, by the tables that they write: after a restart, rows that such an
/// instance may still want are not deleted.
class UnsettledInstances final : public engine::Subscriber {
  public:
    void set_rules(std::map<std::string, std::vector<std::string>> writes_of_rules);

    /// Some instance that writes `table` is unsettled; with `driver`, an instance of that driver row.
    bool any(std::string_view table, std::string_view driver) const;
    /// True once after each change of the set.
    bool take_changed() { return std::exchange(changed_, false); }

    void changed(std::span<const Change> changes) override;

  private:
    std::map<std::string, std::vector<std::string>> writes_of_rules_;
    std::map<std::string, std::multiset<std::string>, std::less<>> drivers_;  ///< by table written
    bool changed_ = false;
};

}  // namespace weft::daemon
