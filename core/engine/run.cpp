#include "engine/run.hpp"

#include <algorithm>

namespace weft::engine {

void Run::execute(Store& store, const Node& node, InstanceId instance, TimePoint now, containment::RunSlot* slot) {
    store_ = &store;
    node_ = &node;
    instance_ = instance;
    now_ = now;
    outcome_ = Outcome::good;
    error_ = {};
    warning_.reset();
    reads_.clear();
    texts_.clear();
    puts_.clear();
    deadline_.reset();
    scans_ = 0;
    const auto start = std::chrono::steady_clock::now();
    const CellId driver = store.instances[instance].driver;
    {
        const containment::RunMark mark(slot, node.label, store.key(driver));
        node.derive(open(driver), *this, *this);
    }
    check_puts();
    open_.clear();
    took_ = std::chrono::steady_clock::now() - start;
}

const void* Run::open(CellId cell) {
    const OpenRow* warm = store_->warm(cell);
    return warm != nullptr ? warm->get() : open(store_->cells[cell].holder);
}

const void* Run::open(const RowPtr& row) {
    return std::as_const(open_.emplace_back(row.open())).get();
}

void Run::record(Source::Kind kind, std::size_t slot, std::uint32_t target, std::string_view text) {
    ReadRecord& read = reads_.emplace_back();
    read.kind = kind;
    read.slot = static_cast<std::uint16_t>(slot);
    read.target = target;
    if (target != 0) return;
    read.text_at = static_cast<std::uint32_t>(texts_.size());
    read.text_size = static_cast<std::uint32_t>(text.size());
    texts_ += text;
}

const void* Run::find(std::size_t slot, std::string_view key) {
    const CellId id = store_->find(*node_->reads[slot].table, key);
    record(Source::Kind::row, slot, id, key);
    if (id == 0) return nullptr;
    return store_->cells[id].present ? open(id) : nullptr;
}

void Run::bucket(std::size_t slot, std::string_view value, void* context,
                 void (*visit)(void* context, const void* row)) {
    const BucketId id = store_->find_bucket(*node_->reads[slot].index, value);
    record(Source::Kind::bucket, slot, id, value);
    if (id == 0) return;
    store_->buckets[id].cells.each([&](CellId cell) { visit(context, open(cell)); });
}

void Run::scan(std::size_t slot, void* context, void (*visit)(void* context, const void* row)) {
    Table& table = *node_->reads[slot].table;
    record(Source::Kind::scan, slot, 0, {});
    ++scans_;
    for (const CellId cell : store_->sorted(table))
        visit(context, open(cell));
}

void Run::list(std::size_t slot, std::string_view key, void* context, void (*visit)(void* context, const void* row)) {
    const CellId id = store_->find(*node_->reads[slot].table, key);
    record(Source::Kind::row, slot, id, key);
    if (id == 0 || !store_->cells[id].present) return;
    if (!store_->cells[id].rivals || node_->reads[slot].table->merge() != Merge::ordered) {
        return visit(context, open(id));
    }
    for (const Put& put : node_->owners->puts(id))
        visit(context, open(put.row));
}

bool Run::passed(TimePoint when) {
    if (now_ >= when) return true;
    deadline_ = deadline_ ? std::min(*deadline_, when) : when;
    return false;
}

void Run::put(std::size_t slot, RowPtr row) {
    // What does not compile with the SDK's headers is refused here as well.
    if (slot >= node_->writes.size())
        return fail(broken("the rule put a row into a table that it does not declare in Writes"));
    Table& table = *node_->writes[slot];
    if (!row || !row.type().same_as(table.type()))
        return fail(broken("the rule put a row of another type into " + table.name()));
    if (row.key().empty()) return fail(broken("the rule put a row without a key into " + table.name()));
    puts_.push_back({&table, std::move(row)});
}

void Run::wait(std::string reason) {
    if (outcome_ != Outcome::good) return;
    outcome_ = Outcome::waiting;
    error_ = waiting(std::move(reason));
}

void Run::fail(Error error) {
    if (outcome_ == Outcome::failed) return;
    outcome_ = Outcome::failed;
    error_ = std::move(error);
}

void Run::warn(Error error) {
    if (!warning_) {
        warning_ = std::move(error);
    } else {
        warning_->what += "; " + error.text();
    }
}

/// Equal rows under one key are one; unequal ones have no right answer.
void Run::check_puts() {
    if (puts_.size() < 2 || outcome_ != Outcome::good) return;
    const auto check = [&](NewPut& first, NewPut& second) {
        if (!first.row.equals(second.row)) {
            fail(broken("the rule put two different rows into " + first.table->name() + " under the key \"" +
                        std::string(first.row.key()) + "\""));
        }
        second.table = nullptr;
    };
    const auto same = [](const NewPut& a, const NewPut& b) { return a.table == b.table && a.row.key() == b.row.key(); };
    if (puts_.size() <= 16) {
        for (std::size_t i = 1; i < puts_.size(); ++i) {
            const auto twin =
                std::find_if(puts_.begin(), puts_.begin() + static_cast<std::ptrdiff_t>(i),
                             [&](const NewPut& put) { return put.table != nullptr && same(put, puts_[i]); });
            if (twin != puts_.begin() + static_cast<std::ptrdiff_t>(i)) check(*twin, puts_[i]);
        }
    } else {
        std::vector<NewPut*> order;
        for (NewPut& put : puts_)
            order.push_back(&put);
        std::stable_sort(order.begin(), order.end(), [](const NewPut* a, const NewPut* b) {
            if (a->table != b->table) return a->table->id() < b->table->id();
            return a->row.key() < b->row.key();
        });
        for (std::size_t i = 1, kept = 0; i < order.size(); ++i) {
            if (same(*order[kept], *order[i])) {
                check(*order[kept], *order[i]);
            } else {
                kept = i;
            }
        }
    }
    std::erase_if(puts_, [](const NewPut& put) { return put.table == nullptr; });
}

}  // namespace weft::engine
