#include "ipam/id_allocator.hpp"

#include <algorithm>

namespace weft::ipam {

namespace {

enum Input : std::size_t { range_input, request_input };

/// More numbers than anybody asks for; keeps sums of them within 32 bits.
constexpr std::uint64_t most_numbers = std::uint64_t{1} << 30;

}  // namespace

void IdAllocator::run(std::span<const Change> changes, OperatorOut& out) {
    dirty_.clear();
    for (const Change& change : changes) {
        if (change.input == range_input) range_changed(change);
        if (change.input == request_input) request_changed(change, out);
    }
    std::vector<Turn<Entry>> turns;
    for (const auto& key : dirty_) {
        const auto at = entries_.find(key);
        if (at == entries_.end()) continue;
        const auto& asked = at->second.asked();
        const bool has = at->second.id || !asked.held.empty();
        turns.push_back({&at->second, has ? Claim::has : Claim::nothing, asked.precedence, at->first});
    }
    sort_turns(turns);
    for (const auto& turn : turns)
        claim(*turn.entry);
    for (const auto& turn : turns)
        complete(*turn.entry);
    for (const auto& turn : turns)
        publish(*turn.entry, out);
}

void IdAllocator::range_changed(const Change& change) {
    Range& range = ranges_[std::string(change.key())];
    const Range old = std::move(range);
    range = Range();
    if (change.after) {
        const auto& row = change.after.as<tables::IdRange>();
        const std::uint64_t count = row.last < row.first ? 0 : std::uint64_t{row.last} - row.first + 1;
        range.known = true;
        range.first = row.first;
        range.taken = NumberSet(static_cast<std::uint32_t>(std::min(count, most_numbers)));
        if (old.first == range.first) range.next = old.next;
    }
    range.waiting = old.waiting;
    for (auto& [key, entry] : entries_) {
        if (entry.asked().range != change.key()) continue;
        dirty_.insert(key);
        if (!entry.id) continue;
        if (range.covers(*entry.id)) {
            give(range, entry, *entry.id);
        } else {
            entry.id.reset();
        }
    }
}

void IdAllocator::request_changed(const Change& change, OperatorOut& out) {
    const std::string key(change.key());
    Entry& entry = entries_[key];
    const bool moved =
        change.after && entry.request && entry.asked().range != change.after.as<tables::IdRequest>().range;
    if (entry.request && (!change.after || moved)) {
        ranges_[entry.asked().range].waiting.erase(key);
        release(entry);
    }
    if (!change.after) {
        if (entry.lease) out.erase(0, key);
        entries_.erase(key);
        return;
    }
    entry.request = change.after;
    dirty_.insert(key);
}

void IdAllocator::give(Range& range, Entry& entry, std::uint32_t id) {
    range.taken.insert(id - range.first);
    range.owners[id] = entry.asked().key.text;
    entry.id = id;
}

/// Lets go of the number, and lets those who wait for one try again.
void IdAllocator::release(Entry& entry) {
    if (!entry.id) return;
    Range& range = ranges_[entry.asked().range];
    range.taken.erase(*entry.id - range.first);
    range.owners.erase(*entry.id);
    entry.id.reset();
    dirty_.insert(range.waiting.begin(), range.waiting.end());
}

void IdAllocator::claim(Entry& entry) {
    entry.problem.clear();
    entry.warning.clear();
    Range& range = ranges_[entry.asked().range];
    if (!range.known) return;
    for (const std::uint32_t held : entry.asked().held) {
        if (entry.id == held) continue;
        if (!range.covers(held)) {
            entry.warning = std::to_string(held) + " is not between " + std::to_string(range.first) + " and " +
                            std::to_string(range.first + range.taken.limit() - 1);
        } else if (const auto owner = range.owners.find(held); owner != range.owners.end()) {
            entry.warning = std::to_string(held) + " belongs to " + owner->second;
        } else if (!entry.id) {
            give(range, entry, held);
        }
    }
}

void IdAllocator::complete(Entry& entry) {
    Range& range = ranges_[entry.asked().range];
    const std::string& key = entry.asked().key.text;
    if (!entry.id && range.known) {
        if (const auto free = range.taken.next_free(range.next)) {
            range.next = *free + 1;
            give(range, entry, range.first + *free);
        }
    }
    if (entry.id) {
        range.waiting.erase(key);
        return;
    }
    range.waiting.insert(key);
    entry.problem = range.known ? "no number available: all of " + std::to_string(range.first) + " to " +
                                      std::to_string(range.first + range.taken.limit() - 1) + " are taken"
                                : "there is no range \"" + entry.asked().range + "\" to take a number from";
}

void IdAllocator::publish(Entry& entry, OperatorOut& out) {
    tables::IdLease lease;
    lease.key.text = entry.asked().key.text;
    lease.id = entry.id.value_or(0);
    lease.problem = entry.problem;
    lease.warning = entry.warning;
    RowPtr row = RowPtr::make(lease);
    if (row.equals(entry.lease)) return;
    entry.lease = row;
    out.put(0, std::move(row));
}

}  // namespace weft::ipam
