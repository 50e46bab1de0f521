#include "appliers/netlink/ethtool.hpp"
#include "appliers/netlink/sysctl.hpp"
#include "integration/cni/bed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::cni {
namespace {

using ::testing::UnorderedElementsAre;

class AddTest : public testing::Bed {};

TEST_F(AddTest, MakesEverythingThatTheRowSays) {
    auto pod = make_pod(5);
    put(pod.interface);
    const Reply reply = ask(request(Command::add, pod));
    ASSERT_FALSE(reply.error) << reply.error->msg << reply.error->details;

    ASSERT_TRUE(has_link(pod.host_if()));
    const auto host = link(pod.host_if());
    EXPECT_TRUE(host.up);
    EXPECT_EQ(host.mtu, 1380U);
    EXPECT_EQ(netlink::read_sysctl("net/ipv6/conf/" + pod.host_if() + "/accept_ra").value_or({}), "0");
    EXPECT_EQ(*reply.result,
              (AddResult{{{pod.host_if(), host.mac.text(), ""}, {"eth0", pod.interface.mac.text(), pod.netns()}},
                         {{1, "10.244.1.5/24", "10.244.1.254"}, {1, "fd01::5/64", "fd01::ff"}}}));

    in_pod(pod, [&](netlink::Handle& kernel, const netlink::Link& eth0) {
        EXPECT_EQ(eth0.mac, pod.interface.mac);
        EXPECT_EQ(eth0.mtu, 1380U);
        EXPECT_TRUE(eth0.up);
        const auto listed = kernel.addresses(eth0.index);
        std::vector<std::string> addresses;
        for (const auto& address : *listed) {
            if (!address.global) continue;
            EXPECT_FALSE(address.tentative) << address.text();
            addresses.push_back(address.text());
        }
        EXPECT_THAT(addresses, UnorderedElementsAre("10.244.1.5/24", "fd01::5/64"));
        std::vector<std::string> routes;
        const auto listed_routes = kernel.routes(eth0.index);
        for (const auto& route : *listed_routes) {
            if (route.protocol != 2 && route.table == 254) routes.push_back(route.text());
        }
        EXPECT_THAT(routes, UnorderedElementsAre("0.0.0.0/0 via 10.244.1.254 mtu 1300", "::/0 via fd01::ff mtu 1300",
                                                 "10.96.0.0/16 via 10.244.1.254", "192.0.2.0/24"));
        EXPECT_EQ(netlink::tx_checksum_offload("eth0").value_or(true), false);
        EXPECT_EQ(netlink::read_sysctl("net/ipv6/conf/eth0/dad_transmits").value_or({}), "0");
    });
    EXPECT_THAT(switch_.interfaces().at(pod.host_if()).external_ids,
                ::testing::IsSupersetOf(std::map<std::string, std::string>{{"iface-id", "default_web-5"},
                                                                           {"iface-id-ver", "uid-5"},
                                                                           {"attached_mac", pod.interface.mac.text()},
                                                                           {"ip_addresses", "10.244.1.5/24,fd01::5/64"},
                                                                           {"sandbox", pod.container},
                                                                           {"pod-if-name", "eth0"}}));
    const auto metrics = server_->metrics();
    EXPECT_EQ(metrics.requests.at("ADD").count, 1U);
    for (const auto* stage : {"interface", "link", "port", "configure", "binding"}) {
        EXPECT_EQ(metrics.add_stages.at(stage).count, 1U) << stage;
    }
}

TEST_F(AddTest, OffloadStaysOnForTheKernelDatapath) {
    switch_.connect("system");
    const auto pod = make_pod(5);
    put(pod.interface);
    ASSERT_FALSE(ask(request(Command::add, pod)).error);
    in_pod(pod, [](netlink::Handle&, const netlink::Link&) {
        EXPECT_EQ(netlink::tx_checksum_offload("eth0").value_or(false), true);
    });
}

TEST_F(AddTest, AGatewayOutsideItsSubnetIsReachedOnLink) {
    auto pod = make_pod(5);
    pod.interface.addresses = {*IpPrefix::parse("10.244.1.5/32")};
    pod.interface.gateways = {*Ip::parse("169.254.1.1")};
    pod.interface.routes.clear();
    put(pod.interface);
    const auto reply = ask(request(Command::add, pod));
    ASSERT_FALSE(reply.error) << reply.error->msg;
}

TEST_F(AddTest, WaitsForTheRow) {
    const auto pod = make_pod(5);
    auto reply = ask_later(request(Command::add, pod));
    ASSERT_TRUE(waiting_requests(1));
    put(pod.interface);
    EXPECT_FALSE(reply.get().error);
}

TEST_F(AddTest, WaitsForTheBinding) {
    switch_.bind_at_once(false);
    const auto pod = make_pod(5);
    put(pod.interface);
    auto reply = ask_later(request(Command::add, pod));
    ASSERT_TRUE(switch_.comes(pod.host_if()));
    EXPECT_EQ(server_->status().requests, 1U);
    switch_.install(pod.host_if());
    EXPECT_FALSE(reply.get().error);
}

TEST_F(AddTest, WaitsForOpenVSwitch) {
    switch_.lose();
    const auto pod = make_pod(5);
    put(pod.interface);
    auto reply = ask_later(request(Command::add, pod));
    ASSERT_TRUE(waiting_requests(1));
    switch_.connect();
    EXPECT_FALSE(reply.get().error);
}

TEST_F(AddTest, ARowOfAnEarlierPodIsNotTaken) {
    auto pod = make_pod(5);
    auto earlier = pod.interface;
    earlier.pod_uid = "earlier";
    earlier.addresses = {*IpPrefix::parse("10.244.1.99/24")};
    put(earlier);
    auto reply = ask_later(request(Command::add, pod));
    ASSERT_TRUE(waiting_requests(1));
    put(pod.interface);
    const Reply got = reply.get();
    ASSERT_FALSE(got.error) << got.error->msg;
    EXPECT_EQ(got.result->ips.at(0).address, "10.244.1.5/24");
}

TEST_F(AddTest, AStaticPodOrOneWithoutUidGetsTheClusters) {
    auto pod = make_pod(5);
    put(pod.interface);
    pods_.put("default/web-5", {"uid-5", true});
    pod.uid = "the-files-hash";
    EXPECT_FALSE(ask(request(Command::add, pod)).error);
    const auto second = make_pod(6);
    put(second.interface);
    auto nameless = request(Command::add, second);
    nameless.invocation.args = "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-6";
    EXPECT_FALSE(ask(nameless).error);
    EXPECT_EQ(switch_.interfaces().at(second.host_if()).id("iface-id-ver"), "uid-6");
}

TEST_F(AddTest, AnApiThatIsDownForAWhileIsAskedAgain) {
    pods_.set_known(false);
    const auto pod = make_pod(5);
    put(pod.interface);
    auto nameless = request(Command::add, pod);
    nameless.invocation.args = "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-5";
    auto reply = ask_later(nameless);
    ASSERT_TRUE(waiting_requests(1));
    pods_.set_known(true);
    EXPECT_FALSE(reply.get().error);
}

TEST_F(AddTest, TheSameSandboxAgainGetsTheSame) {
    const auto pod = make_pod(5);
    put(pod.interface);
    const Reply first = ask(request(Command::add, pod));
    ASSERT_FALSE(first.error);
    const int index = link(pod.host_if()).index;
    in_pod(pod, [](netlink::Handle& kernel, const netlink::Link& eth0) {
        EXPECT_TRUE(kernel.delete_address(eth0, *IpPrefix::parse("10.244.1.5/24")));
        EXPECT_TRUE(kernel.change_link(eth0, {.up = {}, .mtu = 1300, .mac = {}, .name = {}, .tx_queue_length = {}}));
    });
    const Reply second = ask(request(Command::add, pod));
    ASSERT_FALSE(second.error) << second.error->msg;
    EXPECT_EQ(second.result, first.result);
    EXPECT_EQ(link(pod.host_if()).index, index) << "the link was kept";
    in_pod(pod, [](netlink::Handle&, const netlink::Link& eth0) { EXPECT_EQ(eth0.mtu, 1380U); });
    EXPECT_FALSE(ask(request(Command::check, pod)).error);
}

TEST_F(AddTest, TwoEqualRequestsAtOnceShareTheWork) {
    switch_.bind_at_once(false);
    const auto pod = make_pod(5);
    put(pod.interface);
    auto first = ask_later(request(Command::add, pod));
    ASSERT_TRUE(switch_.comes(pod.host_if()));
    auto second = ask_later(request(Command::add, pod));
    // The second is in once a third request, behind it on the same loop, is answered.
    ASSERT_TRUE(waiting_requests(1));
    ask({{Command::status, "", "", "", ""}, request(Command::add, pod).conf});
    switch_.install(pod.host_if());
    const Reply one = first.get();
    const Reply two = second.get();
    ASSERT_FALSE(one.error) << one.error->msg;
    ASSERT_FALSE(two.error) << two.error->msg;
    EXPECT_EQ(one.result, two.result);
}

TEST_F(AddTest, ANewerSandboxOfThePodTakesOver) {
    switch_.bind_at_once(false);
    const auto older = make_pod(5);
    put(older.interface);
    auto first = ask_later(request(Command::add, older));
    ASSERT_TRUE(switch_.comes(older.host_if()));
    auto newer = make_pod(5, "d5ffffffffffffffffff");
    auto second = ask_later(request(Command::add, newer));
    const Reply lost = first.get();
    ASSERT_TRUE(lost.error);
    EXPECT_EQ(lost.error->code, Code::superseded);
    ASSERT_TRUE(switch_.comes(newer.host_if()));
    switch_.install(newer.host_if());
    EXPECT_FALSE(second.get().error);
    expect_clean(older);
    EXPECT_TRUE(has_container_end(newer));
}

TEST_F(AddTest, APortOfAnEarlierSandboxGoes) {
    const auto older = make_pod(5);
    put(older.interface);
    ASSERT_FALSE(ask(request(Command::add, older)).error);
    const auto newer = make_pod(5, "d5ffffffffffffffffff");
    ASSERT_FALSE(ask(request(Command::add, newer)).error);
    EXPECT_FALSE(switch_.has(older.host_if()));
    EXPECT_TRUE(switch_.has(newer.host_if()));
}

TEST_F(AddTest, FiftyAtOnce) {
    constexpr int count = 50;
    std::vector<testing::TestPod> pods;
    std::vector<std::future<Reply>> replies;
    for (int i = 1; i <= count; ++i)
        pods.push_back(make_pod(i));
    for (const auto& pod : pods)
        replies.push_back(ask_later(request(Command::add, pod)));
    for (const auto& pod : pods)
        put(pod.interface);
    for (auto& reply : replies) {
        const Reply got = reply.get();
        EXPECT_FALSE(got.error) << got.error->msg << " " << got.error->details;
    }
    EXPECT_EQ(switch_.interfaces().size(), static_cast<std::size_t>(count));
    replies.clear();
    for (const auto& pod : pods)
        replies.push_back(ask_later(request(Command::del, pod)));
    for (auto& reply : replies)
        EXPECT_FALSE(reply.get().error);
    for (const auto& pod : pods)
        expect_clean(pod);
}

TEST_F(AddTest, AServerThatComesBackGoesOn) {
    const auto pod = make_pod(5);
    put(pod.interface);
    ASSERT_FALSE(ask(request(Command::add, pod)).error);
    stop_server();
    start_server();
    EXPECT_FALSE(ask(request(Command::check, pod)).error);
    EXPECT_FALSE(ask(request(Command::del, pod)).error);
    expect_clean(pod);
}

TEST_F(AddTest, StoppingTellsWhoWaitsToTryAgain) {
    switch_.bind_at_once(false);
    const auto pod = make_pod(5);
    put(pod.interface);
    auto reply = ask_later(request(Command::add, pod));
    ASSERT_TRUE(switch_.comes(pod.host_if()));
    server_->stop();
    const Reply got = reply.get();
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->code, Code::try_again);
    expect_clean(pod);
}

}  // namespace
}  // namespace weft::cni
