#include "engine/store.hpp"

#include <algorithm>
#include <exception>

namespace weft::engine {

namespace {
constexpr std::uint32_t readers_of_warm = 16;
}

bool ByKey::operator()(CellId a, CellId b) const {
    return store->key(a) < store->key(b);
}

std::string Index::of(const RowPtr& row, std::string* thrown) const {
    std::string what;
    try {
        return of_(row.open().get());
    } catch (const std::exception& e) {
        what = e.what();
    } catch (...) {
        what = "something that is no std::exception";
    }
    if (thrown != nullptr) *thrown = what.empty() ? "an exception without a text" : std::move(what);
    return {};
}

void OrderedCells::insert(const Store& store, CellId cell) {
    if (!many_ && few_.size() < most_few) {
        const auto at = std::lower_bound(few_.begin(), few_.end(), cell, ByKey{&store});
        few_.insert(static_cast<std::uint32_t>(at - few_.begin()), cell);
        return;
    }
    if (!many_) {
        many_ = std::make_unique<std::set<CellId, ByKey>>(few_.begin(), few_.end(), ByKey{&store});
        few_ = {};
    }
    many_->insert(cell);
}

void OrderedCells::erase(const Store& store, CellId cell) {
    if (!many_) {
        const auto at = std::lower_bound(few_.begin(), few_.end(), cell, ByKey{&store});
        few_.erase(static_cast<std::uint32_t>(at - few_.begin()));
        return;
    }
    many_->erase(cell);
    if (many_->size() < most_few / 4) {
        for (const CellId left : *many_)
            few_.push_back(left);
        many_.reset();
    }
}

bool OrderedCells::contains(const Store& store, CellId cell) const {
    if (many_) return many_->contains(cell);
    return std::binary_search(few_.begin(), few_.end(), cell, ByKey{&store});
}

Store::Store() = default;
Store::~Store() = default;

// Tables --------------------------------------------------------------------------------------------------------------

Table* Store::find_table(std::string_view name) const {
    const auto at = by_name_.find(name);
    return at == by_name_.end() ? nullptr : tables_[at->second].get();
}

Table& Store::table(const TableSpec& spec) {
    if (Table* known = find_table(spec.name)) return *known;
    const auto id = static_cast<std::uint16_t>(tables_.size());
    tables_.push_back(std::make_unique<Table>(id, spec));
    by_name_.emplace(spec.name, id);
    return *tables_.back();
}

Index& Store::index(Table& table, const IndexSpec& spec, const IndexUser& user) {
    for (const auto& known : table.indexes) {
        if (known->is(spec)) return *known;
    }
    Index& made = *table.indexes.emplace_back(std::make_unique<Index>(table, spec, user));
    table.cells.each([&](CellId id) {
        // What has changed since the last tick gets in when it is settled; until then the row before it counts.
        const Cell& cell = cells[id];
        const RowPtr& row = cell.in_log ? table.log[cell.logged].before : cell.holder;
        if (cell.in_log ? bool(row) : cell.present) bucket_insert(made, index_text(made, row), id);
    });
    return made;
}

std::string Store::index_text(Index& index, const RowPtr& row) {
    const containment::RunMark mark(index.user().slot, index.user().label, row.key());
    std::string thrown;
    std::string text = index.of(row, &thrown);
    if (thrown.empty()) {
        forget_trouble(index, row.key());
    } else {
        std::string& known = index.troubles[std::string(row.key())];
        if (known != thrown) index_troubles_changed = true;
        known = std::move(thrown);
    }
    return text;
}

void Store::forget_trouble(Index& index, std::string_view key) {
    const auto at = index.troubles.find(key);
    if (at == index.troubles.end()) return;
    index.troubles.erase(at);
    index_troubles_changed = true;
}

void Store::drop_index(Index& index) {
    if (!index.troubles.empty()) index_troubles_changed = true;
    index.buckets.each([&](BucketId bucket) {
        forget_source(buckets[bucket].source);
        buckets.free(bucket);
    });
    std::erase_if(index.table().indexes, [&](const auto& known) { return known.get() == &index; });
}

// Cells ---------------------------------------------------------------------------------------------------------------

CellId Store::find(const Table& table, std::string_view text) const {
    return table.cells.find(hash(text), [&](CellId cell) { return key(cell) == text; });
}

CellId Store::make(Table& table, std::uint32_t hash, RowPtr holder) {
    const CellId id = cells.make();
    Cell& cell = cells[id];
    cell.holder = std::move(holder);
    cell.hash = hash;
    cell.table = table.id();
    table.cells.insert(hash, id);
    return id;
}

CellId Store::obtain(Table& table, std::string_view text) {
    if (const CellId known = find(table, text)) return known;
    const CellId id = make(table, hash(text), key_only(text));
    loose_cells_.push_back(id);
    return id;
}

CellId Store::obtain(Table& table, const RowPtr& row) {
    const std::string_view text = row.key();
    const std::uint32_t h = hash(text);
    const CellId known = table.cells.find(h, [&](CellId cell) { return key(cell) == text; });
    return known != 0 ? known : make(table, h, row);
}

Logged& Store::log(CellId id) {
    Cell& cell = cells[id];
    Table& table = *tables_[cell.table];
    if (!cell.in_log) {
        table.log.push_back({id, cell.logged, cell.present ? cell.holder : RowPtr(), false});
        cell.logged = static_cast<std::uint32_t>(table.log.size() - 1);
        cell.in_log = true;
    }
    return table.log[cell.logged];
}

void Store::show(CellId id, RowPtr row) {
    log(id);
    Cell& cell = cells[id];
    Table& table = *tables_[cell.table];
    if (cell.present != bool(row)) {
        row ? ++table.rows : --table.rows;
        table.sorted_valid_ = false;
        cell.present = bool(row);
    }
    if (row) cell.holder = std::move(row);  // an absent cell keeps the old row until the sweep, for its key
    if (cell.source != 0 && sources[cell.source].warm) heat(cell.source);
}

/// Unpacking a row for each of thousands of readers would cost more than keeping it.
void Store::heat(SourceId id) {
    Source& source = sources[id];
    const Cell& cell = cells[source.target];
    source.warm = cell.present;
    if (source.warm) {
        warm_.insert_or_assign(source.target, cell.holder.open());
    } else {
        warm_.erase(source.target);
    }
}

const std::vector<CellId>& Store::sorted(Table& table) {
    const std::lock_guard lock(sorting_);
    if (!table.sorted_valid_) {
        table.sorted_.clear();
        table.sorted_.reserve(table.rows);
        table.cells.each([&](CellId cell) {
            if (cells[cell].present) table.sorted_.push_back(cell);
        });
        std::sort(table.sorted_.begin(), table.sorted_.end(), ByKey{this});
        table.sorted_valid_ = true;
    }
    return table.sorted_;
}

void Store::sort_changes(Table& table) {
    if (table.changes_sorted) return;
    table.changes_sorted = true;
    const auto less = [this](const Logged& a, const Logged& b) { return key(a.cell) < key(b.cell); };
    if (!std::is_sorted(table.changes.begin(), table.changes.end(), less)) {
        std::sort(table.changes.begin(), table.changes.end(), less);
    }
}

// Indexes -------------------------------------------------------------------------------------------------------------

BucketId Store::find_bucket(const Index& index, std::string_view value) const {
    return index.buckets.find(hash(value), [&](BucketId bucket) { return buckets[bucket].value == value; });
}

BucketId Store::obtain_bucket(Index& index, std::string_view value) {
    if (const BucketId known = find_bucket(index, value)) return known;
    const BucketId id = buckets.make();
    Bucket& bucket = buckets[id];
    bucket.value = value;
    bucket.index = &index;
    bucket.hash = hash(value);
    index.buckets.insert(bucket.hash, id);
    return id;
}

void Store::bucket_insert(Index& index, std::string_view value, CellId cell) {
    if (!value.empty()) buckets[obtain_bucket(index, value)].cells.insert(*this, cell);
}

void Store::bucket_erase(Index& index, std::string_view value, CellId cell) {
    if (value.empty()) return;
    const BucketId bucket = find_bucket(index, value);
    buckets[bucket].cells.erase(*this, cell);
    loose_buckets_.push_back(bucket);
}

// Links ---------------------------------------------------------------------------------------------------------------

SourceId Store::source_of_cell(CellId id) {
    Cell& cell = cells[id];
    if (cell.source == 0) {
        cell.source = sources.make();
        sources[cell.source].target = id;
    }
    return cell.source;
}

SourceId Store::source_of_bucket(BucketId id) {
    Bucket& bucket = buckets[id];
    if (bucket.source == 0) {
        bucket.source = sources.make();
        sources[bucket.source].target = id;
        sources[bucket.source].kind = Source::Kind::bucket;
    }
    return bucket.source;
}

SourceId Store::source_of_scan(Table& table) {
    if (table.scan == 0) {
        table.scan = sources.make();
        sources[table.scan].target = table.id();
        sources[table.scan].kind = Source::Kind::scan;
    }
    return table.scan;
}

void Store::link(InstanceId id, SourceId source) {
    Instance& instance = instances[id];
    auto& readers = sources[source].readers;
    instance.reads.push_back({source, readers.size()});
    readers.push_back({id, instance.reads.size() - 1});
    const Source& read = sources[source];
    if (readers.size() == readers_of_warm && read.kind == Source::Kind::row && !read.warm) heat(source);
}

void Store::unlink(InstanceId id, std::uint32_t first) {
    auto& reads = instances[id].reads;
    for (std::uint32_t i = first; i < reads.size(); ++i) {
        Source& source = sources[reads[i].source];
        const ReaderLink moved = source.readers.back();
        source.readers[reads[i].reader] = moved;
        instances[moved.instance].reads[moved.read].reader = reads[i].reader;
        source.readers.pop_back();
        if (!source.readers.empty()) continue;
        if (source.kind == Source::Kind::row) loose_cells_.push_back(source.target);
        if (source.kind == Source::Kind::bucket) loose_buckets_.push_back(source.target);
    }
    reads.truncate(first);
}

InstanceId Store::add_instance(std::uint16_t node, CellId driver) {
    const InstanceId id = instances.make();
    Instance& instance = instances[id];
    instance.node = node;
    instance.driver = driver;
    instance.next = cells[driver].instances;
    cells[driver].instances = id;
    return id;
}

void Store::remove_instance(InstanceId id) {
    const Instance& instance = instances[id];
    Cell& driver = cells[instance.driver];
    InstanceId* at = &driver.instances;
    while (*at != id)
        at = &instances[*at].next;
    *at = instance.next;
    loose_cells_.push_back(instance.driver);
    instances.free(id);
}

InstanceId Store::find_instance(std::uint16_t node, CellId driver) const {
    InstanceId at = cells[driver].instances;
    while (at != 0 && instances[at].node != node)
        at = instances[at].next;
    return at;
}

// The end of a tick ---------------------------------------------------------------------------------------------------

void Store::give_back_memory() {
    cells.give_back_memory();
    sources.give_back_memory();
    buckets.give_back_memory();
    instances.give_back_memory();
}

void Store::sweep() {
    for (const auto& table : tables_) {
        for (const Logged& entry : table->log) {
            Cell& cell = cells[entry.cell];
            cell.logged = entry.stamp;
            cell.in_log = false;
            cell.fresh = false;
            loose_cells_.push_back(entry.cell);
        }
        table->log.clear();
        table->changes.clear();
        if (table->log.capacity() > 8) table->log.shrink_to_fit(), table->changes.shrink_to_fit();
    }
    for (const CellId cell : loose_cells_)
        sweep_cell(cell);
    for (const BucketId bucket : loose_buckets_)
        sweep_bucket(bucket);
    loose_cells_.clear();
    loose_buckets_.clear();
    if (loose_cells_.capacity() > 64) loose_cells_.shrink_to_fit();
}

void Store::forget_source(SourceId& source) {
    if (source == 0 || !sources[source].readers.empty()) return;
    if (sources[source].warm) warm_.erase(sources[source].target);
    sources.free(source);
    source = 0;
}

void Store::sweep_cell(CellId id) {
    if (!cells.alive(id)) return;  // listed twice
    Cell& cell = cells[id];
    forget_source(cell.source);
    if (cell.present) return;
    if (cell.source == 0 && cell.instances == 0) {
        tables_[cell.table]->cells.erase(cell.hash, id);
        cells.free(id);
    } else if (!is_key_only(cell.holder)) {
        cell.holder = key_only(cell.holder.key());
    }
}

void Store::sweep_bucket(BucketId id) {
    if (!buckets.alive(id)) return;
    Bucket& bucket = buckets[id];
    forget_source(bucket.source);
    if (bucket.source != 0 || bucket.cells.size() != 0) return;
    bucket.index->buckets.erase(bucket.hash, id);
    buckets.free(id);
}

}  // namespace weft::engine
