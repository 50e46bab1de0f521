#include "daemon/unsettled.hpp"

namespace weft::daemon {

void UnsettledInstances::set_rules(std::map<std::string, std::vector<std::string>> writes_of_rules) {
    writes_of_rules_ = std::move(writes_of_rules);
}

bool UnsettledInstances::any(std::string_view table, std::string_view driver) const {
    const auto at = drivers_.find(table);
    if (at == drivers_.end() || at->second.empty()) return false;
    return driver.empty() || at->second.contains(std::string(driver));
}

void UnsettledInstances::changed(std::span<const Change> changes) {
    const auto count = [&](const RowPtr& row, bool add) {
        const auto& status = row.as<RuleStatus>();
        if (status.state != RuleState::waiting && status.state != RuleState::failed) return;
        const auto rule = writes_of_rules_.find(status.module + "/" + status.rule);
        if (rule == writes_of_rules_.end()) return;
        for (const auto& table : rule->second) {
            auto& drivers = drivers_[table];
            if (add) {
                drivers.insert(status.driver);
            } else if (const auto at = drivers.find(status.driver); at != drivers.end()) {
                drivers.erase(at);
            }
        }
        changed_ = true;
    };
    for (const Change& change : changes) {
        if (change.before) count(change.before, false);
        if (change.after) count(change.after, true);
    }
}

}  // namespace weft::daemon
