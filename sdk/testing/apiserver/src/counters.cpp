#include "counters.hpp"

#include <algorithm>

namespace weft::testing {

RequestCount ApiStats::of(std::string_view verb, std::string_view resource) const {
    RequestCount sum;
    for (const auto& [label, count] : requests) {
        auto space = label.find(' ');
        if (label.substr(0, space) != verb || (!resource.empty() && label.substr(space + 1) != resource)) continue;
        sum.requests += count.requests;
        sum.refused += count.refused;
        sum.changed += count.changed;
        sum.bytes_in += count.bytes_in;
        sum.bytes_out += count.bytes_out;
    }
    return sum;
}

std::uint64_t ApiStats::writes(const std::vector<std::string>& except) const {
    std::uint64_t sum = 0;
    for (const auto& [label, count] : requests) {
        auto space = label.find(' ');
        auto verb = label.substr(0, space);
        auto resource = label.substr(space + 1);
        bool write = verb == "create" || verb == "update" || verb == "patch" || verb.starts_with("delete");
        bool excepted = std::find(except.begin(), except.end(), resource) != except.end();
        if (write && !excepted && !resource.starts_with('/')) sum += count.requests;
    }
    return sum;
}

}  // namespace weft::testing

namespace weft::apiserver {

void Counters::count(const std::string& label, const RequestCount& more) {
    std::lock_guard guard(mutex_);
    auto& sum = stats_.requests[label];
    sum.requests += more.requests;
    sum.refused += more.refused;
    sum.changed += more.changed;
    sum.bytes_in += more.bytes_in;
    sum.bytes_out += more.bytes_out;
    changed_.notify_all();
}

void Counters::connections(std::int64_t more) {
    std::lock_guard guard(mutex_);
    stats_.connections += static_cast<std::uint64_t>(more);
    changed_.notify_all();
}

void Counters::watches(std::int64_t more) {
    std::lock_guard guard(mutex_);
    stats_.watches += static_cast<std::uint64_t>(more);
    changed_.notify_all();
}

void Counters::stalled(std::uint64_t now) {
    std::lock_guard guard(mutex_);
    stats_.stalled = now;
    changed_.notify_all();
}

ApiStats Counters::get() const {
    std::lock_guard guard(mutex_);
    return stats_;
}

void Counters::reset() {
    std::lock_guard guard(mutex_);
    stats_.requests.clear();
}

bool Counters::wait(const std::function<bool(const ApiStats&)>& holds, TimePoint deadline) const {
    std::unique_lock guard(mutex_);
    return changed_.wait_until(guard, deadline, [&] { return holds(stats_); });
}

Json Counters::json() const {
    std::lock_guard guard(mutex_);
    Json requests = Json::object();
    for (const auto& [label, count] : stats_.requests) {
        requests[label] = {{"requests", count.requests},
                           {"refused", count.refused},
                           {"changed", count.changed},
                           {"bytesIn", count.bytes_in},
                           {"bytesOut", count.bytes_out}};
    }
    return {{"requests", std::move(requests)},
            {"connections", stats_.connections},
            {"watches", stats_.watches},
            {"stalled", stats_.stalled}};
}

}  // namespace weft::apiserver
