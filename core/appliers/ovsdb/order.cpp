#include "appliers/ovsdb/order.hpp"

#include <algorithm>

namespace weft::appliers::ovsdb {

namespace {

bool northbound(const Item& item) {
    return item.table.starts_with("NB/");
}

/// Does a row of this table come further than its own database at all?
bool beyond_commit(const Item& item, weft::ovsdb::Level level) {
    using weft::ovsdb::Level;
    if (level == Level::committed) return false;
    return northbound(item) || (item.table.starts_with("SB/") && level == Level::installed);
}

}  // namespace

void Order::drop_if_empty(const Item& item) {
    const auto at = interests_.find(item);
    if (at != interests_.end() && at->second.empty()) interests_.erase(at);
}

// ---------------------------------------------------------------------------------------------------------------------
// What rules say.

void Order::put(const Item& item, std::span<const After> after) {
    if (const auto at = leavers_.find(item); at != leavers_.end()) {
        const auto held = std::move(at->second);
        leavers_.erase(at);
        for (const Dependent& one : held)
            stop_leaving(item, one);
    }
    for (const After& a : after)
        interests_[{a.table, a.key}].dependents.push_back({item, a.level});
}

void Order::forget(const Item& item, std::span<const After> after) {
    for (const After& a : after) {
        const Item on{a.table, a.key};
        const auto at = interests_.find(on);
        if (at == interests_.end()) continue;
        std::erase_if(at->second.dependents, [&](const Dependent& d) { return d.item == item && d.level == a.level; });
        drop_if_empty(on);
    }
}

/// How far the going of the item itself has come is watched, so that its last change raises nb_cfg.
void Order::withdraw(const Item& item, std::span<const After> after) {
    forget(item, after);
    for (const After& a : after) {
        const Item on{a.table, a.key};
        interests_[on].leaving.push_back({item, a.level});
        leavers_[item].push_back({on, a.level});
        watch({item.table, item.key, a.level});
    }
}

void Order::stop_leaving(const Item& item, const Dependent& held) {
    if (const auto at = interests_.find(held.item); at != interests_.end()) {
        std::erase_if(at->second.leaving, [&](const Dependent& d) { return d.item == item && d.level == held.level; });
        drop_if_empty(held.item);
    }
    unwatch({item.table, item.key, held.level});
}

void Order::watch(const After& on) {
    ++interests_[{on.table, on.key}].watchers[on.level];
}

void Order::unwatch(const After& on) {
    const Item item{on.table, on.key};
    const auto at = interests_.find(item);
    if (at == interests_.end()) return;
    auto& watchers = at->second.watchers;
    if (const auto level = watchers.find(on.level); level != watchers.end() && --level->second == 0) {
        watchers.erase(level);
    }
    drop_if_empty(item);
}

// ---------------------------------------------------------------------------------------------------------------------
// What appliers ask.

Standing Order::standing(const Item& item) const {
    for (Side* side : sides_) {
        if (side->owns(item.table)) return side->standing(item);
    }
    return Standing::moving;  // nobody applies such rows here: whoever waits for them says so in the status
}

bool Order::reached(const Item& item, Level level, bool as_there) {
    if (!beyond_commit(item, level)) return true;
    if (as_there && witness_) {
        if (const auto seen = witness_(item, level)) return *seen;
    }
    Interest& interest = interests_[item];
    if (interest.mark == 0) {
        interest.mark = levels_.next();
        waiting_.emplace(interest.mark, item);
        moved_ = true;  // there may be nothing else to write, but nb_cfg has to be raised
    }
    return levels_.reached(interest.mark, level);
}

bool Order::there(const After& after, bool is_new) {
    const Item item{after.table, after.key};
    if (standing(item) != Standing::there) return false;
    if (!is_new) {
        const auto at = interests_.find(item);
        if (at == interests_.end() || at->second.mark == 0) return true;
    }
    return reached(item, after.level, true);
}

std::vector<Item> Order::holders(const Item& item) {
    const auto at = interests_.find(item);
    if (at == interests_.end() || at->second.leaving.empty()) return {};
    std::vector<Item> holding;
    for (const Dependent& one : std::vector<Dependent>(at->second.leaving)) {
        if (standing(one.item) == Standing::gone && reached(one.item, one.level, false)) {
            release_leaver(one.item);
        } else {
            holding.push_back(one.item);
        }
    }
    return holding;
}

/// Lets go of what an item held, as far as its going has come.
void Order::release_leaver(const Item& item) {
    const auto at = leavers_.find(item);
    if (at == leavers_.end() || standing(item) != Standing::gone) return;
    std::vector<Dependent> done;
    std::erase_if(at->second, [&](const Dependent& held) {
        if (!reached(item, held.level, false)) return false;
        done.push_back(held);
        return true;
    });
    if (at->second.empty()) leavers_.erase(at);
    for (const Dependent& held : done)
        stop_leaving(item, held);
}

bool Order::settled(const After& on) {
    if (on.table.empty()) return true;
    const Item item{on.table, on.key};
    const Standing now = standing(item);
    return now != Standing::moving && reached(item, on.level, now == Standing::there);
}

bool Order::concerns(const Item& item, Move how) const {
    return interests_.contains(item) || (how == Move::gone && departure_ && departure_(item));
}

bool Order::wants_mark(const Item& item, Move how) const {
    if (how == Move::gone && departure_ && departure_(item)) return true;
    const auto at = interests_.find(item);
    if (at == interests_.end() || !northbound(item)) return false;
    const auto& [dependents, leaving, watchers, mark] = at->second;
    return std::any_of(dependents.begin(), dependents.end(),
                       [](const Dependent& d) { return d.level != Level::committed; }) ||
           (!watchers.empty() && watchers.rbegin()->first != Level::committed);
}

// ---------------------------------------------------------------------------------------------------------------------
// What appliers tell.

void Order::committed(const Item& item, Mark mark) {
    const auto at = interests_.find(item);
    if (at == interests_.end()) return;
    at->second.mark = mark;
    if (mark != 0) waiting_.emplace(mark, item);
}

void Order::moved(const Item& item, Move how) {
    for (Side* side : sides_)
        moved_ = side->wake(item) || moved_;
    if (!interests_.contains(item)) return;
    release_leaver(item);
    if (!interests_.contains(item)) return;
    moved_ = true;
    for (const auto& listener : listeners_)
        listener(item, how);
}

void Order::told(const std::optional<Levels::Numbers>& numbers) {
    if (levels_.told(numbers)) follow_levels();
}

void Order::raised(Mark mark, std::int64_t number) {
    levels_.committed(mark, number);
    follow_levels();
}

void Order::follow_levels() {
    std::vector<Item> moving;
    const auto note = [&](auto from, auto to) {
        for (auto at = from; at != to; ++at) {
            const auto interest = interests_.find(at->second);
            if (interest != interests_.end() && interest->second.mark == at->first) moving.push_back(at->second);
        }
    };
    const Mark installed = levels_.installed();
    const Mark southbound = levels_.southbound();
    note(waiting_.begin(), waiting_.upper_bound(installed));
    note(waiting_.upper_bound(std::max(southbound_told_, installed)), waiting_.upper_bound(southbound));
    waiting_.erase(waiting_.begin(), waiting_.upper_bound(installed));
    southbound_told_ = std::max(southbound_told_, southbound);
    for (const Item& item : moving)
        moved(item, Move::level);
    for (const auto& listener : level_listeners_)
        listener();
}

}  // namespace weft::appliers::ovsdb
