#include "daemon/pod_source.hpp"

#include <weft/base/json.hpp>
#include <weft/engine/status.hpp>
#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/sb.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/kube.hpp>

namespace weft::daemon {

namespace {

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
        const auto* pod = engine_.find<tables::Pod>(Key<tables::Pod>{ns, name});
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
        client_.start(std::move(request), [ns, name, answer](kube::Answer reply) {
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

PortProgress::PortProgress(engine::Engine& engine, Loop& loop, OvsdbLink& north, OvsdbLink& south)
    : engine_(engine),
      loop_(loop),
      north_(north),
      south_(south) {}

void PortProgress::stage(const std::string& ns, const std::string& name, const std::string& iface_id,
                         std::function<void(cni::Progress)> answer) {
    loop_.post(
        [this, pod = ns + "/" + name, iface_id, answer = std::move(answer)] { answer_on_loop(pod, iface_id, answer); });
}

std::string PortProgress::note_of(const std::string& pod) const {
    for (const RowPtr& row : engine_.rows(RuleStatus::table_name)) {
        const auto& status = row.as<RuleStatus>();
        if (status.driver == pod) return status.error().text();
    }
    return {};
}

void PortProgress::answer_on_loop(const std::string& pod, const std::string& iface_id,
                                  const std::function<void(cni::Progress)>& answer) {
    cni::Progress progress;
    progress.note = note_of(pod);
    if (!engine_.find(tables::Pod::table_name, pod)) {
        progress.stage = cni::Stage::nothing;
        return answer(progress);
    }
    if (iface_id.empty()) {
        progress.stage = cni::Stage::pod;
        return answer(progress);
    }
    if (!north_.applier().applied(nb::LogicalSwitchPort::table_name, iface_id)) {
        progress.stage = cni::Stage::interface;
        if (!north_.ready()) progress.note = "OVN northbound: " + north_.trouble();
        return answer(progress);
    }
    progress.stage = cni::Stage::northbound;
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
