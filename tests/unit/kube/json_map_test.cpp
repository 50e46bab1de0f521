#include "appliers/kube/json_map.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::appliers {
namespace {

using testing::HasSubstr;

TEST(SameAnnotation, ComparesByMeaning) {
    EXPECT_TRUE(same_annotation("text", "text"));
    EXPECT_FALSE(same_annotation("text", "text "));
    EXPECT_TRUE(same_annotation(R"({"a":1,"b":[1,2]})", R"({ "b" : [1, 2], "a" : 1.0 })"));
    EXPECT_FALSE(same_annotation(R"({"a":[1,2]})", R"({"a":[2,1]})"));
    EXPECT_FALSE(same_annotation(R"({"a":1})", R"({"a":1,"b":null})"));
    EXPECT_FALSE(same_annotation(R"({"a":"1"})", R"({"a":1})"));
    EXPECT_FALSE(same_annotation(R"({"a":true})", R"({"a":false})"));
    EXPECT_TRUE(same_annotation(R"([18446744073709551615])", R"([18446744073709551615 ])"));
    EXPECT_FALSE(same_annotation("{broken", "{broken "));
    EXPECT_FALSE(same_annotation("1", "1.0")) << "only what is plainly JSON";
}

std::string merge(const char* current, std::vector<SubKey> keys) {
    const auto there = current == nullptr ? std::nullopt : std::optional<std::string_view>(current);
    const auto merged = merge_sub_keys(there, keys);
    if (!merged) return "error: " + merged.error().what;
    if (!merged->changed) return "unchanged";
    return merged->text.value_or("removed");
}

TEST(MergeSubKeys, ForeignMembersSurvive) {
    EXPECT_EQ(merge(nullptr, {{"default", R"({"ip":"1"})"}}), R"({"default":{"ip":"1"}})");
    EXPECT_EQ(merge("", {{"default", "1"}}), R"({"default":1})");
    EXPECT_EQ(merge(R"({"z":{"x": 1}, "a":2})", {{"default", R"({"b":1,"a":2})"}}),
              R"({"a":2,"default":{"b":1,"a":2},"z":{"x":1}})");
    EXPECT_EQ(merge(R"({"default":{"a":2, "b":1}})", {{"default", R"({"b":1,"a":2})"}}), "unchanged");
    EXPECT_EQ(merge(R"({"default":1,"z":2})", {{"default", std::nullopt}}), R"({"z":2})");
    EXPECT_EQ(merge(R"({"default":1})", {{"default", std::nullopt}}), "removed");
    EXPECT_EQ(merge(R"({"z":1})", {{"default", std::nullopt}}), "unchanged");
    EXPECT_EQ(merge(nullptr, {{"default", std::nullopt}}), "unchanged");
}

TEST(MergeSubKeys, WhatWasWrittenIsLeftAlone) {
    const std::vector<SubKey> both = {{"a", "[1]"}, {"default", R"({"ip":"1"})"}};
    const std::string written = merge(nullptr, both);
    EXPECT_EQ(written, R"({"a":[1],"default":{"ip":"1"}})");
    EXPECT_EQ(merge(written.c_str(), both), "unchanged");
    EXPECT_EQ(merge(written.c_str(), {{"a", "[1]"}, {"default", std::nullopt}}), R"({"a":[1]})");
    EXPECT_EQ(merge(written.c_str(), {{"a", "[1]"}}), "unchanged") << "the other is foreign";
}

TEST(MergeSubKeys, RefusesWhatItCannotKeep) {
    EXPECT_THAT(merge("garbage", {{"default", "1"}}), HasSubstr("no JSON object"));
    EXPECT_THAT(merge("[1]", {{"default", "1"}}), HasSubstr("no JSON object"));
    EXPECT_THAT(merge("{}", {{"default", "{"}}), HasSubstr("not valid JSON"));
}

}  // namespace
}  // namespace weft::appliers
