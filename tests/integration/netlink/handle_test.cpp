#include "appliers/netlink/handle.hpp"

#include "appliers/netlink/ethtool.hpp"
#include "appliers/netlink/sysctl.hpp"
#include "integration/netlink/scratch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft::netlink {
namespace {

using ::testing::HasSubstr;

class HandleTest : public testing::ScratchTest {};

TEST_F(HandleTest, AVethIsBornWithItsPeerElsewhere) {
    const auto elsewhere = testing::make_namespace();
    const Mac mac = *Mac::parse("0a:58:0a:f4:01:05");
    const auto made =
        kernel_->add_veth({.name = "eth0", .mac = mac, .peer_name = "c0ffee012345678", .mtu = 1380}, elsewhere);
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(link("eth0").mac, mac);
    EXPECT_EQ(link("eth0").mtu, 1380U);
    EXPECT_EQ(link("eth0").kind, "veth");
    EXPECT_FALSE(link("eth0").up);
    EXPECT_FALSE(*kernel_->find_link("c0ffee012345678"));

    int peer_index = 0;
    const auto there = inside(elsewhere, [&]() -> Result<void> {
        auto handle = Handle::open();
        if (!handle) return std::move(handle).error();
        auto peer = handle->find_link("c0ffee012345678");
        if (!peer) return std::move(peer).error();
        if (!*peer) return invalid("no peer");
        EXPECT_EQ((*peer)->mtu, 1380U);
        peer_index = (*peer)->index;
        return {};
    });
    ASSERT_TRUE(there) << there.error().text();
    EXPECT_EQ(link("eth0").peer_index, peer_index);

    const auto again = kernel_->add_veth({.name = "eth0", .mac = {}, .peer_name = "other"}, elsewhere);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ErrorKind::conflict);
    EXPECT_THAT(again.error().what, HasSubstr("link eth0"));
    EXPECT_THAT(again.error().what, HasSubstr("File exists"));

    const Link eth0 = link("eth0");
    EXPECT_TRUE(kernel_->delete_link(eth0));
    EXPECT_TRUE(kernel_->delete_link(eth0)) << "deleting twice is fine";
    EXPECT_FALSE(*kernel_->find_link("eth0"));
}

TEST_F(HandleTest, LinksAreChanged) {
    add_pair("a0", "b0");
    const auto changed = kernel_->change_link(link("a0"), {.up = true,
                                                           .mtu = 1300,
                                                           .mac = Mac::parse("02:00:00:00:00:09").value_or({}),
                                                           .name = {},
                                                           .tx_queue_length = 77});
    ASSERT_TRUE(changed) << changed.error().text();
    EXPECT_TRUE(link("a0").up);
    EXPECT_EQ(link("a0").mtu, 1300U);
    EXPECT_EQ(link("a0").mac.text(), "02:00:00:00:00:09");
    EXPECT_EQ(link("a0").tx_queue_length, 77U);
    ASSERT_TRUE(kernel_->change_link(link("a0"), {.up = false}));
    ASSERT_TRUE(kernel_->change_link(link("a0"), {.name = "renamed"}));
    EXPECT_FALSE(*kernel_->find_link("a0"));
    EXPECT_FALSE(link("renamed").up);

    const auto refused = kernel_->change_link(link("renamed"), {.mtu = 1U << 30});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().what, HasSubstr("link renamed: cannot set MTU 1073741824: Invalid argument"));
}

TEST_F(HandleTest, NamesAreChecked) {
    for (const auto* name : {"", "a/b", "..", "with space", "sixteencharslong"}) {
        EXPECT_FALSE(kernel_->find_link(name)) << name;
    }
}

TEST_F(HandleTest, Addresses) {
    add_pair("a0", "b0");
    up("a0");
    up("b0");
    const auto address = [](const char* text) { return *IpPrefix::parse(text); };
    ASSERT_TRUE(kernel_->put_address(link("a0"), {address("10.1.0.2/24")}));
    ASSERT_TRUE(kernel_->put_address(link("a0"), {address("fd00::2/64"), true, false}));
    ASSERT_TRUE(kernel_->put_address(link("a0"), {address("fd00::3/64"), true, true}));
    ASSERT_TRUE(kernel_->put_address(link("a0"), {address("10.1.0.2/24")})) << "twice is fine";
    std::map<std::string, Address> found;
    const auto listed = kernel_->addresses(link("a0").index);
    ASSERT_TRUE(listed);
    for (const auto& a : *listed) {
        if (a.global) found.emplace(a.text(), a);
    }
    ASSERT_EQ(found.size(), 3U);
    EXPECT_FALSE(found.at("fd00::2/64").tentative) << "no duplicate detection";
    EXPECT_FALSE(found.at("fd00::2/64").deprecated);
    EXPECT_TRUE(found.at("fd00::3/64").deprecated);
    ASSERT_TRUE(kernel_->put_address(link("a0"), {address("fd00::2/64"), true, true}));
    EXPECT_TRUE(kernel_->delete_address(link("a0"), address("10.1.0.2/24")));
    EXPECT_TRUE(kernel_->delete_address(link("a0"), address("10.1.0.2/24"))) << "twice is fine";

    Link gone = link("a0");
    ASSERT_TRUE(kernel_->delete_link(gone));
    const auto refused = kernel_->put_address(gone, {address("10.1.0.2/24")});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().what, HasSubstr("link a0: cannot add address 10.1.0.2/24: No such device"));
}

TEST_F(HandleTest, Routes) {
    add_pair("a0", "b0");
    up("a0");
    up("b0");
    ASSERT_TRUE(kernel_->put_address(link("a0"), {*IpPrefix::parse("10.1.0.2/24")}));
    ASSERT_TRUE(kernel_->put_address(link("a0"), {*IpPrefix::parse("fd00::2/64"), true}));
    RouteEntry v4;
    v4.destination = *IpPrefix::parse("10.9.0.0/16");
    v4.gateway = *Ip::parse("10.1.0.1");
    v4.source = *Ip::parse("10.1.0.2");
    v4.mtu = 1300;
    RouteEntry v6;
    v6.table = 1007;
    v6.destination = *IpPrefix::parse("::/0");
    v6.gateway = *Ip::parse("fd00::1");
    RouteEntry on_link;
    on_link.destination = *IpPrefix::parse("0.0.0.0/0");
    on_link.gateway = *Ip::parse("192.0.2.1");
    on_link.on_link = true;
    for (const auto& route : {v4, v6, on_link}) {
        const auto added = kernel_->add_route(link("a0"), route);
        ASSERT_TRUE(added) << added.error().text();
    }
    EXPECT_EQ(kernel_->add_route(link("a0"), v4).error().kind, ErrorKind::conflict);
    const auto find = [&](const RouteEntry& wanted) {
        const auto routes = kernel_->routes(link("a0").index);
        return std::any_of(routes->begin(), routes->end(), [&](const RouteEntry& r) {
            return r.destination == wanted.destination && r.gateway == wanted.gateway && r.table == wanted.table &&
                   r.source == wanted.source && r.mtu == wanted.mtu;
        });
    };
    EXPECT_TRUE(find(v4));
    EXPECT_TRUE(find(v6));
    EXPECT_TRUE(find(on_link));
    v4.gateway = *Ip::parse("10.1.0.77");
    EXPECT_TRUE(kernel_->replace_route(link("a0"), v4));
    EXPECT_TRUE(find(v4));
    for (const auto& route : {v4, v6, on_link}) {
        EXPECT_TRUE(kernel_->delete_route(link("a0"), route));
        EXPECT_FALSE(find(route));
        EXPECT_TRUE(kernel_->delete_route(link("a0"), route)) << "twice is fine";
    }
    v4.gateway = *Ip::parse("172.31.0.1");
    const auto refused = kernel_->add_route(link("a0"), v4);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().what, HasSubstr("link a0: cannot add route 10.9.0.0/16 via 172.31.0.1"));
}

TEST_F(HandleTest, Neighbours) {
    add_pair("a0", "b0");
    up("a0");
    const Ip ip = *Ip::parse("10.1.0.1");
    ASSERT_TRUE(kernel_->put_neighbour(link("a0"), ip, *Mac::parse("0a:58:0a:01:00:01")));
    auto listed = kernel_->neighbours(link("a0").index);
    ASSERT_TRUE(listed);
    ASSERT_EQ(listed->size(), 1U);
    EXPECT_TRUE(listed->front().permanent);
    EXPECT_EQ(listed->front().mac.text(), "0a:58:0a:01:00:01");
    EXPECT_TRUE(kernel_->delete_neighbour(link("a0"), ip));
    EXPECT_TRUE(kernel_->delete_neighbour(link("a0"), ip)) << "twice is fine";
    EXPECT_TRUE(kernel_->neighbours(link("a0").index)->empty());
}

TEST_F(HandleTest, OffloadIsSwitchedOff) {
    add_pair("a0", "b0");
    EXPECT_EQ(tx_checksum_offload("a0").value_or(false), true);
    const auto done = set_tx_checksum_offload("a0", false);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(tx_checksum_offload("a0").value_or(true), false);
    EXPECT_THAT(set_tx_checksum_offload("none", false).error().what, HasSubstr("link none"));
}

TEST_F(HandleTest, WorkElsewhereLeavesTheCallerWhereItIs) {
    const auto here = NetNs::current();
    const auto elsewhere = testing::make_namespace();
    ASSERT_TRUE(here);
    EXPECT_FALSE(here->same_as(elsewhere));
    const auto done = inside(elsewhere, [&]() -> Result<void> {
        EXPECT_TRUE(NetNs::current()->same_as(elsewhere));
        EXPECT_TRUE(*write_sysctl("net/ipv4/ip_forward", "1") || true);
        throw std::runtime_error("oops");
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::broken);
    EXPECT_THAT(done.error().what, HasSubstr("oops"));
    EXPECT_TRUE(NetNs::current()->same_as(*here));
}

TEST_F(HandleTest, OddFilesAreNoNamespaces) {
    const std::string folder = ::testing::TempDir() + "weft-netns-" + std::to_string(::getpid());
    ASSERT_EQ(::mkdir(folder.c_str(), 0700), 0);
    const std::string fifo = folder + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_EQ(NetNs::open(fifo).error().kind, ErrorKind::invalid) << "and it did not hang";
    EXPECT_EQ(NetNs::open("/proc/self/ns/uts").error().kind, ErrorKind::invalid);
    EXPECT_EQ(NetNs::open(folder + "/none").error().kind, ErrorKind::waiting);
    ::unlink(fifo.c_str());
    ::rmdir(folder.c_str());
}

}  // namespace
}  // namespace weft::netlink
