#pragma once

#include "engine/module.hpp"

#include <weft/base/result.hpp>

#include <map>
#include <span>
#include <string>
#include <vector>

namespace weft::engine {

/// A rule or operator that runs, and when. Pure data: the graph is planned and found right before anything changes.
struct PlannedNode {
    const ModuleSpec* module = nullptr;
    const RuleSpec* rule = nullptr;  ///< one of the two
    const OperatorEntry* op = nullptr;
    std::string full;  ///< module/name
    std::vector<std::string_view> reads;
    std::vector<std::string_view> writes;
    std::size_t stratum = 0;
};

struct PlannedTable {
    TableSpec spec;
    bool input = false;
    bool answers = false;   ///< an adapter's: its completeness may depend on rules
    std::size_t level = 0;  ///< settled before the stratum of this number runs
    std::vector<std::string> writers;
    std::vector<std::string> readers;
};

struct GraphPlan {
    std::vector<PlannedNode> nodes;  ///< sorted by full name
    std::map<std::string, PlannedTable, std::less<>> tables;
    std::size_t strata = 0;
};

/// A table that is used besides the modules: an input of the host, a subscription.
struct OutsideTable {
    TableSpec spec;
    bool input = false;
    std::string user;  ///< for messages
};

/// Checks all modules together and orders what runs in `role`. The error has a line for each thing that is wrong.
Result<GraphPlan> plan_graph(Role role, std::span<const ModuleSpec* const> modules,
                             std::span<const OutsideTable> outside);

}  // namespace weft::engine
