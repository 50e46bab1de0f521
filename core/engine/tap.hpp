#pragma once

#include "engine/input_queue.hpp"

#include <weft/base/clock.hpp>
#include <weft/engine/operator.hpp>
#include <weft/engine/table.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::engine {

/// What one tick took from outside, of one table.
struct TappedInput {
    TableSpec table;
    PendingInput news;
};

/// What one tick changed in a table that rules fill: sorted by key.
struct TappedOutput {
    TableSpec table;
    std::vector<Change> changes;
};

/// When a tick ran: rules see `now`, statuses `wall`.
struct TickTime {
    std::uint64_t number = 0;
    TimePoint now;
    WallTime wall;
};

/// Sees all that enters the engine, in the order in which it counts, and what comes of it: whoever gives another engine
/// the same gets the same. Everything is called on the engine thread. Names of tables live as long as the engine.
class Tap {
  public:
    /// Are the changes of this table, which rules fill, of interest?
    virtual bool wants(std::string_view table) = 0;
    /// Modules came and went; `inputs` are all tables that are filled from outside from now on.
    virtual void graph_changed(const std::vector<std::string>& added, const std::vector<std::string>& removed,
                               const std::vector<TableSpec>& inputs) = 0;
    /// Before the rules run; `input` has only tables that the graph has.
    virtual void tick_begins(const TickTime& time, std::vector<TappedInput> input) = 0;
    /// The rules have run. `idle`: nothing happened in this tick, so that it might as well not have been.
    virtual void tick_ends(std::vector<TappedOutput> output, bool idle) = 0;

  protected:
    ~Tap() = default;
};

}  // namespace weft::engine
