#include "appliers/kube/annotation_applier.hpp"

#include "base/shrink.hpp"

#include <weft/base/log.hpp>

#include <algorithm>

namespace weft::appliers {

namespace {

constexpr std::size_t fault_limit = 1000;
constexpr std::size_t faults_shown = 20;

BlockString entry_key(std::string_view kind, std::string_view ns, std::string_view name) {
    BlockString key;
    key.reserve(kind.size() + ns.size() + name.size() + 2);
    return key.append(kind).append("/").append(ns).append("/").append(name);
}

bool is_condition(const RowPtr& row) {
    return row.type().name == tables::NodeCondition::table_name;
}

/// Annotations first, by name and sub-key.
bool comes_before(const RowPtr& a, const RowPtr& b) {
    if (is_condition(a) != is_condition(b)) return is_condition(b);
    return a.key() < b.key();
}

bool same_place(const RowPtr& a, const RowPtr& b) {
    return is_condition(a) == is_condition(b) && a.key() == b.key();
}

}  // namespace

AnnotationApplier::AnnotationApplier(kube::Loop& loop, kube::Transport& transport, Lookup lookup,
                                     AnnotationApplierOptions options, kube::Random random)
    : loop_(loop),
      transport_(transport),
      lookup_(std::move(lookup)),
      options_(std::move(options)),
      random_(std::move(random)),
      gate_(options_.backoff, random_),
      gate_timer_(loop),
      resting_timer_(loop),
      hold_timer_(loop),
      alive_(std::make_shared<bool>(true)) {
    status_.name = "kube";
}

AnnotationApplier::~AnnotationApplier() {
    *alive_ = false;
    for (auto& [key, work] : works_) {
        if (work.busy) transport_.cancel(work.busy->exchange);
    }
}

std::vector<TableSpec> AnnotationApplier::tables() {
    return {table_spec<tables::Annotation>(), table_spec<tables::NodeCondition>()};
}

// From the engine's thread
// -----------------------------------------------------------------------------------------------

void AnnotationApplier::changed(std::span<const Change> changes) {
    loop_.post([this, alive = alive_, copy = std::vector<Change>(changes.begin(), changes.end())] {
        if (!*alive) return;
        for (const auto& change : copy)
            take(change);
        schedule_pump();
    });
}

void AnnotationApplier::first_round_done() {
    complete_.store(true, std::memory_order_release);
}

// On the loop's thread
// ---------------------------------------------------------------------------------------------------

void AnnotationApplier::take(const Change& change) {
    Entry& entry = entry_of(change.row());
    if (change.after) {
        want(entry, change.after);
    } else {
        withdraw(entry, change.before);
    }
    if (entry.second.state == State::busy) busy(entry).news = true;
    wake(entry);
}

AnnotationApplier::Entry& AnnotationApplier::entry_of(const RowPtr& row) {
    if (is_condition(row))
        return *works_.try_emplace(entry_key("Node", "", row.read<&tables::NodeCondition::node>())).first;
    using tables::Annotation;
    const BlockString key =
        entry_key(row.read<&Annotation::kind>(), row.read<&Annotation::ns>(), row.read<&Annotation::name>());
    return *works_.try_emplace(key).first;
}

AnnotationApplier::Busy& AnnotationApplier::busy(Entry& entry) {
    if (!entry.second.busy) entry.second.busy = std::make_unique<Busy>();
    return *entry.second.busy;
}

void AnnotationApplier::want(Entry& entry, const RowPtr& row) {
    auto& desired = entry.second.desired;
    const auto at = std::lower_bound(desired.begin(), desired.end(), row, comes_before);
    if (at != desired.end() && same_place(*at, row)) {
        *at = row;
    } else {
        desired.insert(at, row);
        desired.shrink_to_fit();
    }
    if (entry.second.busy)
        std::erase_if(entry.second.busy->withdrawn, [&](const RowPtr& gone) { return same_place(gone, row); });
}

void AnnotationApplier::withdraw(Entry& entry, const RowPtr& row) {
    std::erase_if(entry.second.desired, [&](const RowPtr& wanted) { return same_place(wanted, row); });
    busy(entry).withdrawn.push_back(row);
}

/// There is news for this object: look at it soon.
void AnnotationApplier::wake(Entry& entry) {
    if (entry.second.state == State::resting) resting_.erase({busy(entry).due, &entry});
    if (entry.second.state != State::idle && entry.second.state != State::resting) return;
    const auto& busy = entry.second.busy;
    if (busy && (busy->fresh || !busy->answer.empty())) return go_on(entry);
    set_state(entry, State::queued);
    ready_.push_back(&entry);
}

void AnnotationApplier::observe(Entry& entry) {
    if (entry.second.state == State::idle) {
        if (catches_up(entry)) return;
        busy(entry).repair = true;
    }
    if (entry.second.state == State::busy) busy(entry).news = true;
    wake(entry);
    schedule_pump();
}

/// The watch shows what we wrote, all of it: what the server answers, or has answered, needs no look.
void AnnotationApplier::echoed(Entry& entry) {
    auto& busy = entry.second.busy;
    if (entry.second.state == State::busy) {
        this->busy(entry).echoed = true;
    } else if (entry.second.state == State::idle && busy && !busy->answer.empty()) {
        busy.reset();
    } else {
        observe(entry);
    }
}

/// Has the watch come to what the server told us before? It was looked at then, and all was as it should be.
bool AnnotationApplier::catches_up(Entry& entry) {
    auto& busy = entry.second.busy;
    if (!busy || !busy->fresh || busy->fresh->version == 0) return false;
    const auto [kind, ns, name] = name_of(entry.first);
    const Current current = lookup_(kind, ns, name);
    if (current.presence != Current::Presence::present || current.version != busy->fresh->version) return false;
    busy.reset();
    return true;
}

void AnnotationApplier::observed(std::string_view kind, std::string_view ns, std::string_view name) {
    if (works_.empty()) return;
    if (const auto at = works_.find(entry_key(kind, ns, name)); at != works_.end()) observe(*at);
}

void AnnotationApplier::observed_all(std::string_view kind) {
    for (auto& entry : works_) {
        if (entry.first.size() > kind.size() && entry.first.starts_with(kind) && entry.first[kind.size()] == '/')
            observe(entry);
    }
}

void AnnotationApplier::schedule_pump() {
    if (std::exchange(pump_posted_, true)) return;
    loop_.post([this, alive = alive_] {
        if (!*alive) return;
        pump_posted_ = false;
        pump();
    });
}

void AnnotationApplier::hold(bool held) {
    if (held) {
        TimePoint not_held{};
        held_since_.compare_exchange_strong(not_held, loop_.now());
    } else if (held_since_.exchange(TimePoint{}) != TimePoint{} && behind_.load(std::memory_order_acquire) > 0) {
        loop_.post([this, alive = alive_] {
            if (*alive) schedule_pump();
        });
    }
}

void AnnotationApplier::pump() {
    if (ready_.empty()) return;
    if (const TimePoint since = held_since_.load(); since != TimePoint{}) {
        const TimePoint until = since + options_.longest_hold;
        if (loop_.now() < until) return hold_timer_.set(until, [this] { schedule_pump(); });
    }
    while (!ready_.empty() && in_flight_ < options_.in_flight && !gate_timer_.is_set()) {
        if (options_.may_write && !options_.may_write()) {
            gate_timer_.set_after(std::chrono::seconds(1), [this] { schedule_pump(); });
            return;
        }
        Entry& entry = *ready_.front();
        ready_.pop_front();
        attempt(entry);
    }
    shrink(works_);
}

void AnnotationApplier::set_state(Entry& entry, State state) {
    const bool was = entry.second.state != State::idle;
    const bool is = state != State::idle;
    entry.second.state = state;
    if (was != is) behind_.fetch_add(is ? 1 : std::size_t(-1), std::memory_order_acq_rel);
}

/// Nothing is to do now. What is remembered beyond the rows goes, unless it is newer than the watch.
void AnnotationApplier::settle(Entry& entry, std::optional<Error> error) {
    Work& work = entry.second;
    set_state(entry, State::idle);
    fault(entry, error ? &*error : nullptr);
    if (work.busy && !work.busy->fresh && work.busy->answer.empty()) work.busy.reset();
    if (work.busy) {
        work.busy->failures = work.busy->conflicts = 0;
        work.busy->repair = false;
        work.busy->withdrawn.clear();
    }
    if (work.desired.empty()) works_.erase(entry.first);
}

/// The object is not there: nothing to write to, and nothing that would have to be taken back.
void AnnotationApplier::absent(Entry& entry) {
    Work& work = entry.second;
    work.busy.reset();
    work.conditions.reset();
    settle(entry, std::nullopt);
}

void AnnotationApplier::rest(Entry& entry, std::optional<Duration> retry_after, std::optional<Error> error) {
    Busy& busy = this->busy(entry);
    const unsigned doublings = std::min(busy.failures++, 16U);
    const Duration base = std::min(options_.backoff.most, options_.backoff.first * (1U << doublings));
    const auto jitter = std::chrono::duration_cast<Duration>(base * (options_.backoff.jitter * random_()));
    busy.due = loop_.now() + std::max(base + jitter, retry_after.value_or(Duration::zero()));
    set_state(entry, State::resting);
    resting_.emplace(busy.due, &entry);
    if (error) fault(entry, &*error);
    arm();
}

void AnnotationApplier::arm() {
    if (resting_.empty()) return resting_timer_.cancel();
    resting_timer_.set(resting_.begin()->first, [this] {
        while (!resting_.empty() && resting_.begin()->first <= loop_.now()) {
            Entry& entry = *resting_.begin()->second;
            resting_.erase(resting_.begin());
            set_state(entry, State::queued);
            ready_.push_back(&entry);
        }
        arm();
        schedule_pump();
    });
}

// Looking from outside
// ---------------------------------------------------------------------------------------------------

/// Notes what is wrong with an object, or that nothing is.
void AnnotationApplier::fault(const Entry& entry, const Error* error) {
    const std::lock_guard lock(mutex_);
    const auto at = faults_.find(std::string_view(entry.first));
    if (error == nullptr) {
        if (at != faults_.end()) faults_.erase(at);
        return;
    }
    std::string object(entry.first);
    const auto slash = object.find('/');
    object[slash] = ' ';
    if (object.size() > slash + 1 && object[slash + 1] == '/') object.erase(slash + 1, 1);
    if (at != faults_.end() && at->second.what == error->text()) return;
    log(LogLevel::warn, "kube", "an annotation or condition cannot be written", Error(*error).at(object));
    if (at == faults_.end() && faults_.size() >= fault_limit) return;
    faults_.insert_or_assign(std::string(entry.first),
                             Fault{std::move(object), error->text(), error->mend, loop_.wall()});
}

Status AnnotationApplier::status() const {
    const std::lock_guard lock(mutex_);
    Status status = status_;
    status.behind = behind_.load(std::memory_order_acquire);
    if (complete_.load(std::memory_order_acquire))
        status.state = status.behind == 0 ? appliers::State::synced : appliers::State::syncing;
    for (const auto& [key, fault] : faults_) {
        if (status.faults.size() == faults_shown) break;
        status.faults.push_back(fault);
    }
    return status;
}

}  // namespace weft::appliers
