#include "ovsdb/framing.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>

using namespace weft;
using ovsdb::Framer;

namespace {

void feed(Framer& framer, std::string_view bytes) {
    auto room = framer.room(bytes.size());
    std::copy(bytes.begin(), bytes.end(), room.begin());
    framer.filled(bytes.size());
}

/// All messages that come out when `bytes` go in as pieces.
Result<std::vector<std::string>> cut(const std::vector<std::string_view>& pieces) {
    Framer framer;
    std::vector<std::string> messages;
    for (const auto piece : pieces) {
        feed(framer, piece);
        while (true) {
            auto message = framer.next();
            if (!message) return message.error();
            if (message->empty()) break;
            messages.emplace_back(*message);
        }
    }
    return messages;
}

const std::vector<std::string> wanted = {
    R"({"id":1,"result":["a\"}]","\\",{"x":[[],{}]}],"error":null})",
    R"({"method":"update3","params":["\\\\\"",{}]})",
    "{}",
    R"({"s":"ünïcödé \u007d } ] { ["})",
};

std::string stream() {
    return wanted[0] + wanted[1] + " \n\t" + wanted[2] + "\r\n" + wanted[3] + "\n";
}

TEST(Framing, EverySplitPoint) {
    const std::string all = stream();
    for (std::size_t a = 0; a <= all.size(); ++a) {
        const std::string_view text(all);
        auto messages = cut({text.substr(0, a), text.substr(a)});
        ASSERT_TRUE(messages.ok()) << messages.error().text();
        ASSERT_EQ(*messages, wanted) << "split at " << a;
    }
}

TEST(Framing, EveryPairOfSplitPoints) {
    const std::string all = stream();
    const std::string_view text(all);
    for (std::size_t a = 0; a <= all.size(); ++a) {
        for (std::size_t b = a; b <= all.size(); ++b) {
            auto messages = cut({text.substr(0, a), text.substr(a, b - a), text.substr(b)});
            ASSERT_TRUE(messages.ok());
            ASSERT_EQ(*messages, wanted) << "split at " << a << " and " << b;
        }
    }
}

TEST(Framing, ByteByByte) {
    const std::string all = stream();
    std::vector<std::string_view> pieces;
    for (std::size_t i = 0; i < all.size(); ++i)
        pieces.push_back(std::string_view(all).substr(i, 1));
    auto messages = cut(pieces);
    ASSERT_TRUE(messages.ok());
    EXPECT_EQ(*messages, wanted);
}

TEST(Framing, ManyMessagesInOnePiece) {
    std::string all;
    for (int i = 0; i < 10'000; ++i)
        all += "{\"id\":" + std::to_string(i) + "}";
    auto messages = cut({all});
    ASSERT_TRUE(messages.ok());
    ASSERT_EQ(messages->size(), 10'000u);
    EXPECT_EQ(messages->back(), "{\"id\":9999}");
}

TEST(Framing, ABigMessageAndItsMemoryGivenBack) {
    Framer framer;
    const std::string big = "{\"x\":\"" + std::string(std::size_t{4} << 20, 'y') + "\"}";
    for (std::size_t at = 0; at < big.size(); at += 65536) {
        feed(framer, std::string_view(big).substr(at, 65536));
        auto message = framer.next();
        ASSERT_TRUE(message.ok());
        EXPECT_EQ(message->size(), at + 65536 >= big.size() ? big.size() : 0u);
    }
    EXPECT_LT(framer.room(1).size(), std::size_t{1} << 20);
}

TEST(Framing, GivesBackMemoryAmongMessagesAndWithinOne) {
    Framer framer;
    framer.give_back_memory();
    feed(framer, "{\"a\":1}{\"b\":");
    auto message = framer.next();
    ASSERT_TRUE(message.ok());
    EXPECT_EQ(*message, "{\"a\":1}");
    framer.give_back_memory();  // half a message stays
    feed(framer, "2}");
    message = framer.next();
    ASSERT_TRUE(message.ok());
    EXPECT_EQ(*message, "{\"b\":2}");
    framer.give_back_memory();
    EXPECT_LT(framer.room(1).size(), 65536u);
    feed(framer, "{\"c\":3}");
    message = framer.next();
    ASSERT_TRUE(message.ok());
    EXPECT_EQ(*message, "{\"c\":3}");
}

TEST(Framing, WhatIsNoJsonRpcIsRefused) {
    for (const char* bad :
         {"x", "[1]", "\"a\"", "123", "}", "]", "{}x", "{}[", "\xff\xfe", "HTTP/1.1 400 Bad Request\r\n"}) {
        EXPECT_FALSE(cut({bad}).ok()) << bad;
    }
    EXPECT_FALSE(cut({std::string_view("\0{}", 3)}).ok());
}

TEST(Framing, TooDeepIsRefused) {
    EXPECT_TRUE(cut({"{" + std::string(511, '[')}).ok());
    EXPECT_FALSE(cut({"{" + std::string(512, '[')}).ok());
}

TEST(Framing, TooLongIsRefusedWholeOrNot) {
    for (const bool whole : {false, true}) {
        Framer framer(1000);
        feed(framer, "{\"x\":\"" + std::string(1000, 'y') + (whole ? "\"}" : ""));
        const auto message = framer.next();
        ASSERT_FALSE(message.ok());
        EXPECT_THAT(message.error().text(), testing::HasSubstr("longer than 1000 bytes"));
    }
    Framer framer(1000);
    feed(framer, "{\"x\":\"" + std::string(900, 'y') + "\"}");
    EXPECT_TRUE(framer.next().ok());
}

TEST(Framing, UnbalancedStaysWithinTheLimit) {
    // Closing brackets of the wrong kind: the parser will say no, the framer only has to end the message.
    auto messages = cut({"{]{}"});
    ASSERT_TRUE(messages.ok());
    EXPECT_THAT(*messages, testing::ElementsAre("{]", "{}"));
}

}  // namespace
