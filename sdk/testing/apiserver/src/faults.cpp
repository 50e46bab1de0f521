#include "faults.hpp"

#include <algorithm>
#include <array>

namespace weft::apiserver {

namespace {

constexpr std::array<std::pair<std::string_view, Fault::Kind>, 8> kind_names{{
    {"error", Fault::Kind::error},
    {"drop", Fault::Kind::drop},
    {"lose-answer", Fault::Kind::lose_answer},
    {"truncate", Fault::Kind::truncate},
    {"stall", Fault::Kind::stall},
    {"delay", Fault::Kind::delay},
    {"expire", Fault::Kind::expire},
    {"duplicate", Fault::Kind::duplicate},
}};

bool only_for_watches(Fault::Kind kind) {
    return kind == Fault::Kind::expire || kind == Fault::Kind::duplicate;
}

bool method_fits(const Fault& fault, std::string_view method, bool watch) {
    if (only_for_watches(fault.kind) && !watch) return false;
    if (fault.method.empty() || fault.method == method) return true;
    return watch && fault.method == "WATCH";
}

}  // namespace

int Faults::inject(Fault fault) {
    int id = 0;
    {
        std::lock_guard guard(mutex_);
        id = next_++;
        faults_.emplace(id, std::move(fault));
    }
    changed();
    return id;
}

void Faults::heal(int id) {
    {
        std::lock_guard guard(mutex_);
        faults_.erase(id);
    }
    changed();
}

void Faults::heal_all() {
    {
        std::lock_guard guard(mutex_);
        faults_.clear();
    }
    changed();
}

void Faults::changed() const {
    if (on_change_) on_change_();
}

std::optional<Fault> Faults::take(std::string_view method, std::string_view path, bool watch) {
    std::lock_guard guard(mutex_);
    for (auto at = faults_.begin(); at != faults_.end(); ++at) {
        Fault& fault = at->second;
        if (!method_fits(fault, method, watch) || !path.starts_with(fault.path)) continue;
        if (fault.kind == Fault::Kind::duplicate) continue;  // concerns running watches, not requests
        Fault taken = fault;
        // A stalled request comes again when the fault is healed, so a stall is never used up.
        if (fault.times > 0 && fault.kind != Fault::Kind::stall && --fault.times == 0) faults_.erase(at);
        return taken;
    }
    return {};
}

bool Faults::holds(Fault::Kind kind, std::string_view path) const {
    std::lock_guard guard(mutex_);
    return std::any_of(faults_.begin(), faults_.end(), [&](const auto& entry) {
        const Fault& fault = entry.second;
        return fault.kind == kind && method_fits(fault, "GET", true) && path.starts_with(fault.path);
    });
}

Result<Fault> Faults::parse(const Json& json) {
    Fault fault;
    auto name = text_at(json, {"kind"});
    auto found = std::find_if(kind_names.begin(), kind_names.end(), [&](const auto& k) { return k.first == name; });
    if (found == kind_names.end()) {
        std::string known;
        for (const auto& [text, kind] : kind_names)
            known += (known.empty() ? "" : ", ") + std::string(text);
        return invalid("unknown fault kind \"" + std::string(name) + "\"", "use one of " + known);
    }
    fault.kind = found->second;
    fault.method = text_at(json, {"method"});
    fault.path = text_at(json, {"path"});
    fault.times = static_cast<int>(integer_at(json, {"times"}).value_or(-1));
    fault.code = static_cast<int>(integer_at(json, {"code"}).value_or(500));
    fault.retry_after = static_cast<int>(integer_at(json, {"retryAfter"}).value_or(0));
    fault.delay = std::chrono::milliseconds(integer_at(json, {"delayMs"}).value_or(0));
    fault.bytes = static_cast<std::size_t>(std::max<std::int64_t>(0, integer_at(json, {"bytes"}).value_or(0)));
    return fault;
}

}  // namespace weft::apiserver
