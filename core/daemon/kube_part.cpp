#include "daemon/kube_part.hpp"

#include "base/heap.hpp"

#include <weft/base/log.hpp>

#include <algorithm>
#include <future>
#include <utility>

namespace weft::daemon {

KubePart::KubePart(Options options, engine::Engine& engine)
    : options_(std::move(options)),
      engine_(engine),
      client_(options_.access),
      events_(client_, client_, {.host = options_.node}),
      status_events_(events_),
      engine_sink_([this](engine::ChangeSet changes) { engine_.post(std::move(changes)); },
                   [this](const ObjectRef& object, const Error* error) {
                       if (!error) return;
                       log(LogLevel::warn, "kube",
                           "object can't be read: " + object.kind + " " + object.ns + "/" + object.name, *error);
                       appliers::record_malformed(events_, object, *error);
                   }),
      annotations_(client_, client_, [this](auto kind, auto ns, auto name) { return look_up(kind, ns, name); },
                   {.may_write = options_.may_write}),
      tap_(engine_sink_, annotations_),
      watches_(client_, client_, tap_, {.node = options_.node}, options_.annotation_prefixes),
      object_status_(client_, client_, [this](auto kind) { return watches_.resource_of(kind); },
                     {.may_write = options_.may_write}) {}

KubePart::~KubePart() {
    stop();
}

void KubePart::give_back_memory() {
    client_.post([this] {
        watches_.give_back_memory();
        annotations_.give_back_memory();
        HeapKeeper::give_back();
    });
}

appliers::AnnotationApplier::Current KubePart::look_up(std::string_view kind, std::string_view ns,
                                                       std::string_view name) const {
    using Presence = appliers::AnnotationApplier::Current::Presence;
    const auto object = watches_.find(kind, ns, name);
    if (!object.watched) return {};
    if (!object.known) return {Presence::absent, {}, 0, false};
    return {Presence::present, object.known->row, object.known->version, object.known->annotated};
}

void KubePart::want(const Watch& watch) {
    if (watch.resource) {
        watches_.want(*watch.resource, watch.scope);
    } else if (!watches_.want(watch.table, watch.scope)) {
        log(LogLevel::error, "kube", "nobody knows how to watch a table", {{"table", std::string(watch.table.name)}});
    }
}

void KubePart::open() {
    if (!std::exchange(opened_, true)) client_.start();
}

Result<void> KubePart::start(const std::vector<Watch>& watches) {
    if (auto done = engine_.subscribe(appliers::AnnotationApplier::tables(), annotations_); !done) return done;
    if (auto done = engine_.subscribe(appliers::StatusEvents::tables(), status_events_); !done) return done;
    if (auto done = engine_.subscribe(appliers::ObjectStatusApplier::tables(), object_status_); !done) return done;
    watched_ = watches;
    for (const Watch& watch : watches)
        want(watch);
    open();
    client_.run([this] { watches_.start(); });
    started_ = true;
    return {};
}

void KubePart::rewatch(const std::vector<Watch>& watches) {
    if (!started_) return;  // start() will be told
    client_.run([&] {
        for (const Watch& before : watched_) {
            const bool still = std::any_of(watches.begin(), watches.end(),
                                           [&](const Watch& now) { return now.table.name == before.table.name; });
            if (!still) watches_.drop(before.table.name);
        }
        for (const Watch& watch : watches)
            want(watch);
    });
    watched_ = watches;
}

Result<void> KubePart::keep_annotations(std::vector<std::string> prefixes) {
    constexpr auto patience = std::chrono::seconds(10);
    const auto listed = std::make_shared<std::promise<void>>();
    const auto keep = [&] { watches_.keep_annotations(std::move(prefixes), [listed] { listed->set_value(); }); };
    if (!started_) {
        keep();
        return {};
    }
    client_.run(keep);
    if (listed->get_future().wait_for(patience) == std::future_status::ready) return {};
    return Error{ErrorKind::again,
                 "the API server has not listed its objects anew within 10 s, so their annotations are not known",
                 {},
                 "see weftctl status for what ails the watches, then try again"};
}

void KubePart::stop() {
    engine_.unsubscribe(annotations_);
    engine_.unsubscribe(status_events_);
    engine_.unsubscribe(object_status_);
    client_.stop();
}

Candidacy::Candidacy(kube::Access access, kube::ElectorOptions options, kube::Elector::Events events)
    : client_(std::move(access), {.thread_name = "weft-election"}),
      elector_(client_, client_, std::move(options), std::move(events)) {}

void Candidacy::start() {
    client_.start();
    client_.run([this] { elector_.start(); });
}

Candidacy::~Candidacy() {
    stop();
}

void Candidacy::stop() {
    if (std::exchange(stopped_, true)) return;
    const auto given_back = std::make_shared<std::promise<void>>();
    client_.post([this, given_back] { elector_.stop([given_back] { given_back->set_value(); }); });
    given_back->get_future().wait_for(std::chrono::seconds(5));
    client_.stop();
}

}  // namespace weft::daemon
