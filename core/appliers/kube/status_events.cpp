#include "appliers/kube/status_events.hpp"

namespace weft::appliers {

std::string event_reason(std::string_view kind) {
    if (kind == "Pod") return "ErrorAddingResource";
    return "ErrorReconciling" + std::string(kind);
}

void record_malformed(EventRecorder& recorder, const ObjectRef& object, const Error& error) {
    recorder.record(object, EventType::warning, event_reason(object.kind), error.text());
}

void StatusEvents::changed(std::span<const Change> changes) {
    for (const auto& change : changes) {
        if (!change.after) continue;
        const auto& status = change.after.as<RuleStatus>();
        if (status.state == RuleState::waiting || status.on.kind.empty()) continue;
        if (change.before) {
            const auto& before = change.before.as<RuleStatus>();
            if (before.state == status.state && before.error() == status.error() && before.on.uid == status.on.uid)
                continue;
        }
        recorder_.record(status.on, EventType::warning, event_reason(status.on.kind), status.error().text());
    }
}

}  // namespace weft::appliers
