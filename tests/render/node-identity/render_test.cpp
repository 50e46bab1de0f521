#include <weft/testing/linked_plugin.hpp>
#include <weft/testing/render.hpp>

#include <gtest/gtest.h>

namespace weft::node_identity {
namespace {

class Render : public ::testing::TestWithParam<const char*> {};

// After a change that is meant: WEFT_UPDATE_GOLDEN=1, then look at the difference.
TEST_P(Render, GivesTheExpectedRows) {
    const testing::LinkedPlugin plugin;
    const std::string folder = std::string(WEFT_SOURCE_DIR) + "/plugins/node-identity/render/" + GetParam();
    const auto lines = testing::render(plugin.load_case(folder), {plugin.get()});
    EXPECT_EQ(testing::compare_with_expected(folder, lines), "");
}

INSTANTIATE_TEST_SUITE_P(NodeIdentity, Render, ::testing::Values("requests", "more-conditions"), [](const auto& param) {
    std::string name = param.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

}  // namespace
}  // namespace weft::node_identity
