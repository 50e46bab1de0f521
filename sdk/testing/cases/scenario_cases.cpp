// Every file *.scenario in WEFT_SCENARIO_CASES is a test.
#include <weft/testing/linked_plugin.hpp>
#include <weft/testing/scenario.hpp>

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

namespace {

std::vector<std::string> cases() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(WEFT_SCENARIO_CASES)) {
        if (entry.path().extension() == ".scenario") names.push_back(entry.path().stem().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

class Scenario : public ::testing::TestWithParam<std::string> {};

TEST_P(Scenario, Goes) {
    const weft::testing::LinkedPlugin plugin;
    const std::string path = std::string(WEFT_SCENARIO_CASES) + "/" + GetParam() + ".scenario";
    const auto done = weft::testing::run_scenario_file(path, {plugin.get(), plugin.name()});
    EXPECT_TRUE(done.ok()) << done.error().text();
}

INSTANTIATE_TEST_SUITE_P(Cases, Scenario, ::testing::ValuesIn(cases()), [](const auto& param) {
    std::string name = param.param;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
    return name;
});

}  // namespace
