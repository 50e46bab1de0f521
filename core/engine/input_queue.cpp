#include "engine/input_queue.hpp"

#include "engine/cells.hpp"

#include <algorithm>

namespace weft::engine {

ChangeSet::TableChanges& ChangeSet::of(std::string_view table) {
    const auto at =
        std::find_if(tables_.begin(), tables_.end(), [&](const auto& known) { return known.table == table; });
    if (at != tables_.end()) return *at;
    TableChanges& made = tables_.emplace_back();
    made.table = table;
    return made;
}

void ChangeSet::put(std::string_view table, RowPtr row) {
    of(table).rows.push_back(std::move(row));
}
void ChangeSet::erase(std::string_view table, std::string_view key) {
    of(table).rows.push_back(key_only(key));
}
void ChangeSet::complete(std::string_view table) {
    of(table).completes = true;
}

void ChangeSet::replace_all(std::string_view table, std::vector<RowPtr> rows) {
    TableChanges& changes = of(table);
    changes.replaces = true;
    changes.rows = std::move(rows);
}

bool InputQueue::post(ChangeSet changes) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = !pending();
        if (changes.empty()) return false;
        Batch& batch = newest();
        for (auto& table : changes.tables_) {
            PendingInput& input = batch.tables[std::move(table.table)];
            batch.rows += table.rows.size();
            input.completes |= table.completes;
            if (table.replaces) {
                input.replaces = true;
                input.rows.clear();
                input.rows.reserve(table.rows.size());
            }
            for (RowPtr& row : table.rows) {
                const auto [at, is_new] = input.rows.insert(row);
                if (is_new) continue;
                auto known = input.rows.extract(at);
                known.value() = std::move(row);
                input.rows.insert(std::move(known));
            }
        }
    }
    arrived_.notify_one();
    return first;
}

bool InputQueue::post(std::function<void(Engine&)> work) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = !pending();
        newest().work.push_back(std::move(work));
    }
    arrived_.notify_one();
    return first;
}

bool InputQueue::wake() {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = !pending();
        woken_ = true;
    }
    arrived_.notify_one();
    return first;
}

InputQueue::Batch InputQueue::take() {
    const std::lock_guard lock(mutex_);
    woken_ = false;
    if (batches_.empty()) return {};
    Batch batch = std::move(batches_.front());
    batches_.pop_front();
    return batch;
}

bool InputQueue::has_more() {
    const std::lock_guard lock(mutex_);
    return pending();
}

/// The one that posts go to.
InputQueue::Batch& InputQueue::newest() {
    if (batches_.empty() || batches_.back().rows >= portion_) batches_.emplace_back();
    return batches_.back();
}

bool InputQueue::wait(std::optional<Duration> at_most) {
    std::unique_lock lock(mutex_);
    const auto ready = [this] { return pending(); };
    if (!at_most) {
        arrived_.wait(lock, ready);
        return true;
    }
    return arrived_.wait_for(lock, std::max(*at_most, Duration::zero()), ready);
}

}  // namespace weft::engine
