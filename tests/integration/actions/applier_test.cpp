#include "appliers/actions/applier.hpp"

#include "integration/applier-ovsdb/bed.hpp"

#include <mutex>

#include <gmock/gmock.h>

namespace weft::test {
namespace {

using appliers::actions::Connections;
using appliers::actions::Doer;
using ovsdb::after;
using ovsdb::Level;
using tables::Announcement;
using tables::ConntrackFlush;
using tables::Moment;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

const ovsdb::Map<std::string, std::string> ours{{"owner", "weft"}};

/// Writes down what it was asked to do; fails as often as told.
struct Log {
    std::vector<std::string> done() {
        const std::scoped_lock lock(mutex);
        return entries;
    }
    std::mutex mutex;
    std::vector<std::string> entries;
    int failures = 0;
};

class LoggingDoer final : public Doer {
  public:
    explicit LoggingDoer(Log& log) : log_(log) {}
    Result<void> flush(std::span<const Connections> which) override {
        std::string all = "flush";
        for (const auto& one : which)
            all += " " + one.ip.text();
        return note(std::move(all));
    }
    Result<void> announce(const Announcement& what) override { return note("announce " + what.ip.text()); }

  private:
    Result<void> note(std::string what) {
        const std::scoped_lock lock(log_.mutex);
        if (log_.failures > 0) {
            --log_.failures;
            return again("not now");
        }
        log_.entries.push_back(std::move(what));
        return {};
    }
    Log& log_;
};

/// Actions on rows that a real database gets; how they are carried out is another test's.
class ActionsTest : public ApplierBed {
  protected:
    void SetUp() override {
        wants<nb::LogicalSwitch, ConntrackFlush, Announcement>();
        north_ = &add(northbound());
        global_ = north_->insert(nb::NBGlobal{.name = "n1"});
    }
    void begin() {
        start();
        north_->applier().add_claim(owned<nb::LogicalSwitch>());
        actions = std::make_unique<appliers::actions::Applier>(
            *engine, *order, std::make_unique<LoggingDoer>(log),
            appliers::actions::Applier::Options{.first_retry = std::chrono::milliseconds(1)});
        ASSERT_TRUE(actions->start());
    }
    void TearDown() override {
        if (actions) actions->stop();
    }
    Key<nb::LogicalSwitch> put_row(const std::string& name, const std::string& mtu = "1400") {
        return put(nb::LogicalSwitch{.external_ids = ours, .name = name, .other_config = {{"mtu", mtu}}});
    }
    Announcement announcement(const std::string& row, const std::string& ip = "10.0.0.1") {
        return {.key = Key<Announcement>{"say"},
                .on = after(Key<nb::LogicalSwitch>{row}),
                .link = "eth0",
                .ip = *Ip::parse(ip)};
    }
    ConntrackFlush flush(const std::string& row, const std::string& ip, Level level = Level::committed) {
        return {
            .key = Key<ConntrackFlush>{"flush"}, .on = after(Key<nb::LogicalSwitch>{row}, level), .ip = *Ip::parse(ip)};
    }
    bool until_done(const std::vector<std::string>& what) {
        return until([&] { return log.done() == what; });
    }
    bool until_quiet() {
        return until_synced() && until([&] { return actions->status().state == appliers::State::synced; });
    }
    /// In the applier's own view, which is never behind what it has been told.
    bool has(const std::string& row) { return north_->replica().find_by_key<nb::LogicalSwitch>(row).has_value(); }
    std::int64_t raised() { return north_->see<nb::NBGlobal>(".")->nb_cfg.get(); }

    Log log;
    std::unique_ptr<appliers::actions::Applier> actions;
    Far* north_ = nullptr;
    Uuid global_;
};

TEST_F(ActionsTest, HappensOnceWhenItsRowHasBeenMade) {
    begin();
    ASSERT_TRUE(until_quiet());
    put_row("a");
    put(announcement("a"));
    ASSERT_TRUE(until_done({"announce 10.0.0.1"}));
    EXPECT_TRUE(has("a"));
    // Neither another look nor a change of another row is a transition.
    put_row("b");
    ASSERT_TRUE(until([&] { return has("b"); }));
    ASSERT_TRUE(until_quiet());
    EXPECT_THAT(log.done(), ElementsAre("announce 10.0.0.1"));
}

TEST_F(ActionsTest, NeverAtAFirstSyncThatFindsTheRowAlreadyThere) {
    north_->insert(nb::LogicalSwitch{.external_ids = ours, .name = "there", .other_config = {{"mtu", "1400"}}});
    put_row("there");
    put(announcement("there"));
    put_row("not-there");
    auto other = announcement("not-there", "10.0.0.2");
    other.key.text = "say-2";
    put(other);
    begin();
    ASSERT_TRUE(until_done({"announce 10.0.0.2"}));
    ASSERT_TRUE(until_quiet());
    EXPECT_THAT(log.done(), ElementsAre("announce 10.0.0.2"));
}

TEST_F(ActionsTest, WithdrawnMeansAfterTheRowHasGone) {
    put_row("a");
    const auto action = put(flush("a", "10.0.0.1"));
    begin();
    ASSERT_TRUE(until_quiet());
    EXPECT_THAT(log.done(), IsEmpty());
    bool too_early = false;
    each_step = [&] { too_early = too_early || (has("a") && !log.done().empty()); };
    withdraw(action);
    withdraw(Key<nb::LogicalSwitch>{"a"});
    ASSERT_TRUE(until_done({"flush 10.0.0.1"}));
    EXPECT_FALSE(too_early);
    ASSERT_TRUE(until_quiet());
}

TEST_F(ActionsTest, WithdrawnFromARowThatStaysMeansAfterItsChange) {
    // A backend that leaves a load balancer.
    put_row("lb", "1");
    const auto action = put(flush("lb", "10.0.0.7"));
    begin();
    ASSERT_TRUE(until_quiet());
    withdraw(action);
    put_row("lb", "2");
    ASSERT_TRUE(until_done({"flush 10.0.0.7"}));
    EXPECT_EQ(*north_->replica().find_by_key<nb::LogicalSwitch>("lb")->other_config->find("mtu"), "2");
}

TEST_F(ActionsTest, AnActionThatChangesIsTheOldOneWithdrawn) {
    put_row("lb", "1");
    put(flush("lb", "10.0.0.7"));
    begin();
    ASSERT_TRUE(until_quiet());
    put(flush("lb", "10.0.0.8"));
    put_row("lb", "2");
    ASSERT_TRUE(until_done({"flush 10.0.0.7"}));
}

TEST_F(ActionsTest, InstalledWaitsForTheFlowsToo) {
    put_row("a");
    const auto action = put(flush("a", "10.0.0.1", Level::installed));
    begin();
    ASSERT_TRUE(until_quiet());
    EXPECT_EQ(raised(), 0) << "nobody waits for the row to come";
    withdraw(action);
    withdraw(Key<nb::LogicalSwitch>{"a"});
    ASSERT_TRUE(until([&] { return !has("a") && raised() == 1; }));
    for (int i = 0; i < 5; ++i)
        step();
    EXPECT_THAT(log.done(), IsEmpty());
    EXPECT_THAT(actions->status().detail, HasSubstr("1 actions wait"));
    north_->update(global_, nb::NBGlobal{.hv_cfg = 1, .sb_cfg = 1});
    ASSERT_TRUE(until_done({"flush 10.0.0.1"}));
    EXPECT_EQ(raised(), 1);
}

TEST_F(ActionsTest, ARowThatComesBackBeforeItsActionCancelsNothingButAnActionThatGoesDoes) {
    begin();
    ASSERT_TRUE(until_quiet());
    put(announcement("late"));
    ASSERT_TRUE(until([&] { return actions->status().behind == 1; })) << "it waits for its row";
    withdraw(Key<Announcement>{"say"});
    put_row("late");
    ASSERT_TRUE(until([&] { return has("late"); }));
    ASSERT_TRUE(until_quiet());
    EXPECT_THAT(log.done(), IsEmpty());
}

TEST_F(ActionsTest, FailuresAreToldAndTriedAgain) {
    log.failures = 3;
    begin();
    ASSERT_TRUE(until_quiet());
    put_row("a");
    put(announcement("a"));
    ASSERT_TRUE(until_done({"announce 10.0.0.1"}));
    ASSERT_TRUE(until_quiet());
    EXPECT_THAT(actions->status().faults, IsEmpty());
    EXPECT_EQ(actions->status().applied, 1U);
    EXPECT_EQ(actions->status().requests, 4U);
    {
        const std::scoped_lock lock(log.mutex);
        log.failures = 1'000'000;
    }
    put_row("b");
    auto other = announcement("b");
    other.key.text = "say-2";
    put(other);
    ASSERT_TRUE(until([&] { return !actions->status().faults.empty(); }));
    EXPECT_THAT(actions->status().faults, ElementsAre(Field(&appliers::Fault::object, "Announcement say-2")));
    // Withdrawn, it need not be done any more.
    withdraw(other.key);
    ASSERT_TRUE(until([&] { return actions->status().faults.empty(); }));
}

TEST_F(ActionsTest, WithoutARowAtOnce) {
    begin();
    ASSERT_TRUE(until_quiet());
    put(ConntrackFlush{.key = Key<ConntrackFlush>{"now"}, .when = Moment::put, .ip = *Ip::parse("10.0.0.5")});
    ASSERT_TRUE(until_done({"flush 10.0.0.5"}));
}

}  // namespace
}  // namespace weft::test
