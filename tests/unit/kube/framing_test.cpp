#include "kube/framing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Split {
    std::vector<std::string> items;
    std::string envelope;
    bool finished = false;
    std::string error;
};

Split split(std::string_view text, std::size_t piece) {
    Split out;
    ListSplitter splitter;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        auto fed = splitter.feed(text.substr(at, piece), [&](std::string_view item) { out.items.emplace_back(item); });
        if (!fed) {
            out.error = fed.error().what;
            break;
        }
    }
    out.envelope = splitter.envelope();
    out.finished = splitter.finished();
    return out;
}

constexpr std::string_view list =
    R"({"kind":"PodList","metadata":{"resourceVersion":"7","items":[1,2]},"items":[{"a":"}]\"\\"},)"
    "\n"
    R"( {"b":[{"items":["x"]}],"c":{}}],"tail":"items"})";

TEST(ListSplitter, CutsItemsWhereverChunksEnd) {
    for (std::size_t piece = 1; piece <= list.size(); ++piece) {
        const Split out = split(list, piece);
        ASSERT_EQ(out.error, "") << piece;
        EXPECT_THAT(out.items, ElementsAre(R"({"a":"}]\"\\"})", R"({"b":[{"items":["x"]}],"c":{}})")) << piece;
        EXPECT_EQ(out.envelope,
                  R"({"kind":"PodList","metadata":{"resourceVersion":"7","items":[1,2]},"items":[],"tail":"items"})");
        EXPECT_TRUE(out.finished);
    }
}

TEST(ListSplitter, ItemsMayComeFirstAndBeAnything) {
    const Split out = split(R"({"items":[null, "a,b]", 3 ,{"x":1},[2,[3]]],"metadata":{}})", 1);
    EXPECT_THAT(out.items, ElementsAre("null", R"("a,b]")", "3", R"({"x":1})", "[2,[3]]"));
    EXPECT_EQ(out.envelope, R"({"items":[],"metadata":{}})");
}

TEST(ListSplitter, EmptyAndNullItems) {
    EXPECT_TRUE(split(R"({"items":[]})", 3).items.empty());
    EXPECT_TRUE(split(R"({"items":[ ]})", 3).finished);
    EXPECT_TRUE(split(R"({"items":null,"metadata":{}})", 3).items.empty());
    EXPECT_TRUE(split(R"({"kind":"items","x":[1]})", 3).items.empty());
}

TEST(ListSplitter, SaysWhatIsNoList) {
    EXPECT_THAT(split("<html>", 6).error, HasSubstr("no JSON object"));
    EXPECT_THAT(split("{} {}", 5).error, HasSubstr("follows the list"));
    EXPECT_FALSE(split(R"({"items":[{"a":1})", 4).finished);
    EXPECT_THAT(split(std::string(5000, '[').insert(0, "{\"x\":"), 100).error, HasSubstr("nested"));
    EXPECT_THAT(split("{\"x\":\"" + std::string(2U << 20, 'y') + "\"}", 1U << 16).error, HasSubstr("megabyte"));
}

TEST(LineSplitter, CutsLinesWhereverChunksEnd) {
    constexpr std::string_view text = "{\"a\":1}\n\n  {\"b\":2}\r\n{\"c\":3}\nrest";
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
        LineSplitter splitter;
        std::vector<std::string> lines;
        for (std::size_t at = 0; at < text.size(); at += piece) {
            ASSERT_TRUE(
                splitter.feed(text.substr(at, piece), [&](std::string_view line) { lines.emplace_back(line); }));
        }
        EXPECT_THAT(lines, ElementsAre(R"({"a":1})", R"({"b":2})", R"({"c":3})")) << piece;
        EXPECT_TRUE(splitter.holds_partial_line());
    }
}

TEST(LineSplitter, ResetInsideTheCallbackDropsTheRest) {
    LineSplitter splitter;
    std::vector<std::string> lines;
    ASSERT_TRUE(splitter.feed("one\ntwo\nthree", [&](std::string_view line) {
        lines.emplace_back(line);
        splitter.reset();
    }));
    EXPECT_THAT(lines, ElementsAre("one"));
    EXPECT_FALSE(splitter.holds_partial_line());
}

TEST(LineSplitter, RefusesEndlessLines) {
    LineSplitter splitter;
    const std::string megabyte(1U << 20, 'x');
    Result<void> fed;
    for (int i = 0; i < 40 && fed; ++i)
        fed = splitter.feed(megabyte, [](std::string_view) {});
    ASSERT_FALSE(fed);
    EXPECT_THAT(fed.error().what, HasSubstr("32 MiB"));
}

TEST(RepairUtf8, ReplacesJustWhatIsWrong) {
    EXPECT_EQ(repair_utf8("plain ü € 𝄞"), "plain ü € 𝄞");
    EXPECT_EQ(repair_utf8("a\xff"
                          "b"),
              "a\xef\xbf\xbd"
              "b");
    EXPECT_EQ(repair_utf8("\xc0\x80"), "\xef\xbf\xbd\xef\xbf\xbd");           // overlong
    EXPECT_EQ(repair_utf8("\xed\xa0\x80").size(), 9U);                        // surrogate
    EXPECT_EQ(repair_utf8("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd");           // cut off
    EXPECT_EQ(repair_utf8("\xf5\x80\x80\x80").substr(0, 3), "\xef\xbf\xbd");  // beyond Unicode
}

}  // namespace
}  // namespace weft::kube
