#include <weft/base/json.hpp>

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(JsonWriter, WritesCompactJson) {
    JsonWriter w;
    w.object([&] {
        w.member("name", "a\"b\\c\n\x01").member("n", 5).member("on", true).key("none").null();
        w.key("list").array([&] { w.value("x").value(-3).object([] {}); });
        w.key("raw").raw("[1,2]");
    });
    EXPECT_EQ(w.text(), R"({"name":"a\"b\\c\n\u0001","n":5,"on":true,"none":null,"list":["x",-3,{}],"raw":[1,2]})");
}

TEST(JsonWriter, WritesTextWhateverBytesItIsGiven) {
    EXPECT_EQ(json_quote("ü €"), "\"ü €\"");
    EXPECT_EQ(json_quote("a\xff\"b\xe2\x82"), "\"a\xef\xbf\xbd\\\"b\xef\xbf\xbd\xef\xbf\xbd\"");
    JsonWriter w;
    w.object([&] { w.member("\xc3", "\xf0\x9f").member("n", 1); });
    EXPECT_TRUE(JsonDocument::parse(w.text())) << w.text();
    // An error about a text that is neither JSON nor UTF-8, or that is cut within a character, can be told in JSON.
    for (std::size_t ahead = 0; ahead < 5; ++ahead) {
        std::string text(75 + ahead, 'a');
        for (int i = 0; i < 9; ++i)
            text += "\xf0\x9f\xa6\x8a";
        const auto parsed = JsonDocument::parse(text);
        ASSERT_FALSE(parsed);
        EXPECT_EQ(parsed.error().text().find("\xef\xbf\xbd"), std::string::npos) << parsed.error().text();
    }
    EXPECT_TRUE(JsonDocument::parse(json_quote(JsonDocument::parse("{\"\xff").error().text())));
}

TEST(JsonWriter, QuotesLongTextsWhole) {
    for (const std::string_view odd : {"\"\x01", "\"\\", "\\\"", "aa"}) {
        for (std::size_t size = 0; size < 600; ++size) {
            std::string text(size, 'a');
            for (std::size_t i = 0; i < size; i += 7)
                text[i] = odd[i % 2];
            const auto read = JsonDocument::parse(json_quote(text));
            ASSERT_TRUE(read) << size;
            EXPECT_EQ(read->root().string(), text);
            JsonWriter w;
            w.array([&] { w.value(text).value(text); });
            EXPECT_EQ(w.text(), "[" + json_quote(text) + "," + json_quote(text) + "]") << size;
        }
    }
}

TEST(JsonWriter, QuotesEveryCharacterWhereverItStands) {
    for (int c = 0; c < 256; ++c) {
        for (std::size_t size = 1; size < 28; ++size) {
            for (std::size_t at = 0; at < size; ++at) {
                std::string text(size, 'a');
                text[at] = static_cast<char>(c);
                const std::string quoted = json_quote(text);
                const auto read = JsonDocument::parse(quoted);
                ASSERT_TRUE(read) << c << " at " << at << " of " << size;
                JsonWriter w;
                w.object([&] { w.member(text, text).member(text, 1); });
                ASSERT_EQ(w.text(), "{" + quoted + ":" + quoted + "," + quoted + ":1}");
                if (c < 0x80) {
                    ASSERT_EQ(read->root().string(), text) << c << " at " << at << " of " << size;
                } else {
                    text.replace(at, 1, "\xef\xbf\xbd");
                    ASSERT_EQ(read->root().string(), text) << "the replacement character stands for no UTF-8";
                }
            }
        }
    }
}

TEST(JsonView, ChainsThroughWhatIsNotThere) {
    const auto document = JsonDocument::parse(R"({"a":{"b":[1,"x",true,null,2.5]},"big":18446744073709551615})");
    ASSERT_TRUE(document.ok());
    const auto root = document->root();
    EXPECT_FALSE(root["a"]["c"]["d"].present());
    EXPECT_EQ(root["a"]["b"].size(), 5U);
    EXPECT_EQ(root["big"].unsigned_integer(), 18446744073709551615ULL);
    EXPECT_FALSE(root["big"].integer());
    EXPECT_FALSE(root["a"].string());
    std::string kinds;
    root["a"]["b"].each([&](JsonView v) {
        kinds += v.is_number() ? 'n' : v.is_string() ? 's' : v.is_bool() ? 'b' : v.is_null() ? '0' : '?';
    });
    EXPECT_EQ(kinds, "nsb0n");
    EXPECT_EQ(root["a"].dump(), R"({"b":[1,"x",true,null,2.5]})");
}

TEST(JsonDocument, RefusesWhatIsNoJson) {
    for (const std::string& text : {std::string(), std::string("{"), std::string("[1,]"), std::string("{}x"),
                                    std::string("\"\xff\xfe\""), std::string(5000, '[')}) {
        EXPECT_FALSE(JsonDocument::parse(text).ok()) << text.substr(0, 20);
    }
}

}  // namespace
}  // namespace weft
