#include "appliers/kube/object_status_applier.hpp"

#include "appliers/kube/json_map.hpp"
#include "appliers/kube/patch.hpp"
#include "kube/objects.hpp"

#include <weft/base/json.hpp>
#include <weft/base/log.hpp>

#include <algorithm>

namespace weft::appliers {

namespace {

using tables::ObjectStatus;

std::string work_key(const ObjectStatus& row) {
    return row.kind + " " + row.ns + "/" + row.name;
}

/// "nodes/n1" as {"nodes","n1"}.
std::vector<std::string> steps_of(const std::string& field) {
    std::vector<std::string> steps{""};
    for (const char c : field) {
        if (c == '/') {
            steps.emplace_back();
        } else {
            steps.back().push_back(c);
        }
    }
    return steps;
}

/// Nested objects of a merge patch: members in order of their paths, so that those under one parent stand together.
using Members = std::map<std::vector<std::string>, std::string>;

void write_members(JsonWriter& w, Members::const_iterator from, Members::const_iterator to, std::size_t depth) {
    w.object([&] {
        while (from != to) {
            const std::string& name = from->first[depth];
            auto end = from;
            while (end != to && end->first[depth] == name)
                ++end;
            w.key(name);
            if (from->first.size() == depth + 1) {
                w.raw(from->second);
            } else {
                write_members(w, from, end, depth + 1);
            }
            from = end;
        }
    });
}

bool same_json(const std::optional<std::string>& a, const std::optional<std::string>& b) {
    if (!a || !b) return a.has_value() == b.has_value();
    if (*a == *b) return true;
    const auto x = JsonDocument::parse(*a);
    const auto y = JsonDocument::parse(*b);
    return x && y && json_equal(x->root(), y->root());
}

}  // namespace

ObjectStatusApplier::ObjectStatusApplier(kube::Loop& loop, kube::Transport& transport, ResourceOf resource_of,
                                         ObjectStatusOptions options, kube::Random random)
    : loop_(loop),
      transport_(transport),
      resource_of_(std::move(resource_of)),
      options_(std::move(options)),
      random_(std::move(random)),
      lead_timer_(loop),
      alive_(std::make_shared<bool>(true)) {
    status_.name = "kube-status";
}

ObjectStatusApplier::~ObjectStatusApplier() {
    *alive_ = false;
    for (auto& [key, work] : works_)
        transport_.cancel(work.exchange);
}

std::vector<TableSpec> ObjectStatusApplier::tables() {
    return {table_spec<ObjectStatus>()};
}

void ObjectStatusApplier::changed(std::span<const Change> changes) {
    loop_.post([this, alive = alive_, copy = std::vector<Change>(changes.begin(), changes.end())] {
        if (!*alive) return;
        for (const auto& change : copy)
            take(change);
        pump();
    });
}

void ObjectStatusApplier::take(const Change& change) {
    const auto& row = change.row().as<ObjectStatus>();
    Work& work = works_[work_key(row)];
    if (change.after && !work.object.uid.empty() && !row.uid.empty() && work.object.uid != row.uid) {
        work.looked = false;  // another object under the old name
        work.ever.clear();
    }
    work.object = {row.kind, row.ns, row.name, change.after || work.object.uid.empty() ? row.uid : work.object.uid};
    work.ever.insert(row.field);
    if (change.after) {
        work.desired[row.field] = change.after;
    } else {
        work.desired.erase(row.field);
        if (row.stays) work.ever.erase(row.field);
    }
    if (!work.known.contains(row.field)) work.looked = false;
    wake(work);
}

void ObjectStatusApplier::wake(Work& work) {
    if (work.timer) work.timer->cancel();
    if (std::exchange(work.queued, true)) return;
    queue_.push_back(work.object.kind + " " + work.object.ns + "/" + work.object.name);
}

void ObjectStatusApplier::pump() {
    if (!queue_.empty() && options_.may_write && !options_.may_write()) {
        lead_timer_.set_after(std::chrono::seconds(1), [this] { pump(); });
        return publish();
    }
    std::vector<std::string> later;
    while (!queue_.empty() && in_flight_ < options_.in_flight) {
        const std::string key = std::move(queue_.front());
        queue_.erase(queue_.begin());
        const auto at = works_.find(key);
        if (at == works_.end()) continue;
        if (at->second.exchange != kube::Transport::Exchange::none) {
            later.push_back(key);
            continue;
        }
        at->second.queued = false;
        attempt(at);
    }
    queue_.insert(queue_.end(), later.begin(), later.end());
    publish();
}

std::set<std::string> ObjectStatusApplier::differing(const Work& work) const {
    std::set<std::string> fields;
    for (const auto& field : work.ever) {
        const auto wanted = work.desired.find(field);
        const auto value = wanted == work.desired.end() ? std::optional<std::string>()
                                                        : std::optional(wanted->second.as<ObjectStatus>().value);
        const auto known = work.known.find(field);
        if (!same_json(value, known == work.known.end() ? std::nullopt : known->second)) fields.insert(field);
    }
    return fields;
}

void ObjectStatusApplier::attempt(Works::iterator at) {
    Work& work = at->second;
    const ResourceSpec* resource = resource_of_(work.object.kind);
    if (!resource) {
        // Withdrawn because the plugin that brought the kind is off: its objects are nobody's concern any more.
        if (work.desired.empty()) return void(works_.erase(at));
        return failed(work,
                      Error{ErrorKind::waiting, "no plugin watches this kind", {}, "declare it with Declare::resource"},
                      std::nullopt);
    }
    for (const auto& [field, row] : work.desired) {
        if (JsonDocument::parse(row.as<ObjectStatus>().value)) continue;
        const auto error = broken("the value of status." + field + " is no JSON: " + row.as<ObjectStatus>().value);
        return note(work, &error);
    }
    if (!work.looked) return look(work, *resource);
    const auto fields = differing(work);
    if (!fields.empty()) return send(work, *resource, fields);
    note(work, nullptr);
    work.backoff.reset();
    if (work.desired.empty()) works_.erase(at);
}

void ObjectStatusApplier::count_request() {
    ++in_flight_;
    const std::lock_guard lock(mutex_);
    ++status_.requests;
}

void ObjectStatusApplier::look(Work& work, const ResourceSpec& resource) {
    kube::Request request;
    request.path = kube::object_path(resource, work.object.ns, work.object.name);
    count_request();
    work.exchange = transport_.start(std::move(request), [this, &work](const kube::Answer& answer) {
        work.exchange = kube::Transport::Exchange::none;
        --in_flight_;
        const auto document = JsonDocument::parse(answer.body);
        if (answer.http == 404) {
            // Gone: so is its status. When it comes again the rule's row will, too.
            note(work, nullptr);
            if (work.desired.empty()) {
                works_.erase(work.object.kind + " " + work.object.ns + "/" + work.object.name);
            } else {
                failed(work, waiting("the object is not there"), std::nullopt);
            }
        } else if (!answer.ok() || !document) {
            failed(work, answer.ok() ? again("get: the answer is no JSON") : answer.error("get"), answer.retry_after);
        } else {
            read(work, document->root());
            wake(work);
        }
        pump();
    });
}

void ObjectStatusApplier::read(Work& work, JsonView object) {
    const bool other = !work.object.uid.empty() && object["metadata"]["uid"].string_or("") != work.object.uid;
    work.looked = true;
    work.known.clear();
    for (const auto& field : work.ever) {
        JsonView value = object["status"];
        for (const auto& step : steps_of(field))
            value = value[step];
        work.known[field] = value ? std::optional(value.dump()) : std::nullopt;
    }
    // The row of an object that was made anew is on its way; nothing is written to the new one meanwhile.
    if (other) work.desired.clear(), work.ever.clear();
}

void ObjectStatusApplier::send(Work& work, const ResourceSpec& resource, const std::set<std::string>& fields) {
    Members members;
    std::map<std::string, std::optional<std::string>> wanted;
    for (const auto& field : fields) {
        const auto at = work.desired.find(field);
        auto& value = wanted[field];
        if (at != work.desired.end()) value = at->second.as<ObjectStatus>().value;
        members[steps_of(field)] = value.value_or("null");
    }
    JsonWriter w;
    w.object([&] {
        if (!work.object.uid.empty()) w.key("metadata").object([&] { w.member("uid", work.object.uid); });
        write_members(w.key("status"), members.begin(), members.end(), 0);
    });
    kube::Request request;
    request.method = kube::Method::patch;
    request.path = kube::object_path(resource, work.object.ns, work.object.name, resource.status);
    request.body = w.take();
    request.content_type = "application/merge-patch+json";
    request.accept = metadata_only;
    count_request();
    const auto answered = [this, &work, wanted, subresource = resource.status](const kube::Answer& answer) {
        work.exchange = kube::Transport::Exchange::none;
        --in_flight_;
        if (answer.ok()) {
            for (const auto& [field, value] : wanted)
                work.known[field] = value;
            {
                const std::lock_guard lock(mutex_);
                status_.applied += wanted.size();
            }
            wake(work);
        } else {
            work.looked = false;
            Error error = answer.error("patch " + subresource);
            if (subresource == "status" && (answer.http == 404 || answer.http == 405))
                error.mend = "does the CustomResourceDefinition have `subresources: {status: {}}`?";
            failed(work, error, answer.retry_after);
        }
        pump();
    };
    work.exchange = transport_.start(std::move(request), answered);
}

void ObjectStatusApplier::failed(Work& work, const Error& error, std::optional<Duration> retry_after) {
    note(work, &error);
    if (!work.backoff) work.backoff = std::make_unique<kube::Backoff>(options_.backoff, random_);
    if (!work.timer) work.timer = std::make_unique<kube::ScopedTimer>(loop_);
    work.timer->set_after(work.backoff->next(retry_after), [this, &work] {
        wake(work);
        pump();
    });
}

void ObjectStatusApplier::note(Work& work, const Error* error) {
    if (!error) return work.fault.reset();
    const std::string object =
        work.object.kind + " " + (work.object.ns.empty() ? "" : work.object.ns + "/") + work.object.name;
    if (work.fault && work.fault->what == error->text()) return;
    log(error->kind == ErrorKind::waiting ? LogLevel::debug : LogLevel::warn, "kube", "a status cannot be written",
        Error(*error).at(object));
    work.fault = Fault{object, error->text(), error->mend, loop_.wall()};
}

void ObjectStatusApplier::publish() {
    constexpr std::size_t shown = 20;
    const std::lock_guard lock(mutex_);
    status_.behind = 0;
    status_.faults.clear();
    for (const auto& [key, work] : works_) {
        const bool busy = work.queued || work.exchange != kube::Transport::Exchange::none || work.fault;
        if (busy) ++status_.behind;
        if (work.fault && status_.faults.size() < shown) status_.faults.push_back(*work.fault);
    }
}

Status ObjectStatusApplier::status() const {
    const std::lock_guard lock(mutex_);
    Status status = status_;
    if (complete_.load(std::memory_order_acquire)) status.state = status.behind == 0 ? State::synced : State::syncing;
    return status;
}

}  // namespace weft::appliers
