#include "integration/cni/bed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::cni {
namespace {

using ::testing::HasSubstr;

/// An ADD that fails, at each point where it can, leaves nothing behind.
class AddFailureTest : public testing::Bed {
  protected:
    void expect_failure(const Reply& reply, Code code, const std::string& text) {
        ASSERT_TRUE(reply.error) << "it went well";
        EXPECT_EQ(reply.error->code, code) << reply.error->msg;
        EXPECT_THAT(reply.error->msg + " / " + reply.error->details, HasSubstr(text));
    }
    /// An ADD that waits for its binding.
    std::future<Reply> bound_soon(const testing::TestPod& pod) {
        switch_.bind_at_once(false);
        put(pod.interface);
        auto reply = ask_later(request(Command::add, pod));
        EXPECT_TRUE(switch_.comes(pod.host_if()));
        return reply;
    }
};

TEST_F(AddFailureTest, APluginThatGatesPodsAndCantRun) {
    const auto pod = make_pod(5);
    put(pod.interface);
    server_->gate("plugin fence", "rule r on k crashed weftd");
    expect_failure(ask(request(Command::add, pod)), Code::try_again, "plugin fence: rule r on k crashed weftd");
    EXPECT_FALSE(server_->status().serving);
    expect_clean(pod);
    // Pods that go, go.
    EXPECT_FALSE(ask(request(Command::del, pod)).error);
    server_->gate("plugin fence", "");
    EXPECT_FALSE(ask(request(Command::add, pod)).error);
}

TEST_F(AddFailureTest, APodThatIsNot) {
    const auto pod = make_pod(5);
    pods_.erase("default/web-5");
    expect_failure(ask(request(Command::add, pod)), Code::pod_gone, "is not in the cluster");
}

TEST_F(AddFailureTest, APodThatIsAnotherByNow) {
    const auto pod = make_pod(5);
    pods_.put("default/web-5", {"uid-new", false});
    expect_failure(ask(request(Command::add, pod)), Code::pod_gone, "pod deleted before sandbox ADD operation began");
}

TEST_F(AddFailureTest, NoNamespace) {
    const auto pod = make_pod(5);
    put(pod.interface);
    auto wrong = request(Command::add, pod);
    wrong.invocation.netns = root_ + "/none";
    expect_failure(ask(wrong), Code::kernel, "cannot open network namespace");
    wrong.invocation.netns = "/proc/self/ns/net";
    expect_failure(ask(wrong), Code::kernel, "host's own");
    wrong.invocation.netns = "/dev/null";
    expect_failure(ask(wrong), Code::kernel, "is no network namespace");
    expect_clean(pod);
}

TEST_F(AddFailureTest, TheInterfaceIsTakenAndNotOurs) {
    const auto pod = make_pod(5);
    put(pod.interface);
    const auto host = netlink::NetNs::current();
    ASSERT_TRUE(netlink::inside(pod.ns, [&]() -> Result<void> {
        auto kernel = netlink::Handle::open();
        return kernel->add_veth({"eth0", {}, "somebodys", 0}, *host);
    }));
    expect_failure(ask(request(Command::add, pod)), Code::kernel, "not ours");
    EXPECT_TRUE(has_link("somebodys"));
    EXPECT_FALSE(has_link(pod.host_if()));
    EXPECT_FALSE(switch_.has(pod.host_if()));
}

TEST_F(AddFailureTest, AnAddressTheKernelRefuses) {
    auto pod = make_pod(5);
    pod.interface.routes = {{*IpPrefix::parse("fd02::/64"), *Ip::parse("ff02::1")}};
    put(pod.interface);
    expect_failure(ask(request(Command::add, pod)), Code::kernel, "cannot add route fd02::/64");
    expect_clean(pod);
}

TEST_F(AddFailureTest, OpenVSwitchRefuses) {
    const auto pod = make_pod(5);
    put(pod.interface);
    switch_.refuse_next();
    expect_failure(ask(request(Command::add, pod)), Code::open_vswitch, "constraint violation");
    expect_clean(pod);
    EXPECT_FALSE(ask(request(Command::add, pod)).error) << "and the next one goes well";
}

TEST_F(AddFailureTest, OpenVSwitchCannotOpenTheLink) {
    const auto pod = make_pod(5);
    auto reply = bound_soon(pod);
    auto interface = switch_.interfaces().at(pod.host_if());
    interface.ofport = -1;
    interface.error = "could not open network device";
    switch_.put(interface);
    expect_failure(reply.get(), Code::open_vswitch, "could not open network device");
    expect_clean(pod);
}

TEST_F(AddFailureTest, ThePortIsTakenAway) {
    const auto pod = make_pod(5);
    auto reply = bound_soon(pod);
    switch_.remove(pod.host_if());
    expect_failure(reply.get(), Code::superseded, "was removed by somebody else");
    expect_clean(pod);
}

TEST_F(AddFailureTest, ThePortIsTakenAwayBeforeItsCommitIsAnswered) {
    const auto pod = make_pod(5);
    switch_.hold_answers();
    auto reply = bound_soon(pod);
    switch_.remove(pod.host_if());
    switch_.let_go();
    expect_failure(reply.get(), Code::superseded, "was removed by somebody else");
    expect_clean(pod);
}

TEST_F(AddFailureTest, ThePortBecomesAnothers) {
    const auto pod = make_pod(5);
    auto reply = bound_soon(pod);
    auto interface = switch_.interfaces().at(pod.host_if());
    interface.external_ids["iface-id"] = "default_other";
    interface.external_ids["sandbox"] = "another";
    switch_.put(interface);
    expect_failure(reply.get(), Code::superseded, "no longer active");
    EXPECT_TRUE(switch_.has(pod.host_if())) << "another's port is not ours to remove";
}

TEST_F(AddFailureTest, ThePodGoesMeanwhile) {
    const auto pod = make_pod(5);
    auto reply = bound_soon(pod);
    withdraw(pod.interface.key.text);
    expect_failure(reply.get(), Code::pod_gone, "went away");
    expect_clean(pod);
}

TEST_F(AddFailureTest, ThePodIsReplacedMeanwhile) {
    auto pod = make_pod(5);
    auto reply = bound_soon(pod);
    pod.interface.pod_uid = "uid-next";
    put(pod.interface);
    expect_failure(reply.get(), Code::pod_gone, "replaced");
    expect_clean(pod);
}

TEST_F(AddFailureTest, TheMacChangesMeanwhile) {
    auto pod = make_pod(5);
    auto reply = bound_soon(pod);
    pod.interface.mac = *Mac::parse("0a:58:00:00:00:99");
    put(pod.interface);
    expect_failure(reply.get(), Code::try_again, "changed while");
    expect_clean(pod);
}

TEST_F(AddFailureTest, DelComesMeanwhile) {
    const auto pod = make_pod(5);
    auto reply = bound_soon(pod);
    EXPECT_FALSE(ask(request(Command::del, pod)).error);
    expect_failure(reply.get(), Code::superseded, "being deleted");
    expect_clean(pod);
}

TEST_F(AddFailureTest, DelComesWhileOpenVSwitchIsSilent) {
    const auto pod = make_pod(5);
    put(pod.interface);
    switch_.hold();
    auto add = ask_later(request(Command::add, pod));
    ASSERT_TRUE(waiting_requests(1));
    auto del = ask_later(request(Command::del, pod));
    ASSERT_TRUE(waiting_requests(2));
    switch_.let_go();
    expect_failure(add.get(), Code::superseded, "being deleted");
    EXPECT_FALSE(del.get().error);
    expect_clean(pod);
}

TEST_F(AddFailureTest, TheRuntimeGoesAway) {
    const auto pod = make_pod(5);
    switch_.bind_at_once(false);
    put(pod.interface);
    {
        const Fd socket = connect();
        const std::string bytes = frame(encode_request(request(Command::add, pod)));
        ASSERT_GT(::write(socket.get(), bytes.data(), bytes.size()), 0);
        ASSERT_TRUE(switch_.comes(pod.host_if()));
    }
    ASSERT_TRUE(switch_.goes(pod.host_if()));
    ASSERT_TRUE(waiting_requests(0));
    expect_clean(pod);
}

TEST_F(AddFailureTest, TwoContainerIdsThatBeginAlike) {
    const auto pod = make_pod(5, "aaaaaaaaaaaaaaaaaaaa1");
    put(pod.interface);
    ASSERT_FALSE(ask(request(Command::add, pod)).error);
    const auto other = make_pod(6, "aaaaaaaaaaaaaaaaaaaa2");
    put(other.interface);
    expect_failure(ask(request(Command::add, other)), Code::open_vswitch, "now readding it");
    EXPECT_TRUE(switch_.has(pod.host_if()));
    EXPECT_TRUE(has_container_end(pod)) << "the first one's link is not touched";
    EXPECT_FALSE(ask(request(Command::del, other)).error);
    EXPECT_TRUE(has_container_end(pod));
}

class AddDeadlineTest : public AddFailureTest {
  protected:
    void SetUp() override {
        AddFailureTest::SetUp();
        if (IsSkipped()) return;
        stop_server();
        options_.deadline = std::chrono::milliseconds(300);
        start_server();
    }
};

TEST_F(AddDeadlineTest, NoRow) {
    const auto pod = make_pod(5);
    probe_.progress = {Stage::northbound, {}, {}};
    const Reply reply = ask(request(Command::add, pod));
    expect_failure(reply, Code::too_late, "timed out waiting for the pod's interface");
    EXPECT_THAT(reply.error->details, HasSubstr("no address yet"));
}

TEST_F(AddDeadlineTest, NoBinding) {
    const auto pod = make_pod(5);
    put(pod.interface);
    switch_.bind_at_once(false);
    const Reply reply = ask(request(Command::add, pod));
    expect_failure(reply, Code::too_late,
                   "OVS port binding (ovn-installed) for 0a:58:0a:f4:01:05 10.244.1.5/24 fd01::5/64");
    EXPECT_THAT(reply.error->details, HasSubstr("ovn-northd has made no Port_Binding"));
    EXPECT_THAT(reply.error->details, HasSubstr("northd is busy"));
    expect_clean(pod);
}

TEST_F(AddDeadlineTest, NoOpenVSwitch) {
    const auto pod = make_pod(5);
    put(pod.interface);
    switch_.lose();
    const Reply reply = ask(request(Command::add, pod));
    expect_failure(reply, Code::too_late, "Open vSwitch (a test took it away)");
    switch_.connect();
    expect_clean(pod);
}

TEST_F(AddDeadlineTest, OpenVSwitchIsSilent) {
    stop_server();
    options_.cleanup_deadline = std::chrono::milliseconds(100);
    start_server();
    const auto pod = make_pod(5);
    put(pod.interface);
    switch_.hold();
    expect_failure(ask(request(Command::add, pod)), Code::too_late, "Open vSwitch");
    EXPECT_FALSE(has_link(pod.host_if()));
}

}  // namespace
}  // namespace weft::cni
