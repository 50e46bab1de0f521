#include "engine/engine_impl.hpp"

/// Where a row comes from and what follows from it: told from the links that the engine keeps anyway.
namespace weft::engine {

namespace {

/// A row that everybody reads has too many readers to list.
constexpr std::size_t most_readers = 20;

ObjectRef object_of(const RowPtr& row) {
    return row.object();
}

}  // namespace

std::optional<Duration> Engine::Impl::changed_ago(const Cell& cell) const {
    if (cell.in_log) return Duration::zero();
    return std::max(options.clock->now() - made_at - since_made(cell.logged), Duration::zero());
}

ReadReport Engine::Impl::report_of(const Source& source) const {
    ReadReport read;
    read.kind = static_cast<ReadReport::Kind>(source.kind);
    switch (source.kind) {
        case Source::Kind::row: {
            const Cell& target = store.cells[source.target];
            read.table = store.table(target.table).name();
            read.key = target.holder.key();
            read.present = target.present;
            read.rows = target.present ? 1 : 0;
            if (target.present) {
                read.object = object_of(target.holder);
                read.changed = changed_ago(target);
            }
            break;
        }
        case Source::Kind::bucket: {
            const Bucket& bucket = store.buckets[source.target];
            read.table = bucket.index->table().name();
            read.index = bucket.index->name();
            read.key = bucket.value;
            read.rows = bucket.cells.size();
            break;
        }
        case Source::Kind::scan: {
            const Table& table = store.table(static_cast<std::uint16_t>(source.target));
            read.table = table.name();
            read.rows = table.rows;
        }
    }
    read.present = read.rows > 0;
    return read;
}

InstanceReport Engine::Impl::report_of(InstanceId id, bool whole) const {
    const Instance& instance = store.instances[id];
    const Node& node = *nodes[instance.node];
    InstanceReport report;
    report.module = node.module;
    report.rule = node.name;
    report.is_operator = node.is_operator();
    if (node.is_operator()) return report;
    report.driver_table = node.driver->name();
    report.driver = store.key(instance.driver);
    const Cell& driver = store.cells[instance.driver];
    if (driver.present) report.object = object_of(driver.holder);
    if (instance.has_status) {
        const auto row = engine.find(RuleStatus::table_name, statuses.key(id));
        const auto& status = row.as<RuleStatus>();
        report.state = to_string(status.state);
        report.error = status.error();
        report.what = report.error.text();
        report.since_ms = status.since_ms;
    }
    if (!whole) return report;
    for (const ReadLink& link : instance.reads)
        report.reads.push_back(report_of(store.sources[link.source]));
    for (const OutputRef& at : instance.outputs) {
        const Cell& cell = store.cells[at.cell];
        const Table& table = store.table(cell.table);
        report.outputs.push_back(
            {table.name(), std::string(cell.holder.key()), !at.loses() || table.merge() == Merge::ordered});
    }
    return report;
}

Explanation Engine::Impl::explain(std::string_view name, std::string_view key) const {
    Explanation result;
    const Table* table = store.find_table(name);
    if (table == nullptr) return result;
    result.known = true;
    result.input = table->input;
    result.complete = table->complete;
    const CellId id = store.find(*table, key);
    if (id == 0) return result;
    const Cell& cell = store.cells[id];
    result.present = cell.present;
    if (cell.logged != 0 || cell.present) result.changed = changed_ago(cell);
    if (cell.present) {
        result.row = cell.holder;
        result.object = object_of(cell.holder);
    }
    for (InstanceId driven = cell.instances; driven != 0; driven = store.instances[driven].next)
        result.drives.push_back(report_of(driven, true));
    if (cell.source != 0) {
        const auto& readers = store.sources[cell.source].readers;
        result.all_readers = readers.size();
        for (const ReaderLink& link : readers) {
            if (result.readers.size() == most_readers) break;
            result.readers.push_back(report_of(link.instance, false));
        }
    }
    if (!cell.present || cell.owner == 0) return result;
    for (const Put& put : owners.puts(id)) {
        OwnerReport& owner = result.owners.emplace_back();
        static_cast<InstanceReport&>(owner) = report_of(put.instance, true);
        const bool shown = put.instance == cell.owner;
        owner.owns = shown || table->merge() == Merge::ordered ||
                     (table->merge() == Merge::set_union && put.row.equals(cell.holder));
    }
    return result;
}

}  // namespace weft::engine
