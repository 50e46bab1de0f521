#include "appliers/kube/annotation_applier.hpp"
#include "kube/objects.hpp"

#include <weft/base/log.hpp>

#include <algorithm>

namespace weft::appliers {

namespace {

/// Trouble with the server, not with the object.
bool is_server_trouble(int http) {
    return http == 0 || http == 401 || http == 429 || http == 503 || http == 504;
}

}  // namespace

AnnotationApplier::ObjectName AnnotationApplier::name_of(std::string_view key) {
    const auto first = key.find('/');
    const auto second = key.find('/', first + 1);
    return {key.substr(0, first), key.substr(first + 1, second - first - 1), key.substr(second + 1)};
}

/// Looks what is to do for one object, and does the next step of it.
void AnnotationApplier::attempt(Entry& entry) {
    read_answer(entry);
    const auto [kind, ns, name] = name_of(entry.first);
    const Current current = lookup_(kind, ns, name);
    if (current.presence == Current::Presence::absent) return absent(entry);
    const auto now = snapshot(entry, current);
    if (!now) return ask(entry, kind == "Node");
    Plan todo = plan(entry, *now);
    if (todo.look_first) return ask(entry, kind == "Node");
    if (todo.empty()) {
        // What the server said was needed until here even when the watch is as new: rows keep only some annotations.
        auto& busy = entry.second.busy;
        const bool present = current.presence == Current::Presence::present;
        if (busy && busy->fresh && present && current.version >= busy->fresh->version) busy->fresh.reset();
        return settle(entry, todo.fault);
    }
    send(entry, *now, std::move(todo), current.presence == Current::Presence::present);
}

void AnnotationApplier::send(Entry& entry, const Snapshot& now, Plan plan, bool watched) {
    const auto [kind, ns, name] = name_of(entry.first);
    kube::Request request = kind == "Node" ? node_patch(name, now, plan.annotations, plan.conditions, loop_.wall())
                                           : pod_patch(ns, name, now, plan.annotations);
    set_state(entry, State::busy);
    ++in_flight_;
    {
        const std::lock_guard lock(mutex_);
        ++status_.requests;
    }
    Busy& busy = this->busy(entry);
    busy.news = busy.echoed = false;
    // Of what was seen, the answer leaves open just the conditions.
    busy.exchange = transport_.start(
        std::move(request),
        [this, &entry, plan = std::move(plan), unavailable = now.network_unavailable, watched](kube::Answer answer) {
            --in_flight_;
            on_patched(entry, std::move(answer), plan, unavailable, watched);
            schedule_pump();
        });
}

void AnnotationApplier::ask(Entry& entry, bool whole) {
    const auto [kind, ns, name] = name_of(entry.first);
    set_state(entry, State::busy);
    ++in_flight_;
    {
        const std::lock_guard lock(mutex_);
        ++status_.requests;
    }
    busy(entry).exchange =
        transport_.start(look(kind, ns, name, whole), [this, &entry, whole](const kube::Answer& answer) {
            --in_flight_;
            on_looked(entry, answer, whole);
            schedule_pump();
        });
}

void AnnotationApplier::on_patched(Entry& entry, kube::Answer answer, const Plan& plan, std::optional<bool> unavailable,
                                   bool watched) {
    Busy& busy = this->busy(entry);
    busy.exchange = kube::Transport::Exchange::none;
    if (answer.http == 404) return absent(entry);
    if (answer.http == 409 || answer.http == 412 || answer.http == 422) {
        // Something is not as we saw it. Look, and try again; in the end there may be more to it.
        if (busy.conflicts++ < options_.conflicts_at_once) return ask(entry, name_of(entry.first).kind == "Node");
        return rest(entry, answer.retry_after, answer.error("patch"));
    }
    if (!answer.ok()) return failed(entry, answer, "patch");
    gate_.reset();
    {
        const std::lock_guard lock(mutex_);
        status_.applied += plan.annotations.size() + plan.conditions.size();
        if (busy.repair) status_.repaired += plan.annotations.size() + plan.conditions.size();
        status_.detail.clear();
    }
    busy.failures = busy.conflicts = 0;
    busy.repair = false;
    std::erase_if(busy.withdrawn, [&](const RowPtr& row) {
        return std::any_of(plan.removed.begin(), plan.removed.end(), [&](const RowPtr& done) { return done.is(row); });
    });
    remember_conditions(entry, plan);
    busy.fresh.reset();
    const bool echoes = watched && name_of(entry.first).kind == tables::Pod::table_name;
    if (echoes && busy.echoed && !busy.news) return settle(entry, plan.fault);
    busy.answer = std::move(answer.body);
    if (echoes && !busy.news) return settle(entry, plan.fault);
    read_answer(entry, unavailable, &plan);
    go_on(entry);
}

/// Makes of the answer that was kept what we know the object by, until the watch is as new.
void AnnotationApplier::read_answer(Entry& entry, std::optional<bool> unavailable, const Plan* plan) {
    auto& busy = entry.second.busy;
    if (!busy || busy->answer.empty()) return;
    const std::string answer = std::exchange(busy->answer, {});
    if (!parser_.reparse(answer) || !parser_.root()["metadata"].is_object()) return;
    Snapshot fresh = read_object(entry, parser_.root());
    fresh.network_unavailable = unavailable;
    for (const auto& change : plan ? std::span(plan->conditions) : std::span<const ConditionChange>()) {
        if (change.type != "NetworkUnavailable") continue;
        fresh.network_unavailable = change.after && change.after.as<tables::NodeCondition>().status == "True";
    }
    busy->fresh = std::make_shared<const Snapshot>(std::move(fresh));
}

/// Before all that has not begun: what the server said of the object is held until the watch has said it too.
void AnnotationApplier::go_on(Entry& entry) {
    set_state(entry, State::queued);
    ready_.push_front(&entry);
}

void AnnotationApplier::remember_conditions(Entry& entry, const Plan& plan) {
    auto& known = entry.second.conditions;
    if (!known) return;
    for (const auto& change : plan.conditions) {
        std::erase_if(*known, [&](const Condition& c) { return c.type == change.type; });
        if (!change.after) continue;
        const auto& condition = change.after.as<tables::NodeCondition>();
        known->push_back({condition.type, condition.status, condition.reason, condition.message});
    }
}

void AnnotationApplier::on_looked(Entry& entry, const kube::Answer& answer, bool whole) {
    Busy& busy = this->busy(entry);
    busy.exchange = kube::Transport::Exchange::none;
    if (answer.http == 404) return absent(entry);
    if (!answer.ok()) return failed(entry, answer, "get");
    const auto read = parser_.reparse(answer.body);
    const JsonView object = parser_.root();
    if (!read || !object["metadata"].is_object()) {
        return rest(entry, std::nullopt, invalid("get: the answer is no Kubernetes object"));
    }
    Snapshot fresh = read_object(entry, object);
    if (whole) {
        auto known = std::make_unique<std::vector<Condition>>();
        object["status"]["conditions"].each([&](JsonView c) {
            const auto text = [&](std::string_view field) { return std::string(c[field].string_or("")); };
            known->push_back({text("type"), text("status"), text("reason"), text("message")});
            if (known->back().type == "NetworkUnavailable") fresh.network_unavailable = known->back().status == "True";
        });
        if (!fresh.network_unavailable) fresh.network_unavailable = false;
        entry.second.conditions = std::move(known);
    }
    busy.fresh = std::make_shared<const Snapshot>(std::move(fresh));
    go_on(entry);
}

void AnnotationApplier::failed(Entry& entry, const kube::Answer& answer, std::string_view what) {
    Error error = answer.error(what);
    if (!is_server_trouble(answer.http)) return rest(entry, answer.retry_after, std::move(error));
    {
        const std::lock_guard lock(mutex_);
        if (status_.detail.empty()) log(LogLevel::warn, "kube", "annotations wait for the API server", error);
        status_.detail = error.text();
    }
    if (!gate_timer_.is_set()) gate_timer_.set_after(gate_.next(answer.retry_after), [this] { schedule_pump(); });
    rest(entry, answer.retry_after, std::nullopt);
}

}  // namespace weft::appliers
