#include "engine/owners.hpp"

#include <algorithm>

namespace weft::engine {

void Owners::set_due(InstanceId id) {
    Instance& instance = store_.instances[id];
    if (instance.status_is_due) return;
    instance.status_is_due = true;
    due.push_back(id);
}

bool Owners::smaller(InstanceId a, InstanceId b) const {
    const Instance& left = store_.instances[a];
    const Instance& right = store_.instances[b];
    if (left.driver != right.driver) {
        const auto precedence = [&](const Instance& instance) -> std::int64_t {
            const Cell& driver = store_.cells[instance.driver];
            return driver.present ? driver.holder.precedence() : 0;
        };
        const std::int64_t first = precedence(left);
        const std::int64_t second = precedence(right);
        if (first != second) return first < second;
        const int order = store_.key(left.driver).compare(store_.key(right.driver));
        if (order != 0) return order < 0;
    }
    return nodes_[left.node]->full < nodes_[right.node]->full;
}

std::vector<Put> Owners::puts(CellId id) const {
    const Cell& cell = store_.cells[id];
    std::vector<Put> all;
    if (cell.owner != 0) all.push_back({cell.owner, 0, cell.holder});
    if (!cell.rivals) return all;
    const auto by_order = [this](const Put& a, const Put& b) { return smaller(a.instance, b.instance); };
    for (const auto* list : {&cell.rivals->sharers, &cell.rivals->losers}) {
        const auto from = static_cast<std::ptrdiff_t>(all.size());
        all.insert(all.end(), list->begin(), list->end());
        std::sort(all.begin() + from, all.end(), by_order);
    }
    return all;
}

bool Owners::apply(InstanceId id, std::span<NewPut> puts) {
    Instance& instance = store_.instances[id];
    bool changed = false;
    std::uint32_t same = 0;
    for (; same < instance.outputs.size() && same < puts.size(); ++same) {
        const CellId cell = instance.outputs[same].cell;
        NewPut& put = puts[same];
        if (store_.cells[cell].table != put.table->id() || store_.key(cell) != put.row.key()) break;
        if (replace(id, same, std::move(put.row))) changed = true;
    }
    if (same == instance.outputs.size() && same == puts.size()) return changed;

    // From here on keys differ or stand elsewhere: match the rest by cell.
    std::vector<OutputRef> old(instance.outputs.begin() + same, instance.outputs.end());
    std::sort(old.begin(), old.end(), [](const OutputRef& a, const OutputRef& b) { return a.cell < b.cell; });
    std::vector<bool> kept(old.size());
    instance.outputs.truncate(same);
    instance.outputs.reserve(static_cast<std::uint32_t>(puts.size()));
    for (NewPut& put : puts.subspan(same)) {
        const CellId cell = store_.obtain(*put.table, put.row);
        const auto output = instance.outputs.size();
        const auto at = std::lower_bound(old.begin(), old.end(), cell,
                                         [](const OutputRef& ref, CellId wanted) { return ref.cell < wanted; });
        if (at != old.end() && at->cell == cell) {
            kept[static_cast<std::size_t>(at - old.begin())] = true;
            instance.outputs.push_back(*at);
            move_output(id, output);
            if (replace(id, output, std::move(put.row))) changed = true;
        } else {
            instance.outputs.push_back({cell, OutputRef::owner});
            place(id, output, cell, std::move(put.row));
            changed = true;
        }
    }
    for (std::size_t i = 0; i < old.size(); ++i) {
        if (kept[i]) continue;
        leave(id, old[i]);
        changed = true;
    }
    return changed;
}

void Owners::withdraw(InstanceId id) {
    auto& outputs = store_.instances[id].outputs;
    for (const OutputRef ref : outputs)
        leave(id, ref);
    outputs.truncate(0);
}

void Owners::reorder(InstanceId id) {
    for (const OutputRef at : store_.instances[id].outputs) {
        const Cell& cell = store_.cells[at.cell];
        if (!cell.rivals || cell.rivals->losers.empty()) continue;
        if (merge(cell) == Merge::ordered) store_.log(at.cell).list_changed = true;
        if (merge(cell) == Merge::ordered || cell.fresh) take_over(at.cell);
    }
}

/// Precedences have changed: the smallest of the losers may be smaller than what is seen.
void Owners::take_over(CellId cell_id) {
    Cell& cell = store_.cells[cell_id];
    const std::uint32_t least = least_loser(*cell.rivals);
    if (!before_all_seen(cell.rivals->losers[least].instance, cell)) return;
    Put put = take_loser(cell_id, least);
    set_due(put.instance);
    displace(cell_id);
    own(put.instance, put.output, cell_id, std::move(put.row));
    if (merge(cell) == Merge::set_union) share_equals(cell_id);
}

std::uint32_t Owners::least_loser(const Rivals& rivals) const {
    const auto least = std::min_element(rivals.losers.begin(), rivals.losers.end(),
                                        [this](const Put& a, const Put& b) { return smaller(a.instance, b.instance); });
    return static_cast<std::uint32_t>(least - rivals.losers.begin());
}

/// The put at `output` has moved there: tells its cell.
void Owners::move_output(InstanceId id, std::uint32_t output) {
    const OutputRef at = store_.instances[id].outputs[output];
    if (at.owns()) return;
    Rivals& rivals = *store_.cells[at.cell].rivals;
    (at.shares() ? rivals.sharers[at.place & ~OutputRef::sharer_bit] : rivals.losers[at.place]).output = output;
}

bool Owners::replace(InstanceId id, std::uint32_t output, RowPtr row) {
    const OutputRef at = store_.instances[id].outputs[output];
    Cell& cell = store_.cells[at.cell];
    if (at.loses()) {
        Put& put = cell.rivals->losers[at.place];
        if (put.row.equals(row)) return false;
        put.row = std::move(row);
        if (merge(cell) == Merge::ordered) store_.log(at.cell).list_changed = true;
        if (merge(cell) == Merge::set_union) share_equals(at.cell);
        return true;
    }
    if (cell.holder.equals(row)) return false;
    if (at.shares() || (cell.rivals && !cell.rivals->sharers.empty())) {
        leave(id, at);
        place(id, output, at.cell, std::move(row));
    } else {
        store_.show(at.cell, std::move(row));
        if (merge(cell) == Merge::set_union) share_equals(at.cell);
    }
    return true;
}

void Owners::place(InstanceId id, std::uint32_t output, CellId cell_id, RowPtr row) {
    Cell& cell = store_.cells[cell_id];
    if (cell.owner == 0) return own(id, output, cell_id, std::move(row));
    switch (merge(cell)) {
        case Merge::ordered:
            store_.log(cell_id).list_changed = true;
            if (!smaller(id, cell.owner)) return add_loser(cell_id, {id, output, std::move(row)});
            displace(cell_id);
            return own(id, output, cell_id, std::move(row));
        case Merge::set_union:
            if (cell.holder.equals(row)) return add_sharer(cell_id, {id, output, std::move(row)});
            [[fallthrough]];
        case Merge::exclusive:
            if (!cell.fresh || !before_all_seen(id, cell)) return add_loser(cell_id, {id, output, std::move(row)});
            displace(cell_id);
            own(id, output, cell_id, std::move(row));
            if (merge(cell) == Merge::set_union) share_equals(cell_id);
    }
}

/// The instance's put goes from the cell.
void Owners::leave(InstanceId id, OutputRef at) {
    Cell& cell = store_.cells[at.cell];
    if (merge(cell) == Merge::ordered) store_.log(at.cell).list_changed = true;
    if (at.owns()) {
        cell.owner = 0;
        inherit(at.cell);
    } else if (at.shares()) {
        take_sharer(at.cell, at.place & ~OutputRef::sharer_bit);
    } else {
        take_loser(at.cell, at.place);
        set_due(id);
    }
    if (cell.rivals && cell.rivals->empty()) cell.rivals.reset();
}

void Owners::own(InstanceId id, std::uint32_t output, CellId cell_id, RowPtr row) {
    Cell& cell = store_.cells[cell_id];
    store_.show(cell_id, std::move(row));
    cell.owner = id;
    cell.fresh = true;
    store_.instances[id].outputs[output].place = OutputRef::owner;
    if (!cell.rivals || merge(cell) == Merge::ordered) return;
    for (const Put& loser : cell.rivals->losers)
        set_due(loser.instance);  // their status names the owner
}

/// The owner, and who shares with it, become losers.
void Owners::displace(CellId cell_id) {
    Cell& cell = store_.cells[cell_id];
    const auto& outputs = store_.instances[cell.owner].outputs;
    std::uint32_t output = 0;
    while (outputs[output].cell != cell_id)
        ++output;
    add_loser(cell_id, {cell.owner, output, cell.holder});
    while (!cell.rivals->sharers.empty()) {
        add_loser(cell_id, take_sharer(cell_id, static_cast<std::uint32_t>(cell.rivals->sharers.size() - 1)));
    }
    cell.owner = 0;
}

/// A cell has lost its owner: whose turn is it?
void Owners::inherit(CellId cell_id) {
    Cell& cell = store_.cells[cell_id];
    if (!cell.rivals || cell.rivals->empty()) return store_.show(cell_id, {});
    if (auto& sharers = cell.rivals->sharers; !sharers.empty()) {
        const Put heir = take_sharer(cell_id, static_cast<std::uint32_t>(sharers.size() - 1));
        cell.owner = heir.instance;
        ref(heir).place = OutputRef::owner;
        for (const Put& loser : cell.rivals->losers)
            set_due(loser.instance);
        return;
    }
    Put heir = take_loser(cell_id, least_loser(*cell.rivals));
    set_due(heir.instance);
    own(heir.instance, heir.output, cell_id, std::move(heir.row));
    if (merge(cell) == Merge::set_union) share_equals(cell_id);
}

/// Another row is seen now: losers that equal it share it.
void Owners::share_equals(CellId cell_id) {
    Cell& cell = store_.cells[cell_id];
    if (!cell.rivals) return;
    for (std::uint32_t i = 0; i < cell.rivals->losers.size();) {
        if (cell.rivals->losers[i].row.equals(cell.holder)) {
            Put put = take_loser(cell_id, i);
            set_due(put.instance);
            add_sharer(cell_id, std::move(put));
        } else {
            ++i;
        }
    }
}

bool Owners::before_all_seen(InstanceId id, const Cell& cell) const {
    if (!smaller(id, cell.owner)) return false;
    return !cell.rivals || std::all_of(cell.rivals->sharers.begin(), cell.rivals->sharers.end(),
                                       [&](const Put& sharer) { return smaller(id, sharer.instance); });
}

void Owners::add_sharer(CellId cell_id, Put put) {
    Cell& cell = store_.cells[cell_id];
    if (!cell.rivals) cell.rivals = std::make_unique<Rivals>();
    put.row = cell.holder;  // equal rows are kept once
    ref(put).place = static_cast<std::uint32_t>(cell.rivals->sharers.size()) | OutputRef::sharer_bit;
    cell.rivals->sharers.push_back(std::move(put));
}

void Owners::add_loser(CellId cell_id, Put put) {
    Cell& cell = store_.cells[cell_id];
    if (!cell.rivals) cell.rivals = std::make_unique<Rivals>();
    auto& losers = cell.rivals->losers;
    ref(put).place = static_cast<std::uint32_t>(losers.size());
    if (merge(cell) != Merge::ordered) {
        if (losers.empty()) ++store_.table(cell.table).conflicts;
        set_due(put.instance);
    }
    losers.push_back(std::move(put));
}

Put Owners::take_sharer(CellId cell_id, std::uint32_t place) {
    auto& sharers = store_.cells[cell_id].rivals->sharers;
    std::swap(sharers[place], sharers.back());
    Put taken = std::move(sharers.back());
    sharers.pop_back();
    if (place < sharers.size()) ref(sharers[place]).place = place | OutputRef::sharer_bit;
    return taken;
}

Put Owners::take_loser(CellId cell_id, std::uint32_t place) {
    Cell& cell = store_.cells[cell_id];
    auto& losers = cell.rivals->losers;
    std::swap(losers[place], losers.back());
    Put taken = std::move(losers.back());
    losers.pop_back();
    if (place < losers.size()) ref(losers[place]).place = place;
    if (losers.empty() && merge(cell) != Merge::ordered) --store_.table(cell.table).conflicts;
    return taken;
}

}  // namespace weft::engine
