#include "integration/cni/bed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::cni {
namespace {

/// DEL never fails for what is missing.
class DelTest : public testing::Bed {
  protected:
    testing::TestPod added(int n) {
        auto pod = make_pod(n);
        put(pod.interface);
        const Reply reply = ask(request(Command::add, pod));
        EXPECT_FALSE(reply.error) << reply.error->msg;
        return pod;
    }
    void expect_deleted(const Request& request) {
        const Reply reply = ask(request);
        EXPECT_FALSE(reply.error) << reply.error->msg;
    }
};

TEST_F(DelTest, RemovesPortAndLink) {
    const auto pod = added(5);
    const auto other = added(6);
    expect_deleted(request(Command::del, pod));
    expect_clean(pod);
    EXPECT_TRUE(switch_.has(other.host_if()));
    EXPECT_TRUE(has_container_end(other));
    expect_deleted(request(Command::del, pod));
}

TEST_F(DelTest, WithEverythingGone) {
    const auto pod = make_pod(5);
    pods_.erase("default/web-5");
    auto gone = request(Command::del, pod);
    gone.invocation.netns = root_ + "/none";
    expect_deleted(gone);
    gone.invocation.netns.clear();
    gone.invocation.args.clear();
    expect_deleted(gone);
    gone.invocation.args = "garbage;;=";
    expect_deleted(gone);
}

TEST_F(DelTest, WithoutTheNamespace) {
    auto request_of = [&] {
        const auto pod = added(5);
        auto del = request(Command::del, pod);
        del.invocation.netns.clear();
        return std::pair(del, pod.host_if());
    };
    const auto [del, host_if] = request_of();  // the namespace went with the pod
    expect_deleted(del);
    EXPECT_FALSE(switch_.has(host_if));
    EXPECT_FALSE(has_link(host_if));
}

TEST_F(DelTest, WithoutThePort) {
    const auto pod = added(5);
    switch_.remove(pod.host_if());
    expect_deleted(request(Command::del, pod));
    expect_clean(pod);
}

TEST_F(DelTest, WithoutTheLink) {
    const auto pod = added(5);
    ASSERT_TRUE(kernel_->delete_link(link(pod.host_if())));
    expect_deleted(request(Command::del, pod));
    expect_clean(pod);
}

TEST_F(DelTest, APortUnderAnotherNameIsFoundBySandbox) {
    const auto pod = added(5);
    auto moved = switch_.interfaces().at(pod.host_if());
    switch_.remove(pod.host_if());
    moved.name = "othername";
    switch_.put(moved);
    expect_deleted(request(Command::del, pod));
    EXPECT_FALSE(switch_.has("othername"));
    expect_clean(pod);
}

TEST_F(DelTest, OfASecondaryInterfaceLeavesTheFirst) {
    const auto pod = added(5);
    auto secondary = request(Command::del, pod, R"(,"topology":"layer2","netAttachDefName":"ns/blue")");
    secondary.invocation.ifname = "net1";
    expect_deleted(secondary);
    EXPECT_TRUE(switch_.has(pod.host_if()));
    EXPECT_TRUE(has_container_end(pod));
}

TEST_F(DelTest, WithoutOpenVSwitchTheScrubFinishesIt) {
    const auto pod = added(5);
    stop_server();
    options_.cleanup_deadline = std::chrono::milliseconds(50);
    options_.scrub_delay = std::chrono::milliseconds(50);
    start_server();
    switch_.lose();
    expect_deleted(request(Command::del, pod));
    EXPECT_FALSE(has_link(pod.host_if()));
    EXPECT_TRUE(switch_.has(pod.host_if()));
    pods_.erase("default/web-5");
    switch_.connect();
    EXPECT_TRUE(switch_.goes(pod.host_if()));
}

TEST_F(DelTest, AnythingButAVethIsNotDeleted) {
    add_pair("realname", "peer");
    auto pod = make_pod(5, "lo");
    auto del = request(Command::del, pod);
    expect_deleted(del);
    EXPECT_TRUE(has_link("lo"));
}

class ScrubTest : public DelTest {
  protected:
    void SetUp() override {
        DelTest::SetUp();
        if (IsSkipped()) return;
        stop_server();
        options_.scrub_delay = std::chrono::milliseconds(20);
        start_server();
    }
};

TEST_F(ScrubTest, RemovesPortsOfPodsThatAreNotHere) {
    const auto stays = added(5);
    const auto goes = added(6);
    pods_.erase("default/web-6");
    withdraw(goes.interface.key.text);
    EXPECT_TRUE(switch_.goes(goes.host_if()));
    EXPECT_TRUE(switch_.has(stays.host_if()));
    EXPECT_TRUE(switch_.signal.wait([&] { return true; }));
}

TEST_F(ScrubTest, RemovesPortsWhoseLinkIsGone) {
    const auto pod = added(5);
    auto broken = switch_.interfaces().at(pod.host_if());
    broken.ofport = -1;
    switch_.put(broken);
    switch_.put({"ovn-k8s-mp0", {{"iface-id", "k8s-n1"}}, -1, "x"});
    EXPECT_TRUE(switch_.goes(pod.host_if()));
    EXPECT_TRUE(switch_.has("ovn-k8s-mp0"));
}

TEST_F(ScrubTest, WaitsUntilThePodsAreKnown) {
    pods_.set_known(false);
    switch_.put({"stale", {{"sandbox", "s"}, {"iface-id", "x"}, {"iface-id-ver", "gone"}}, 3, {}});
    server_->pods_changed();
    int asked = 0;
    ASSERT_TRUE(pods_.asked.wait([&] { return ++asked > 3; }));
    EXPECT_TRUE(switch_.has("stale"));
    pods_.set_known(true);
    EXPECT_TRUE(switch_.goes("stale"));
}

}  // namespace
}  // namespace weft::cni
