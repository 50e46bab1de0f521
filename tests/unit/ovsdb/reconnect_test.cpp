#include "ovsdb/reconnect.hpp"

#include <gmock/gmock.h>

using namespace weft;
using namespace std::chrono_literals;
using ovsdb::Reconnect;
using Action = Reconnect::Action;

namespace {

class ReconnectTest : public testing::Test {
  protected:
    Reconnect make(int free_attempts = 1) {
        return {{.min_backoff = 1s,
                 .max_backoff = 8s,
                 .connect_timeout = 5s,
                 .probe_interval = 10s,
                 .free_attempts = free_attempts},
                clock.now()};
    }
    Action run(Reconnect& r) { return r.run(clock.now()); }

    /// Runs until the machine wants something, and how long that took.
    Duration until(Reconnect& r, Action action) {
        const TimePoint start = clock.now();
        const auto due = r.deadline();
        if (!due) return Duration::max();
        if (*due > clock.now()) clock.advance(*due - clock.now());
        EXPECT_EQ(run(r), action);
        return clock.now() - start;
    }

    ManualClock clock;
};

TEST_F(ReconnectTest, ConnectsAtOnce) {
    auto r = make();
    EXPECT_EQ(run(r), Action::connect);
    EXPECT_EQ(run(r), Action::none);
    EXPECT_EQ(r.state(), Reconnect::State::connecting);
}

TEST_F(ReconnectTest, BacksOffDoublingUpToTheMost) {
    auto r = make();
    EXPECT_EQ(run(r), Action::connect);
    for (const auto wait : {1s, 2s, 4s, 8s, 8s}) {
        r.failed(clock.now());
        EXPECT_EQ(run(r), Action::none);
        EXPECT_EQ(until(r, Action::connect), wait);
    }
}

TEST_F(ReconnectTest, ManyFailuresOverflowNothing) {
    auto r = make();
    EXPECT_EQ(run(r), Action::connect);
    for (int i = 0; i < 10'000; ++i) {
        r.failed(clock.now());
        until(r, Action::connect);
    }
    r.failed(clock.now());
    EXPECT_EQ(until(r, Action::connect), 8s);
}

TEST_F(ReconnectTest, TriesEveryRemoteBeforeItPauses) {
    auto r = make(3);
    EXPECT_EQ(run(r), Action::connect);
    for (const auto wait : {0s, 0s, 1s, 2s}) {
        r.failed(clock.now());
        EXPECT_EQ(until(r, Action::connect), wait);
    }
}

TEST_F(ReconnectTest, AUsefulConnectionForgetsEarlierFailures) {
    auto r = make();
    EXPECT_EQ(run(r), Action::connect);
    for (int i = 0; i < 5; ++i) {
        r.failed(clock.now());
        until(r, Action::connect);
    }
    r.connected(clock.now());
    r.useful();
    r.failed(clock.now());
    EXPECT_EQ(until(r, Action::connect), 1s);
}

TEST_F(ReconnectTest, AConnectionThatNeverWasUsefulDoesNot) {
    auto r = make();
    EXPECT_EQ(run(r), Action::connect);
    for (const auto wait : {1s, 2s, 4s}) {
        r.connected(clock.now());
        r.failed(clock.now());
        EXPECT_EQ(until(r, Action::connect), wait);
    }
}

TEST_F(ReconnectTest, AnAttemptTimesOut) {
    auto r = make();
    EXPECT_EQ(run(r), Action::connect);
    EXPECT_EQ(until(r, Action::disconnect), 5s);
    EXPECT_EQ(r.reason(), "no connection within 5000 ms");
}

TEST_F(ReconnectTest, SilenceIsProbedThenDropped) {
    auto r = make();
    EXPECT_EQ(run(r), Action::connect);
    r.connected(clock.now());
    EXPECT_EQ(until(r, Action::probe), 10s);
    EXPECT_EQ(until(r, Action::disconnect), 10s);
    EXPECT_EQ(r.reason(), "no answer to a probe within 10000 ms");
}

TEST_F(ReconnectTest, AnswersKeepItUp) {
    auto r = make();
    EXPECT_EQ(run(r), Action::connect);
    r.connected(clock.now());
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(until(r, Action::probe), 10s);
        clock.advance(9s);
        r.received(clock.now());
        EXPECT_EQ(r.state(), Reconnect::State::active);
    }
}

TEST_F(ReconnectTest, NoProbesWhenToldSo) {
    Reconnect r({.probe_interval = 0s}, clock.now());
    EXPECT_EQ(run(r), Action::connect);
    r.connected(clock.now());
    EXPECT_EQ(r.deadline(), std::nullopt);
    clock.advance(24h);
    EXPECT_EQ(run(r), Action::none);
}

TEST_F(ReconnectTest, FailingTwiceCountsOnce) {
    auto r = make();
    EXPECT_EQ(run(r), Action::connect);
    r.failed(clock.now());
    r.failed(clock.now());
    EXPECT_EQ(until(r, Action::connect), 1s);
}

}  // namespace
