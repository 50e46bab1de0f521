#include "appliers/kube/event_recorder.hpp"

#include "kube/objects.hpp"
#include "kube/times.hpp"

#include <weft/base/hash.hpp>
#include <weft/base/json.hpp>
#include <weft/base/log.hpp>
#include <weft/base/text.hpp>

#include <algorithm>
#include <cstdio>

namespace weft::appliers {

namespace {

constexpr std::size_t message_limit = 1024;
constexpr std::size_t name_limit = 253;

std::string key_of(const ObjectRef& object, std::string_view reason, std::string_view message) {
    std::string key;
    for (const std::string_view part : {std::string_view(object.kind), std::string_view(object.ns),
                                        std::string_view(object.name), std::string_view(object.uid), reason, message}) {
        key.append(part).push_back('\0');
    }
    return key;
}

/// At most `limit` bytes, not cutting a character in two.
std::string shortened(std::string text, std::size_t limit) {
    if (text.size() <= limit) return text;
    return std::string(beginning(text, limit - 3)) + "…";
}

const ResourceSpec& events_resource() {
    static const ResourceSpec events{"", "v1", "events", "Event", true, {}, {}};
    return events;
}

std::string namespace_of(const ObjectRef& object) {
    return object.ns.empty() ? "default" : object.ns;
}

}  // namespace

EventRecorder::EventRecorder(kube::Loop& loop, kube::Transport& transport, EventRecorderOptions options)
    : loop_(loop),
      transport_(transport),
      options_(std::move(options)),
      alive_(std::make_shared<bool>(true)),
      pump_timer_(loop),
      sweep_timer_(loop),
      tokens_(options_.burst),
      refilled_(loop.now()),
      started_(loop.now()) {}

EventRecorder::~EventRecorder() {
    *alive_ = false;
    transport_.cancel(exchange_);
}

void EventRecorder::record(ObjectRef object, EventType type, std::string reason, std::string message) {
    loop_.post([this, alive = alive_, object = std::move(object), type, reason = std::move(reason),
                message = std::move(message)]() mutable {
        if (*alive) take(std::move(object), type, std::move(reason), std::move(message));
    });
}

void EventRecorder::take(ObjectRef object, EventType type, std::string reason, std::string message) {
    if (object.name.empty() || object.kind.empty()) return count(&EventCounters::dropped);
    message = shortened(std::move(message), message_limit);
    std::string key = key_of(object, reason, message);
    auto [at, is_new] = told_.try_emplace(std::move(key));
    Told& told = at->second;
    if (is_new) {
        told.object = std::move(object);
        told.type = type;
        told.reason = std::move(reason);
        told.message = std::move(message);
        told.first = loop_.wall();
        told.age = ages_.insert(ages_.end(), at->first);
    } else {
        ages_.splice(ages_.end(), ages_, told.age);
    }
    ++told.count;
    told.last = loop_.wall();
    if (loop_.now() < told.quiet_until || told.queued) {
        count(&EventCounters::merged);
    } else {
        enqueue(*at);
    }
    while (told_.size() > options_.remembered) {
        const auto oldest =
            std::find_if(ages_.begin(), ages_.end(), [&](const auto& k) { return !told_.at(k).queued; });
        if (oldest == ages_.end()) break;
        forget(told_.find(*oldest));
    }
    if (!sweep_timer_.is_set() && !told_.empty()) sweep_timer_.set_after(options_.window / 10, [this] { sweep(); });
}

void EventRecorder::enqueue(ToldMap::value_type& entry) {
    if (queue_.size() >= options_.queued) {
        count(&EventCounters::dropped);
        return forget(told_.find(entry.first));
    }
    entry.second.queued = true;
    entry.second.tries = 0;
    queue_.push_back(entry.first);
    pump();
}

bool EventRecorder::take_token() {
    const TimePoint now = loop_.now();
    tokens_ += std::chrono::duration<double>(now - refilled_).count() * options_.per_second;
    tokens_ = std::min(tokens_, options_.burst);
    refilled_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
}

void EventRecorder::pump() {
    if (sending_ || queue_.empty() || pump_timer_.is_set()) return;
    if (!take_token()) {
        const std::chrono::duration<double> rest((1 - tokens_) / options_.per_second);
        pump_timer_.set_after(std::chrono::duration_cast<Duration>(rest) + std::chrono::milliseconds(1),
                              [this] { pump(); });
        return;
    }
    const std::string key = std::move(queue_.front());
    queue_.pop_front();
    const auto at = told_.find(key);
    if (at == told_.end()) return pump();
    send(*at);
}

std::string EventRecorder::name_of(const ToldMap::value_type& entry) const {
    const std::uint64_t hash = fnv1a64(options_.component + '\0' + options_.host + '\0' + entry.first);
    char suffix[24];
    std::snprintf(suffix, sizeof(suffix), ".%016llx", static_cast<unsigned long long>(hash));
    std::string name = entry.second.object.name.substr(0, name_limit - std::string_view(suffix).size());
    while (!name.empty() && (name.back() == '.' || name.back() == '-'))
        name.pop_back();
    return name + suffix;
}

std::string EventRecorder::event_text(const Told& told) const {
    JsonWriter w;
    w.object([&] {
        w.member("apiVersion", "v1").member("kind", "Event");
        w.key("metadata").object([&] { w.member("name", told.event).member("namespace", namespace_of(told.object)); });
        w.key("involvedObject").object([&] {
            w.member("apiVersion", options_.api_version(told.object.kind)).member("kind", told.object.kind);
            if (!told.object.ns.empty()) w.member("namespace", told.object.ns);
            w.member("name", told.object.name);
            if (!told.object.uid.empty()) w.member("uid", told.object.uid);
        });
        w.member("type", told.type == EventType::warning ? "Warning" : "Normal");
        w.member("reason", told.reason).member("message", told.message);
        w.key("source").object([&] {
            w.member("component", options_.component);
            if (!options_.host.empty()) w.member("host", options_.host);
        });
        w.member("firstTimestamp", kube::time_text(told.first)).member("lastTimestamp", kube::time_text(told.last));
        w.member("count", told.count);
    });
    return w.take();
}

void EventRecorder::send(ToldMap::value_type& entry) {
    Told& told = entry.second;
    const bool bump = told.written > 0;
    kube::Request request;
    if (!told.found) request.accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
    if (bump) {
        JsonWriter w;
        w.object([&] {
            if (!told.found) w.member("count", told.count);
            w.member("lastTimestamp", kube::time_text(told.last));
        });
        request.method = kube::Method::patch;
        request.path = kube::object_path(events_resource(), namespace_of(told.object), told.event);
        request.body = w.take();
        request.content_type = "application/merge-patch+json";
    } else {
        told.event = name_of(entry);
        request.method = kube::Method::post;
        request.path = kube::collection_path(events_resource(), namespace_of(told.object));
        request.body = event_text(told);
    }
    sending_ = true;
    exchange_ = transport_.start(std::move(request),
                                 [this, key = entry.first, bump, n = told.count](const kube::Answer& answer) {
                                     sending_ = false;
                                     exchange_ = kube::Transport::Exchange::none;
                                     if (answer.ok()) count(bump ? &EventCounters::bumped : &EventCounters::created);
                                     sent(key, answer, n);
                                     pump();
                                 });
}

void EventRecorder::sent(const std::string& key, const kube::Answer& answer, std::uint32_t n) {
    const auto at = told_.find(key);
    if (at == told_.end()) return;
    Told& told = at->second;
    const bool bumped = told.written > 0;
    // By a try whose answer was lost, or before we were started.
    const bool was_there = !bumped && answer.http == 409;
    if (answer.ok() || was_there) {
        told.queued = false;
        told.written = n;
        told.quiet_until = loop_.now() + options_.window;
        if (was_there && told.tries == 0) {
            told.found = true;
            // What is told in the first minutes was there before the restart; later it has happened again.
            if (loop_.now() < started_ + options_.window) return;
            ++told.count;
            enqueue(*at);
        } else if (bumped && told.found) {
            learn_count(told, answer);
            enqueue(*at);
        }
        return;
    }
    // The server forgets Events after a while: then it is a new one.
    const bool anew = bumped && answer.http == 404;
    const bool transient = answer.http == 0 || answer.http == 429 || answer.http >= 500;
    if ((!anew && !transient) || ++told.tries >= options_.tries) {
        log(LogLevel::info, "kube", "an Event could not be written",
            answer.error("event for " + told.object.kind + " " + told.object.name));
        count(&EventCounters::dropped);
        return forget(at);
    }
    if (anew) {
        told.written = 0;
        told.found = false;
    }
    queue_.push_front(key);
    if (transient) {
        const Duration pause = options_.retry * (1U << std::min(told.tries - 1, 10U));
        pump_timer_.set_after(std::max(pause, answer.retry_after.value_or(Duration::zero())), [this] { pump(); });
    }
}

/// The Event was there before us: our repetitions come on top of what it counted.
void EventRecorder::learn_count(Told& told, const kube::Answer& answer) const {
    told.found = false;
    const auto event = JsonDocument::parse(answer.body);
    const auto counted = event ? event->root()["count"].integer().value_or(1) : 1;
    told.written = static_cast<std::uint32_t>(std::clamp<std::int64_t>(counted, 1, 1'000'000'000));
    told.count += told.written - 1;
}

/// Writes the repetitions of quiet times that are over, and forgets what was not told again.
void EventRecorder::sweep() {
    for (auto at = told_.begin(); at != told_.end();) {
        auto next = std::next(at);
        if (!at->second.queued && loop_.now() >= at->second.quiet_until) {
            if (at->second.count > at->second.written) {
                enqueue(*at);
            } else if (loop_.now() >= at->second.quiet_until + options_.window) {
                forget(at);
            }
        }
        at = next;
    }
    if (!told_.empty()) sweep_timer_.set_after(options_.window / 10, [this] { sweep(); });
}

void EventRecorder::forget(ToldMap::iterator at) {
    ages_.erase(at->second.age);
    told_.erase(at);
}

void EventRecorder::count(std::uint64_t EventCounters::*counter) {
    const std::lock_guard lock(mutex_);
    ++(counters_.*counter);
}

EventCounters EventRecorder::counters() const {
    const std::lock_guard lock(mutex_);
    return counters_;
}

}  // namespace weft::appliers
