#include "services/health.hpp"

#include "services/text.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <ctime>

namespace weft::services {

Health::Health(const Clock& clock, std::function<void()> wake, Duration silence)
    : clock_(clock),
      wake_(std::move(wake)),
      silence_(silence),
      last_change_(clock.wall()) {}

void Health::set(const std::string& check, bool good, std::string reason) {
    const std::scoped_lock lock(mutex_);
    auto& entry = checks_[check];
    if (entry.good == good && entry.reason == reason) return;
    entry = {good, std::move(reason)};
    last_change_ = clock_.wall();
}

void Health::remove(const std::string& check) {
    const std::scoped_lock lock(mutex_);
    if (checks_.erase(check) > 0) last_change_ = clock_.wall();
}

void Health::beat() {
    const std::scoped_lock lock(mutex_);
    started_ = true;
    asked_.reset();
}

void Health::set_terminating(bool terminating) {
    const std::scoped_lock lock(mutex_);
    if (terminating_ != terminating) last_change_ = clock_.wall();
    terminating_ = terminating;
}

bool Health::is_ready() const {
    const std::scoped_lock lock(mutex_);
    return !checks_.empty() && std::ranges::all_of(checks_, [](const auto& check) { return check.second.good; });
}

void Health::ask() {
    {
        const std::scoped_lock lock(mutex_);
        if (!asked_) asked_ = clock_.now();
    }
    if (wake_) wake_();
}

std::optional<std::string> Health::hang() const {
    if (!started_ || !asked_) return std::nullopt;  // starting may take its time
    const auto silent = clock_.now() - *asked_;
    if (silent <= silence_) return std::nullopt;
    return "the engine has not turned for " +
           std::to_string(std::chrono::duration_cast<std::chrono::seconds>(silent).count()) + " s";
}

Health::Answer Health::answer(const std::map<std::string, Check>& checks) const {
    const bool good = std::ranges::all_of(checks, [](const auto& check) { return check.second.good; });
    JsonWriter w;
    w.object([&] {
        w.member("status", good ? "ok" : "failed");
        w.key("checks").array([&] {
            for (const auto& entry : checks) {
                const Check& check = entry.second;
                w.object(
                    [&] { w.member("name", entry.first).member("ok", check.good).member("reason", check.reason); });
            }
        });
        w.member("lastUpdated", rfc3339(last_change_)).member("currentTime", rfc3339(clock_.wall()));
    });
    return {good, w.take() + "\n"};
}

Health::Answer Health::live() {
    ask();
    const std::scoped_lock lock(mutex_);
    const auto reason = hang();
    return answer({{"engine", {!reason, reason.value_or("")}}});
}

Health::Answer Health::ready() {
    ask();
    const std::scoped_lock lock(mutex_);
    if (checks_.empty()) return answer({{"start", {false, "still starting"}}});
    return answer(checks_);
}

Health::Answer Health::health() {
    ask();
    const std::scoped_lock lock(mutex_);
    const auto reason = hang();
    return answer({{"engine", {!reason, reason.value_or("")}},
                   {"terminating", {!terminating_, terminating_ ? "this weftd is about to stop" : ""}}});
}

}  // namespace weft::services
