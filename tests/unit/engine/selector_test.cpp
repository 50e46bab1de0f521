#include <weft/base/json.hpp>
#include <weft/engine/operator.hpp>

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

/// Label selectors: syntax, meaning, and what is said of wrong ones.
namespace weft {
namespace {

using testing::HasSubstr;

Result<LabelSelector> from_json(const std::string& text) {
    static JsonDocument document;
    auto parsed = JsonDocument::parse(text);
    EXPECT_TRUE(parsed) << text;
    document = *std::move(parsed);
    return LabelSelector::parse(document.root());
}

std::string json_text(const std::string& text) {
    const auto selector = from_json(text);
    return selector ? selector->text() : "error: " + selector.error().text();
}

std::string plain_text(const std::string& text) {
    const auto selector = LabelSelector::parse_text(text);
    return selector ? selector->text() : "error: " + selector.error().text();
}

TEST(LabelSelector, HasOneTextForOneMeaning) {
    EXPECT_EQ(json_text("{}"), "");
    EXPECT_EQ(json_text(R"({"matchLabels":{"b":"2","a":"1"}})"), "a=1,b=2");
    EXPECT_EQ(json_text(R"({"matchExpressions":[{"key":"b","operator":"In","values":["2"]},
                            {"key":"a","operator":"In","values":["1"]},{"key":"a","operator":"In","values":["1"]}],
                            "matchLabels":{"a":"1"}})"),
              "a=1,b=2");
    EXPECT_EQ(json_text(R"({"matchExpressions":[{"key":"a","operator":"NotIn","values":["y","x","y"]},
                            {"key":"b","operator":"Exists"},{"key":"c","operator":"DoesNotExist","values":[]}]})"),
              "a notin (x,y),b,!c");
    EXPECT_EQ(json_text(R"({"matchLabels":{"a":""},"matchExpressions":null})"), "a=");
}

TEST(LabelSelector, TextFormReadsBack) {
    for (const std::string text : {"", "a=1", "a=", "a!=1", "a in (1,2)", "a notin (1,2)", "a", "!a",
                                   "a=1,b!=2,c in (3,4),d notin (5,6),e,!f", "k8s.io/name=x-y_z.0"}) {
        EXPECT_EQ(plain_text(text), text);
    }
    EXPECT_EQ(plain_text(" a == 1 , b in ( 2 , 1 ) ,! c "), "a=1,b in (1,2),!c");
    EXPECT_EQ(plain_text("a in (1)"), "a=1");
    EXPECT_EQ(plain_text("a in (,1)"), "a in (,1)");
    EXPECT_EQ(plain_text("in in (notin)"), "in=notin");
    EXPECT_EQ(plain_text("a=b,c!=d,e in (f,g),!h"), "a=b,c!=d,e in (f,g),!h");
}

TEST(LabelSelector, WrongJsonIsToldWithItsField) {
    EXPECT_THAT(json_text("[]"), HasSubstr("no object"));
    EXPECT_THAT(json_text(R"({"matchLabel":{"a":"1"}})"), HasSubstr("matchLabel: "));
    EXPECT_THAT(json_text(R"({"matchLabels":["a"]})"), HasSubstr("matchLabels: is no object"));
    EXPECT_THAT(json_text(R"({"matchLabels":{"a":1}})"), HasSubstr("matchLabels[\"a\"]: is no string"));
    EXPECT_THAT(json_text(R"({"matchLabels":{"-a":"1"}})"), HasSubstr("must begin and end"));
    EXPECT_THAT(json_text(R"({"matchLabels":{"a":"x y"}})"), HasSubstr("label value \"x y\" may hold only"));
    EXPECT_THAT(json_text(R"({"matchExpressions":{}})"), HasSubstr("matchExpressions: is no list"));
    EXPECT_THAT(json_text(R"({"matchExpressions":["a"]})"), HasSubstr("matchExpressions[0]: is no object"));
    EXPECT_THAT(json_text(R"({"matchExpressions":[{"operator":"Exists"}]})"),
                HasSubstr("matchExpressions[0].key: the label is missing"));
    EXPECT_THAT(
        json_text(R"({"matchExpressions":[{"key":"a","operator":"Exists"},{"key":"a","operator":"in"}]})"),
        HasSubstr("matchExpressions[1].operator: \"in\" is no operator (use In, NotIn, Exists or DoesNotExist)"));
    EXPECT_THAT(json_text(R"({"matchExpressions":[{"key":"a"}]})"), HasSubstr("[0].operator"));
    EXPECT_THAT(json_text(R"({"matchExpressions":[{"key":"a","operator":"In"}]})"),
                HasSubstr("matchExpressions[0].values: operator In needs at least one value"));
    EXPECT_THAT(json_text(R"({"matchExpressions":[{"key":"a","operator":"Exists","values":["x"]}]})"),
                HasSubstr("operator Exists takes no values"));
    EXPECT_THAT(json_text(R"({"matchExpressions":[{"key":"a","operator":"In","values":["x",2]}]})"),
                HasSubstr("matchExpressions[0].values[1]: is no string"));
    EXPECT_THAT(json_text(R"({"matchExpressions":[{"key":"a","operator":"In","values":"x"}]})"),
                HasSubstr("is no list"));
    EXPECT_THAT(LabelSelector::parse(JsonView()).error().text(), HasSubstr("missing"));
}

TEST(LabelSelector, LengthsAndCharactersAreChecked) {
    const std::string name63(63, 'a'), name64(64, 'a');
    const std::string prefix253 = std::string(126, 'p') + "." + std::string(126, 'p');
    EXPECT_EQ(plain_text(name63 + "=" + name63), name63 + "=" + name63);
    EXPECT_THAT(plain_text(name64 + "=1"), HasSubstr("longer than 63"));
    EXPECT_THAT(plain_text("a=" + name64), HasSubstr("longer than 63"));
    EXPECT_EQ(plain_text(prefix253 + "/" + name63), prefix253 + "/" + name63);
    EXPECT_THAT(plain_text("p" + prefix253 + "/a"), HasSubstr("more than 253"));
    for (const std::string wrong :
         {"/a", "a/", "A.b/c", "a..b/c", "-a/c", "a./c", "a-.b/c", "a/b/c", "a b", ".a", "a_"}) {
        EXPECT_THAT(plain_text(wrong), HasSubstr("error")) << wrong;
    }
}

TEST(LabelSelector, WrongTextIsToldWithItsPlace) {
    EXPECT_THAT(plain_text("a=1,,b"), HasSubstr("character 5: expected a label"));
    EXPECT_THAT(plain_text("a=1 b"), HasSubstr("expected ','"));
    EXPECT_THAT(plain_text("a in 1"), HasSubstr("expected '('"));
    EXPECT_THAT(plain_text("a in (1"), HasSubstr("expected ')'"));
    EXPECT_THAT(plain_text("a > 1"), HasSubstr("expected an operator"));
    EXPECT_THAT(plain_text("a within (1)"), HasSubstr("expected an operator"));
    EXPECT_THAT(plain_text("=1"), HasSubstr("expected a label"));
    EXPECT_THAT(plain_text("a,"), HasSubstr("expected a label"));
}

TEST(LabelSelector, AnyTextIsEitherRefusedOrReadsBack) {
    std::mt19937 random(5);
    static constexpr std::string_view alphabet = "ab1-_./,=!() \tinotx<>\"\xc3";
    int accepted = 0;
    for (int i = 0; i < 50000; ++i) {
        std::string text;
        for (auto n = random() % 14; n > 0; --n)
            text += alphabet[random() % alphabet.size()];
        const auto selector = LabelSelector::parse_text(text);
        if (!selector) continue;
        ++accepted;
        const auto again = LabelSelector::parse_text(selector->text());
        ASSERT_TRUE(again) << text << " -> " << selector->text();
        ASSERT_EQ(*again, *selector) << text;
    }
    EXPECT_GT(accepted, 100);
}

TEST(LabelSelector, MatchesAsKubernetesDoes) {
    const Labels labels = {{"app", "web"}, {"empty", ""}, {"tier", "front"}};
    const auto selects = [&](const std::string& text) { return matches(*LabelSelector::parse_text(text), labels); };
    EXPECT_TRUE(selects(""));
    EXPECT_TRUE(selects("app=web"));
    EXPECT_FALSE(selects("app=db"));
    EXPECT_TRUE(selects("app in (db,web)"));
    EXPECT_FALSE(selects("absent in (db,web)"));
    EXPECT_TRUE(selects("absent!=x"));  // an absent label is in no set
    EXPECT_TRUE(selects("absent notin (x,y)"));
    EXPECT_FALSE(selects("app notin (web,y)"));
    EXPECT_TRUE(selects("app,!absent,empty="));
    EXPECT_FALSE(selects("!app"));
    EXPECT_FALSE(selects("absent"));
    EXPECT_FALSE(selects("absent="));
    EXPECT_TRUE(selects("app=web,tier in (front,back),app!=db"));
    EXPECT_FALSE(selects("app=web,tier=back"));
    EXPECT_TRUE(matches(LabelSelector{}, {}));
}

}  // namespace
}  // namespace weft
