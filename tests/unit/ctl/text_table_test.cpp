#include "ctl/text_table.hpp"

#include <gtest/gtest.h>

namespace weft::ctl {
namespace {

TEST(TextTable, ColumnsFitTheirWidestCell) {
    TextTable table({"NAME", "STATE", "X"});
    table.add({"a", Cell("running", Colour::good), "1"});
    table.add({"längerer-name", "x", ""});
    table.note("a note that is longer than any column", Colour::bad);
    EXPECT_EQ(table.text(false),
              "  NAME           STATE    X\n"
              "  a              running  1\n"
              "  längerer-name  x\n"
              "      a note that is longer than any column\n");
    EXPECT_NE(table.text(true).find("\x1b[32mrunning\x1b[0m"), std::string::npos);
}

TEST(TextTable, ForeignTextDrivesNoTerminal) {
    EXPECT_EQ(plain("a\x1b[31m\nb\x7f\x01"), "a?[31m b??");
    EXPECT_EQ(plain("x\xc2\x9b"
                    "31m"),
              "x?31m");
    EXPECT_EQ(plain("grün …"), "grün …");
}

TEST(TextTable, Durations) {
    EXPECT_EQ(short_duration(0), "0s");
    EXPECT_EQ(short_duration(59), "59s");
    EXPECT_EQ(short_duration(60), "1m");
    EXPECT_EQ(short_duration(125), "2m5s");
    EXPECT_EQ(short_duration(7200), "2h");
    EXPECT_EQ(short_duration(90000), "1d1h");
    EXPECT_EQ(short_duration(-5), "0s");
}

}  // namespace
}  // namespace weft::ctl
