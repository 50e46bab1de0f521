#include "ovsdb/remote.hpp"

#include <gmock/gmock.h>

using namespace weft;
using ovsdb::Remote;

namespace {

TEST(RemoteText, RoundTrips) {
    for (const char* text :
         {"unix:/var/run/ovn/ovnnb_db.sock", "tcp:10.0.0.1:6641", "ssl:[fd00::1]:6641", "tcp:db.example:1"}) {
        auto remote = Remote::parse(text);
        ASSERT_TRUE(remote.ok()) << text;
        EXPECT_EQ(remote->text(), text);
    }
}

TEST(RemoteText, Lists) {
    auto list = Remote::parse_list("ssl:10.0.0.1:6641, ssl:10.0.0.2:6641,ssl:[fd00::3]:6641");
    ASSERT_TRUE(list.ok());
    ASSERT_EQ(list->size(), 3u);
    EXPECT_EQ((*list)[2].host, "fd00::3");
}

TEST(RemoteText, WhatIsNoneIsNamed) {
    for (const char* text : {"", "unix:", "/var/run/x.sock", "udp:1.2.3.4:5", "tcp:1.2.3.4", "tcp::1", "tcp:fd00::1:66",
                             "tcp:1.2.3.4:", "tcp:1.2.3.4:port", "tcp:1.2.3.4:123456", "unix:/a,,unix:/b"}) {
        auto list = Remote::parse_list(text);
        ASSERT_FALSE(list.ok()) << text;
        EXPECT_THAT(list.error().text(), testing::HasSubstr("not a database address"));
    }
}

}  // namespace
