#include "appliers/netlink/applier.hpp"

#include "appliers/netlink/sysctl.hpp"
#include "integration/netlink/recorder.hpp"

#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::netlink {
namespace {

using ::testing::HasSubstr;

/// The desired rows of a management port, told to an applier as the engine would.
class ApplierTest : public testing::ScratchTest {
  protected:
    void start() {
        applier_ = std::make_unique<Applier>(sink_, options_);
        applier_->on_status([this] {
            for (const auto& problem : applier_->status().problems) {
                if (problem.error.what.find("keeps changing") != std::string::npos) flapping_reported_ = true;
            }
            signal_.poke();
        });
        const auto started = applier_->start();
        ASSERT_TRUE(started) << started.error().text();
        std::vector<Change> all;
        for (const auto& [key, row] : rows_)
            all.push_back({0, {}, row});
        applier_->changed(all);
        applier_->desired_known();
    }
    void stop() {
        if (applier_) applier_->stop();
        applier_.reset();
    }
    void TearDown() override { stop(); }

    template <class T>
    void put(T row) {
        if constexpr (requires { row.settle_key(); }) row.settle_key();
        RowPtr now = RowPtr::make(row);
        const auto name = std::pair(std::string(now.type().name), std::string(now.key()));
        const Change change{0, rows_[name], now};
        rows_[name] = now;
        if (applier_) applier_->changed(std::span(&change, 1));
    }
    void withdraw(const std::string& table, const std::string& key) {
        const auto found = rows_.find({table, key});
        ASSERT_NE(found, rows_.end()) << table << " " << key;
        const Change change{0, found->second, {}};
        rows_.erase(found);
        applier_->changed(std::span(&change, 1));
    }
    void management_port(bool sole = true) {
        put(tables::LinkState{.key = Key<tables::LinkState>{"mp0"}, .up = true, .mtu = 1400, .sole_addresses = sole});
        put(tables::LinkAddress{.link = "mp0", .address = *IpPrefix::parse("10.244.0.2/24")});
        put(tables::LinkAddress{.link = "mp0", .address = *IpPrefix::parse("fd01::2/64")});
        put(tables::Route{.destination = *IpPrefix::parse("10.244.0.0/16"),
                          .link = "mp0",
                          .gateway = *Ip::parse("10.244.0.1"),
                          .mtu = 1400});
        put(tables::Route{
            .destination = *IpPrefix::parse("fd01::/48"), .link = "mp0", .gateway = *Ip::parse("fd01::1")});
        put(tables::Neighbour{.link = "mp0", .ip = *Ip::parse("10.244.0.1"), .mac = *Mac::parse("0a:58:0a:f4:00:01")});
        put(tables::Sysctl{.key = Key<tables::Sysctl>{"net/ipv4/conf/mp0/forwarding"}, .value = "1", .link = "mp0"});
        put(tables::Sysctl{
            .key = Key<tables::Sysctl>{"net/ipv4/conf/mp0/no_such"}, .value = "1", .link = "mp0", .optional = true});
    }
    bool reaches(const std::function<bool(const ApplierStatus&)>& met) {
        return signal_.wait([&] { return met(applier_->status()); });
    }
    bool synced() {
        return reaches([](const ApplierStatus& s) { return s.state == ApplierState::synced && s.waiting == 0; });
    }
    bool has_address(const std::string& name, const std::string& text) {
        const auto found = kernel_->find_link(name);
        if (!found || !*found) return false;
        const auto listed = kernel_->addresses((*found)->index);
        return std::any_of(listed->begin(), listed->end(), [&](const Address& a) { return a.text() == text; });
    }
    bool has_route(const std::string& name, const std::string& text) {
        const auto found = kernel_->find_link(name);
        if (!found || !*found) return false;
        const auto listed = kernel_->routes((*found)->index);
        return std::any_of(listed->begin(), listed->end(), [&](const RouteEntry& r) { return r.text() == text; });
    }
    bool has_neighbour(const std::string& name, const std::string& ip) {
        const auto listed = kernel_->neighbours(link(name).index);
        return std::any_of(listed->begin(), listed->end(),
                           [&](const NeighbourEntry& n) { return n.permanent && n.ip.text() == ip; });
    }
    void expect_management_port() {
        EXPECT_TRUE(link("mp0").up);
        EXPECT_EQ(link("mp0").mtu, 1400U);
        EXPECT_TRUE(has_address("mp0", "10.244.0.2/24"));
        EXPECT_TRUE(has_address("mp0", "fd01::2/64"));
        EXPECT_TRUE(has_route("mp0", "10.244.0.0/16 via 10.244.0.1 mtu 1400"));
        EXPECT_TRUE(has_route("mp0", "fd01::/48 via fd01::1"));
        EXPECT_TRUE(has_neighbour("mp0", "10.244.0.1"));
        EXPECT_EQ(read_sysctl("net/ipv4/conf/mp0/forwarding").value_or({}), "1");
    }
    /// Waits for a kernel state that the applier brings about; asked after each of its passes.
    bool becomes(const std::function<bool()>& met) { return signal_.wait(met); }

    testing::Recorder sink_;
    testing::Signal signal_;
    ApplierOptions options_;
    std::atomic<bool> flapping_reported_ = false;
    std::map<std::pair<std::string, std::string>, RowPtr> rows_;
    std::unique_ptr<Applier> applier_;
};

TEST_F(ApplierTest, WaitsForTheLinkThenMakesItSo) {
    management_port();
    start();
    ASSERT_TRUE(reaches([](const ApplierStatus& s) { return s.waiting == 8 && s.behind == 0; }));
    EXPECT_TRUE(applier_->status().problems.empty());
    add_pair("mp0", "peer");
    up("peer");
    ASSERT_TRUE(synced());
    expect_management_port();
    EXPECT_EQ(applier_->status().put_back, 0U);
}

TEST_F(ApplierTest, ARestartChangesNothing) {
    add_pair("mp0", "peer");
    up("peer");
    management_port();
    start();
    ASSERT_TRUE(synced());
    expect_management_port();
    stop();
    start();
    ASSERT_TRUE(synced());
    EXPECT_EQ(applier_->status().changes, 0U);
    // The echoes of a quiet kernel change nothing either.
    applier_->monitor().force_resync();
    ASSERT_TRUE(synced());
    EXPECT_EQ(applier_->status().changes, 0U);
}

TEST_F(ApplierTest, PutsBackWhatSomebodyRemoves) {
    add_pair("mp0", "peer");
    up("peer");
    management_port();
    start();
    ASSERT_TRUE(synced());
    ASSERT_TRUE(kernel_->delete_address(link("mp0"), *IpPrefix::parse("10.244.0.2/24")));
    // The routes through it went too.
    EXPECT_TRUE(becomes([&] {
        return has_address("mp0", "10.244.0.2/24") && has_route("mp0", "10.244.0.0/16 via 10.244.0.1 mtu 1400");
    }));
    RouteEntry route;
    route.destination = *IpPrefix::parse("fd01::/48");
    ASSERT_TRUE(kernel_->delete_route(link("mp0"), route));
    EXPECT_TRUE(becomes([&] { return has_route("mp0", "fd01::/48 via fd01::1"); }));
    ASSERT_TRUE(kernel_->delete_neighbour(link("mp0"), *Ip::parse("10.244.0.1")));
    EXPECT_TRUE(becomes([&] { return has_neighbour("mp0", "10.244.0.1"); }));
    ASSERT_TRUE(kernel_->put_neighbour(link("mp0"), *Ip::parse("10.244.0.1"), *Mac::parse("02:00:00:00:00:01")));
    EXPECT_TRUE(becomes([&] {
        const auto listed = kernel_->neighbours(link("mp0").index);
        return std::any_of(listed->begin(), listed->end(),
                           [](const NeighbourEntry& n) { return n.mac.text() == "0a:58:0a:f4:00:01"; });
    }));
    ASSERT_TRUE(kernel_->change_link(link("mp0"), {.up = false}));
    EXPECT_TRUE(becomes([&] { return link("mp0").up && has_route("mp0", "10.244.0.0/16 via 10.244.0.1 mtu 1400"); }));
    ASSERT_TRUE(write_sysctl("net/ipv4/conf/mp0/forwarding", "0"));
    EXPECT_TRUE(becomes([&] { return read_sysctl("net/ipv4/conf/mp0/forwarding").value_or({}) == "1"; }));
    ASSERT_TRUE(synced());
    expect_management_port();
    EXPECT_GE(applier_->status().put_back, 6U);
}

TEST_F(ApplierTest, ALinkThatComesBackGetsEverythingAgain) {
    add_pair("mp0", "peer");
    management_port();
    start();
    ASSERT_TRUE(synced());
    ASSERT_TRUE(kernel_->delete_link(link("mp0")));
    ASSERT_TRUE(reaches([](const ApplierStatus& s) { return s.waiting == 8; }));
    add_pair("mp0", "peer");
    up("peer");
    ASSERT_TRUE(becomes([&] { return has_neighbour("mp0", "10.244.0.1"); }));
    ASSERT_TRUE(synced());
    expect_management_port();
}

/// A sink in which the monitor's thread stays when it tells of the link "block", until it is released.
class BlockingSink final : public Sink {
  public:
    void post(std::vector<InputChange> changes) override {
        std::unique_lock lock(mutex_);
        if (std::none_of(changes.begin(), changes.end(), [](const InputChange& c) { return c.key == "block"; })) return;
        blocked_ = true;
        change_.notify_all();
        change_.wait(lock, [&] { return released_; });
    }
    void complete(const TableSpec&) override {
        const std::scoped_lock lock(mutex_);
        complete_ = true;
        change_.notify_all();
    }
    void wait_complete() {
        std::unique_lock lock(mutex_);
        change_.wait(lock, [&] { return complete_; });
    }
    void wait_blocked() {
        std::unique_lock lock(mutex_);
        change_.wait(lock, [&] { return blocked_; });
    }
    void release() {
        const std::scoped_lock lock(mutex_);
        released_ = true;
        change_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable change_;
    bool complete_ = false;
    bool blocked_ = false;
    bool released_ = false;
};

TEST_F(ApplierTest, ALinkThatCameAndWentUnheardIsWaitedFor) {
    BlockingSink sink;
    applier_ = std::make_unique<Applier>(sink, options_);
    applier_->on_status([this] { signal_.poke(); });
    put(tables::LinkState{.key = Key<tables::LinkState>{"mp0"}, .up = true, .mtu = 1400});
    put(tables::Sysctl{.key = Key<tables::Sysctl>{"net/ipv4/conf/mp0/forwarding"}, .value = "1", .link = "mp0"});
    ASSERT_TRUE(applier_->start());
    sink.wait_complete();
    add_pair("block", "block-peer");
    sink.wait_blocked();
    add_pair("mp0", "peer");
    applier_->desired_known();
    EXPECT_TRUE(synced());
    EXPECT_EQ(read_sysctl("net/ipv4/conf/mp0/forwarding").value_or({}), "1");
    const auto removed = kernel_->delete_link(link("mp0"));
    // All notifications of mp0 are lost.
    applier_->monitor().force_resync();
    sink.release();
    EXPECT_TRUE(removed);
    EXPECT_TRUE(reaches([](const ApplierStatus& s) { return s.waiting == 2; }));
    stop();
}

TEST_F(ApplierTest, RemovesWhatIsWithdrawnAndNothingElse) {
    add_pair("mp0", "peer");
    up("mp0");
    up("peer");
    ASSERT_TRUE(kernel_->put_address(link("mp0"), {*IpPrefix::parse("192.0.2.1/24")}));
    RouteEntry foreign;
    foreign.destination = *IpPrefix::parse("198.51.100.0/24");
    foreign.gateway = *Ip::parse("192.0.2.9");
    ASSERT_TRUE(kernel_->add_route(link("mp0"), foreign));
    ASSERT_TRUE(kernel_->put_neighbour(link("mp0"), *Ip::parse("192.0.2.9"), *Mac::parse("02:00:00:00:00:01")));
    management_port(false);
    start();
    ASSERT_TRUE(synced());
    expect_management_port();
    withdraw("Neighbour", "mp0/10.244.0.1");
    withdraw("Route", "254/10.244.0.0/16/mp0");
    withdraw("LinkAddress", "mp0/10.244.0.2/24");
    EXPECT_TRUE(becomes([&] {
        return !has_address("mp0", "10.244.0.2/24") && !has_route("mp0", "10.244.0.0/16 via 10.244.0.1 mtu 1400") &&
               !has_neighbour("mp0", "10.244.0.1");
    }));
    ASSERT_TRUE(synced());
    EXPECT_TRUE(has_address("mp0", "192.0.2.1/24"));
    EXPECT_TRUE(has_route("mp0", "198.51.100.0/24 via 192.0.2.9"));
    EXPECT_TRUE(has_neighbour("mp0", "192.0.2.9"));
    EXPECT_TRUE(has_address("mp0", "fd01::2/64"));
}

TEST_F(ApplierTest, AfterARestartSoleAddressesClearsWhatItsPastLeft) {
    add_pair("mp0", "peer");
    up("mp0");
    up("peer");
    ASSERT_TRUE(kernel_->put_address(link("mp0"), {*IpPrefix::parse("10.244.7.2/24")}));
    ASSERT_TRUE(kernel_->put_neighbour(link("mp0"), *Ip::parse("10.244.7.1"), *Mac::parse("02:00:00:00:00:01")));
    RouteEntry old;
    old.destination = *IpPrefix::parse("10.244.0.0/16");
    old.gateway = *Ip::parse("10.244.7.1");
    ASSERT_TRUE(kernel_->add_route(link("mp0"), old));
    ASSERT_TRUE(kernel_->put_address(link("peer"), {*IpPrefix::parse("192.0.2.1/24")}));
    management_port(true);
    start();
    ASSERT_TRUE(synced());
    EXPECT_TRUE(applier_->status().problems.empty());
    EXPECT_FALSE(has_address("mp0", "10.244.7.2/24"));
    EXPECT_FALSE(has_route("mp0", "10.244.0.0/16 via 10.244.7.1"));
    EXPECT_FALSE(has_neighbour("mp0", "10.244.7.1"));
    EXPECT_TRUE(has_address("peer", "192.0.2.1/24"));
    expect_management_port();
}

TEST_F(ApplierTest, NothingIsPrunedBeforeAllRowsAreKnown) {
    add_pair("mp0", "peer");
    up("mp0");
    ASSERT_TRUE(kernel_->put_address(link("mp0"), {*IpPrefix::parse("10.244.7.2/24")}));
    applier_ = std::make_unique<Applier>(sink_, options_);
    applier_->on_status([this] { signal_.poke(); });
    ASSERT_TRUE(applier_->start());
    put(tables::LinkState{.key = Key<tables::LinkState>{"mp0"}, .sole_addresses = true});
    put(tables::LinkAddress{.link = "mp0", .address = *IpPrefix::parse("10.244.0.2/24")});
    EXPECT_TRUE(becomes([&] { return has_address("mp0", "10.244.0.2/24"); }));
    ASSERT_TRUE(reaches([](const ApplierStatus& s) { return s.behind == 0; }));
    EXPECT_EQ(applier_->status().state, ApplierState::awaiting);
    EXPECT_TRUE(has_address("mp0", "10.244.7.2/24"));
    applier_->desired_known();
    EXPECT_TRUE(becomes([&] { return !has_address("mp0", "10.244.7.2/24"); }));
    EXPECT_TRUE(synced());
}

TEST_F(ApplierTest, ARefusedRowHoldsUpNoOther) {
    add_pair("mp0", "peer");
    up("peer");
    add_pair("other0", "other1");
    up("other0");
    ASSERT_TRUE(kernel_->put_address(link("other0"), {*IpPrefix::parse("192.0.2.1/24")}));
    RouteEntry foreign;
    foreign.destination = *IpPrefix::parse("10.244.0.0/16");
    foreign.gateway = *Ip::parse("192.0.2.9");
    ASSERT_TRUE(kernel_->add_route(link("other0"), foreign));
    management_port();
    put(tables::Route{
        .destination = *IpPrefix::parse("10.96.0.0/16"), .link = "mp0", .gateway = *Ip::parse("172.31.9.9")});
    put(tables::Sysctl{.key = Key<tables::Sysctl>{"net/ipv4/conf/mp0/no_such_thing"}, .value = "1", .link = "mp0"});
    start();
    ASSERT_TRUE(reaches([](const ApplierStatus& s) { return s.problems.size() == 3; }));
    std::map<std::string, Error> problems;
    for (const auto& problem : applier_->status().problems)
        problems[problem.key] = problem.error;
    EXPECT_THAT(problems["254/10.244.0.0/16/mp0"].text(), HasSubstr("another route to 10.244.0.0/16 is there"));
    EXPECT_THAT(problems["254/10.96.0.0/16/mp0"].text(),
                HasSubstr("link mp0: cannot add route 10.96.0.0/16 via 172.31.9.9"));
    EXPECT_THAT(problems["net/ipv4/conf/mp0/no_such_thing"].text(), HasSubstr("no such setting"));
    EXPECT_EQ(applier_->status().state, ApplierState::syncing);
    EXPECT_TRUE(has_neighbour("mp0", "10.244.0.1"));
    EXPECT_TRUE(has_route("mp0", "fd01::/48 via fd01::1"));
    EXPECT_TRUE(has_route("other0", "10.244.0.0/16 via 192.0.2.9")) << "somebody else's route stays";

    ASSERT_TRUE(kernel_->delete_route(link("other0"), foreign));
    withdraw("Route", "254/10.96.0.0/16/mp0");
    withdraw("Sysctl", "net/ipv4/conf/mp0/no_such_thing");
    EXPECT_TRUE(synced());
    expect_management_port();
}

TEST_F(ApplierTest, TellsTheEngineOnlyOfForeignAddresses) {
    add_pair("mp0", "peer");
    up("peer");
    management_port(false);
    start();
    ASSERT_TRUE(synced());
    ASSERT_TRUE(kernel_->put_address(link("mp0"), {*IpPrefix::parse("192.0.2.1/24")}));
    ASSERT_TRUE(sink_.signal().wait([&] { return sink_.has("HostAddress", "mp0/192.0.2.1/24"); }));
    EXPECT_FALSE(sink_.has("HostAddress", "mp0/10.244.0.2/24"));
    EXPECT_FALSE(sink_.has("HostAddress", "mp0/fd01::2/64"));
    EXPECT_TRUE(sink_.has("HostLink", "mp0"));
}

TEST_F(ApplierTest, SomebodyWhoKeepsRemovingIsReportedAndRestedFrom) {
    options_.flap_count = 3;
    options_.flap_rest = std::chrono::milliseconds(50);
    add_pair("mp0", "peer");
    put(tables::LinkState{.key = Key<tables::LinkState>{"mp0"}});
    put(tables::LinkAddress{.link = "mp0", .address = *IpPrefix::parse("10.244.0.2/24")});
    start();
    ASSERT_TRUE(synced());
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(kernel_->delete_address(link("mp0"), *IpPrefix::parse("10.244.0.2/24")));
        ASSERT_TRUE(becomes([&] { return has_address("mp0", "10.244.0.2/24"); })) << i;
    }
    EXPECT_TRUE(synced());
    EXPECT_EQ(applier_->status().put_back, 5U);
    EXPECT_TRUE(flapping_reported_);
    EXPECT_TRUE(applier_->status().problems.empty());
}

TEST_F(ApplierTest, SysctlsWithoutALink) {
    put(tables::Sysctl{.key = Key<tables::Sysctl>{"net/ipv4/ip_forward"}, .value = "1"});
    start();
    ASSERT_TRUE(synced());
    EXPECT_EQ(read_sysctl("net/ipv4/ip_forward").value_or({}), "1");
}

}  // namespace
}  // namespace weft::netlink
