#pragma once

#include <weft/base/result.hpp>
#include <weft/engine/row.hpp>

#include <cstdint>
#include <string>

/// What is not as it should be with a rule's instance: one row for each instance that waits, failed, lost a row to
/// another or has something to tell. Written by the engine at the end of a tick; rules cannot read it.
namespace weft {

/// Worst first: an instance in several states shows the first of them.
enum class RuleState : std::uint8_t {
    failed,    ///< fail(), or it threw: its last good rows stay
    conflict,  ///< another instance owns a row that it puts
    waiting,   ///< wait(): its last good rows stay
    warning,   ///< warn(): its rows hold
};

/// The name in lower case.
WEFT_API std::string_view to_string(RuleState state);

/// What is not as it should be with one instance.
struct RuleStatus {
    static constexpr std::string_view table_name = "RuleStatus";

    Key<RuleStatus> key;                   ///< module/rule/driver key
    std::string module;                    ///< the plugin
    std::string rule;                      ///< its rule
    std::string driver;                    ///< key of the driver row
    RuleState state = RuleState::waiting;  ///< the worst of what it is in
    ErrorKind kind = ErrorKind::waiting;   ///< of the error
    std::string what;                      ///< as in Error
    std::string where;                     ///< as in Error
    std::string mend;                      ///< as in Error
    std::int64_t since_ms = 0;             ///< wall time at which it came to be so, milliseconds since the epoch
    ObjectRef on;                          ///< the driver's object; empty kind when it stands for none

    Error error() const { return {kind, what, where, mend}; }

    static ObjectRef object(const RuleStatus& status) { return status.on; }
    static constexpr auto fields() {
        return std::tuple{field("key", &RuleStatus::key),     field("module", &RuleStatus::module),
                          field("rule", &RuleStatus::rule),   field("driver", &RuleStatus::driver),
                          field("state", &RuleStatus::state), field("kind", &RuleStatus::kind),
                          field("what", &RuleStatus::what),   field("where", &RuleStatus::where),
                          field("mend", &RuleStatus::mend),   field("since_ms", &RuleStatus::since_ms),
                          field("on", &RuleStatus::on)};
    }
};

}  // namespace weft
