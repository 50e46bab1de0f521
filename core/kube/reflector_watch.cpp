#include "base/shrink.hpp"
#include "kube/reflector.hpp"

#include <weft/base/log.hpp>

namespace weft::kube {

/// From the version that is known; or, when `initial`, from a list that comes as the stream's first events.
void Reflector::begin_watch(bool initial) {
    cancel_all();
    initial_ = initial;
    if (initial) {
        clear_incoming();
        version_ = 0;
        version_text_.clear();
    }
    ++counts_.watches;
    counts_.phase = initial ? ReflectorPhase::listing : ReflectorPhase::watching;
    publish();
    const auto span = options_.longest_watch - options_.shortest_watch;
    const auto chosen =
        options_.shortest_watch + std::chrono::duration_cast<Duration>(std::chrono::duration<double, Duration::period>(
                                      static_cast<double>(span.count()) * random_()));
    const auto seconds = std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::seconds>(chosen).count());
    Request request;
    request.path = scoped_path() + "watch=1&allowWatchBookmarks=true&timeoutSeconds=" + std::to_string(seconds);
    request.path += initial ? "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                            : "&resourceVersion=" + percent_encode(version_text_);
    request.deadline = std::chrono::seconds(seconds) + options_.watch_slack;
    request.silence = options_.watch_silence;
    watch_began_ = loop_.now();
    watch_brought_ = false;
    watch_from_ = version_;
    exchange_ = transport_.start(
        std::move(request), [this](const Answer& answer) { watch_done(answer); },
        [this](std::string_view bytes) {
            if (bytes.empty()) return watch_taken();
            const auto fed = lines_.feed(bytes, [this](std::string_view line) { on_line(line); });
            sink_.flush();
            publish();
            if (!fed) stream_broken(fed.error().text());
        });
}

/// The server serves it. Nothing may change for long, so that is all there is to see of trouble that is over.
void Reflector::watch_taken() {
    if (initial_ || counts_.trouble.empty()) return;
    timer_.set_after(options_.fair_watch, [this] {
        in_step();
        publish();
    });
}

void Reflector::on_line(std::string_view line) {
    const auto repaired = parse(line);
    if (!repaired) return stream_broken(repaired.error().text());
    const JsonView event = document_.root();
    const std::string_view type = event["type"].string_or("");
    const JsonView object = event["object"];
    if (type == "ERROR") return on_error_event(object);
    if (!object.is_object()) return stream_broken("an event without an object: " + json_quote(line.substr(0, 80)));
    watch_brought_ = true;
    in_step();
    if (type == "BOOKMARK") return on_bookmark(object);
    if (type == "ADDED" || type == "MODIFIED" || type == "DELETED")
        return on_object(object, type == "DELETED", *repaired);
    log(LogLevel::debug, "kube", "ignoring an event of unknown type", {{"type", std::string(type.substr(0, 40))}});
}

void Reflector::on_bookmark(JsonView object) {
    ++counts_.bookmarks;
    const ObjectMeta meta = meta_of(object);
    const std::uint64_t version = version_number(meta.resource_version);
    if (meta.resource_version.empty() || version < version_) return;
    version_text_ = std::string(meta.resource_version);
    version_ = version;
    if (!initial_ || object["metadata"]["annotations"]["k8s.io/initial-events-end"].string_or("") != "true") return;
    initial_ = false;
    counts_.phase = ReflectorPhase::watching;
    finish_list(version_text_);
}

void Reflector::on_error_event(JsonView status) {
    Answer answer;
    answer.http = static_cast<int>(status["code"].integer().value_or(500));
    read_status(answer, status.dump());
    const std::string why = answer.error("watch " + counts_.resource).text();
    if (answer.http == 410 || answer.version_too_large) return expired(why);
    retry(why, answer.retry_after, initial_ ? &Reflector::begin : &Reflector::resume_watch);
}

void Reflector::on_object(JsonView object, bool deleted, bool repaired) {
    ++counts_.events;
    const ObjectMeta meta = meta_of(object);
    const std::uint64_t version = version_number(meta.resource_version);
    if (initial_) {
        insert_incoming(meta, deleted ? Reading{} : read(meta, object, repaired));
        return;
    }
    // Events come in the order of their versions; what is older was told before.
    if (version != 0 && version < version_) {
        ++counts_.unchanged;
        return;
    }
    if (!meta.resource_version.empty()) {
        version_text_ = std::string(meta.resource_version);
        version_ = version;
    }
    if (deleted) return forget(meta);
    const Reading reading = read(meta, object, repaired);
    if (reading.outcome == Outcome::row) store(meta, reading.row);
    if (reading.outcome == Outcome::none) forget(meta);
}

void Reflector::store(const ObjectMeta& meta, RowPtr row) {
    const std::string_view table = resource_.table.name;
    const std::uint64_t version = version_number(meta.resource_version);
    const std::string identity = meta.identity();
    const auto known = known_.find(identity);
    RowPtr before;
    if (known != known_.end()) {
        known->version = version;
        known->annotated = meta.has_annotations;
        if (known->row.equals(row)) {
            ++counts_.unchanged;
            return;
        }
        if (known->row.key() == row.key()) {
            before = std::exchange(known->row, row);
        } else {
            sink_.erase(table, known->row.key());
            known_.erase(known);
            known_.emplace(identity, row, version, meta.has_annotations);
        }
    } else {
        known_.emplace(identity, row, version, meta.has_annotations);
    }
    ++counts_.posted;
    sink_.put(table, std::move(row), before);
}

void Reflector::forget(const ObjectMeta& meta) {
    const std::string identity = meta.identity();
    mend(identity);
    const auto known = known_.find(identity);
    if (known == known_.end()) {
        ++counts_.unchanged;
        return;
    }
    const std::string uid = known->row.object().uid;
    if (!uid.empty() && !meta.uid.empty() && uid != meta.uid) {
        ++counts_.unchanged;  // an old news: another object has that name by now
        return;
    }
    ++counts_.posted;
    sink_.erase(resource_.table.name, known->row.key());
    known_.erase(known);
    shrink(known_);
}

/// The bytes make no sense: begin again where all was well, and if that does not help, from the start.
void Reflector::stream_broken(const std::string& why) {
    constexpr unsigned patience = 3;
    const std::string told = "watch " + counts_.resource + ": " + why;
    if (++broken_streams_ >= patience || initial_) return retry(told, std::nullopt, &Reflector::begin_list);
    retry(told, std::nullopt, &Reflector::resume_watch);
}

void Reflector::watch_done(const Answer& answer) {
    exchange_ = Transport::Exchange::none;
    const std::string why = answer.error("watch " + counts_.resource).text();
    if (answer.http == 410 || answer.version_too_large) return expired(why);
    const bool streamed = answer.http >= 200 && answer.http < 300;
    if (initial_) {
        // A server that cannot begin a watch with a list says so in one of several ways.
        if (!streamed && answer.http != 0 && answer.http != 401 && answer.http != 429) can_stream_ = false;
        if (streamed && !watch_brought_) can_stream_ = false;
        return retry(why, answer.retry_after, &Reflector::begin);
    }
    // A server also ends the watch of one that takes events more slowly than they come: it got on.
    const bool got_on = answer.trouble.empty() && version_ > watch_from_;
    if (streamed && (got_on || loop_.now() - watch_began_ >= options_.fair_watch)) {
        in_step();
        return begin_watch(false);
    }
    const std::string early =
        "watch " + counts_.resource + ": ended early" + (answer.trouble.empty() ? "" : ": " + answer.trouble);
    retry(streamed ? early : why, answer.retry_after, &Reflector::resume_watch);
}

}  // namespace weft::kube
