#include "traffic.hpp"

#include <algorithm>

namespace weft::testing {

namespace {

constexpr auto pace = std::chrono::milliseconds(20);

}  // namespace

Result<Traffic> Traffic::start(Testbed& testbed, const std::vector<Pair>& pairs) {
    Traffic traffic;
    for (const auto& [a, b] : pairs) {
        for (const auto* from : {&a, &b}) {
            const auto& to = from == &a ? b : a;
            for (const auto family : {Family::v4, Family::v6}) {
                const auto address = to.address(family);
                if (!address) return broken(to.name + " lacks an address");
                auto counter = LossCounter::start(testbed, from->netns, *address, pace);
                if (!counter) return counter.error();
                traffic.flows_.push_back(
                    {from->name + " to " + to.name + (family == Family::v4 ? " (v4)" : " (v6)"), *std::move(counter)});
            }
        }
    }
    return traffic;
}

Result<Loss> Traffic::finish() {
    Loss all;
    losses_.clear();
    for (auto& flow : flows_) {
        const auto loss = flow.counter.finish();
        if (!loss) return Error(loss.error()).at(flow.name);
        all.sent += loss->sent;
        all.lost += loss->lost;
        all.longest_gap_ms = std::max(all.longest_gap_ms, loss->longest_gap_ms);
        if (loss->lost == 0) continue;
        losses_ += flow.name + " lost " + std::to_string(loss->lost) + " of " + std::to_string(loss->sent) + ":";
        for (const auto sequence : loss->lost_sequences)
            losses_ += " " + std::to_string(sequence);
        losses_ += "; ";
    }
    return all;
}

}  // namespace weft::testing
