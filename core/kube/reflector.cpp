#include "kube/reflector.hpp"

#include <weft/base/log.hpp>

namespace weft::kube {

std::string_view to_string(ReflectorPhase phase) {
    switch (phase) {
        case ReflectorPhase::stopped: return "stopped";
        case ReflectorPhase::listing: return "listing";
        case ReflectorPhase::watching: return "watching";
        case ReflectorPhase::backing_off: return "backing off";
    }
    return "stopped";
}

Reflector::Reflector(Loop& loop, Transport& transport, Sink& sink, ResourceSpec resource, WatchScope scope,
                     ReflectorOptions options, Random random)
    : loop_(loop),
      transport_(transport),
      sink_(sink),
      resource_(std::move(resource)),
      scope_(scope),
      options_(std::move(options)),
      random_(std::move(random)),
      backoff_(options_.backoff, random_),
      timer_(loop) {
    counts_.resource = resource_.resource + (resource_.group.empty() ? "" : "." + resource_.group);
    counts_.table = std::string(resource_.table.name);
    publish();
}

Reflector::~Reflector() {
    cancel_all();
}

void Reflector::start() {
    if (running_) return;
    running_ = true;
    begin();
}

void Reflector::stop() {
    running_ = false;
    cancel_all();
    counts_.phase = ReflectorPhase::stopped;
    publish();
}

void Reflector::rescope(WatchScope scope) {
    if (scope == scope_) return;
    scope_ = scope;
    if (running_) begin();
}

void Reflector::relist(std::function<void()> done) {
    if (done) when_listed_.push_back(std::move(done));
    if (running_) begin();
}

void Reflector::reread(ResourceSpec resource, std::function<void()> done) {
    resource_ = std::move(resource);
    relist(std::move(done));
}

void Reflector::begin() {
    cancel_all();
    expired_lists_ = 0;
    if (options_.streaming_list && can_stream_) {
        begin_watch(true);
    } else {
        begin_list();
    }
}

void Reflector::cancel_all() {
    timer_.cancel();
    transport_.cancel(std::exchange(exchange_, Transport::Exchange::none));
    lines_.reset();
}

const Known* Reflector::find(std::string_view identity) const {
    const auto at = known_.find(identity);
    return at == known_.end() ? nullptr : &*at;
}

/// "/api/v1/pods?fieldSelector=…&" ready for more parameters.
std::string Reflector::scoped_path() const {
    std::string path = collection_path(resource_) + "?";
    if (scope_ == WatchScope::local_node)
        path += "fieldSelector=spec.nodeName%3D" + percent_encode(options_.node) + "&";
    return path;
}

Result<bool> Reflector::parse(std::string_view text) {
    constexpr std::size_t keep_memory_below = 1U << 16;
    if (document_is_large_) document_ = JsonDocument();
    document_is_large_ = text.size() > keep_memory_below;
    auto parsed = document_.reparse(text);
    bool repaired = false;
    if (!parsed) {
        const std::string repaired_text = repair_utf8(text);
        repaired = repaired_text != text;
        if (repaired) parsed = document_.reparse(repaired_text);
    }
    if (!parsed) return std::move(parsed).error();
    return repaired;
}

// What an object says
// ---------------------------------------------------------------------------------------------------

Reflector::Reading Reflector::read(const ObjectMeta& meta, JsonView object, bool repaired) {
    std::string identity = meta.identity();
    if (meta.name.empty() || (resource_.namespaced && meta.ns.empty())) {
        const std::string field = meta.name.empty() ? "metadata.name" : "metadata.namespace";
        complain(meta, std::move(identity), {ErrorKind::invalid, "is missing or no string", field, {}});
        return {Outcome::malformed, {}};
    }
    if (repaired) {
        complain(meta, std::move(identity), invalid("holds bytes that are not UTF-8"));
        return {Outcome::malformed, {}};
    }
    auto row = resource_.parse(object);
    if (!row) {
        complain(meta, std::move(identity), std::move(row).error());
        return {Outcome::malformed, {}};
    }
    mend(identity);
    return {*row ? Outcome::row : Outcome::none, *std::move(row)};
}

void Reflector::complain(const ObjectMeta& meta, std::string identity, Error error) {
    constexpr std::size_t limit = 10'000;
    const ObjectRef ref{resource_.kind, std::string(meta.ns), std::string(meta.name), std::string(meta.uid)};
    const std::string where = resource_.kind + " " + (identity.empty() ? "without a name" : identity);
    if (error.mend.empty()) error.mend = "correct the object; until then weft goes by its last good state";
    error.where = error.where.empty() ? where : where + ": " + error.where;
    stale_malformed_.erase(identity);
    const auto at = malformed_.find(identity);
    if (at != malformed_.end() && at->second.second == error) return;
    if (at == malformed_.end() && malformed_.size() >= limit) return;
    malformed_.insert_or_assign(std::move(identity), std::pair{ref, error});
    sink_.malformed(ref, error);
}

void Reflector::mend(std::string_view identity) {
    if (malformed_.empty()) return;
    const auto at = malformed_.find(identity);
    if (at == malformed_.end()) return;
    sink_.mended(at->second.first);
    malformed_.erase(at);
}

// When things go wrong
// -------------------------------------------------------------------------------------------------

/// The server does not know our version any more: list anew. The second time in a row is not at once.
void Reflector::expired(const std::string& why) {
    cancel_all();
    ++counts_.restarts;
    continue_.clear();
    log(LogLevel::info, "kube", "listing anew", {{"resource", counts_.resource}, {"because", why}});
    if (expired_lists_++ == 0) {
        begin_list();
    } else {
        retry(why, std::nullopt, &Reflector::begin_list);
    }
}

void Reflector::retry(const std::string& why, std::optional<Duration> retry_after, void (Reflector::*next)()) {
    cancel_all();
    const bool news = counts_.trouble != why;
    counts_.trouble = why;
    counts_.phase = ReflectorPhase::backing_off;
    publish();
    if (news)
        log(LogLevel::warn, "kube", "out of step with the API server",
            {{"resource", counts_.resource}, {"because", why}});
    timer_.set_after(backoff_.next(retry_after), [this, next] { (this->*next)(); });
}

/// A watch works: forget past failures.
void Reflector::in_step() {
    backoff_.reset();
    expired_lists_ = 0;
    broken_streams_ = 0;
    if (counts_.trouble.empty()) return;
    counts_.trouble.clear();
    log(LogLevel::info, "kube", "in step with the API server again", {{"resource", counts_.resource}});
}

// Looking from outside
// -------------------------------------------------------------------------------------------------

void Reflector::publish() {
    constexpr std::size_t shown = 20;
    counts_.complete = complete_;
    counts_.objects = known_.size();
    counts_.resource_version = version_text_;
    const std::lock_guard lock(mutex_);
    published_ = counts_;
    published_.malformed_count = malformed_.size();
    for (const auto& [identity, entry] : malformed_) {
        if (published_.malformed.size() == shown) break;
        published_.malformed.push_back(entry);
    }
}

ReflectorStatus Reflector::status() const {
    const std::lock_guard lock(mutex_);
    return published_;
}

}  // namespace weft::kube
