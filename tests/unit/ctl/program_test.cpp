#include "ctl/program.hpp"

#include <gtest/gtest.h>

namespace weft::ctl {
namespace {

TEST(RunProgram, GivesInputAndTakesBothOutputsAndTheCode) {
    const auto said = run_program({"sed", "s/a/b/;w /dev/stderr", "--unbuffered"}, "banana\n");
    ASSERT_TRUE(said) << said.error().text();
    ASSERT_TRUE(*said);
    EXPECT_EQ((*said)->status, 0);
    EXPECT_EQ((*said)->out, "bbnana\n");
    EXPECT_EQ((*said)->errors, "bbnana\n");
    const auto bad = run_program({"sed", "not a script"});
    ASSERT_TRUE(bad && *bad);
    EXPECT_NE((*bad)->status, 0);
    EXPECT_NE((*bad)->errors, "");
}

TEST(RunProgram, TakesMoreThanAPipeHolds) {
    const std::string much(3 << 20, 'x');
    const auto said = run_program({"cat"}, much);
    ASSERT_TRUE(said && *said);
    EXPECT_EQ((*said)->out, much);
}

TEST(RunProgram, ArgumentsAreNoScript) {
    const auto said = run_program({"printf", "%s", "$(id); `id` | cat"});
    ASSERT_TRUE(said && *said);
    EXPECT_EQ((*said)->out, "$(id); `id` | cat");
}

TEST(RunProgram, ThereIsNoSuchProgram) {
    const auto said = run_program({"weft-has-no-such-program"});
    ASSERT_TRUE(said) << said.error().text();
    EXPECT_FALSE(*said);
}

}  // namespace
}  // namespace weft::ctl
