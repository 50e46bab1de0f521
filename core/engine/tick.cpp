#include "engine/engine_impl.hpp"

#include <weft/base/log.hpp>

#include <algorithm>
#include <stdexcept>

namespace weft::engine {

namespace {

/// So many runs are in flight at once, at most: their results wait in memory to be merged in order.
constexpr std::size_t batch_size = 512;

bool same_row(const RowPtr& before, const Cell& cell) {
    return before ? cell.present && before.equals(cell.holder) : !cell.present;
}

}  // namespace

TickReport Engine::Impl::tick() {
    const auto start = std::chrono::steady_clock::now();
    TickReport report;
    report.number = ++ticks;
    auto batch = queue.take();
    for (const auto& work : batch.work)
        work(engine);
    now = options.clock->now();
    wall = options.clock->wall();
    stamp_now = stamp_of(now - made_at);
    auto taken = take_input(batch, report);
    if (options.tap != nullptr) options.tap->tick_begins({report.number, now, wall}, std::move(taken));
    if (ready_is_stale) refresh_ready();
    while (const InstanceId due = deadlines.take(now)) {
        store.instances[due].has_deadline = false;
        if (store.instances[due].held) release(due);
        mark(due, {Cause::Kind::timer, 0});
    }
    for (std::size_t level = 0; level < levels.size(); ++level) {
        for (Table* table : levels[level])
            settle(*table, report);
        if (level < strata.size()) run_stratum(strata[level], report);
    }
    statuses.flush(wall);
    settle(statuses.table(), report);
    if (options.tap != nullptr) tap_output(report);
    deliver(report);
    store.sweep();
    report.awaiting = awaiting();
    notify(queue.has_more());
    report.next_deadline = deadlines.next();
    report.took = std::chrono::steady_clock::now() - start;
    if (report.runs > 0 || report.input_changes > 0) {
        ++timing.busy;
        timing.total += report.took;
        timing.times.add(report.took);
    }
    return report;
}

// Input ---------------------------------------------------------------------------------------------------------------

/// What was taken comes back when somebody taps it.
std::vector<TappedInput> Engine::Impl::take_input(InputQueue::Batch& batch, TickReport& report) {
    std::vector<TappedInput> taken;
    for (auto& [name, pending] : batch.tables) {
        Table* table = store.find_table(name);
        if (table == nullptr || !table->input) {
            log(LogLevel::debug, "engine", "input for a table that nobody uses is dropped", {{"table", name}});
            continue;
        }
        const std::size_t before = table->log.size();
        take_input(*table, pending);
        report.input_changes += table->log.size() - before;
        if (pending.completes && !table->complete) {
            table->complete = true;
            ready_is_stale = true;
        }
        if (options.tap != nullptr)
            taken.push_back({{table->name(), &table->type(), table->merge()}, std::move(pending)});
    }
    return taken;
}

void Engine::Impl::take_input(Table& table, PendingInput& pending) {
    if (pending.replaces) {
        table.cells.each([&](CellId id) {
            const Cell& cell = store.cells[id];
            if (cell.present && !pending.rows.contains(cell.holder)) store.show(id, {});
        });
    }
    table.log.reserve(table.log.size() + pending.rows.size());
    for (const RowPtr& row : pending.rows) {
        if (is_key_only(row)) {
            const CellId id = store.find(table, row.key());
            if (id != 0 && store.cells[id].present) store.show(id, {});
        } else if (!row.type().same_as(table.type()) || row.key().empty()) {
            throw std::logic_error("a row of type " + std::string(row.type().name) + " with key \"" +
                                   std::string(row.key()) + "\" was posted to table " + table.name());
        } else {
            const CellId id = store.obtain(table, row);
            const Cell& cell = store.cells[id];
            if (!cell.present || !cell.holder.equals(row)) store.show(id, row);
        }
    }
}

// Settling: from changed rows to dirty instances
// ------------------------------------------------------------------------

/// All writers of the table have run: what has really changed, and whom does that concern? Rows that were withdrawn by
/// one and put the same by another concern nobody.
void Engine::Impl::settle(Table& table, TickReport& report) {
    table.changes_sorted = false;
    table.changes.reserve(table.log.size());
    for (Logged& entry : table.log) {
        const Cell& cell = store.cells[entry.cell];
        if (!entry.list_changed && same_row(entry.before, cell)) continue;
        reindex(table, entry.cell, entry.before);
        const bool moved = cell.instances != 0 && cell.present && entry.before &&
                           entry.before.precedence() != cell.holder.precedence();
        for (InstanceId driven = cell.instances; driven != 0; driven = store.instances[driven].next) {
            mark(driven, {Cause::Kind::driver, entry.cell});
            if (moved) store.instances[driven].moved = true;
        }
        if (!entry.before && cell.present) {
            for (const std::uint16_t id : table.drives) {
                // A row that went and came back within a tick still has its instance.
                if (!nodes[id]->active || store.find_instance(id, entry.cell) != 0) continue;
                ++nodes[id]->instances;
                mark(store.add_instance(id, entry.cell), {Cause::Kind::first_run, entry.cell});
            }
        }
        if (cell.source != 0) mark_readers(cell.source, {Cause::Kind::row, entry.cell});
        entry.stamp = stamp_now;
        table.changes.push_back({entry.cell, entry.stamp, std::move(entry.before), entry.list_changed});
    }
    if (!table.changes.empty() && table.scan != 0) mark_readers(table.scan, {Cause::Kind::scan, table.id()});
    report.changes += table.changes.size();
}

void Engine::Impl::reindex(Table& table, CellId id, const RowPtr& before) {
    const Cell& cell = store.cells[id];
    for (const auto& index : table.indexes) {
        const std::string old_value = before ? index->of(before) : std::string();
        const std::string new_value = cell.present ? store.index_text(*index, cell.holder) : std::string();
        if (!cell.present && before) store.forget_trouble(*index, before.key());
        if (old_value != new_value) {
            store.bucket_erase(*index, old_value, id);
            store.bucket_insert(*index, new_value, id);
            wake_bucket(*index, old_value);
        }
        wake_bucket(*index, new_value);
    }
}

void Engine::Impl::wake_bucket(Index& index, const std::string& value) {
    if (value.empty()) return;
    const BucketId id = store.find_bucket(index, value);
    if (id != 0 && store.buckets[id].source != 0) mark_readers(store.buckets[id].source, {Cause::Kind::bucket, id});
}

void Engine::Impl::mark(InstanceId id, Cause cause) {
    Instance& instance = store.instances[id];
    if (instance.held) {
        if (store.cells[instance.driver].present) return;  // it runs when the pause is over
        instance.held = false;
    }
    if (instance.dirty) return;
    instance.dirty = true;
    nodes[instance.node]->dirty.push_back({id, cause});
}

void Engine::Impl::mark_readers(SourceId source, Cause cause) {
    fanned_.clear();
    for (const ReaderLink& link : store.sources[source].readers) {
        Node* node = nodes[store.instances[link.instance].node].get();
        if (node->fan++ == 0) fanned_.push_back(node);
        mark(link.instance, cause);
    }
    for (Node* node : fanned_) {
        if (node->fan > node->counts.widest) {
            node->counts.widest = node->fan;
            node->counts.widest_cause = text(cause);
        }
        node->fan = 0;
    }
}

/// The table in which something changed; any for what is no change.
std::uint16_t Engine::Impl::table_of(const Cause& cause) const {
    switch (cause.kind) {
        case Cause::Kind::timer: return 0;
        case Cause::Kind::scan: return static_cast<std::uint16_t>(cause.target);
        case Cause::Kind::bucket: return store.buckets[cause.target].index->table().id();
        case Cause::Kind::first_run:
        case Cause::Kind::driver:
        case Cause::Kind::row: break;
    }
    return store.cells[cause.target].table;
}

std::string Engine::Impl::text(const Cause& cause) const {
    switch (cause.kind) {
        case Cause::Kind::first_run: return "first run";
        case Cause::Kind::timer: return "timer";
        case Cause::Kind::scan: return store.table(static_cast<std::uint16_t>(cause.target)).name() + ", all rows";
        case Cause::Kind::bucket: {
            const Bucket& bucket = store.buckets[cause.target];
            return bucket.index->table().name() + " by " + bucket.index->name() + " " + bucket.value;
        }
        case Cause::Kind::driver:
        case Cause::Kind::row: break;
    }
    const Cell& cell = store.cells[cause.target];
    return store.table(cell.table).name() + " " + std::string(cell.holder.key());
}

// Running -------------------------------------------------------------------------------------------------------------

/// The first time: everything that is there counts as new.
void Engine::Impl::activate(Node& node) {
    node.active = true;
    if (node.is_operator()) return;
    node.driver->cells.each([&](CellId cell) {
        if (!store.cells[cell].present) return;
        ++node.instances;
        mark(store.add_instance(node.id, cell), {Cause::Kind::first_run, cell});
    });
}

void Engine::Impl::run_stratum(std::vector<Node*>& stratum, TickReport& report) {
    std::vector<DirtyInstance> work;
    for (Node* node : stratum) {
        const bool first = !node->active && node->ready;
        if (first) activate(*node);
        if (!node->active) continue;
        if (node->is_operator()) {
            run_operator(*node, first, report);
        } else if (!node->dirty.empty()) {
            sort(node->dirty);
            if (work.empty()) {
                work.swap(node->dirty);
            } else {
                work.insert(work.end(), node->dirty.begin(), node->dirty.end());
            }
            node->dirty = {};
        }
    }
    if (!work.empty()) run_rules(work, report);
}

/// By driver key, so that the outcome does not depend on the order in which things changed. Lists mostly come sorted.
void Engine::Impl::sort(std::vector<DirtyInstance>& dirty) const {
    const auto key = [this](const DirtyInstance& d) { return store.key(store.instances[d.instance].driver); };
    const auto less = [&](const DirtyInstance& a, const DirtyInstance& b) { return key(a) < key(b); };
    if (!std::is_sorted(dirty.begin(), dirty.end(), less)) std::sort(dirty.begin(), dirty.end(), less);
}

void Engine::Impl::run_rules(std::vector<DirtyInstance>& work, TickReport& report) {
    const auto execute = [this](Run& run, InstanceId id, std::size_t lane) {
        const Instance& instance = store.instances[id];
        if (store.cells[instance.driver].present) run.execute(store, *nodes[instance.node], id, now, lanes.at(lane));
    };
    if (options.threads <= 1 || work.size() < options.parallel_from) {
        for (const DirtyInstance& dirty : work) {
            execute(run_, dirty.instance, 0);
            merge(run_, dirty, report);
        }
        return;
    }
    if (!parallel_) parallel_ = std::make_unique<Parallel>(options.threads);
    std::vector<Run> runs(std::min(batch_size, work.size()));
    for (std::size_t from = 0; from < work.size(); from += batch_size) {
        const std::size_t n = std::min(batch_size, work.size() - from);
        parallel_->each(n,
                        [&](std::size_t i, std::size_t worker) { execute(runs[i], work[from + i].instance, worker); });
        for (std::size_t i = 0; i < n; ++i)
            merge(runs[i], work[from + i], report);
    }
}

void Engine::Impl::give_back_memory() {
    store.give_back_memory();
    if (parallel_) parallel_->end_threads();
}

/// Takes the result of a run into the store, on the engine thread and in order.
void Engine::Impl::merge(Run& run, const DirtyInstance& dirty, TickReport& report) {
    const InstanceId id = dirty.instance;
    Instance& instance = store.instances[id];
    if (!store.cells[instance.driver].present) {
        ++report.withdrawn;
        return retire(id);
    }
    instance.dirty = false;
    Node& node = *nodes[instance.node];
    RuleReport& counts = node.counts;
    ++report.runs;
    ++counts.runs;
    counts.scans += run.scans();
    counts.total += run.took();
    if (run.took() > counts.slowest) {
        counts.slowest = run.took();
        counts.slowest_key = store.key(instance.driver);
        counts.slowest_cause = text(dirty.cause);
    }
    node.causes.count(dirty.cause.kind, table_of(dirty.cause));
    counts.times.add(run.took());
    if (node.slow.takes(run.took(), now)) {
        node.slow.add({run.took(), std::string(store.key(instance.driver)), text(dirty.cause)});
    }
    if (run.took() >= options.slow_run) {
        const auto us = std::chrono::duration_cast<std::chrono::microseconds>(run.took()).count();
        log(LogLevel::info, "engine", "a rule took long",
            {{"instance", statuses.key(id)}, {"cause", text(dirty.cause)}, {"us", std::to_string(us)}});
    }
    if (instance.moved) {
        instance.moved = false;
        owners.reorder(id);
    }
    set_reads(run, node);
    const bool troubled = instance.has_trouble;
    set_deadline(run, statuses.note(run));
    bool changed = !troubled;
    switch (run.outcome()) {
        case Run::Outcome::waiting: ++counts.waits; break;
        case Run::Outcome::failed: ++counts.failures; break;
        case Run::Outcome::good:
            changed = owners.apply(id, run.puts());
            if (!changed) {
                ++report.cutoffs;
                ++counts.cutoffs;
            }
    }
    if (flaps.on()) note_pace(run, changed, dirty);
}

/// A rule whose rows come back to it as facts would run for ever: who changes too often is left alone for a while. A
/// run that a timer asked for counts as well.
void Engine::Impl::note_pace(const Run& run, bool changed, const DirtyInstance& dirty) {
    const InstanceId id = dirty.instance;
    Instance& instance = store.instances[id];
    if (instance.damped) {
        if (changed || (run.deadline() && *run.deadline() < now + Flaps::least_pause)) return hold(id);
        instance.damped = false;
        instance.changes = 0;
        instance.busy = 0;
        flaps.forget(id);
        owners.set_due(id);
        log(LogLevel::info, "engine", "a rule's rows have come to rest", {{"instance", statuses.key(id)}});
        return;
    }
    if (!changed && dirty.cause.kind != Cause::Kind::timer) return;
    if (!flaps.count(instance, stamp_now)) return;
    instance.damped = true;
    owners.set_due(id);
    log(LogLevel::error, "engine", "a rule's rows change without end: it runs after pauses from now on",
        {{"instance", statuses.key(id)},
         {"changes_in_ten_seconds", std::to_string(flaps.most_in_window())},
         {"cause", text(dirty.cause)}});
    hold(id);
}

/// Until then whatever changes makes it run no sooner.
void Engine::Impl::hold(InstanceId id) {
    Instance& instance = store.instances[id];
    instance.held = true;
    instance.has_deadline = true;
    deadlines.set(id, now + flaps.next_pause(id));
}

void Engine::Impl::release(InstanceId id) {
    store.instances[id].held = false;
}

void Engine::Impl::set_reads(const Run& run, const Node& node) {
    reads_scratch_.clear();
    ++stamp_;
    for (const ReadRecord& read : run.reads()) {
        const SourceId source = source_of(run, read, node);
        std::uint32_t& stamp = store.sources[source].stamp;
        if (stamp == stamp_) continue;
        stamp = stamp_;
        reads_scratch_.push_back(source);
    }
    // Most runs read what they read before, in the same order.
    auto& reads = store.instances[run.instance()].reads;
    std::uint32_t same = 0;
    while (same < reads.size() && same < reads_scratch_.size() && reads[same].source == reads_scratch_[same])
        ++same;
    if (same < reads.size()) store.unlink(run.instance(), same);
    reads.reserve(static_cast<std::uint32_t>(reads_scratch_.size()));
    for (std::size_t i = same; i < reads_scratch_.size(); ++i)
        store.link(run.instance(), reads_scratch_[i]);
}

SourceId Engine::Impl::source_of(const Run& run, const ReadRecord& read, const Node& node) {
    const Node::Read& slot = node.reads[read.slot];
    switch (read.kind) {
        case Source::Kind::row:
            return store.source_of_cell(read.target != 0 ? read.target : store.obtain(*slot.table, run.text(read)));
        case Source::Kind::bucket:
            return store.source_of_bucket(read.target != 0 ? read.target
                                                           : store.obtain_bucket(*slot.index, run.text(read)));
        case Source::Kind::scan: break;
    }
    return store.source_of_scan(*slot.table);
}

void Engine::Impl::set_deadline(const Run& run, unsigned attempts) {
    Instance& instance = store.instances[run.instance()];
    std::optional<TimePoint> when = run.deadline();
    if (attempts > 0) {
        Duration pause = options.first_retry;
        for (unsigned i = 1; i < attempts && pause < options.most_retry; ++i)
            pause *= 2;
        const TimePoint retry = now + std::min(pause, options.most_retry);
        when = when ? std::min(*when, retry) : retry;
    }
    if (when) {
        deadlines.set(run.instance(), *when);
    } else if (instance.has_deadline) {
        deadlines.cancel(run.instance());
    }
    instance.has_deadline = when.has_value();
}

/// Its driver row is gone, or its rule: all that it put goes.
void Engine::Impl::retire(InstanceId id) {
    const Instance& instance = store.instances[id];
    statuses.forget(id);
    owners.withdraw(id);
    store.unlink(id);
    if (instance.has_deadline) deadlines.cancel(id);
    if (instance.damped) flaps.forget(id);
    --nodes[instance.node]->instances;
    store.remove_instance(id);
}

// Operators -----------------------------------------------------------------------------------------------------------

namespace {

class OperatorRows final : public OperatorOut {
  public:
    OperatorRows(Store& store, Node& node) : store_(store), node_(node) {}

    void put(std::size_t slot, RowPtr row) override {
        Table& table = *node_.writes.at(slot);
        if (!row.type().same_as(table.type()) || row.key().empty()) {
            throw std::logic_error("put a row of the wrong type or without a key into " + table.name());
        }
        const CellId id = store_.obtain(table, row);
        Cell& cell = store_.cells[id];
        if (cell.present && cell.holder.equals(row)) return;
        cell.owner = node_.operator_instance;
        store_.show(id, std::move(row));
        any = true;
    }
    void erase(std::size_t slot, std::string_view key) override {
        const CellId id = store_.find(*node_.writes.at(slot), key);
        if (id == 0 || !store_.cells[id].present) return;
        store_.cells[id].owner = 0;
        store_.show(id, {});
        any = true;
    }

    bool any = false;

  private:
    Store& store_;
    Node& node_;
};

}  // namespace

void Engine::Impl::run_operator(Node& node, bool first, TickReport& report) {
    std::vector<Change> changes;
    for (std::size_t input = 0; input < node.inputs.size(); ++input) {
        first ? collect_all(input, *node.inputs[input], changes) : collect(input, *node.inputs[input], changes);
    }
    if (changes.empty() && !first) return;
    OperatorRows out(store, node);
    const auto start = std::chrono::steady_clock::now();
    const auto threw = [&](const std::string& what) {
        log(LogLevel::error, "engine", "an operator threw", {{"operator", node.full}, {"error", what}});
        ++node.counts.failures;
        statuses.note_operator(node, what);
    };
    try {
        const containment::RunMark mark(lanes.at(0), node.label, {});
        node.op->run(changes, out);
    } catch (const std::exception& e) {
        threw(e.what());
    } catch (...) {
        threw("something that is no std::exception");
    }
    const Duration took = std::chrono::steady_clock::now() - start;
    ++node.counts.runs;
    node.counts.total += took;
    node.counts.times.add(took);
    if (took > node.counts.slowest) {
        node.counts.slowest = took;
        node.counts.slowest_cause = first ? "first run" : std::to_string(changes.size()) + " changes";
    }
    if (!out.any) ++node.counts.cutoffs;
    ++report.runs;
    report.cutoffs += out.any ? 0 : 1;
}

}  // namespace weft::engine
