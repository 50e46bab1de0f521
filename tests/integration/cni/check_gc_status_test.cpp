#include "integration/cni/bed.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace weft::cni {
namespace {

using ::testing::HasSubstr;

class CheckTest : public testing::Bed {
  protected:
    void SetUp() override {
        Bed::SetUp();
        if (IsSkipped()) return;
        pod_.emplace(make_pod(5));
        put(pod_->interface);
        const Reply reply = ask(request(Command::add, *pod_));
        ASSERT_FALSE(reply.error) << reply.error->msg;
    }
    void expect_difference(const std::string& text, const std::string& conf_extra = {}) {
        const Reply reply = ask(request(Command::check, *pod_, conf_extra));
        ASSERT_TRUE(reply.error) << text;
        EXPECT_EQ(reply.error->code, Code::differs);
        EXPECT_THAT(reply.error->msg, HasSubstr(text));
    }
    std::optional<testing::TestPod> pod_;
};

TEST_F(CheckTest, IsContentWithWhatAddMade) {
    const Reply reply = ask(request(Command::check, *pod_));
    EXPECT_FALSE(reply.error) << reply.error->msg;
}

TEST_F(CheckTest, SaysWhatDiffersInThePod) {
    in_pod(*pod_, [&](netlink::Handle& kernel, const netlink::Link& eth0) {
        ASSERT_TRUE(kernel.delete_address(eth0, *IpPrefix::parse("fd01::5/64")));
        netlink::RouteEntry route;
        route.destination = *IpPrefix::parse("10.96.0.0/16");
        ASSERT_TRUE(kernel.delete_route(eth0, route));
        netlink::LinkChange change;
        change.mtu = 1290;
        ASSERT_TRUE(kernel.change_link(eth0, change));
    });
    expect_difference("link eth0 lacks address fd01::5/64");
    expect_difference("link eth0 lacks route 10.96.0.0/16 via 10.244.1.254");
    expect_difference("link eth0 has MTU 1290 instead of 1380");
    in_pod(*pod_, [&](netlink::Handle& kernel, const netlink::Link& eth0) {
        netlink::LinkChange change;
        change.mac = *Mac::parse("02:00:00:00:00:01");
        change.up = false;
        ASSERT_TRUE(kernel.change_link(eth0, change));
    });
    expect_difference("link eth0 has MAC 02:00:00:00:00:01 instead of 0a:58:0a:f4:01:05");
    expect_difference("link eth0 is down");
}

TEST_F(CheckTest, SaysWhatDiffersOnTheHost) {
    auto interface = switch_.interfaces().at(pod_->host_if());
    interface.external_ids["iface-id-ver"] = "older";
    interface.external_ids.erase("ovn-installed");
    switch_.put(interface);
    expect_difference("has iface-id-ver \"older\" instead of \"uid-5\"");
    expect_difference("has ovn-installed \"\" instead of \"true\"");
    switch_.remove(pod_->host_if());
    expect_difference("is not on br-int");
    ASSERT_TRUE(kernel_->delete_link(link(pod_->host_if())));
    expect_difference("is not on the host");
    expect_difference("link eth0 is not in the pod's network namespace");
    withdraw(pod_->interface.key.text);
    expect_difference("has no interface in weft");
}

TEST_F(CheckTest, ComparesWithThePreviousResult) {
    const std::string good =
        R"(,"prevResult":{"interfaces":[{"name":"h"},{"name":"eth0"}],"ips":[{"interface":1,"address":"10.244.1.5/24"}]})";
    EXPECT_FALSE(ask(request(Command::check, *pod_, good)).error);
    expect_difference(
        "prevResult has address 10.244.1.9/24",
        R"(,"prevResult":{"interfaces":[{"name":"h"},{"name":"eth0"}],"ips":[{"interface":1,"address":"10.244.1.9/24"}]})");
}

TEST_F(CheckTest, ANamespaceThatIsGoneIsADifference) {
    auto check = request(Command::check, *pod_);
    check.invocation.netns = root_ + "/none";
    const Reply reply = ask(check);
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, Code::differs);
    EXPECT_THAT(reply.error->msg, HasSubstr("cannot open network namespace"));
}

class GcTest : public CheckTest {
  protected:
    Reply gc(const std::string& attachments) {
        return ask(
            {{Command::gc, "", "", "", ""}, R"({"cniVersion":"1.1.0","name":"ovn-kubernetes")" + attachments + "}"});
    }
};

TEST_F(GcTest, RemovesWhatTheRuntimeDoesNotKnow) {
    const auto kept = make_pod(6);
    put(kept.interface);
    ASSERT_FALSE(ask(request(Command::add, kept)).error);
    EXPECT_FALSE(gc("").error);
    EXPECT_TRUE(switch_.has(pod_->host_if())) << "without a list nothing is garbage";
    const Reply reply =
        gc(R"(,"cni.dev/valid-attachments":[{"containerID":")" + kept.container + R"(","ifname":"eth0"}])");
    EXPECT_FALSE(reply.error) << reply.error->msg;
    expect_clean(*pod_);
    EXPECT_TRUE(switch_.has(kept.host_if()));
    EXPECT_TRUE(has_container_end(kept));
}

TEST_F(GcTest, LeavesAnAddAlone) {
    switch_.bind_at_once(false);
    const auto coming = make_pod(6);
    put(coming.interface);
    auto add = ask_later(request(Command::add, coming));
    ASSERT_TRUE(switch_.comes(coming.host_if()));
    EXPECT_FALSE(gc(R"(,"cni.dev/valid-attachments":[])").error);
    EXPECT_FALSE(switch_.has(pod_->host_if()));
    EXPECT_TRUE(switch_.has(coming.host_if()));
    switch_.install(coming.host_if());
    EXPECT_FALSE(add.get().error);
}

class StatusTest : public testing::Bed {
  protected:
    Reply status() { return ask({{Command::status, "", "", "", ""}, R"({"cniVersion":"1.1.0","name":"n"})"}); }
    std::string conf_file() const { return options_.conf_dir + "/10-ovn-kubernetes.conf"; }
    bool has_conf() const { return std::filesystem::exists(conf_file()); }
    std::string conf_text() const {
        std::ostringstream text;
        text << std::ifstream(conf_file()).rdbuf();
        return text.str();
    }
};

TEST_F(StatusTest, FollowsTheServingConditions) {
    Reply reply = status();
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, Code::not_available);
    EXPECT_THAT(reply.error->msg, HasSubstr("no plugin has said"));
    EXPECT_FALSE(has_conf());
    condition("default-network/management-port", "ovn-k8s-mp0 is not there");
    condition("default-network/subnet", "");
    EXPECT_THAT(status().error->msg, HasSubstr("default-network/management-port: ovn-k8s-mp0 is not there"));
    EXPECT_FALSE(has_conf());
    condition("default-network/management-port", "");
    EXPECT_FALSE(status().error);
    EXPECT_TRUE(has_conf());
    EXPECT_TRUE(server_->status().serving);
    switch_.lose();
    EXPECT_THAT(status().error->msg, HasSubstr("Open vSwitch is not connected"));
    switch_.connect();
    condition("default-network/subnet", "gone");
    EXPECT_TRUE(status().error);
    EXPECT_FALSE(has_conf());
    EXPECT_EQ(server_->status().reason, "default-network/subnet: gone");
}

TEST_F(StatusTest, WeftdsOwnReasonsCountToo) {
    condition("p/x", "");
    EXPECT_FALSE(status().error);
    ASSERT_TRUE(has_conf());
    server_->condition("ovn-nb", "nobody answers");
    EXPECT_THAT(status().error->msg, HasSubstr("ovn-nb: nobody answers"));
    EXPECT_FALSE(has_conf());
    EXPECT_EQ(server_->status().reason, "ovn-nb: nobody answers");
    server_->condition("ovn-nb", "");
    EXPECT_FALSE(status().error);
    EXPECT_TRUE(has_conf());
}

TEST_F(StatusTest, TheConfFileHasAVersionThatTheRuntimeTakes) {
    condition("p/x", "");
    EXPECT_FALSE(status().error);
    EXPECT_THAT(conf_text(), HasSubstr(R"("cniVersion":"1.0.0")"));
    server_->container_runtime("containerd://2.1.4");  // the node was upgraded
    EXPECT_FALSE(status().error);
    EXPECT_THAT(conf_text(), HasSubstr(R"("cniVersion":"1.1.0")"));
    stop_server();
    options_.conf.version = "0.4.0";
    start_server();
    server_->container_runtime("containerd://2.1.4");
    EXPECT_FALSE(status().error);
    EXPECT_THAT(conf_text(), HasSubstr(R"("cniVersion":"0.4.0")"));
}

TEST_F(StatusTest, ChangesAreTold) {
    stop_server();
    netlink::testing::Signal told;
    options_.status_changed = [&told] { told.poke(); };
    start_server();
    EXPECT_TRUE(told.wait([&] { return !server_->status().reason.empty(); }));
    condition("p/x", "");
    EXPECT_TRUE(told.wait([&] { return server_->status().serving; }));
    condition("p/x", "gone");
    EXPECT_TRUE(told.wait([&] { return server_->status().reason == "p/x: gone"; }));
    stop_server();
    options_.status_changed = nullptr;
}

TEST_F(StatusTest, TheConfFileGoesWithTheServerAndStaysThroughAKill) {
    condition("p/x", "");
    EXPECT_FALSE(status().error);
    ASSERT_TRUE(has_conf());
    stop_server();
    EXPECT_FALSE(has_conf());
    start_server();
    EXPECT_FALSE(status().error);
    EXPECT_TRUE(has_conf());
}

TEST_F(StatusTest, AConfFileThatIsThereStaysUntilTheRowsAreKnown) {
    stop_server();
    std::filesystem::create_directories(options_.conf_dir);
    { const Fd file(::open(conf_file().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644)); }
    ASSERT_TRUE(has_conf());
    start_server();
    EXPECT_TRUE(status().error);
    EXPECT_TRUE(has_conf());
    server_->rows_known();
    EXPECT_TRUE(status().error);
    EXPECT_FALSE(has_conf());
}

TEST_F(StatusTest, ARestartDoesNotTouchTheConfFile) {
    condition("p/x", "");
    EXPECT_FALSE(status().error);
    struct stat before {};
    ASSERT_EQ(::stat(conf_file().c_str(), &before), 0);
    // As after a kill -9: the file outlives the server.
    std::filesystem::copy_file(conf_file(), root_ + "/kept");
    stop_server();
    std::filesystem::rename(root_ + "/kept", conf_file());
    ASSERT_EQ(::stat(conf_file().c_str(), &before), 0);
    start_server();
    EXPECT_FALSE(status().error);
    struct stat after {};
    ASSERT_EQ(::stat(conf_file().c_str(), &after), 0);
    EXPECT_EQ(before.st_ino, after.st_ino);
}

}  // namespace
}  // namespace weft::cni
