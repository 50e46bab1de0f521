#include "config/ini.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::config {
namespace {

using ::testing::HasSubstr;

/// "section.key=value" lines (key alone when there is no '='), or the error.
std::string read(std::string_view text) {
    auto entries = parse_ini(text, "f.conf");
    if (!entries) return entries.error().text();
    std::string out;
    for (const auto& e : *entries) {
        if (e.key.empty()) continue;
        out += e.section + "." + e.key + (e.has_value ? "=" + e.value : "") + "\n";
    }
    return out;
}

std::string value_of(std::string_view text) {
    const std::string out = read("[s]\nk = " + std::string(text) + "\n");
    return out.starts_with("s.k=") ? out.substr(4, out.size() - 5) : out;
}

TEST(Ini, ReadsSectionsAndKeysInAnyCase) {
    EXPECT_EQ(read("[Default]\nMTU=9000\n  Encap-Port = 1\n[default]\nmtu=1\n"),
              "default.mtu=9000\ndefault.encap-port=1\ndefault.mtu=1\n");
}

TEST(Ini, SectionMayShareItsLineWithACommentOnly) {
    EXPECT_EQ(read("[a] # why\nk=1"), "a.k=1\n");
    EXPECT_EQ(read("[ a ]\nk=1"), "a.k=1\n");
    EXPECT_THAT(read("[a] k=1"), HasSubstr("f.conf:1:5: unexpected \"k\" after the section name"));
}

TEST(Ini, SubsectionsAreDottedSections) {
    EXPECT_EQ(read("[plugin \"Egress-IP\"]\nk=1\n[plugin.b]\nk=2"), "plugin.egress-ip.k=1\nplugin.b.k=2\n");
    EXPECT_THAT(read("[plugin \"x]\n"), HasSubstr("has no end"));
    EXPECT_THAT(read("[plugin \"x\\q\"]\n"), HasSubstr("unknown escape"));
}

TEST(Ini, SectionLinesAreEntriesWithoutKey) {
    auto entries = parse_ini("\n [a]\n", "f");
    ASSERT_TRUE(entries);
    ASSERT_EQ(entries->size(), 1u);
    EXPECT_EQ((*entries)[0].section, "a");
    EXPECT_EQ((*entries)[0].key, "");
    EXPECT_EQ((*entries)[0].line, 2);
    EXPECT_EQ((*entries)[0].column, 2);
}

TEST(Ini, CommentsAnywhereOutsideQuotes) {
    EXPECT_EQ(read("# c\n; c\n[s]\nk = v # c\nl = w;c\n"), "s.k=v\ns.l=w\n");
    EXPECT_EQ(value_of("\"a # b ; c\" # d"), "a # b ; c");
}

TEST(Ini, ValuesAreTrimmedUnlessQuoted) {
    EXPECT_EQ(value_of("  a  b \t "), "a  b");
    EXPECT_EQ(value_of("\"  a \" "), "  a ");
    EXPECT_EQ(value_of("a\" b \"c"), "a b c");
    EXPECT_EQ(value_of("\"\""), "");
    EXPECT_EQ(value_of(""), "");
}

TEST(Ini, Escapes) {
    EXPECT_EQ(value_of(R"(\\ \" \n \t)"), "\\ \" \n \t");
    EXPECT_EQ(value_of(R"("a\"b")"), "a\"b");
    EXPECT_EQ(value_of(R"(a\n)"), "a\n");
    EXPECT_THAT(value_of(R"(a\b)"), HasSubstr("f.conf:2:6: unknown escape: backslash before \"b\""));
    EXPECT_THAT(value_of(R"(a\)"
                         "\x01"),
                HasSubstr("unknown escape"));
}

TEST(Ini, BackslashNewlineContinues) {
    EXPECT_EQ(value_of("a,\\\nb"), "a,b");
    EXPECT_EQ(value_of("\"a\\\nb\""), "ab");
    EXPECT_EQ(value_of("a\\\r\nb"), "ab");
    // Line numbers go on counting.
    EXPECT_THAT(read("[s]\nk=a\\\nb\n?\n"), HasSubstr("f.conf:4:1:"));
}

TEST(Ini, KeyWithoutEqualsHasNoValue) {
    EXPECT_EQ(read("[s]\nnodeport\nmtu # c\nk="), "s.nodeport\ns.mtu\ns.k=\n");
    EXPECT_THAT(read("[s]\nnodeport true\n"), HasSubstr("f.conf:2:10: unexpected \"t\" after the key"));
}

TEST(Ini, LineEndsAndByteOrderMark) {
    EXPECT_EQ(read("\xEF\xBB\xBF[s]\r\nk = v\r\nl\r\n"), "s.k=v\ns.l\n");
    EXPECT_EQ(read("[s]\nk=v"), "s.k=v\n");
    EXPECT_EQ(read(""), "");
}

TEST(Ini, ErrorsNameThePlace) {
    EXPECT_THAT(read("k=v"), HasSubstr("f.conf:1:1: a key before the first section"));
    EXPECT_THAT(read("[s]\n=v"), HasSubstr("f.conf:2:1: expected a key, a section or a comment, got \"=\""));
    EXPECT_THAT(read("[s"), HasSubstr("f.conf:1:3: expected \"]\""));
    EXPECT_THAT(read("[]"), HasSubstr("expected a section name, got \"]\""));
    EXPECT_THAT(read("[\n"), HasSubstr("got the end of the line"));
    EXPECT_THAT(read("["), HasSubstr("got the end of the file"));
    EXPECT_THAT(value_of("\"open"), HasSubstr("f.conf:2:5: a quote is not closed on its line"));
}

TEST(Ini, OnlyTextIsAccepted) {
    EXPECT_THAT(read(std::string_view("[s]\nk=\0v", 8)), HasSubstr("f.conf:2:3: a NUL byte"));
    for (const char* bad : {"\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xc3"}) {
        EXPECT_THAT(read("[s]\nk=" + std::string(bad)), HasSubstr("f.conf:2:3: bytes that are not UTF-8"));
    }
    EXPECT_EQ(value_of("grüße 😀"), "grüße 😀");
}

}  // namespace
}  // namespace weft::config
