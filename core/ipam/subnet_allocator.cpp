#include "ipam/subnet_allocator.hpp"

#include <algorithm>
#include <iterator>

namespace weft::ipam {

namespace {

enum Input : std::size_t { range_input, request_input };

bool has_family(const std::vector<IpPrefix>& subnets, Family family) {
    return std::any_of(subnets.begin(), subnets.end(), [&](const auto& s) { return s.family() == family; });
}

void add_sentence(std::string& to, const std::string& sentence) {
    if (!to.empty()) to += "; ";
    to += sentence;
}

}  // namespace

const SubnetAllocator::Holding* SubnetAllocator::Range::overlapping(const IpPrefix& subnet) const {
    const auto after = held.upper_bound(subnet.last());
    if (after == held.begin()) return nullptr;
    const auto& candidate = std::prev(after)->second;
    return candidate.subnet.overlaps(subnet) ? &candidate : nullptr;
}

bool SubnetAllocator::Range::covers(const IpPrefix& subnet) const {
    return std::any_of(cutters.begin(), cutters.end(), [&](const auto& c) { return c.range().contains(subnet); });
}

bool SubnetAllocator::Range::has(Family family) const {
    return std::any_of(cutters.begin(), cutters.end(), [&](const auto& c) { return c.family() == family; });
}

std::optional<IpPrefix> SubnetAllocator::Range::cut(SubnetCutter& cutter) const {
    for (std::uint32_t i = 0; i < cutter.count(); ++i) {
        const auto number = static_cast<std::uint32_t>((std::uint64_t{cutter.next} + i) % cutter.count());
        if (cutter.skipped(number)) continue;
        const IpPrefix subnet = cutter.subnet(number);
        if (overlapping(subnet)) continue;
        cutter.next = number + 1;
        return subnet;
    }
    cutter.next = 0;
    return std::nullopt;
}

void SubnetAllocator::run(std::span<const Change> changes, OperatorOut& out) {
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
        const bool has = !at->second.subnets.empty() || !asked.held.empty();
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

void SubnetAllocator::range_changed(const Change& change) {
    Range& range = ranges_[std::string(change.key())];
    std::vector<SubnetCutter> cutters;
    if (change.after) {
        for (const auto& cut : change.after.as<tables::SubnetRange>().cuts) {
            SubnetCutter cutter(cut.range, cut.length);
            for (const auto& old : range.cutters) {
                if (old.range() == cutter.range() && old.length() == cutter.length()) cutter.next = old.next;
            }
            cutters.push_back(cutter);
        }
    }
    range.cutters = std::move(cutters);
    for (const auto& [key, entry] : entries_) {
        if (entry.asked().range == change.key()) dirty_.insert(key);
    }
}

void SubnetAllocator::request_changed(const Change& change, OperatorOut& out) {
    const std::string key(change.key());
    Entry& entry = entries_[key];
    const bool moved =
        change.after && entry.request && entry.asked().range != change.after.as<tables::SubnetRequest>().range;
    if (entry.request && (!change.after || moved)) {
        for (const auto& subnet : std::vector(entry.subnets))
            release(entry, subnet);
        ranges_[entry.asked().range].waiting.erase(key);
    }
    if (!change.after) {
        if (entry.lease) out.erase(0, key);
        entries_.erase(key);
        return;
    }
    entry.request = change.after;
    dirty_.insert(key);
}

/// Takes a subnet from the entry and lets those who wait for one try again.
void SubnetAllocator::release(Entry& entry, const IpPrefix& subnet) {
    Range& range = ranges_[entry.asked().range];
    range.held.erase(subnet.ip());
    std::erase(entry.subnets, subnet);
    dirty_.insert(range.waiting.begin(), range.waiting.end());
}

void SubnetAllocator::claim(Entry& entry) {
    entry.problem.clear();
    entry.warning.clear();
    Range& range = ranges_[entry.asked().range];
    for (const auto& subnet : std::vector(entry.subnets)) {
        if (range.covers(subnet)) continue;
        add_sentence(entry.warning, subnet.text() + " is in none of the configured ranges any more");
        release(entry, subnet);
    }
    for (const auto& held : entry.asked().held)
        keep(range, entry, held.network());
}

void SubnetAllocator::keep(Range& range, Entry& entry, const IpPrefix& held) {
    if (std::find(entry.subnets.begin(), entry.subnets.end(), held) != entry.subnets.end()) return;
    if (!range.covers(held)) {
        return add_sentence(entry.warning, held.text() + " is in none of the configured ranges");
    }
    if (has_family(entry.subnets, held.family())) {
        return add_sentence(entry.warning, held.text() + " is a second subnet of its family");
    }
    if (const auto* other = range.overlapping(held)) {
        return add_sentence(entry.warning, held.text() + " overlaps " + other->subnet.text() + " of " + other->owner);
    }
    range.held[held.ip()] = {held, entry.asked().key.text};
    entry.subnets.push_back(held);
}

void SubnetAllocator::complete(Entry& entry) {
    Range& range = ranges_[entry.asked().range];
    const std::string& key = entry.asked().key.text;
    const auto before = entry.subnets;
    bool complete = !range.cutters.empty();
    if (!complete) entry.problem = "there is no range \"" + entry.asked().range + "\" to take a subnet from";
    for (const Family family : {Family::v4, Family::v6}) {
        complete =
            complete && (!range.has(family) || has_family(entry.subnets, family) || add_missing(range, entry, family));
    }
    if (complete) {
        range.waiting.erase(key);
        // v4 first.
        std::sort(entry.subnets.begin(), entry.subnets.end());
        return;
    }
    // All or nothing, but what it had stays its own.
    for (const auto& subnet : entry.subnets) {
        if (std::find(before.begin(), before.end(), subnet) == before.end()) range.held.erase(subnet.ip());
    }
    entry.subnets = before;
    range.waiting.insert(key);
}

bool SubnetAllocator::add_missing(Range& range, Entry& entry, Family family) {
    std::string tried;
    for (auto& cutter : range.cutters) {
        if (cutter.family() != family) continue;
        if (const auto subnet = range.cut(cutter)) {
            range.held[subnet->ip()] = {*subnet, entry.asked().key.text};
            entry.subnets.push_back(*subnet);
            return true;
        }
        tried +=
            (tried.empty() ? "" : ", ") + cutter.range().text() + " (cut to /" + std::to_string(cutter.length()) + ")";
    }
    entry.problem = "no subnets available: every one of " + tried + " is taken";
    return false;
}

void SubnetAllocator::publish(Entry& entry, OperatorOut& out) {
    tables::SubnetLease lease;
    lease.key.text = entry.asked().key.text;
    if (entry.problem.empty()) lease.subnets = entry.subnets;
    lease.problem = entry.problem;
    lease.warning = entry.warning;
    RowPtr row = RowPtr::make(lease);
    if (row.equals(entry.lease)) return;
    entry.lease = row;
    out.put(0, std::move(row));
}

}  // namespace weft::ipam
