#include "engine/engine_impl.hpp"

#include <algorithm>
#include <map>

/// Verifying: every instance is run again against the tables as they are, and what it puts and reads is compared with
/// what is recorded; then each table is compared with what its owners put, each index with its table, and operators
/// that keep no history with fresh ones. If each instance agrees with what it reads and each table with what is put,
/// the whole is what a recompute makes, but for who came first: that is history, and is checked for being allowed.
namespace weft::engine {

class Engine::Impl::Verifier {
  public:
    explicit Verifier(Impl& impl) : impl_(impl), store_(impl.store) {}

    std::vector<Difference> run() {
        for (const auto& stratum : impl_.strata) {
            for (Node* node : stratum) {
                if (!node->active) continue;
                node->is_operator() ? verify_operator(*node) : verify_rule(*node);
            }
        }
        for (const auto& table : store_.tables()) {
            verify_cells(*table);
            for (const auto& index : table->indexes)
                verify_index(*index);
        }
        std::stable_sort(found_.begin(), found_.end(), [](const Difference& a, const Difference& b) {
            return std::tie(a.table, a.key) < std::tie(b.table, b.key);
        });
        return std::move(found_);
    }

  private:
    void differ(std::string_view table, std::string_view key, std::string instance, std::string what,
                const RowPtr& expected = {}, const RowPtr& found = {}) {
        found_.push_back({std::string(table), std::string(key), std::move(instance), std::move(what),
                          expected ? expected.json() : std::string(), found ? found.json() : std::string()});
    }

    void verify_rule(Node& node) {
        std::size_t driven = 0;
        node.driver->cells.each([&](CellId cell) {
            const InstanceId id = store_.find_instance(node.id, cell);
            driven += id != 0 ? 1 : 0;
            if (store_.cells[cell].present == (id != 0)) {
                if (id != 0) verify_instance(node, id);
                return;
            }
            differ(node.driver->name(), store_.key(cell), node.full,
                   id != 0 ? "an instance outlived its driver row" : "a driver row has no instance");
        });
        if (driven != node.instances) {
            differ(node.driver->name(), {}, node.full, "instances are counted wrong");
        }
    }

    void verify_instance(Node& node, InstanceId id) {
        const Instance& instance = store_.instances[id];
        const std::string name = impl_.statuses.key(id);
        if (instance.dirty) differ(node.driver->name(), store_.key(instance.driver), name, "is dirty after the tick");
        run_.execute(store_, node, id, impl_.now);
        verify_reads(node, instance, name);
        const bool kept = run_.outcome() != Run::Outcome::good;
        if (kept != impl_.statuses.keeps_old_rows(id)) {
            differ(node.driver->name(), store_.key(instance.driver), name, "waits or fails differently than recorded");
        }
        if (kept) return;
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
            differ(store_.table(store_.cells[cell].table).name(), store_.key(cell), name, "is put and should not be",
                   {}, *row);
        }
    }

    const RowPtr& row_at(OutputRef at) const {
        const Cell& cell = store_.cells[at.cell];
        if (at.owns()) return cell.holder;
        return at.shares() ? cell.rivals->sharers[at.place & ~OutputRef::sharer_bit].row
                           : cell.rivals->losers[at.place].row;
    }

    void verify_reads(const Node& node, const Instance& instance, const std::string& name) {
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

    void verify_cells(Table& table) {
        std::size_t rows = 0;
        table.cells.each([&](CellId id) {
            const Cell& cell = store_.cells[id];
            rows += cell.present ? 1 : 0;
            if (table.input || &table == &impl_.statuses.table()) return;
            if (cell.present != (cell.owner != 0)) {
                return differ(table.name(), store_.key(id), {},
                              cell.present ? "is there without an owner" : "has an owner and is not there", {},
                              cell.holder);
            }
            if (cell.present && !impl_.nodes[store_.instances[cell.owner].node]->is_operator()) verify_puts(table, id);
        });
        if (rows != table.rows) differ(table.name(), {}, {}, "rows are counted wrong");
    }

    /// Each put is known to its instance, and the one that is seen may be.
    void verify_puts(Table& table, CellId id) {
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

    void verify_index(const Index& index) {
        std::size_t members = 0;
        index.table().cells.each([&](CellId id) {
            const Cell& cell = store_.cells[id];
            if (!cell.present) return;
            const std::string value = index.of(cell.holder);
            if (value.empty()) return;
            ++members;
            const BucketId bucket = store_.find_bucket(index, value);
            if (bucket == 0 || !store_.buckets[bucket].cells.contains(store_, id)) {
                differ(index.table().name(), store_.key(id), {}, "is missing in index " + index.name());
            }
        });
        std::size_t indexed = 0;
        index.buckets.each([&](BucketId bucket) { indexed += store_.buckets[bucket].cells.size(); });
        if (indexed != members) differ(index.table().name(), {}, {}, "index " + index.name() + " has rows too many");
    }

    void verify_operator(Node& node);

    Impl& impl_;
    Store& store_;
    Run run_;
    std::vector<Difference> found_;
};

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

}  // namespace

void Engine::Impl::Verifier::verify_operator(Node& node) {
    if (node.op->keeps_history()) return;
    std::vector<Change> changes;
    for (std::size_t input = 0; input < node.inputs.size(); ++input) {
        impl_.collect_all(input, *node.inputs[input], changes);
    }
    ShadowRows shadow(node.writes.size());
    node.make_operator()->run(changes, shadow);
    for (std::size_t slot = 0; slot < node.writes.size(); ++slot) {
        auto& expected = shadow.rows[slot];
        for (const CellId id : store_.sorted(*node.writes[slot])) {
            const RowPtr& row = store_.cells[id].holder;
            const auto at = expected.find(std::string(row.key()));
            if (at == expected.end()) {
                differ(node.writes[slot]->name(), row.key(), node.full, "is there and should not be", {}, row);
                continue;
            }
            if (!at->second.equals(row)) {
                differ(node.writes[slot]->name(), row.key(), node.full, "has another content", at->second, row);
            }
            expected.erase(at);
        }
        for (const auto& [key, row] : expected) {
            differ(node.writes[slot]->name(), key, node.full, "is missing", row);
        }
    }
}

std::vector<Difference> Engine::Impl::verify() {
    return Verifier(*this).run();
}

}  // namespace weft::engine
