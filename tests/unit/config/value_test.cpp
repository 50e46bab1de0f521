#include "config/value.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::config {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class T>
std::optional<T> read(std::string_view text, Spelling spelling = Spelling::file) {
    T value{};
    return read_value(text, spelling, value) ? std::optional<T>(value) : std::nullopt;
}

TEST(Value, Booleans) {
    for (auto text : {"true", "Yes", "ON", "1"})
        EXPECT_EQ(read<bool>(text), true) << text;
    for (auto text : {"false", "No", "OFF", "0"})
        EXPECT_EQ(read<bool>(text), false) << text;
    for (auto text : {"", "2", "tru", "enabled", " true"})
        EXPECT_EQ(read<bool>(text), std::nullopt) << text;
}

TEST(Value, Integers) {
    EXPECT_EQ(read<std::uint32_t>("1400"), 1400u);
    EXPECT_EQ(read<std::uint32_t>("0x10"), 16u);
    EXPECT_EQ(read<std::uint32_t>("0XfF"), 255u);
    EXPECT_EQ(read<std::uint32_t>("4294967295"), 4294967295u);
    EXPECT_EQ(read<std::int32_t>("-5"), -5);
    EXPECT_EQ(read<std::int32_t>("+5"), 5);
    for (auto text : {"", "-", "0x", "1.5", "1k", "--1", "-1", "4294967296", "99999999999999999999", " 1", "0x-1"}) {
        EXPECT_EQ(read<std::uint32_t>(text), std::nullopt) << text;
    }
    std::uint16_t port = 0;
    auto failed = read_value("70000", Spelling::file, port);
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().text(), HasSubstr("\"70000\" is out of range (it must be from 0 to 65535)"));
}

TEST(Value, DurationsAsGoWritesThem) {
    EXPECT_EQ(read<Nanoseconds>("100s"), 100s);
    EXPECT_EQ(read<Nanoseconds>("2m"), 2min);
    EXPECT_EQ(read<Nanoseconds>("1h30m"), 90min);
    EXPECT_EQ(read<Nanoseconds>("1.5h"), 90min);
    EXPECT_EQ(read<Nanoseconds>("300ms"), 300ms);
    EXPECT_EQ(read<Nanoseconds>("1us5ns"), 1005ns);
    EXPECT_EQ(read<Nanoseconds>("2µs"), 2us);
    EXPECT_EQ(read<Nanoseconds>("0"), 0s);
    for (auto text : {"", "s", "1x", "1s2", "-1s", "1 s", ".", ".s", "1e3s", "999999999h", "nans"}) {
        EXPECT_EQ(read<Nanoseconds>(text), std::nullopt) << text;
    }
}

TEST(Value, BareNanosecondsOnlyInFiles) {
    EXPECT_EQ(read<Nanoseconds>("100000000000"), 100s);
    EXPECT_EQ(read<Nanoseconds>("99999999999999999999"), std::nullopt);
    EXPECT_EQ(read<Nanoseconds>("100", Spelling::flag), std::nullopt);
    EXPECT_EQ(read<Nanoseconds>("100s", Spelling::flag), 100s);
}

TEST(Value, DurationsAreWrittenBack) {
    EXPECT_EQ(write_value(Nanoseconds(100s)), "1m40s");
    EXPECT_EQ(write_value(Nanoseconds(2min)), "2m");
    EXPECT_EQ(write_value(Nanoseconds(1h)), "1h");
    EXPECT_EQ(write_value(Nanoseconds(1h + 5s)), "1h0m5s");
    EXPECT_EQ(write_value(Nanoseconds(0)), "0s");
    EXPECT_EQ(write_value(Nanoseconds(1500us)), "1ms500us");
    for (auto d : {Nanoseconds(100s), Nanoseconds(3723004005006), Nanoseconds(1h + 5s)}) {
        EXPECT_EQ(read<Nanoseconds>(write_value(d)), d);
    }
}

TEST(Value, Lists) {
    EXPECT_THAT(split_list(" a, b ,,c,"), ElementsAre("a", "b", "c"));
    EXPECT_THAT(split_list(""), ElementsAre());
    EXPECT_EQ(write_value(std::vector<std::string>{"a", "b"}), "a,b");
}

TEST(Value, MemoryLimits) {
    const auto read_limit = [](std::string_view text) -> std::string {
        auto limit = memory_limit_of(text);
        if (!limit) return "error";
        return *limit ? std::to_string(**limit) : "auto";
    };
    EXPECT_EQ(read_limit("auto"), "auto");
    EXPECT_EQ(read_limit("0"), "0");
    EXPECT_EQ(read_limit(" 512M "), "536870912");
    EXPECT_EQ(read_limit("2g"), "2147483648");
    EXPECT_EQ(read_limit("100000000"), "100000000");
    for (const char* bad : {"", "M", "-1", "63M", "1k", "much", "512 MiB", "1.5G", "99999999999999999999"})
        EXPECT_EQ(read_limit(bad), "error") << bad;
    EXPECT_THAT(memory_limit_of("63M").error().text(), ::testing::HasSubstr("at least 64M"));
}

TEST(Value, NearestName) {
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
    EXPECT_EQ(edit_distance("mut", "mtu"), 1u);
    EXPECT_EQ(edit_distance("", "abc"), 3u);
    const std::vector<std::string> names{"run-dir", "role", "node"};
    EXPECT_EQ(nearest("rundir", names), "run-dir");
    EXPECT_EQ(nearest("nod", names), "node");
    EXPECT_EQ(nearest("something-else", names), "");
}

}  // namespace
}  // namespace weft::config
