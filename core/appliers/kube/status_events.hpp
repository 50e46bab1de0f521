#pragma once

#include "appliers/kube/event_recorder.hpp"
#include "engine/engine.hpp"

#include <weft/engine/status.hpp>

#include <span>

namespace weft::appliers {

/// Makes an Event and a log line of what rules find wrong with an object, so that `kubectl describe` and the log show
/// it; the log tells too when all is well again. Waiting is neither: it ends by itself.
class StatusEvents final : public engine::Subscriber {
  public:
    explicit StatusEvents(EventRecorder& recorder) : recorder_(recorder) {}

    static std::vector<TableSpec> tables() { return {table_spec<RuleStatus>()}; }
    void changed(std::span<const Change> changes) override;

  private:
    EventRecorder& recorder_;
};

/// The reason that upstream gives for trouble with an object of this kind.
std::string event_reason(std::string_view kind);

/// An object that could not be read at all.
void record_malformed(EventRecorder& recorder, const ObjectRef& object, const Error& error);

}  // namespace weft::appliers
