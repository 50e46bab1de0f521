#include "engine/graph.hpp"

#include <weft/engine/status.hpp>

#include <algorithm>
#include <set>

namespace weft::engine {

namespace {

std::string quoted(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

class Planner {
  public:
    Planner(Role role, std::span<const ModuleSpec* const> modules, std::span<const OutsideTable> outside)
        : role_(role),
          modules_(modules),
          outside_(outside) {}

    Result<GraphPlan> plan() {
        for (const OutsideTable& table : outside_)
            use(table.spec, table.user).input |= table.input;
        check_names();
        for (const ModuleSpec* module : modules_)
            add(*module);
        std::sort(plan_.nodes.begin(), plan_.nodes.end(),
                  [](const PlannedNode& a, const PlannedNode& b) { return a.full < b.full; });
        check_producers();
        order();
        if (!faults_.empty()) return Error{ErrorKind::invalid, faults_, {}, {}};
        return std::move(plan_);
    }

  private:
    void fault(const std::string& text) {
        if (!faults_.empty()) faults_ += "\n";
        faults_ += text;
    }

    void check_names() {
        std::set<std::string> names;
        for (const ModuleSpec* module : modules_) {
            if (!names.insert(module->name).second) fault("two modules are called " + quoted(module->name));
            std::set<std::string> own;
            const auto check = [&](const std::string& name) {
                if (!own.insert(name).second) {
                    fault("module " + quoted(module->name) + " has two rules, operators or adapters called " +
                          quoted(name));
                }
            };
            for (const RuleSpec& rule : module->rules)
                check(rule.name);
            for (const OperatorEntry& op : module->operators)
                check(op.name);
            for (const AdapterEntry& adapter : module->adapters)
                check(adapter.name);
        }
    }

    /// Notes a table and checks that all who use it mean the same.
    PlannedTable& use(const TableSpec& spec, const std::string& user) {
        const auto [at, is_new] = plan_.tables.try_emplace(std::string(spec.name));
        PlannedTable& table = at->second;
        if (is_new) {
            table.spec = spec;
            first_user_[at->first] = user;
        } else if (!table.spec.type->same_as(*spec.type)) {
            fault("table " + quoted(spec.name) + ": " + user + " and " + first_user_[at->first] +
                  " mean different row types (" + type_text(*spec.type) + " and " + type_text(*table.spec.type) +
                  "): build both against one SDK, or rename one table");
        } else if (table.spec.merge != spec.merge) {
            fault("table " + quoted(spec.name) + ": " + user + " and " + first_user_[at->first] +
                  " declare different merge policies");
        }
        return table;
    }

    static std::string type_text(const RowType& type) {
        return std::string(type.name) + " with schema " + std::to_string(type.schema);
    }

    void add(const ModuleSpec& module) {
        for (const TableSpec& spec : module.inputs)
            use(spec, "module " + module.name).input = true;
        for (const TableSpec& spec : module.extension_points) {
            use(spec, "module " + module.name);
            may_be_empty_.insert(std::string(spec.name));
        }
        for (const RuleSpec& rule : module.rules) {
            PlannedNode node{&module, &rule, nullptr, module.name + "/" + rule.name, {}, {}, 0};
            std::vector<TableSpec> reads{rule.driver};
            for (const ReadSpec& read : rule.reads)
                reads.push_back(read.table);
            add(std::move(node), runs_in(rule.role, role_), reads, rule.writes);
        }
        for (const OperatorEntry& op : module.operators) {
            PlannedNode node{&module, nullptr, &op, module.name + "/" + op.name, {}, {}, 0};
            add(std::move(node), runs_in(op.role, role_), op.spec.inputs, op.spec.outputs);
        }
        for (const AdapterEntry& adapter : module.adapters) {
            const std::string full = module.name + "/" + adapter.name;
            use(adapter.spec.requests, full).readers.push_back(full);
            PlannedTable& answers = use(adapter.spec.answers, full);
            answers.input = answers.answers = true;
            answers.writers.push_back(full);
            if (runs_in(adapter.role, role_)) must_be_filled_.emplace_back(adapter.spec.requests.name, full);
        }
    }

    void add(PlannedNode node, bool runs, const std::vector<TableSpec>& reads, const std::vector<TableSpec>& writes) {
        for (const TableSpec& spec : reads) {
            PlannedTable& table = use(spec, node.full);
            node.reads.push_back(plan_.tables.find(spec.name)->first);
            if (runs) {
                table.readers.push_back(node.full);
                must_be_filled_.emplace_back(spec.name, node.full);
            }
        }
        for (const TableSpec& spec : writes) {
            use(spec, node.full);
            node.writes.push_back(plan_.tables.find(spec.name)->first);
            written_.insert(std::string(spec.name));
            if (runs) written_by_[std::string(spec.name)].push_back(node.full);
            if (runs && node.op != nullptr) written_by_operator_.insert(std::string(spec.name));
            if (spec.name == RuleStatus::table_name) fault(node.full + " writes RuleStatus, which only the engine may");
        }
        if (runs) plan_.nodes.push_back(std::move(node));
    }

    void check_producers() {
        for (const auto& [name, reader] : must_be_filled_) {
            if (name == RuleStatus::table_name) {
                fault(reader + " reads RuleStatus, which is made after all rules: follow it from outside");
            } else if (!plan_.tables.find(name)->second.input && !written_.contains(name) &&
                       !may_be_empty_.contains(name)) {
                fault("table " + quoted(name) + ", read by " + reader +
                      ", is filled by nobody: enable the plugin that writes it, or declare it as an extension point");
            }
        }
        for (const auto& [name, writers] : written_by_) {
            if (plan_.tables.find(name)->second.input) {
                fault("table " + quoted(name) + " is an input, so " + writers.front() + " can't write it");
            }
            if (writers.size() > 1 && written_by_operator_.contains(name)) {
                fault("table " + quoted(name) +
                      " is written by an operator, which must be its only writer: " + writers[0] + ", " + writers[1]);
            }
        }
    }

    /// Longest path first to last; what is left over goes in a circle.
    void order() {
        std::map<std::string_view, std::vector<std::size_t>> readers;
        std::map<std::string_view, std::size_t> writers_left;
        auto& nodes = plan_.nodes;
        std::vector<std::size_t> inputs_left(nodes.size());
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const std::set<std::string_view> reads(nodes[i].reads.begin(), nodes[i].reads.end());
            for (const auto name : reads)
                readers[name].push_back(i);
            for (const auto name : std::set<std::string_view>(nodes[i].writes.begin(), nodes[i].writes.end())) {
                ++writers_left[name];
                plan_.tables.find(name)->second.writers.push_back(nodes[i].full);
            }
        }
        for (const auto& [name, writers] : writers_left) {
            for (const std::size_t reader : readers[name])
                inputs_left[reader] += writers;
        }
        std::vector<std::size_t> next;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            if (inputs_left[i] == 0) next.push_back(i);
        }
        std::size_t done = 0;
        while (!next.empty()) {
            const std::size_t i = next.back();
            next.pop_back();
            ++done;
            for (const auto name : nodes[i].reads) {
                nodes[i].stratum = std::max(nodes[i].stratum, plan_.tables.find(name)->second.level);
            }
            plan_.strata = std::max(plan_.strata, nodes[i].stratum + 1);
            for (const auto name : std::set<std::string_view>(nodes[i].writes.begin(), nodes[i].writes.end())) {
                auto& level = plan_.tables.find(name)->second.level;
                level = std::max(level, nodes[i].stratum + 1);
                for (const std::size_t reader : readers[name]) {
                    if (--inputs_left[reader] == 0) next.push_back(reader);
                }
            }
        }
        if (done < nodes.size()) report_cycle(inputs_left);
    }

    void report_cycle(const std::vector<std::size_t>& inputs_left) {
        // Walk backwards among the nodes that never became free: each has a writer among them, so the walk closes.
        const auto& nodes = plan_.nodes;
        const auto stuck = [&](std::size_t i) { return inputs_left[i] > 0; };
        std::size_t at = 0;
        while (!stuck(at))
            ++at;
        std::vector<std::pair<std::size_t, std::string_view>>
            walk;  // node, and the table it reads from its predecessor
        std::vector<bool> seen(nodes.size());
        while (!seen[at]) {
            seen[at] = true;
            const auto [writer, table] = stuck_writer(at, stuck);
            walk.emplace_back(at, table);
            at = writer;
        }
        const auto start = std::find_if(walk.begin(), walk.end(), [&](const auto& step) { return step.first == at; });
        std::vector<std::pair<std::size_t, std::string_view>> cycle(start, walk.end());
        std::reverse(cycle.begin(), cycle.end());  // now each is followed by its reader
        const auto smallest = std::min_element(cycle.begin(), cycle.end(),
                                               [](const auto& a, const auto& b) { return a.second < b.second; });
        std::rotate(cycle.begin(), smallest, cycle.end());
        std::string text = "the rules go in a circle: ";
        for (const auto& [node, table] : cycle)
            text += std::string(table) + " -> (" + nodes[node].full + ") -> ";
        fault(text + std::string(cycle.front().second) +
              "; a rule may read only what does not depend on what it writes: split a rule or a table");
    }

    template <class Stuck>
    std::pair<std::size_t, std::string_view> stuck_writer(std::size_t reader, const Stuck& stuck) const {
        const auto& nodes = plan_.nodes;
        for (const auto table : nodes[reader].reads) {
            for (std::size_t i = 0; i < nodes.size(); ++i) {
                const auto& writes = nodes[i].writes;
                if (stuck(i) && std::find(writes.begin(), writes.end(), table) != writes.end()) return {i, table};
            }
        }
        return {reader, {}};
    }

    Role role_;
    std::span<const ModuleSpec* const> modules_;
    std::span<const OutsideTable> outside_;
    GraphPlan plan_;
    std::string faults_;
    std::map<std::string, std::string, std::less<>> first_user_;
    std::set<std::string, std::less<>> written_;  ///< by rules of any role: in another weftd perhaps, here empty
    std::map<std::string, std::vector<std::string>, std::less<>> written_by_;
    std::set<std::string, std::less<>> written_by_operator_;
    std::set<std::string, std::less<>> may_be_empty_;
    std::vector<std::pair<std::string_view, std::string>> must_be_filled_;  ///< table, reader
};

}  // namespace

Result<GraphPlan> plan_graph(Role role, std::span<const ModuleSpec* const> modules,
                             std::span<const OutsideTable> outside) {
    return Planner(role, modules, outside).plan();
}

}  // namespace weft::engine
