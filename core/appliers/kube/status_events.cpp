#include "appliers/kube/status_events.hpp"

#include <weft/base/log.hpp>

namespace weft::appliers {

namespace {

/// "Pod web/p1", or the driver row's key when it stands for no object.
std::string object_text(const RuleStatus& status) {
    if (status.on.kind.empty()) return status.driver;
    return status.on.kind + " " + (status.on.ns.empty() ? "" : status.on.ns + "/") + status.on.name;
}

bool is_trouble(const RowPtr& row) {
    return row && row.as<RuleStatus>().state != RuleState::waiting;
}

void log_trouble(const RuleStatus& status) {
    log(status.state == RuleState::failed ? LogLevel::error : LogLevel::warn, status.module, to_string(status.state),
        {{"object", object_text(status)},
         {"rule", status.rule},
         {"field", status.where},
         {"reason", status.what},
         {"mend", status.mend}});
}

}  // namespace

std::string event_reason(std::string_view kind) {
    if (kind == "Pod") return "ErrorAddingResource";
    return "ErrorReconciling" + std::string(kind);
}

void record_malformed(EventRecorder& recorder, const ObjectRef& object, const Error& error) {
    recorder.record(object, EventType::warning, event_reason(object.kind), error.text());
}

void StatusEvents::changed(std::span<const Change> changes) {
    for (const auto& change : changes) {
        if (!is_trouble(change.after)) {
            if (!is_trouble(change.before)) continue;
            const auto& before = change.before.as<RuleStatus>();
            log(LogLevel::info, before.module, "well again",
                {{"object", object_text(before)}, {"rule", before.rule}, {"reason", before.what}});
            continue;
        }
        const auto& status = change.after.as<RuleStatus>();
        if (change.before) {
            const auto& before = change.before.as<RuleStatus>();
            if (before.state == status.state && before.error() == status.error() && before.on.uid == status.on.uid)
                continue;
        }
        log_trouble(status);
        if (status.on.kind.empty()) continue;
        recorder_.record(status.on, EventType::warning, event_reason(status.on.kind), status.error().text());
    }
}

}  // namespace weft::appliers
