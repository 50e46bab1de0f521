#include "daemon/pod_source.hpp"

#include <weft/base/json.hpp>
#include <weft/engine/status.hpp>
#include <weft/ovn/object_ids.hpp>
#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/sb.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/kube.hpp>

#include <algorithm>

namespace weft::daemon {

namespace {

std::int64_t milliseconds_of(WallTime time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

constexpr std::string_view config_source = "kubernetes.io/config.source";

/// Looks for rows by plain values, so no key is ever asked for.
class NoKeys final : public weft::ovsdb::RefResolver {
  public:
    Uuid uuid_of(std::string_view, std::string_view) const override { return {}; }
};

}  // namespace

EnginePods::EnginePods(engine::Engine& engine, Loop& loop, kube::Client& client)
    : engine_(engine),
      loop_(loop),
      client_(client) {}

void EnginePods::find(const std::string& ns, const std::string& name,
                      std::function<void(Result<std::optional<cni::PodFacts>>)> answer) {
    loop_.post([this, ns, name, answer = std::move(answer)] {
        const auto pod = engine_.find<tables::Pod>(Key<tables::Pod>{ns, name});
        if (!pod) return ask_server(ns, name, answer);
        const auto* source = tables::find_annotation(pod->annotations, config_source);
        answer(std::optional(cni::PodFacts{pod->uid, source && *source != "api"}));
    });
}

void EnginePods::ask_server(const std::string& ns, const std::string& name,
                            std::function<void(Result<std::optional<cni::PodFacts>>)> answer) {
    client_.post([this, ns, name, answer = std::move(answer)] {
        kube::Request request;
        request.path = "/api/v1/namespaces/" + ns + "/pods/" + name;
        client_.start(std::move(request), [ns, name, answer](const kube::Answer& reply) {
            if (reply.http == 404) return answer(std::optional<cni::PodFacts>());
            if (!reply.ok()) return answer(reply.error("get pod " + ns + "/" + name));
            auto document = JsonDocument::parse(reply.body);
            if (!document) return answer(document.error());
            const auto metadata = document->root()["metadata"];
            const auto source = metadata["annotations"][config_source].string();
            answer(
                std::optional(cni::PodFacts{std::string(metadata["uid"].string_or("")), source && *source != "api"}));
        });
    });
}

void EnginePods::local_pods(std::function<void(Result<std::set<std::string>>)> answer) {
    loop_.post([this, answer = std::move(answer)] {
        for (const auto& table : engine_.awaiting()) {
            if (table == tables::Pod::table_name) return answer(waiting("the list of pods is not complete yet"));
        }
        std::set<std::string> uids;
        for (const RowPtr& row : engine_.rows(tables::Pod::table_name)) {
            const auto& pod = row.as<tables::Pod>();
            if (!pod.host_network) uids.insert(pod.uid);
        }
        answer(std::move(uids));
    });
}

// ---------------------------------------------------------------------------------------------------------------------

PortProgress::PortProgress(engine::Engine& engine, Loop& loop, OvsdbLink& north, OvsdbLink& south,
                           std::function<void(Duration)> pod_ported)
    : engine_(engine),
      loop_(loop),
      north_(north),
      south_(south),
      pod_ported_(std::move(pod_ported)) {
    north_.observe([this](const weft::ovsdb::Changes& changes) { note_ports(changes); });
}

void PortProgress::note_ports(const weft::ovsdb::Changes& changes) {
    if (!std::exchange(loaded_, true)) return;
    for (const auto& change : changes.rows) {
        const bool is_new_port =
            change.table->name == nb::LogicalSwitchPort::ovsdb_table && !change.before && change.after;
        if (!is_new_port) continue;
        change.opened ? note_port(change.opened->as<nb::LogicalSwitchPort>())
                      : note_port(change.after.as<nb::LogicalSwitchPort>());
    }
}

void PortProgress::note_port(const nb::LogicalSwitchPort& port) {
    measure(port);
    const Committed entry{hash_bytes(port.name.get()), Clock::system().now()};
    if (committed_.size() < remembered) {
        committed_.push_back(entry);
    } else {
        committed_[next_] = entry;
        next_ = (next_ + 1) % remembered;
    }
}

/// A ready pod had its port before: somebody has taken it away, and what took long is not its creation.
void PortProgress::measure(const nb::LogicalSwitchPort& port) const {
    if (ovn::entry_of(port.external_ids, "pod") != "true") return;
    const auto ns = ovn::entry_of(port.external_ids, "namespace");
    std::string name = port.name.get();
    if (!name.starts_with(ns) || name.size() <= ns.size() || name[ns.size()] != '_') return;
    name[ns.size()] = '/';  // namespace and name, as in the pod's key
    const RowPtr pod = engine_.find(tables::Pod::table_name, name);
    if (!pod || pod.read<&tables::Pod::ready>()) return;
    const auto scheduled = pod.read<&tables::Pod::scheduled>();
    if (scheduled == 0) return;
    const auto since = Clock::system().wall() - WallTime(std::chrono::seconds(scheduled));
    pod_ported_(std::max(Duration(), std::chrono::duration_cast<Duration>(since)));
}

std::optional<TimePoint> PortProgress::committed_at(const std::string& port) const {
    const std::uint64_t hash = hash_bytes(port);
    std::optional<TimePoint> latest;
    for (const auto& entry : committed_) {
        if (entry.name_hash == hash && (!latest || entry.when > *latest)) latest = entry.when;
    }
    return latest;
}

void PortProgress::stage(const std::string& ns, const std::string& name, const std::string& iface_id,
                         std::function<void(cni::Progress)> answer) {
    loop_.post(
        [this, pod = ns + "/" + name, iface_id, answer = std::move(answer)] { answer_on_loop(pod, iface_id, answer); });
}

std::string PortProgress::note_of(const std::string& pod) const {
    RowPtr worst;
    for (const RowPtr& row : engine_.rows(RuleStatus::table_name)) {
        const auto& status = row.as<RuleStatus>();
        const bool of_pod =
            status.driver == pod || (status.on.kind == "Pod" && status.on.ns + "/" + status.on.name == pod);
        if (of_pod && (!worst || status.state < worst.as<RuleStatus>().state)) worst = row;
    }
    if (!worst) return {};
    const auto& status = worst.as<RuleStatus>();
    const auto for_ms = milliseconds_of(Clock::system().wall()) - status.since_ms;
    return status.module + "/" + status.rule + ": " + status.error().text() + ", for " + std::to_string(for_ms / 1000) +
           " s";
}

void PortProgress::answer_on_loop(const std::string& pod, const std::string& iface_id,
                                  const std::function<void(cni::Progress)>& answer) {
    cni::Progress progress;
    progress.note = note_of(pod);
    const RowPtr seen = engine_.find(tables::Pod::table_name, pod);
    if (!seen) {
        progress.stage = cni::Stage::nothing;
        return answer(progress);
    }
    if (iface_id.empty()) {
        progress.stage = cni::Stage::pod;
        const auto age = milliseconds_of(Clock::system().wall()) - seen.as<tables::Pod>().created * 1000;
        progress.since = Clock::system().now() - std::chrono::milliseconds(age);
        return answer(progress);
    }
    if (!north_.applier().applied(nb::LogicalSwitchPort::table_name, iface_id)) {
        progress.stage = cni::Stage::interface;
        if (!north_.ready()) progress.note = "OVN northbound: " + north_.trouble();
        return answer(progress);
    }
    progress.stage = cni::Stage::northbound;
    progress.since = committed_at(iface_id);
    if (!south_.ready()) {
        progress.note = "OVN southbound: " + south_.trouble();
        return answer(progress);
    }
    // Port_Binding rows of pods are not replicated; the database itself is asked whether there is one.
    const auto& table = *weft::ovsdb::find_table(row_type<sb::PortBinding>());
    sb::PortBinding wanted;
    wanted.logical_port = iface_id;
    weft::ovsdb::Transaction question;
    if (auto asked = question.wait_absent(table, &wanted, table.declared(&wanted), NoKeys()); !asked) {
        return answer(progress);
    }
    south_.transact(std::move(question), [progress, answer](const weft::ovsdb::Outcome& outcome) mutable {
        if (outcome.kind == weft::ovsdb::Outcome::Kind::again) progress.stage = cni::Stage::southbound;
        answer(progress);
    });
}

}  // namespace weft::daemon
