#include "engine/engine_impl.hpp"

#include <algorithm>
#include <exception>

namespace weft::engine {

Result<void> Engine::Impl::add_input(const TableSpec& table) {
    auto outside = outside_tables();
    outside.push_back({table, true, "the host"});
    std::vector<const ModuleSpec*> specs;
    for (const auto& [name, module] : modules)
        specs.push_back(&module->spec);
    auto plan = plan_graph(options.role, specs, outside);
    if (!plan) return std::move(plan).error();
    if (auto fits = check_retyping(*plan); !fits) return fits;
    host_inputs.emplace(table.name, table);
    apply(*plan);
    if (options.tap != nullptr) options.tap->graph_changed({}, {}, engine.inputs());
    return {};
}

Result<void> Engine::Impl::change(std::vector<ModuleSpec> add, const std::vector<std::string>& remove) {
    std::vector<const ModuleSpec*> specs;
    for (const auto& [name, module] : modules) {
        if (std::find(remove.begin(), remove.end(), name) == remove.end()) specs.push_back(&module->spec);
    }
    for (const std::string& name : remove) {
        if (!modules.contains(name)) return invalid("there is no module \"" + name + "\" to remove");
    }
    // The modules come to their final place first: the plan points into them.
    std::vector<std::unique_ptr<Module>> added;
    for (ModuleSpec& spec : add) {
        added.push_back(std::make_unique<Module>());
        added.back()->spec = std::move(spec);
        specs.push_back(&added.back()->spec);
    }
    auto plan = plan_graph(options.role, specs, outside_tables());
    if (!plan) return std::move(plan).error();
    if (auto fits = check_retyping(*plan); !fits) return fits;
    for (auto& module : added) {
        if (auto made = make_parts(*module); !made) return made;
    }

    for (const std::string& name : remove)
        drop_module(name);
    std::vector<Module*> fresh;
    for (auto& module : added) {
        fresh.push_back(module.get());
        const std::string name = module->spec.name;
        modules.emplace(name, std::move(module));
    }
    apply(*plan);
    for (Module* module : fresh)
        start_adapters(*module);
    if (options.tap != nullptr) {
        std::vector<std::string> names;
        names.reserve(fresh.size());
        for (const Module* module : fresh)
            names.push_back(module->spec.name);
        options.tap->graph_changed(names, remove, engine.inputs());
    }
    notify(queue.wake());
    return {};
}

std::vector<OutsideTable> Engine::Impl::outside_tables() const {
    std::vector<OutsideTable> tables;
    for (const auto& [name, spec] : host_inputs)
        tables.push_back({spec, true, "the host"});
    for (const Subscription& subscription : subscriptions) {
        for (const TableSpec& spec : subscription.specs)
            tables.push_back({spec, false, "a subscriber"});
    }
    return tables;
}

/// A name may come back with another row type only when nothing of the old one is left.
Result<void> Engine::Impl::check_retyping(const GraphPlan& plan) const {
    for (const auto& [name, planned] : plan.tables) {
        const Table* known = store.find_table(name);
        if (known == nullptr || (known->type().same_as(*planned.spec.type) && known->merge() == planned.spec.merge))
            continue;
        if (known->cells.size() == 0 && known->indexes.empty()) continue;
        return invalid("table \"" + name + "\" still holds rows of an older type",
                       "run a tick between removing one and adding the other");
    }
    return {};
}

/// Makes the operators and adapters that run here; the last thing that can go wrong.
Result<void> Engine::Impl::make_parts(Module& module) const {
    std::string at;
    try {
        for (const OperatorEntry& op : module.spec.operators) {
            at = op.name;
            if (runs_in(op.role, options.role)) module.new_operators.emplace(op.name, op.spec.make());
        }
        for (const AdapterEntry& adapter : module.spec.adapters) {
            at = adapter.name;
            if (runs_in(adapter.role, options.role)) module.new_adapters.emplace(adapter.name, adapter.spec.make());
        }
    } catch (const std::exception& e) {
        return broken(module.spec.name + "/" + at + " could not be made: " + e.what());
    } catch (...) {
        return broken(module.spec.name + "/" + at + " could not be made: it threw something that is no std::exception");
    }
    return {};
}

void Engine::Impl::drop_module(const std::string& name) {
    const auto at = modules.find(name);
    Module& module = *at->second;
    for (auto runner = module.adapters.rbegin(); runner != module.adapters.rend(); ++runner) {
        unsubscribe(**runner);
        adapters.remove(**runner);
    }
    for (Node* node : module.nodes)
        drop_node(*node);
    modules.erase(at);
}

void Engine::Impl::drop_node(Node& node) {
    if (node.is_operator()) {
        statuses.forget_operator(node);
        for (Table* table : node.writes) {
            table->cells.each([&](CellId id) {
                store.cells[id].owner = 0;
                if (store.cells[id].present) store.show(id, {});
            });
        }
        store.instances.free(node.operator_instance);
    } else {
        std::vector<InstanceId> mine;
        node.driver->cells.each([&](CellId cell) {
            if (const InstanceId instance = store.find_instance(node.id, cell)) mine.push_back(instance);
        });
        for (const InstanceId instance : mine)
            retire(instance);
        for (const Node::Read& read : node.reads) {
            if (read.index != nullptr && --read.index->users == 0) store.drop_index(*read.index);
        }
    }
    nodes[node.id].reset();
}

void Engine::Impl::apply(const GraphPlan& plan) {
    apply_tables(plan);
    strata.assign(plan.strata, {});
    for (const PlannedNode& planned : plan.nodes) {
        Node* node = find_node(planned.full);
        if (node == nullptr) node = &make_node(planned);
        node->stratum = planned.stratum;
        strata[planned.stratum].push_back(node);  // the plan is sorted by name, so each stratum is
        if (!node->is_operator()) node->driver->drives.push_back(node->id);
    }
    ready_is_stale = true;
}

void Engine::Impl::apply_tables(const GraphPlan& plan) {
    for (const auto& [name, planned] : plan.tables) {
        Table& table = store.table(planned.spec);
        table.retype(planned.spec);
    }
    levels.assign(plan.strata + 1, {});
    for (const auto& table : store.tables()) {
        const auto planned = plan.tables.find(table->name());
        const bool known = planned != plan.tables.end();
        if (table->input && !(known && planned->second.input)) {
            table->complete = false;
            table->cells.each([&](CellId cell) {
                if (store.cells[cell].present) store.show(cell, {});
            });
        }
        table->input = known && planned->second.input;
        table->answers = known && planned->second.answers;
        table->level = known ? planned->second.level : 0;
        table->drives.clear();
        if (table.get() != &statuses.table()) levels[table->level].push_back(table.get());
    }
}

Node* Engine::Impl::find_node(std::string_view full) const {
    const auto at =
        std::find_if(nodes.begin(), nodes.end(), [&](const auto& node) { return node && node->full == full; });
    return at == nodes.end() ? nullptr : at->get();
}

Index& Engine::Impl::use_index(Table& table, const IndexSpec& spec, const std::string& module) {
    IndexUser user{module, lanes.at(0), 0};
    const std::string part = "index " + std::string(spec.name) + " of " + table.name();
    if (options.board != nullptr) user.label = options.board->label(module, part);
    Index& index = store.index(table, spec, user);
    ++index.users;
    return index;
}

Node& Engine::Impl::make_node(const PlannedNode& planned) {
    auto at = std::find(nodes.begin(), nodes.end(), nullptr);
    if (at == nodes.end()) at = nodes.emplace(nodes.end());
    *at = std::make_unique<Node>();
    Node& node = **at;
    node.id = static_cast<std::uint16_t>(at - nodes.begin());
    node.module = planned.module->name;
    node.full = planned.full;
    node.name = planned.full.substr(node.module.size() + 1);
    node.owners = &owners;
    if (options.board != nullptr)
        node.label = options.board->label(node.module, (planned.rule != nullptr ? "rule " : "operator ") + node.name);
    if (planned.rule != nullptr) {
        node.derive = planned.rule->derive;
        node.driver = &store.table(planned.rule->driver);
        for (const ReadSpec& read : planned.rule->reads) {
            Table& table = store.table(read.table);
            node.reads.push_back({&table, read.is_index ? &use_index(table, read.index, node.module) : nullptr});
        }
        for (const TableSpec& write : planned.rule->writes)
            node.writes.push_back(&store.table(write));
    } else {
        node.make_operator = planned.op->spec.make;
        node.op = std::move(modules.find(node.module)->second->new_operators.extract(node.name).mapped());
        for (const TableSpec& input : planned.op->spec.inputs)
            node.inputs.push_back(&store.table(input));
        for (const TableSpec& output : planned.op->spec.outputs)
            node.writes.push_back(&store.table(output));
        node.operator_instance = store.instances.make();
        store.instances[node.operator_instance].node = node.id;
    }
    modules.find(node.module)->second->nodes.push_back(&node);
    return node;
}

void Engine::Impl::start_adapters(Module& module) {
    for (const AdapterEntry& entry : module.spec.adapters) {
        if (!runs_in(entry.role, options.role)) continue;
        AdapterRunner& runner = adapters.add(module.spec.name, entry.name, entry.spec,
                                             std::move(module.new_adapters.extract(entry.name).mapped()));
        module.adapters.push_back(&runner);
        subscriptions.push_back({&runner, {entry.spec.requests}, {&store.table(entry.spec.requests)}, false, false});
    }
}

/// Which tables are whole: a rule runs for the first time when all that feeds it is. At the start everything waits for
/// all inputs, so that who comes first in a conflict does not depend on which list arrived first; a module that comes
/// later with an input of its own holds up only what reads it. An adapter's answers hold up only their readers, too,
/// as it may get its first request only once rules run.
void Engine::Impl::refresh_ready() {
    ready_is_stale = false;
    if (!started) started = !modules.empty() && awaiting().empty();
    for (const auto& table : store.tables())
        table->ready = table->input ? table->complete : true;
    for (auto& stratum : strata) {
        for (Node* node : stratum) {
            node->ready = started;
            if (!node->is_operator()) node->ready &= node->driver->ready;
            for (const Node::Read& read : node->reads)
                node->ready &= read.table->ready;
            for (const Table* table : node->inputs)
                node->ready &= table->ready;
        }
        for (Node* node : stratum) {
            for (Table* table : node->writes)
                table->ready &= node->ready;
        }
    }
}

}  // namespace weft::engine
