#pragma once

#include "engine/engine.hpp"

#include <weft/base/result.hpp>

#include <map>
#include <string>
#include <vector>

/// What would be there with another configuration, other plugins or other objects: a second engine gets the facts of
/// the running one, changed as asked, computes beside it, and what both want is compared. Nothing is touched.
namespace weft::insight {

using RowsByKey = std::map<std::string, RowPtr, std::less<>>;
using RowsByTable = std::map<std::string, RowsByKey, std::less<>>;

struct PlanInput {
    Role role = Role::node;
    std::vector<engine::ModuleSpec> modules;  ///< as they would run; their adapters don't
    std::vector<TableSpec> inputs;            ///< filled from outside; names outlive the plan
    RowsByTable facts;                        ///< rows of inputs as they would be
    RowsByTable now;                          ///< rows of desired tables and statuses as they are
    std::vector<std::string> notes;           ///< what the reader has to know
    std::vector<std::string> changed;         ///< keys of the configuration: "[default] mtu: 1400 → 1300"
};

/// "OVN northbound", "Kubernetes", …: where rows of a desired table go; empty for tables that stay inside.
std::string_view side_of(std::string_view table);

/// The desired rows and statuses that the engine has; on the engine thread.
RowsByTable desired_rows(const engine::Engine& engine);
/// The rows of all inputs; on the engine thread.
RowsByTable input_rows(const engine::Engine& engine);

/// Computes and compares; on any thread. README.md describes the JSON.
Result<std::string> plan_json(PlanInput input);

}  // namespace weft::insight
