#pragma once

#include "engine/measures.hpp"
#include "engine/report.hpp"
#include "engine/store.hpp"

#include <weft/engine/operator.hpp>
#include <weft/engine/rule.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace weft::engine {

class Owners;

struct DirtyInstance {
    InstanceId instance = 0;
    Cause cause;
};

/// A rule or an operator in the running graph.
struct Node {
    struct Read {
        Table* table = nullptr;
        Index* index = nullptr;  ///< null: the table itself
    };

    std::uint16_t id = 0;
    std::string module;
    std::string name;
    std::string full;  ///< module/name
    std::vector<Table*> writes;
    std::size_t stratum = 0;
    bool ready = false;       ///< all that feeds it has run on complete inputs
    std::uint16_t label = 0;  ///< on the board
    bool active = false;      ///< has had its first run; from then on it follows every change

    // A rule
    void (*derive)(const void*, detail::ReaderCore&, detail::DesiredCore&) noexcept = nullptr;
    Table* driver = nullptr;
    std::vector<Read> reads;
    const Owners* owners = nullptr;  ///< for the lists of `ordered` tables
    std::vector<DirtyInstance> dirty;

    // An operator
    std::unique_ptr<Operator> op;
    std::function<std::unique_ptr<Operator>()> make_operator;  ///< another of the kind, to verify against
    std::vector<Table*> inputs;
    InstanceId operator_instance = 0;  ///< owner of its rows

    std::size_t instances = 0;
    RuleReport counts;  ///< of which the counters are kept here
    CauseCounts causes;
    SlowRuns slow;
    std::size_t fan = 0;  ///< instances marked by the change being looked at

    bool is_operator() const { return op != nullptr; }
};

using Nodes = std::vector<std::unique_ptr<Node>>;  ///< by id; null where a number is free

}  // namespace weft::engine
