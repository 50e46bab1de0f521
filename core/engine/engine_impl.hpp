#pragma once

#include "containment/run_board.hpp"
#include "engine/adapters.hpp"
#include "engine/deadlines.hpp"
#include "engine/engine.hpp"
#include "engine/flaps.hpp"
#include "engine/graph.hpp"
#include "engine/input_queue.hpp"
#include "engine/node.hpp"
#include "engine/owners.hpp"
#include "engine/parallel.hpp"
#include "engine/run.hpp"
#include "engine/statuses.hpp"
#include "engine/store.hpp"
#include "engine/tap.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft::engine {

/// The parts of the engine and how they work together. Spread over graph_change.cpp (modules come and go), tick.cpp
/// (one round), delivery.cpp (subscribers), inspect.cpp, explain.cpp and verify.cpp (looking inside).
class Engine::Impl {
  public:
    class Verifier;  ///< verify.cpp

    Impl(Engine& engine, EngineOptions options);

    // graph_change.cpp
    Result<void> add_input(const TableSpec& table);
    Result<void> change(std::vector<ModuleSpec> add, const std::vector<std::string>& remove);
    void refresh_ready();

    // tick.cpp
    TickReport tick();
    void give_back_memory();

    // delivery.cpp
    Result<void> subscribe(std::vector<TableSpec> tables, Subscriber& subscriber);
    void unsubscribe(Subscriber& subscriber);
    void deliver(TickReport& report);
    std::vector<std::string> awaiting() const;

    // inspect.cpp
    std::vector<RuleReport> rule_reports() const;
    std::vector<TableReport> table_reports() const;
    std::string dot() const;
    std::vector<RuleLinks> rule_links() const;

    // explain.cpp
    Explanation explain(std::string_view table, std::string_view key) const;
    InstanceReport report_of(InstanceId instance, bool whole) const;
    ReadReport report_of(const Source& source) const;
    std::optional<Duration> changed_ago(const Cell& cell) const;

    void notify(bool first) {
        if (first && options.woken) options.woken();
    }

    struct Module {
        ModuleSpec spec;
        std::vector<Node*> nodes;
        std::vector<AdapterRunner*> adapters;
        std::map<std::string, std::unique_ptr<Operator>> new_operators;  ///< by name, until they are in the graph
        std::map<std::string, std::unique_ptr<Adapter>> new_adapters;
    };
    struct Subscription {
        Subscriber* subscriber = nullptr;
        std::vector<TableSpec> specs;
        std::vector<Table*> tables;
        bool primed = false;  ///< has had the rows that were there when it came
        bool done = false;    ///< has been told that its first round is over
    };

    Engine& engine;
    const EngineOptions options;
    InputQueue queue;
    Store store;
    Nodes nodes;
    Owners owners;
    Statuses statuses;
    Deadlines deadlines;
    Flaps flaps;
    containment::RunLanes lanes;  ///< one a thread that runs rules; operators and verify() have the first
    std::map<std::string, std::unique_ptr<Module>, std::less<>> modules;
    std::vector<std::vector<Node*>> strata;
    std::vector<std::vector<Table*>> levels;
    std::map<std::string, TableSpec, std::less<>> host_inputs;
    std::vector<Subscription> subscriptions;
    AdapterExecutor adapters;
    bool ready_is_stale = true;
    bool started = false;  ///< all inputs have been complete once
    std::uint64_t ticks = 0;
    TimePoint now;  ///< of this tick, the same for all rules
    WallTime wall;  ///< the same moment
    TimePoint made_at;
    Stamp stamp_now = 0;
    TickTiming timing;

  private:
    // graph_change.cpp
    std::vector<OutsideTable> outside_tables() const;
    Result<void> check_retyping(const GraphPlan& plan) const;
    Result<void> make_parts(Module& module) const;
    void drop_module(const std::string& name);
    void drop_node(Node& node);
    void apply(const GraphPlan& plan);
    void apply_tables(const GraphPlan& plan);
    Node& make_node(const PlannedNode& planned);
    Index& use_index(Table& table, const IndexSpec& spec, const std::string& module);
    void start_adapters(Module& module);
    Node* find_node(std::string_view full) const;

    // tick.cpp
    std::vector<TappedInput> take_input(InputQueue::Batch& batch, TickReport& report);
    void take_input(Table& table, PendingInput& pending);
    void settle(Table& table, TickReport& report);
    void reindex(Table& table, CellId cell, const RowPtr& before);
    void wake_bucket(Index& index, const std::string& value);
    void mark(InstanceId instance, Cause cause);
    void mark_readers(SourceId source, Cause cause);
    std::string text(const Cause& cause) const;
    std::string text(const CauseCounts::Entry& cause) const;
    std::uint16_t table_of(const Cause& cause) const;
    void activate(Node& node);
    void run_stratum(std::vector<Node*>& stratum, TickReport& report);
    void sort(std::vector<DirtyInstance>& dirty) const;
    void run_rules(std::vector<DirtyInstance>& work, TickReport& report);
    void merge(Run& run, const DirtyInstance& dirty, TickReport& report);
    void set_reads(const Run& run, const Node& node);
    SourceId source_of(const Run& run, const ReadRecord& read, const Node& node);
    void set_deadline(const Run& run, unsigned attempts);
    void note_pace(const Run& run, bool changed, const DirtyInstance& dirty);
    void hold(InstanceId instance);
    void release(InstanceId instance);
    void retire(InstanceId instance);
    void run_operator(Node& node, bool first, TickReport& report);

    // delivery.cpp
    void tap_output(const TickReport& report);
    void collect(std::size_t input, Table& table, std::vector<Change>& changes);
    void collect_all(std::size_t input, Table& table, std::vector<Change>& changes);

    std::unique_ptr<Parallel> parallel_;
    std::uint32_t stamp_ = 0;
    std::vector<SourceId> reads_scratch_;
    std::vector<Node*> fanned_;
    Run run_;
};

}  // namespace weft::engine
