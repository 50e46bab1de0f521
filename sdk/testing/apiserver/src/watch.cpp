#include "watch.hpp"

#include <charconv>

namespace weft::apiserver {

namespace {

ApiError forbidden_option(const char* field, const char* why) {
    return invalid_object({"meta.k8s.io", "listoptions", "ListOptions"}, "",
                          {{FieldError::Type::forbidden, field, "", why}});
}

}  // namespace

Watch::Watch(Store& store, std::shared_ptr<Table> table, Encoder encoder, WatchQuery query)
    : store_(store),
      table_(std::move(table)),
      encoder_(std::move(encoder)),
      selection_(std::move(query.selection)),
      bookmarks_(query.bookmarks),
      end_initial_(query.send_initial && query.bookmarks) {}

Outcome<std::unique_ptr<Watch>> Watch::open(Store& store, const Target& target, Encoder encoder, WatchQuery query) {
    if (query.initial_is_asked && query.match != "NotOlderThan") {
        return forbidden_option("resourceVersionMatch",
                                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
    if (!query.initial_is_asked && !query.match.empty()) {
        return forbidden_option("resourceVersionMatch",
                                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    }
    std::uint64_t from = 0;
    const auto& text = query.resource_version;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), from);
    if (!text.empty() && (error != std::errc() || end != text.data() + text.size())) {
        return bad_request("invalid resource version \"" + text + "\"");
    }
    bool initial = query.send_initial || (!query.initial_is_asked && from == 0);
    std::unique_ptr<Watch> watch(new Watch(store, target.table, std::move(encoder), std::move(query)));
    auto guard = store.lock();
    if (initial) {
        watch->position_ = store.revision_locked();
        watch->initial_ = target.table->page(watch->selection_, "", 0, watch->position_).items;
    } else {
        watch->position_ = from == 0 ? store.revision_locked() : from;
    }
    watch->known_ = watch->position_;
    return watch;
}

bool Watch::tell_initial(std::string& out, std::size_t limit) {
    while (told_ < initial_.size()) {
        if (out.size() >= limit) return false;
        const auto& object = initial_[told_++];
        encoder_.event(out, "ADDED", *object, object->revision);
    }
    initial_.clear();
    told_ = 0;
    if (end_initial_) encoder_.bookmark(out, position_, true);
    end_initial_ = false;
    return true;
}

void Watch::tell(std::string& out, const Change& change) {
    bool was = change.before && selection_.matches(*change.before);
    bool is = change.now && selection_.matches(*change.now);
    if (!was && !is) return;
    known_ = change.revision;
    for (int i = duplicating_ ? 2 : 1; i > 0; --i) {
        if (is) {
            encoder_.event(out, was ? "MODIFIED" : "ADDED", *change.now, change.revision);
        } else {
            encoder_.event(out, "DELETED", *change.before, change.revision);
        }
    }
}

Watch::State Watch::tell_changes(std::string& out, std::size_t limit) {
    auto guard = store_.lock();
    if (expired_ || !table_->remembers(position_)) {
        out += error_event(expired("too old resource version: " + std::to_string(position_) + " (" +
                                   std::to_string(store_.revision_locked()) + ")"));
        return State::ended;
    }
    const auto& history = table_->history();
    for (auto i = table_->first_after(position_); i < history.size(); ++i) {
        if (out.size() >= limit) return State::more;
        tell(out, history[i]);
        position_ = history[i].revision;
    }
    position_ = std::max(position_, store_.revision_locked());
    return table_->closed() ? State::ended : State::waiting;
}

Watch::State Watch::fill(std::string& out, std::size_t limit) {
    if (!expired_ && !tell_initial(out, limit)) return State::more;
    auto state = tell_changes(out, limit);
    if (state == State::ended || state == State::more) return state;
    if ((bookmark_wanted_ || (finishing_ && bookmarks_)) && position_ > known_) {
        encoder_.bookmark(out, position_, false);
        known_ = position_;
    }
    bookmark_wanted_ = false;
    return finishing_ ? State::ended : state;
}

}  // namespace weft::apiserver
