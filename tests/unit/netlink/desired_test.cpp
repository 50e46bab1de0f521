#include "appliers/netlink/desired.hpp"

#include "appliers/netlink/sysctl.hpp"

#include <gtest/gtest.h>

namespace weft::netlink {
namespace {

RowPtr address(const std::string& link, const std::string& text) {
    tables::LinkAddress row;
    row.link = link;
    row.address = *IpPrefix::parse(text);
    row.settle_key();
    return RowPtr::make(row);
}

TEST(DesiredRows, GroupsByLink) {
    DesiredRows rows;
    const auto a = address("l1", "10.0.0.1/24");
    EXPECT_EQ(rows.apply({0, {}, a}), std::vector<std::string>{"l1"});
    tables::Sysctl sysctl;
    sysctl.key = Key<tables::Sysctl>{"net/ipv4/ip_forward"};
    sysctl.value = "1";
    rows.apply({0, {}, RowPtr::make(sysctl)});
    ASSERT_NE(rows.find("l1"), nullptr);
    EXPECT_EQ(rows.find("l1")->addresses.size(), 1U);
    ASSERT_NE(rows.find(""), nullptr);
    EXPECT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows.apply({0, a, {}}), std::vector<std::string>{"l1"});
    EXPECT_EQ(rows.find("l1"), nullptr);
}

TEST(DesiredRows, ARowThatMovesTouchesBothLinks) {
    DesiredRows rows;
    tables::Sysctl before;
    before.key = Key<tables::Sysctl>{"net/ipv4/conf/x/forwarding"};
    before.link = "x";
    auto after = before;
    after.link = "y";
    rows.apply({0, {}, RowPtr::make(before)});
    EXPECT_EQ(rows.apply({0, RowPtr::make(before), RowPtr::make(after)}), (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ(rows.find("x"), nullptr);
    EXPECT_NE(rows.find("y"), nullptr);
}

TEST(DesiredRows, IgnoresOtherTables) {
    DesiredRows rows;
    EXPECT_TRUE(rows.apply({0, {}, RowPtr::make(tables::HostLink{})}).empty());
    EXPECT_EQ(rows.size(), 0U);
}

TEST(Sysctl, StaysBelowProcSys) {
    for (const auto* path : {"", "/etc/passwd", "net/../../etc/passwd", "net//x", ".", "net/ipv4/conf/../x", "net/"}) {
        EXPECT_FALSE(read_sysctl(path)) << path;
        EXPECT_FALSE(write_sysctl(path, "1")) << path;
    }
    const auto value = read_sysctl("kernel/ostype");
    ASSERT_TRUE(value);
    EXPECT_EQ(*value, "Linux");
    EXPECT_FALSE(*read_sysctl("kernel/no_such_thing"));
    EXPECT_EQ(write_sysctl("kernel/no_such_thing", "1").error().kind, ErrorKind::waiting);
}

}  // namespace
}  // namespace weft::netlink
