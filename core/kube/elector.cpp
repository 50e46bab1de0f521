#include "kube/elector.hpp"

#include "kube/times.hpp"

#include <weft/base/json.hpp>
#include <weft/base/log.hpp>

#include <algorithm>
#include <tuple>

namespace weft::kube {

namespace {

std::int64_t seconds_of(Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

}  // namespace

Elector::Elector(Loop& loop, Transport& transport, ElectorOptions options, Events events, Random random)
    : loop_(loop),
      transport_(transport),
      options_(std::move(options)),
      events_(std::move(events)),
      random_(std::move(random)),
      leases_{"coordination.k8s.io", "v1", "leases", "Lease", true, {}, {}},
      retry_(loop),
      deadline_(loop) {}

Elector::~Elector() {
    transport_.cancel(exchange_);
}

void Elector::start() {
    running_ = true;
    releasing_ = false;
    attempt();
}

void Elector::stop(std::function<void()> done) {
    running_ = false;
    retry_.cancel();
    transport_.cancel(std::exchange(exchange_, Transport::Exchange::none));
    stopped_ = std::move(done);
    if (writing_) metadata_.clear();
    releasing_ = leads() || std::exchange(writing_, false);
    lose("stopped");
    if (releasing_) return attempt();
    if (stopped_) loop_.post(std::exchange(stopped_, {}));
}

Duration Elector::request_deadline() const {
    return std::min<Duration>(std::chrono::seconds(10), options_.renew_deadline / 4);
}

/// One try to get or keep the Lease. A leader that knows the Lease's version writes without reading.
void Elector::attempt() {
    unread_ = (leads() || releasing_) && !metadata_.empty();
    if (unread_) {
        write(false, releasing_);
    } else {
        get();
    }
}

void Elector::get() {
    unread_ = false;
    Request request;
    request.path = object_path(leases_, options_.ns, options_.lease);
    request.deadline = request.silence = request_deadline();
    exchange_ = transport_.start(std::move(request), [this](const Answer& answer) { on_lease(answer); });
}

void Elector::on_lease(const Answer& answer) {
    exchange_ = Transport::Exchange::none;
    if (releasing_ && !answer.ok()) return released();
    if (answer.http == 404) {
        record_ = {};
        return write(true, false);
    }
    if (!answer.ok()) return failed(answer.error("get the Lease " + options_.lease).text(), answer.retry_after);
    const auto document = JsonDocument::parse(answer.body);
    if (!document || !document->root()["metadata"].is_object()) {
        return failed("get the Lease " + options_.lease + ": the answer is no Lease", std::nullopt);
    }
    observe(document->root());
    if (releasing_) return record_.holder == options_.identity ? write(false, true) : released();
    if (held_by_other()) {
        if (leads()) lose(json_quote(record_.holder) + " holds the Lease");
        tell([this](ElectorStatus& s) {
            s.holder = record_.holder;
            s.trouble.clear();
        });
        return again_after(options_.retry_period +
                           std::chrono::duration_cast<Duration>(options_.retry_period * (1.2 * random_())));
    }
    write(false, false);
}

void Elector::observe(JsonView lease) {
    metadata_ = lease["metadata"].dump();
    const JsonView spec = lease["spec"];
    record_.holder = std::string(spec["holderIdentity"].string_or(""));
    record_.seconds = std::clamp<std::int64_t>(
        spec["leaseDurationSeconds"].integer().value_or(seconds_of(options_.lease_duration)), 0, 86'400);
    record_.acquired = std::string(spec["acquireTime"].string_or(""));
    record_.transitions = spec["leaseTransitions"].integer().value_or(0);
    std::string text = spec.dump();
    if (text == observed_) return;
    observed_ = std::move(text);
    observed_since_ = loop_.now();
}

bool Elector::held_by_other() const {
    return !record_.holder.empty() && record_.holder != options_.identity &&
           observed_since_ + std::chrono::seconds(record_.seconds) > loop_.now();
}

std::string Elector::lease_text(const Record& record, bool create) const {
    JsonWriter w;
    w.object([&] {
        w.member("apiVersion", "coordination.k8s.io/v1").member("kind", "Lease").key("metadata");
        if (create) {
            w.object([&] { w.member("name", options_.lease).member("namespace", options_.ns); });
        } else {
            w.raw(metadata_);
        }
        w.key("spec").object([&] {
            w.member("holderIdentity", record.holder).member("leaseDurationSeconds", record.seconds);
            w.member("acquireTime", record.acquired).member("renewTime", micro_time_text(loop_.wall()));
            w.member("leaseTransitions", record.transitions);
        });
    });
    return w.take();
}

void Elector::write(bool create, bool release) {
    const bool ours = record_.holder == options_.identity;
    Record next = record_;
    next.holder = release ? "" : options_.identity;
    next.seconds = release ? 1 : seconds_of(options_.lease_duration);
    if (!ours || release || next.acquired.empty()) next.acquired = micro_time_text(loop_.wall());
    if (!ours && !create) ++next.transitions;
    Request request;
    request.method = create ? Method::post : Method::put;
    request.path = create ? collection_path(leases_, options_.ns) : object_path(leases_, options_.ns, options_.lease);
    request.body = lease_text(next, create);
    request.deadline = request.silence = request_deadline();
    writing_ = true;
    exchange_ = transport_.start(std::move(request), [this, sent = loop_.now(), next, release](const Answer& answer) {
        on_written(answer, sent, next, release);
    });
}

void Elector::on_written(const Answer& answer, TimePoint sent, Record written, bool release) {
    exchange_ = Transport::Exchange::none;
    writing_ = false;
    if (!answer.ok()) {
        metadata_.clear();  // whatever we knew of it may be wrong
        if (answer.http == 409 && unread_) return get();
        if (!release) return failed(answer.error("write the Lease " + options_.lease).text(), answer.retry_after);
        log(LogLevel::warn, "kube", "the Lease could not be given back", answer.error("release the Lease"));
    }
    if (release) return released();
    const auto document = JsonDocument::parse(answer.body);
    if (document && document->root()["metadata"].is_object()) {
        observe(document->root());
    } else {
        metadata_.clear();
        record_ = std::move(written);
    }
    gain(sent);
}

void Elector::released() {
    releasing_ = false;
    if (stopped_) std::exchange(stopped_, {})();
}

void Elector::gain(TimePoint sent) {
    const bool first = !leads();
    const TimePoint until = sent + options_.renew_deadline;
    leads_until_.store(until.time_since_epoch().count(), std::memory_order_release);
    deadline_.set(until, [this] {
        transport_.cancel(std::exchange(exchange_, Transport::Exchange::none));
        writing_ = false;
        lose("could not renew the Lease for " + std::to_string(seconds_of(options_.renew_deadline)) + " s");
        metadata_.clear();
        again_after(options_.retry_period);
    });
    tell([&](ElectorStatus& s) {
        s.leads = true;
        s.holder = options_.identity;
        s.trouble.clear();
        first ? ++s.gained : ++s.renewals;
    });
    again_after(options_.retry_period);
    if (!first) return;
    log(LogLevel::info, "kube", "leading", {{"lease", options_.lease}, {"identity", options_.identity}});
    if (events_.gained) events_.gained();
}

void Elector::lose(const std::string& why) {
    deadline_.cancel();
    if (!leads()) return;
    leads_until_.store(never, std::memory_order_release);
    tell([&](ElectorStatus& s) {
        s.leads = false;
        s.trouble = why;
        ++s.lost;
    });
    log(running_ ? LogLevel::warn : LogLevel::info, "kube", "no longer leading",
        {{"lease", options_.lease}, {"because", why}});
    if (events_.lost) events_.lost(why);
}

/// A leader tries again sooner, while there is time.
void Elector::failed(const std::string& why, std::optional<Duration> retry_after) {
    bool news = false;
    tell([&](ElectorStatus& s) {
        news = s.trouble != why;
        s.trouble = why;
    });
    if (news) log(LogLevel::warn, "kube", "leader election", {{"trouble", why}});
    const Duration base = leads() ? options_.retry_period / 4 : options_.retry_period;
    const auto jitter = std::chrono::duration_cast<Duration>(base * (leads() ? 0.2 * random_() : 1.2 * random_()));
    again_after(std::max(base + jitter, retry_after.value_or(Duration::zero())));
}

void Elector::again_after(Duration delay) {
    if (running_) retry_.set_after(delay, [this] { attempt(); });
}

void Elector::tell(const std::function<void(ElectorStatus&)>& change) {
    bool news = false;
    {
        const std::lock_guard lock(mutex_);
        const auto before = std::tuple(status_.leads, status_.holder, status_.trouble);
        change(status_);
        news = before != std::tuple(status_.leads, status_.holder, status_.trouble);
    }
    if (news && events_.changed) events_.changed();
}

ElectorStatus Elector::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

}  // namespace weft::kube
