#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>

#include <gtest/gtest.h>

namespace weft {
namespace {

Ip ip(std::string_view text) {
    return *Ip::parse(text);
}
IpPrefix prefix(std::string_view text) {
    return *IpPrefix::parse(text);
}

TEST(Ip, PrintsRfc5952) {
    // RFC 5952 section 4: each input has exactly one canonical text.
    EXPECT_EQ(ip("2001:DB8::0001").text(), "2001:db8::1");
    EXPECT_EQ(ip("2001:db8:0:0:0:0:2:1").text(), "2001:db8::2:1");
    EXPECT_EQ(ip("2001:db8:0:1:1:1:1:1").text(), "2001:db8:0:1:1:1:1:1");
    EXPECT_EQ(ip("2001:0:0:1:0:0:0:1").text(), "2001:0:0:1::1");
    EXPECT_EQ(ip("2001:db8:0:0:1:0:0:1").text(), "2001:db8::1:0:0:1");
    EXPECT_EQ(ip("::").text(), "::");
    EXPECT_EQ(ip("::1").text(), "::1");
    EXPECT_EQ(ip("::ffff:1.2.3.4").text(), "::ffff:1.2.3.4");
    EXPECT_EQ(ip("::1.2.3.4").text(), "::102:304");
    EXPECT_EQ(ip("::5:6").text(), "::5:6");
}

TEST(Ip, RefusesWhatIsNoAddress) {
    for (const char* text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1..2.3",
                             "a.b.c.d", ":::", "1::2::3", "fe80::1%eth0", "::g", "1.2.3.4/24", "12345::"}) {
        EXPECT_FALSE(Ip::parse(text).ok()) << text;
    }
    EXPECT_FALSE(Ip::parse(std::string("::1\0", 4)).ok());
    EXPECT_FALSE(Ip::parse(std::string(5000, ':')).ok());
}

TEST(Ip, AddsAndMeasures) {
    EXPECT_EQ(ip("10.0.0.255").plus(1)->text(), "10.0.1.0");
    EXPECT_EQ(ip("10.0.1.0").plus(-1)->text(), "10.0.0.255");
    EXPECT_EQ(ip("fd00::ffff:ffff").plus(1)->text(), "fd00::1:0:0");
    EXPECT_EQ(ip("fd00::").plus(-1)->text(), "fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    EXPECT_FALSE(ip("255.255.255.255").plus(1));
    EXPECT_FALSE(ip("0.0.0.0").plus(-1));
    EXPECT_FALSE(ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").plus(1));
    EXPECT_EQ(ip("10.0.1.4").distance_from(ip("10.0.0.5")), 255U);
    EXPECT_EQ(ip("fd00::1:0").distance_from(ip("fd00::ffff")), 1U);
    EXPECT_FALSE(ip("10.0.0.1").distance_from(ip("10.0.0.2")));
    EXPECT_FALSE(ip("fd00::1").distance_from(ip("10.0.0.2")));
    EXPECT_FALSE(ip("fd01::").distance_from(ip("fd00::")));
}

TEST(IpPrefix, KnowsItsBounds) {
    EXPECT_EQ(prefix("10.244.3.7/20").first().text(), "10.244.0.0");
    EXPECT_EQ(prefix("10.244.3.7/20").last().text(), "10.244.15.255");
    EXPECT_EQ(prefix("10.244.3.7/20").text(), "10.244.3.7/20");
    EXPECT_EQ(prefix("10.244.3.7/20").network().text(), "10.244.0.0/20");
    EXPECT_EQ(prefix("fd00:1::5/64").last().text(), "fd00:1::ffff:ffff:ffff:ffff");
    EXPECT_EQ(prefix("1.2.3.4/0").first().text(), "0.0.0.0");
    EXPECT_EQ(prefix("1.2.3.4/32").first().text(), "1.2.3.4");
    EXPECT_TRUE(prefix("10.0.0.0/8").contains(ip("10.255.0.1")));
    EXPECT_FALSE(prefix("10.0.0.0/8").contains(ip("11.0.0.1")));
    EXPECT_FALSE(prefix("10.0.0.0/8").contains(ip("::1")));
    EXPECT_TRUE(prefix("10.0.0.0/8").overlaps(prefix("10.1.0.0/16")));
    EXPECT_TRUE(prefix("10.1.0.0/16").overlaps(prefix("10.0.0.0/8")));
    EXPECT_FALSE(prefix("10.1.0.0/16").overlaps(prefix("10.2.0.0/16")));
}

TEST(IpPrefix, RefusesBadText) {
    for (const char* text :
         {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "::/129", "x/8", "1.2.3.4/8 "}) {
        EXPECT_FALSE(IpPrefix::parse(text).ok()) << text;
    }
}

TEST(Mac, DerivesAsOtherNodesDo) {
    EXPECT_EQ(Mac::of(ip("10.244.0.2")).text(), "0a:58:0a:f4:00:02");
    EXPECT_EQ(Mac::of(ip("fd98::1")).text(), "0a:58:ee:33:fc:1a");
    EXPECT_EQ(Mac::of(ip("fd97::2")).text(), "0a:58:33:4a:55:e4");
    EXPECT_EQ(Mac::of(ip("fd69::4")).text(), "0a:58:1b:ac:71:41");
}

TEST(Mac, ReadsAndPrints) {
    EXPECT_EQ(Mac::parse("0A:58:0a:f4:00:02")->text(), "0a:58:0a:f4:00:02");
    EXPECT_EQ(Mac::parse("52-54-00-00-00-02")->link_local().text(), "fe80::5054:ff:fe00:2");
    for (const char* text :
         {"", "0a:58:0a:f4:00", "0a:58:0a:f4:00:0g", "0a:58:0a:f4:00:02:", "0a580af40002", "0a:58:0a:f4:0002 "}) {
        EXPECT_FALSE(Mac::parse(text).ok()) << text;
    }
}

}  // namespace
}  // namespace weft
