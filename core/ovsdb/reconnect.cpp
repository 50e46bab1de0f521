#include "ovsdb/reconnect.hpp"

#include <algorithm>

namespace weft::ovsdb {

namespace {

std::string seconds(Duration d) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

}  // namespace

Reconnect::Action Reconnect::run(TimePoint now) {
    const auto due = deadline();
    if (!due || now < *due) return Action::none;
    switch (state_) {
        case State::backoff:
            state_ = State::connecting;
            deadline_ = now + settings_.connect_timeout;
            return Action::connect;
        case State::connecting:
            reason_ = "no connection within " + seconds(settings_.connect_timeout);
            return Action::disconnect;
        case State::active:
            state_ = State::probing;
            deadline_ = now + settings_.probe_interval;
            return Action::probe;
        case State::probing:
            reason_ = "no answer to a probe within " + seconds(settings_.probe_interval);
            return Action::disconnect;
    }
    return Action::none;
}

std::optional<TimePoint> Reconnect::deadline() const {
    const bool probes = settings_.probe_interval > Duration::zero();
    if ((state_ == State::active || state_ == State::probing) && !probes) return std::nullopt;
    return deadline_;
}

void Reconnect::connected(TimePoint now) {
    state_ = State::active;
    deadline_ = now + settings_.probe_interval;
}

void Reconnect::received(TimePoint now) {
    if (state_ != State::active && state_ != State::probing) return;
    state_ = State::active;
    deadline_ = now + settings_.probe_interval;
}

void Reconnect::failed(TimePoint now) {
    if (state_ == State::backoff) return;
    state_ = State::backoff;
    ++failures_;
    deadline_ = now + backoff();
}

/// Nothing for the first round over all remotes, then doubling.
Duration Reconnect::backoff() const {
    if (failures_ < settings_.free_attempts) return Duration::zero();
    Duration wait = settings_.min_backoff;
    for (int i = settings_.free_attempts; i < failures_ && wait < settings_.max_backoff; ++i)
        wait *= 2;
    return std::min(wait, settings_.max_backoff);
}

}  // namespace weft::ovsdb
