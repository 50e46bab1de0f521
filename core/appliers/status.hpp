#pragma once

#include <weft/base/clock.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::appliers {

/// The life of every applier: waiting for the far side and for complete inputs, catching up, in step.
enum class State : std::uint8_t { awaiting, syncing, synced };

constexpr std::string_view to_string(State state) {
    switch (state) {
        case State::awaiting: return "awaiting";
        case State::syncing: return "syncing";
        case State::synced: return "synced";
    }
    return "awaiting";
}

/// Something that could not be applied.
struct Fault {
    std::string object;  ///< "NB/Logical_Switch_Port web_p1"
    std::string what;
    std::string mend;
    WallTime since;
};

/// What an applier tells about itself, for `weftctl status`, readiness and metrics.
struct Status {
    std::string name;  ///< "ovn-nb", "kube", "netlink"
    State state = State::awaiting;
    std::string detail;          ///< what it waits for; empty when synced
    std::size_t behind = 0;      ///< rows that are not yet as they should be
    std::uint64_t applied = 0;   ///< changes made since start
    std::uint64_t requests = 0;  ///< transactions, API calls or messages sent since start
    std::uint64_t repaired = 0;  ///< foreign changes of our rows put back since start
    std::vector<Fault> faults;
};

}  // namespace weft::appliers
