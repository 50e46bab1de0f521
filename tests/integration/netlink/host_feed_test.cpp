#include "appliers/netlink/host_feed.hpp"

#include "integration/netlink/recorder.hpp"

#include <gtest/gtest.h>

namespace weft::netlink {
namespace {

class HostFeedTest : public testing::ScratchTest {
  protected:
    void start() {
        const auto started = monitor_.start();
        ASSERT_TRUE(started) << started.error().text();
        ASSERT_TRUE(sink_.signal().wait([&] { return sink_.is_complete("HostAddress"); }));
    }
    bool comes(const std::string& table, const std::string& key) {
        return sink_.signal().wait([&] { return sink_.has(table, key); });
    }
    bool goes(const std::string& table, const std::string& key) {
        return sink_.signal().wait([&] { return !sink_.has(table, key); });
    }
    static Change wanted(const std::string& link, const std::string& address) {
        tables::LinkAddress row;
        row.link = link;
        row.address = *IpPrefix::parse(address);
        row.settle_key();
        return {0, {}, RowPtr::make(row)};
    }

    testing::Recorder sink_;
    HostFeed feed_{sink_};
    Monitor monitor_{{&feed_}};
};

TEST_F(HostFeedTest, TellsWhatIsThereAndWhatComesAndGoes) {
    add_pair("a0", "b0");
    start();
    EXPECT_TRUE(sink_.is_complete("HostLink"));
    ASSERT_TRUE(sink_.has("HostLink", "a0"));
    EXPECT_FALSE(sink_.find("HostLink", "a0").as<tables::HostLink>().up);
    up("a0");
    EXPECT_TRUE(sink_.signal().wait([&] { return sink_.find("HostLink", "a0").as<tables::HostLink>().up; }));
    ASSERT_TRUE(kernel_->put_address(link("a0"), {*IpPrefix::parse("192.0.2.1/24")}));
    ASSERT_TRUE(comes("HostAddress", "a0/192.0.2.1/24"));
    EXPECT_TRUE(sink_.find("HostAddress", "a0/192.0.2.1/24").as<tables::HostAddress>().global);
    ASSERT_TRUE(kernel_->change_link(link("a0"), {.name = "c0"}));
    EXPECT_TRUE(comes("HostAddress", "c0/192.0.2.1/24"));
    EXPECT_TRUE(goes("HostAddress", "a0/192.0.2.1/24"));
    EXPECT_TRUE(goes("HostLink", "a0"));
    ASSERT_TRUE(kernel_->delete_link(link("c0")));
    EXPECT_TRUE(goes("HostLink", "c0"));
    EXPECT_TRUE(goes("HostAddress", "c0/192.0.2.1/24"));
    EXPECT_TRUE(goes("HostLink", "b0"));
}

TEST_F(HostFeedTest, LeavesOutWhatWeftWants) {
    add_pair("a0", "b0");
    up("a0");
    ASSERT_TRUE(kernel_->put_address(link("a0"), {*IpPrefix::parse("10.0.0.2/24")}));
    ASSERT_TRUE(kernel_->put_address(link("a0"), {*IpPrefix::parse("192.0.2.1/24")}));
    start();
    ASSERT_TRUE(comes("HostAddress", "a0/10.0.0.2/24"));
    const Change put = wanted("a0", "10.0.0.2/24");
    feed_.desired_changed(std::span(&put, 1));
    EXPECT_FALSE(sink_.has("HostAddress", "a0/10.0.0.2/24"));
    EXPECT_TRUE(sink_.has("HostAddress", "a0/192.0.2.1/24"));
    const Change withdrawn{0, put.after, {}};
    feed_.desired_changed(std::span(&withdrawn, 1));
    EXPECT_TRUE(sink_.has("HostAddress", "a0/10.0.0.2/24"));
}

TEST_F(HostFeedTest, AResyncThatFindsNothingNewPostsNothing) {
    add_pair("a0", "b0");
    up("a0");
    up("b0");
    ASSERT_TRUE(kernel_->put_address(link("a0"), {*IpPrefix::parse("192.0.2.1/24")}));
    start();
    // Link-local addresses finish their duplicate detection first.
    ASSERT_TRUE(sink_.signal().wait([&] {
        const auto addresses = kernel_->addresses();
        return std::none_of(addresses->begin(), addresses->end(), [](const Address& a) { return a.tentative; });
    }));
    ASSERT_TRUE(kernel_->put_address(link("b0"), {*IpPrefix::parse("192.0.2.2/24")}));
    ASSERT_TRUE(comes("HostAddress", "b0/192.0.2.2/24"));
    const auto posts = sink_.posts();
    const auto resyncs = monitor_.resyncs();
    monitor_.force_resync();
    // The address that follows is told after the resync, in order.
    while (monitor_.resyncs() == resyncs)
        std::this_thread::yield();
    ASSERT_TRUE(kernel_->put_address(link("b0"), {*IpPrefix::parse("192.0.2.3/24")}));
    ASSERT_TRUE(comes("HostAddress", "b0/192.0.2.3/24"));
    EXPECT_EQ(sink_.posts(), posts + 1);
}

/// More notifications than any buffer holds, while the monitor can't read: it must notice, and list everything again.
class Blocker final : public KernelListener {
  public:
    void links_changed(const KernelView&, const std::set<std::string>& names) override {
        if (!names.contains("block")) return;
        std::unique_lock lock(mutex_);
        blocked_ = true;
        change_.notify_all();
        change_.wait(lock, [&] { return released_; });
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
    bool blocked_ = false;
    bool released_ = false;
};

TEST_F(HostFeedTest, AnOverrunLosesNothing) {
    Blocker blocker;
    Monitor monitor({&feed_, &blocker});
    add_pair("a0", "b0");
    ASSERT_TRUE(monitor.start());
    ASSERT_TRUE(sink_.signal().wait([&] { return sink_.is_complete("HostAddress"); }));
    add_pair("block", "block-peer");
    blocker.wait_blocked();
    const auto before = monitor.resyncs();
    const Link a0 = link("a0");
    for (int i = 0; i < 20000; ++i) {
        ASSERT_TRUE(kernel_->put_address(a0, {*IpPrefix::parse("192.0.2.9/32")}));
        ASSERT_TRUE(kernel_->delete_address(a0, *IpPrefix::parse("192.0.2.9/32")));
    }
    ASSERT_TRUE(kernel_->put_address(a0, {*IpPrefix::parse("192.0.2.77/24")}));
    blocker.release();
    EXPECT_TRUE(comes("HostAddress", "a0/192.0.2.77/24"));
    EXPECT_GT(monitor.resyncs(), before);
    EXPECT_FALSE(sink_.has("HostAddress", "a0/192.0.2.9/32"));
}

}  // namespace
}  // namespace weft::netlink
