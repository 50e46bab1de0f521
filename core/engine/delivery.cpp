#include "engine/engine_impl.hpp"

#include <algorithm>

namespace weft::engine {

Result<void> Engine::Impl::subscribe(std::vector<TableSpec> tables, Subscriber& subscriber) {
    Subscription made;
    made.subscriber = &subscriber;
    for (const TableSpec& spec : tables) {
        const Table* known = store.find_table(spec.name);
        if (known != nullptr && !known->type().same_as(*spec.type)) {
            return invalid("table \"" + std::string(spec.name) + "\" has another row type than its subscriber means");
        }
    }
    for (const TableSpec& spec : tables) {
        const bool is_new = store.find_table(spec.name) == nullptr;
        made.tables.push_back(&store.table(spec));
        if (!is_new) continue;
        made.tables.back()->ready = true;  // nobody fills it: so it is empty
        if (levels.empty()) levels.emplace_back();
        levels[0].push_back(made.tables.back());
    }
    made.specs = std::move(tables);
    subscriptions.push_back(std::move(made));
    notify(queue.wake());
    return {};
}

void Engine::Impl::unsubscribe(Subscriber& subscriber) {
    std::erase_if(subscriptions, [&](const Subscription& s) { return s.subscriber == &subscriber; });
}

void Engine::Impl::deliver(TickReport& report) {
    static_cast<void>(report);
    std::vector<Change> changes;
    for (Subscription& subscription : subscriptions) {
        changes.clear();
        for (std::size_t input = 0; input < subscription.tables.size(); ++input) {
            Table& table = *subscription.tables[input];
            subscription.primed ? collect(input, table, changes) : collect_all(input, table, changes);
        }
        subscription.primed = true;
        if (!changes.empty()) subscription.subscriber->changed(changes);
        const bool ready = started && std::all_of(subscription.tables.begin(), subscription.tables.end(),
                                                  [](const Table* table) { return table->ready; });
        if (ready && !subscription.done) subscription.subscriber->first_round_done();
        subscription.done = ready;
    }
    for (const Subscription& subscription : subscriptions)
        subscription.subscriber->tick_done();
}

void Engine::Impl::tap_output(const TickReport& report) {
    std::vector<TappedOutput> output;
    for (const auto& table : store.tables()) {
        if (table->input || table->changes.empty() || !options.tap->wants(table->name())) continue;
        output.push_back({{table->name(), &table->type(), table->merge()}, {}});
        collect(0, *table, output.back().changes);
    }
    const bool idle = report.runs == 0 && report.withdrawn == 0 && report.input_changes == 0 && report.changes == 0;
    options.tap->tick_ends(std::move(output), idle);
}

void Engine::Impl::collect(std::size_t input, Table& table, std::vector<Change>& changes) {
    store.sort_changes(table);
    for (const Logged& entry : table.changes) {
        const Cell& cell = store.cells[entry.cell];
        changes.push_back({input, entry.before, cell.present ? cell.holder : RowPtr()});
    }
}

void Engine::Impl::collect_all(std::size_t input, Table& table, std::vector<Change>& changes) {
    for (const CellId cell : store.sorted(table))
        changes.push_back({input, {}, store.cells[cell].holder});
}

std::vector<std::string> Engine::Impl::awaiting() const {
    std::vector<std::string> names;
    for (const auto& table : store.tables()) {
        if (!table->input || table->complete || (table->answers && !started)) continue;
        const auto reads = [&](const Node* node) {
            return node->driver == table.get() ||
                   std::any_of(node->reads.begin(), node->reads.end(),
                               [&](const Node::Read& read) { return read.table == table.get(); }) ||
                   std::find(node->inputs.begin(), node->inputs.end(), table.get()) != node->inputs.end();
        };
        const bool used = std::any_of(strata.begin(), strata.end(), [&](const auto& stratum) {
            return std::any_of(stratum.begin(), stratum.end(), reads);
        });
        if (used) names.push_back(table->name());
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace weft::engine
