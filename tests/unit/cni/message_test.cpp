#include "cni/message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::cni {
namespace {

using ::testing::HasSubstr;
using State = FrameReader::State;

TEST(Frame, RoundTripsInAnyPieces) {
    const std::string message = R"({"a":"b"})";
    const std::string bytes = frame(message);
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        FrameReader reader;
        for (std::size_t i = 0; i < bytes.size(); i += piece)
            reader.feed(std::string_view(bytes).substr(i, piece));
        ASSERT_EQ(reader.state(), State::complete) << piece;
        EXPECT_EQ(reader.message(), message);
    }
}

TEST(Frame, EmptyAndLargest) {
    FrameReader empty;
    EXPECT_EQ(empty.feed(frame("")), State::complete);
    FrameReader largest;
    EXPECT_EQ(largest.feed(frame(std::string(max_message, 'x'))), State::complete);
    EXPECT_THROW((void)frame(std::string(max_message + 1, 'x')), std::length_error);
}

TEST(Frame, GarbageIsToldAtItsFirstByte) {
    FrameReader http;
    EXPECT_EQ(http.feed("G"), State::bad);
    EXPECT_EQ(http.error().code, Code::protocol);
    FrameReader binary;
    EXPECT_EQ(binary.feed(std::string_view("\0\0\0\0", 4)), State::bad);
    FrameReader almost;
    EXPECT_EQ(almost.feed("WC"), State::needs_more);
    EXPECT_EQ(almost.feed("X"), State::bad);
    EXPECT_EQ(almost.feed(frame("{}")), State::bad) << "stays bad";
}

TEST(Frame, OtherVersionsAndSizesAreNamed) {
    std::string other = frame("{}");
    other[3] = 9;
    FrameReader version;
    ASSERT_EQ(version.feed(other), State::bad);
    EXPECT_THAT(version.error().msg, HasSubstr("speaks protocol 9, weftd speaks 1"));
    std::string large = frame("{}");
    large[4] = '\x7f';
    FrameReader size;
    ASSERT_EQ(size.feed(large), State::bad);
    EXPECT_THAT(size.error().msg, HasSubstr("too large"));
    FrameReader just_over;
    ASSERT_EQ(just_over.feed(std::string_view("WCN\x01\x00\x10\x00\x01", 8)), State::bad);
}

TEST(Frame, NothingIsTakenBeyondItsEnd) {
    FrameReader reader;
    EXPECT_EQ(reader.feed(frame("{}") + "more"), State::complete);
    EXPECT_EQ(reader.message(), "{}");
}

TEST(Request, RoundTrips) {
    const Request request{{Command::add, "c1", "/run/netns/x", "eth0", "K8S_POD_NAME=p"}, "{\"x\":1}"};
    const auto back = decode_request(encode_request(request));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->invocation.command, Command::add);
    EXPECT_EQ(back->invocation.container_id, "c1");
    EXPECT_EQ(back->invocation.netns, "/run/netns/x");
    EXPECT_EQ(back->invocation.ifname, "eth0");
    EXPECT_EQ(back->invocation.args, "K8S_POD_NAME=p");
    EXPECT_EQ(back->conf, "{\"x\":1}");
}

TEST(Request, IsCheckedAgain) {
    for (const auto* bad : {"", "[]", "7", "{\"command\":7}", "{\"command\":\"ADD\",\"conf\":{}}"}) {
        EXPECT_EQ(decode_request(bad).error().code, Code::protocol) << bad;
    }
    EXPECT_EQ(decode_request("{}").error().code, Code::invalid_environment);
    EXPECT_EQ(decode_request(R"({"command":"DEL","containerID":"../x","ifname":"eth0"})").error().code,
              Code::invalid_environment);
}

TEST(Reply, RoundTrips) {
    const Reply good{{}, AddResult{{{"h", "m", ""}, {"eth0", "m2", "/n"}}, {{1, "10.0.0.1/24", "10.0.0.254"}}}};
    const auto result = decode_reply(encode_reply(good));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->result, good.result);
    EXPECT_FALSE(result->error);
    const auto error = decode_reply(encode_reply({CniError{Code::too_late, "m", "d"}, {}}));
    ASSERT_TRUE(error);
    EXPECT_EQ(*error->error, (CniError{Code::too_late, "m", "d"}));
    EXPECT_TRUE(decode_reply("{}"));
    for (const auto* bad : {"", "[]", R"({"error":7})", R"({"error":{"msg":"x"}})", R"({"error":{"code":-1}})",
                            R"({"result":[]})", R"({"result":{"ips":[7]}})"}) {
        EXPECT_EQ(decode_reply(bad).error().code, Code::protocol) << bad;
    }
}

}  // namespace
}  // namespace weft::cni
