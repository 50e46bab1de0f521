#pragma once

#include <weft/engine/operator.hpp>
#include <weft/engine/rule.hpp>

#include <string>
#include <vector>

namespace weft::engine {

struct OperatorEntry {
    std::string name;
    Role role = Role::node;
    OperatorSpec spec;
};

struct AdapterEntry {
    std::string name;
    Role role = Role::node;
    AdapterSpec spec;
};

/// What one plugin (or one part of the kernel, such as the allocators) adds to the graph.
struct ModuleSpec {
    std::string name;
    std::vector<RuleSpec> rules;
    std::vector<OperatorEntry> operators;
    std::vector<AdapterEntry> adapters;
    std::vector<TableSpec> extension_points;
    /// Input tables that come with the module, such as a resource of its own; they need complete() like any other.
    std::vector<TableSpec> inputs;
};

}  // namespace weft::engine
