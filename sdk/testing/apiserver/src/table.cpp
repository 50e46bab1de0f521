#include "table.hpp"

#include <algorithm>

namespace weft::apiserver {

ObjectPtr Table::find(std::string_view key) const {
    auto found = objects_.find(key);
    return found == objects_.end() ? nullptr : found->second;
}

bool Table::has_any_in(std::string_view space) const {
    std::string prefix = std::string(space) + "/";
    auto first = objects_.lower_bound(prefix);
    return first != objects_.end() && first->first.starts_with(prefix);
}

std::vector<ObjectPtr> Table::all_in(std::string_view space) const {
    std::string prefix = std::string(space) + "/";
    std::vector<ObjectPtr> out;
    for (auto at = objects_.lower_bound(prefix); at != objects_.end() && at->first.starts_with(prefix); ++at) {
        out.push_back(at->second);
    }
    return out;
}

void Table::put(ObjectPtr object) {
    ObjectPtr& slot = objects_[object->key()];
    Change change{object->revision, slot, object};
    slot = std::move(object);
    record(std::move(change));
}

void Table::remove(std::string_view key, std::uint64_t revision) {
    auto found = objects_.find(key);
    if (found == objects_.end()) return;
    Change change{revision, std::move(found->second), nullptr};
    objects_.erase(found);
    record(std::move(change));
}

void Table::record(Change change) {
    last_change_ = change.revision;
    history_.push_back(std::move(change));
    while (history_.size() > history_limit_) {
        forgotten_ = history_.front().revision;
        history_.pop_front();
    }
}

void Table::forget(std::uint64_t up_to) {
    while (!history_.empty() && history_.front().revision <= up_to)
        history_.pop_front();
    forgotten_ = std::max(forgotten_, up_to);
}

std::size_t Table::first_after(std::uint64_t revision) const {
    auto at = std::upper_bound(history_.begin(), history_.end(), revision,
                               [](std::uint64_t wanted, const Change& change) { return wanted < change.revision; });
    return static_cast<std::size_t>(at - history_.begin());
}

namespace {

/// Walks `objects` behind `after` and keeps what matches.
template <class Objects>
Page collect(const Objects& objects, const Selection& selection, std::string_view after, std::size_t limit) {
    Page page;
    std::string prefix = selection.space.empty() ? std::string() : selection.space + "/";
    auto at = after.empty() ? objects.lower_bound(prefix) : objects.upper_bound(after);
    for (; at != objects.end() && at->first.starts_with(prefix); ++at) {
        if (!at->second || !selection.matches(*at->second)) continue;
        if (limit != 0 && page.items.size() == limit) {
            page.more = true;
            ++page.remaining;
            continue;
        }
        page.items.push_back(at->second);
        page.last_key = at->first;
    }
    return page;
}

}  // namespace

Page Table::page(const Selection& selection, std::string_view after, std::size_t limit, std::uint64_t revision) const {
    if (last_change_ <= revision) return collect(objects_, selection, after, limit);
    auto then = objects_;
    for (auto i = history_.size(); i-- > first_after(revision);) {
        const Change& change = history_[i];
        then[change.before ? change.before->key() : change.now->key()] = change.before;
    }
    return collect(then, selection, after, limit);
}

}  // namespace weft::apiserver
