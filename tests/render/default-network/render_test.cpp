#include "plugin.hpp"

#include <weft/testing/render.hpp>

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

namespace weft::default_network {
namespace {

const std::string cases_folder = std::string(WEFT_SOURCE_DIR) + "/plugins/default-network/render";

std::vector<std::string> cases() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(cases_folder)) {
        if (entry.is_directory()) names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

class Render : public ::testing::TestWithParam<std::string> {};

// After a change that is meant: WEFT_UPDATE_GOLDEN=1, then look at the difference.
TEST_P(Render, GivesTheExpectedRows) {
    const ThePlugin plugin;
    const std::string folder = cases_folder + "/" + GetParam();
    const auto lines = testing::render(testing::RenderCase::load(folder), {plugin.get()});
    EXPECT_EQ(testing::compare_with_expected(folder, lines), "");
}

INSTANTIATE_TEST_SUITE_P(DefaultNetwork, Render, ::testing::ValuesIn(cases()), [](const auto& param) {
    std::string name = param.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

}  // namespace
}  // namespace weft::default_network
