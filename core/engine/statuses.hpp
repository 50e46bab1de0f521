#pragma once

#include "engine/node.hpp"
#include "engine/owners.hpp"
#include "engine/run.hpp"

#include <weft/base/clock.hpp>
#include <weft/engine/status.hpp>

#include <set>
#include <string>
#include <unordered_map>

namespace weft::engine {

/// What is wrong with which instance, and the RuleStatus table that tells it.
class Statuses {
  public:
    Statuses(Store& store, const Nodes& nodes, Owners& owners);

    /// The outcome of a run. Returns how often in a row it has failed so that it may be tried again, 0 if it has not.
    unsigned note(const Run& run);
    void forget(InstanceId instance);
    /// An operator threw: its rows are as they were when it did.
    void note_operator(const Node& node, const std::string& what);
    void forget_operator(const Node& node);
    /// Brings the table up to date, at the end of a tick.
    void flush(WallTime wall);

    Table& table() const { return table_; }
    std::string key(InstanceId instance) const;
    /// Of the last run: rows kept from an earlier one are seen.
    bool keeps_old_rows(InstanceId instance) const;

  private:
    struct Trouble {
        RuleState state = RuleState::waiting;
        Error error;
        unsigned attempts = 0;
        friend bool operator==(const Trouble&, const Trouble&) = default;
    };

    void show(InstanceId instance, std::int64_t now_ms);
    void put(RuleStatus status, std::int64_t now_ms);
    void tell_indexes(std::int64_t now_ms);
    std::optional<Error> conflict_of(InstanceId instance) const;

    Store& store_;
    const Nodes& nodes_;
    Owners& owners_;
    Table& table_;
    std::unordered_map<InstanceId, Trouble> troubles_;
    std::unordered_map<std::string, std::string> operator_troubles_;  ///< those not yet in the table
    std::set<std::string> index_statuses_;                            ///< keys of those in the table
};

}  // namespace weft::engine
