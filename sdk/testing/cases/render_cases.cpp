// Every folder of WEFT_RENDER_CASES is a test: its objects give the rows in its expect.rows. After a change that is
// meant, run with WEFT_UPDATE_GOLDEN=1 and look at the difference.
#include <weft/testing/linked_plugin.hpp>
#include <weft/testing/render.hpp>

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

namespace {

std::vector<std::string> cases() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(WEFT_RENDER_CASES)) {
        if (entry.is_directory()) names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

class Render : public ::testing::TestWithParam<std::string> {};

TEST_P(Render, GivesTheExpectedRows) {
    const weft::testing::LinkedPlugin plugin;
    const std::string folder = std::string(WEFT_RENDER_CASES) + "/" + GetParam();
    const auto lines = weft::testing::render(plugin.load_case(folder), {plugin.get()});
    EXPECT_EQ(weft::testing::compare_with_expected(folder, lines), "");
}

INSTANTIATE_TEST_SUITE_P(Cases, Render, ::testing::ValuesIn(cases()), [](const auto& param) {
    std::string name = param.param;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
    return name;
});

}  // namespace
