#include "engine/verifier.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace weft::engine {

Engine::Impl::Verifier::Verifier(Impl& impl) : impl_(impl), store_(impl.store) {
    for (const auto& stratum : impl_.strata) {
        for (const Node* node : stratum)
            rules_.push_back(node->full);
    }
}

bool Engine::Impl::Verifier::step(Duration budget) {
    const auto start = std::chrono::steady_clock::now();
    const auto unsettled = [](const auto& table) { return !table->log.empty(); };
    // Between a change of the graph and its tick the tables are halfway.
    if (budget != Duration::max() && std::any_of(store_.tables().begin(), store_.tables().end(), unsettled))
        return true;
    // The graph may have changed since the last slice.
    if (node_ != nullptr && impl_.find_node(rules_[at_ - 1]) != node_) todo_.clear(), todo_at_ = 0;
    for (std::size_t done = 1; phase_ != Phase::done; ++done) {
        if (todo_at_ < todo_.size()) {
            visit(todo_[todo_at_++]);
        } else if (!begin_next()) {
            break;
        }
        if (done % 16 == 0 && std::chrono::steady_clock::now() - start >= budget) return true;
    }
    return phase_ != Phase::done;
}

std::vector<Difference> Engine::Impl::Verifier::take_found() {
    std::stable_sort(found_.begin(), found_.end(), [](const Difference& a, const Difference& b) {
        return std::tie(a.table, a.key) < std::tie(b.table, b.key);
    });
    return std::exchange(found_, {});
}

/// The next rule, table or index; false when all is done.
bool Engine::Impl::Verifier::begin_next() {
    todo_.clear();
    todo_at_ = 0;
    node_ = nullptr;
    ++at_;
    switch (phase_) {
        case Phase::rules:
            if (at_ <= rules_.size()) return begin_rule(), true;
            break;
        case Phase::tables:
            if (at_ <= store_.tables().size()) return begin_table(), true;
            break;
        case Phase::indexes:
            if (begin_index()) return true;
            break;
        case Phase::done: return false;
    }
    phase_ = static_cast<Phase>(static_cast<int>(phase_) + 1);
    at_ = 0;
    return phase_ != Phase::done;
}

void Engine::Impl::Verifier::begin_rule() {
    Node* node = impl_.find_node(rules_[at_ - 1]);
    if (node == nullptr || !node->active) return;
    if (node->is_operator()) return verify_operator(*node);
    node_ = node;
    std::size_t driven = 0;
    node->driver->cells.each([&](CellId cell) {
        todo_.push_back(cell);
        driven += store_.find_instance(node->id, cell) != 0 ? 1 : 0;
    });
    if (driven != node->instances) differ(node->driver->name(), {}, node->full, "instances are counted wrong");
}

void Engine::Impl::Verifier::begin_table() {
    table_ = store_.tables()[at_ - 1].get();
    std::size_t rows = 0;
    table_->cells.each([&](CellId id) {
        todo_.push_back(id);
        rows += store_.cells[id].present ? 1 : 0;
    });
    if (rows != table_->rows) differ(table_->name(), {}, {}, "rows are counted wrong");
}

bool Engine::Impl::Verifier::begin_index() {
    // All indexes of a table in turn; at_ counts tables.
    for (; at_ <= store_.tables().size(); ++at_, index_at_ = 0) {
        const auto& indexes = store_.tables()[at_ - 1]->indexes;
        if (index_at_ >= indexes.size()) continue;
        indexes[index_at_++]->buckets.each([&](BucketId bucket) { todo_.push_back(bucket); });
        --at_;  // the same table once more
        return true;
    }
    return false;
}

void Engine::Impl::Verifier::visit(std::uint32_t id) {
    if (phase_ == Phase::indexes) {
        if (store_.buckets.alive(id)) verify_bucket(id);
        return;
    }
    if (!store_.cells.alive(id)) return;
    const std::uint16_t table = store_.cells[id].table;
    if (phase_ == Phase::tables && table == table_->id()) verify_cell(*table_, id);
    if (phase_ == Phase::rules && table == node_->driver->id()) verify_driver(*node_, id);
}

void Engine::Impl::Verifier::verify_driver(Node& node, CellId cell) {
    const InstanceId id = store_.find_instance(node.id, cell);
    if (store_.cells[cell].present == (id != 0)) {
        if (id != 0) verify_instance(node, id);
        return;
    }
    differ(node.driver->name(), store_.key(cell), node.full,
           id != 0 ? "an instance outlived its driver row" : "a driver row has no instance");
}

void Engine::Impl::Verifier::differ(std::string_view table, std::string_view key, std::string instance,
                                    std::string what, const RowPtr& expected, const RowPtr& found) {
    found_.push_back({std::string(table), std::string(key), std::move(instance), std::move(what),
                      expected ? expected.json() : std::string(), found ? found.json() : std::string()});
}

void Engine::Impl::Verifier::verify_instance(Node& node, InstanceId id) {
    ++instances_;
    const Instance& instance = store_.instances[id];
    if (instance.held) return;  // behind on purpose
    const std::string name = impl_.statuses.key(id);
    if (instance.dirty) differ(node.driver->name(), store_.key(instance.driver), name, "is dirty after the tick");
    run_.execute(store_, node, id, impl_.now, impl_.lanes.at(0));
    verify_reads(node, instance, name);
    const bool kept = run_.outcome() != Run::Outcome::good;
    if (kept != impl_.statuses.keeps_old_rows(id)) {
        differ(node.driver->name(), store_.key(instance.driver), name, "waits or fails differently than recorded");
    }
    if (!kept) verify_puts_of(instance, name);
}

void Engine::Impl::Verifier::verify_puts_of(const Instance& instance, const std::string& name) {
    std::map<CellId, const RowPtr*> had;
    for (const OutputRef at : instance.outputs)
        had.emplace(at.cell, &row_at(at));
    for (const NewPut& put : run_.puts()) {
        const CellId cell = store_.find(*put.table, put.row.key());
        const auto at = had.find(cell);
        if (at == had.end()) {
            differ(put.table->name(), put.row.key(), name, "should be put and is not", put.row);
            continue;
        }
        if (!at->second->equals(put.row)) {
            differ(put.table->name(), put.row.key(), name, "is put with another content", put.row, *at->second);
        }
        had.erase(at);
    }
    for (const auto& [cell, row] : had) {
        differ(store_.table(store_.cells[cell].table).name(), store_.key(cell), name, "is put and should not be", {},
               *row);
    }
}

const RowPtr& Engine::Impl::Verifier::row_at(OutputRef at) const {
    const Cell& cell = store_.cells[at.cell];
    if (at.owns()) return cell.holder;
    return at.shares() ? cell.rivals->sharers[at.place & ~OutputRef::sharer_bit].row
                       : cell.rivals->losers[at.place].row;
}

void Engine::Impl::Verifier::verify_reads(const Node& node, const Instance& instance, const std::string& name) {
    std::vector<SourceId> reads;
    for (const ReadRecord& read : run_.reads()) {
        const Node::Read& slot = node.reads[read.slot];
        SourceId source = 0;
        switch (read.kind) {
            case Source::Kind::row: source = read.target != 0 ? store_.cells[read.target].source : 0; break;
            case Source::Kind::bucket: source = read.target != 0 ? store_.buckets[read.target].source : 0; break;
            case Source::Kind::scan: source = slot.table->scan;
        }
        reads.push_back(source);
    }
    std::vector<SourceId> recorded;
    for (const ReadLink& link : instance.reads)
        recorded.push_back(link.source);
    for (auto* list : {&reads, &recorded}) {
        std::sort(list->begin(), list->end());
        list->erase(std::unique(list->begin(), list->end()), list->end());
    }
    if (reads != recorded) {
        differ(node.driver->name(), store_.key(instance.driver), name, "reads something else than is recorded");
    }
}

void Engine::Impl::Verifier::verify_cell(Table& table, CellId id) {
    const Cell& cell = store_.cells[id];
    ++rows_;
    if (cell.present) verify_indexed(table, id);
    if (table.input || &table == &impl_.statuses.table()) return;
    if (cell.present != (cell.owner != 0)) {
        return differ(table.name(), store_.key(id), {},
                      cell.present ? "is there without an owner" : "has an owner and is not there", {}, cell.holder);
    }
    if (cell.present && !impl_.nodes[store_.instances[cell.owner].node]->is_operator()) verify_puts(table, id);
}

/// Each put is known to its instance, and the one that is seen may be.
void Engine::Impl::Verifier::verify_puts(Table& table, CellId id) {
    const Cell& cell = store_.cells[id];
    for (const Put& put : impl_.owners.puts(id)) {
        const auto& outputs = store_.instances[put.instance].outputs;
        const auto at = std::find_if(outputs.begin(), outputs.end(), [&](OutputRef ref) { return ref.cell == id; });
        const std::string name = impl_.statuses.key(put.instance);
        if (at == outputs.end()) {
            differ(table.name(), store_.key(id), name, "is there and its owner does not know it", {}, put.row);
            continue;
        }
        if (at->owns() != (put.instance == cell.owner)) {
            differ(table.name(), store_.key(id), name, "who owns it is told in two ways");
        }
        if (at->shares() && !put.row.equals(cell.holder)) {
            differ(table.name(), store_.key(id), name, "is shared and not equal", cell.holder, put.row);
        }
        if (table.merge() == Merge::set_union && at->loses() && put.row.equals(cell.holder)) {
            differ(table.name(), store_.key(id), name, "is equal and not shared");
        }
        if (table.merge() == Merge::ordered && put.instance != cell.owner &&
            impl_.owners.smaller(put.instance, cell.owner)) {
            differ(table.name(), store_.key(id), name, "should be first of its list");
        }
    }
}

void Engine::Impl::Verifier::verify_indexed(Table& table, CellId id) {
    for (const auto& index : table.indexes) {
        const std::string value = index->of(store_.cells[id].holder);
        if (value.empty()) continue;
        const BucketId bucket = store_.find_bucket(*index, value);
        if (bucket == 0 || !store_.buckets[bucket].cells.contains(store_, id)) {
            differ(table.name(), store_.key(id), {}, "is missing in index " + index->name());
        }
    }
}

void Engine::Impl::Verifier::verify_bucket(BucketId id) {
    const Bucket& bucket = store_.buckets[id];
    const Index& index = *bucket.index;
    bucket.cells.each([&](CellId cell) {
        if (store_.cells[cell].present && index.of(store_.cells[cell].holder) == bucket.value) return;
        differ(index.table().name(), store_.key(cell), {}, "should not be in index " + index.name());
    });
}

namespace {

class ShadowRows final : public OperatorOut {
  public:
    explicit ShadowRows(std::size_t slots) : rows(slots) {}
    void put(std::size_t slot, RowPtr row) override {
        std::string key(row.key());
        rows.at(slot).insert_or_assign(std::move(key), std::move(row));
    }
    void erase(std::size_t slot, std::string_view key) override { rows.at(slot).erase(std::string(key)); }
    std::vector<std::map<std::string, RowPtr>> rows;
};

struct Written {
    std::string table;
    std::vector<RowPtr> rows;
};

std::vector<Difference> compare(const std::string& full, Operator& fresh, const std::vector<Change>& changes,
                                const std::vector<Written>& written) {
    std::vector<Difference> found;
    ShadowRows shadow(written.size());
    try {
        fresh.run(changes, shadow);
    } catch (const std::exception& e) {
        found.push_back({written.empty() ? "" : written[0].table, {}, full, std::string("threw: ") + e.what(), {}, {}});
        return found;
    }
    for (std::size_t slot = 0; slot < written.size(); ++slot) {
        auto& expected = shadow.rows[slot];
        const auto& table = written[slot].table;
        for (const RowPtr& row : written[slot].rows) {
            const std::string key(row.key());
            const auto at = expected.find(key);
            if (at == expected.end()) {
                found.push_back({table, key, full, "is there and should not be", {}, row.json()});
                continue;
            }
            if (!at->second.equals(row)) {
                found.push_back({table, key, full, "has another content", at->second.json(), row.json()});
            }
            expected.erase(at);
        }
        for (const auto& [key, row] : expected)
            found.push_back({table, key, full, "is missing", row.json(), {}});
    }
    return found;
}

}  // namespace

/// The inputs and outputs as they are now; what a fresh operator makes of them can be found out anywhere.
void Engine::Impl::Verifier::verify_operator(Node& node) {
    if (node.op->keeps_history()) return;
    std::vector<Change> changes;
    for (std::size_t input = 0; input < node.inputs.size(); ++input)
        impl_.collect_all(input, *node.inputs[input], changes);
    std::vector<Written> written;
    for (Table* table : node.writes) {
        Written& rows = written.emplace_back(Written{table->name(), {}});
        for (const CellId id : store_.sorted(*table))
            rows.rows.push_back(store_.cells[id].holder);
        rows_ += rows.rows.size();
    }
    jobs_.push_back([full = node.full, make = node.make_operator, changes = std::move(changes),
                     written = std::move(written)] { return compare(full, *make(), changes, written); });
}

}  // namespace weft::engine
