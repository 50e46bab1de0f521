#include <weft/testing/testbed/wait.hpp>

#include <algorithm>
#include <thread>

namespace weft::testing {

namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds first_pause{2};
constexpr std::chrono::milliseconds longest_pause{50};

}  // namespace

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds deadline) {
    const auto end = Steady::now() + deadline;
    for (auto pause = first_pause; !condition(); pause = std::min(pause * 2, longest_pause)) {
        if (Steady::now() >= end) return false;
        std::this_thread::sleep_for(pause);
    }
    return true;
}

Result<void> wait_for(const std::string& what, const std::function<Result<void>()>& attempt,
                      std::chrono::milliseconds deadline) {
    std::string reason;
    const bool done = wait_until(
        [&] {
            auto result = attempt();
            if (!result) reason = result.error().text();
            return result.ok();
        },
        deadline);
    if (done) return {};
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(deadline).count();
    return again("no " + what + " within " + std::to_string(seconds) + " s: " + reason);
}

}  // namespace weft::testing
