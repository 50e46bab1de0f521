// Plugins that are switched off and on in a running weftd, and plugins that are missing.
#include "fixture.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace weft::testing {
namespace {

std::string read(const std::filesystem::path& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
}

/// Replaces a text in the node's configuration file.
void edit(const std::filesystem::path& path, const std::string& from, const std::string& to) {
    std::string text = read(path);
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    text.replace(at, from.size(), to);
    std::ofstream(path) << text;
}

TEST(Plugins, AreDisabledAndEnabledInARunningWeftd) {
    auto started = WeftCluster::start({.nodes = {"n1"}});
    WEFT_ASSERT_OK(started);
    auto& weft = **started;
    auto& node = weft.cluster().node("n1");
    const auto pod = weft.pod("red", "a", "n1");
    WEFT_ASSERT_OK(pod);
    const auto switch_of_node = [&](const std::string& expected) {
        return wait_for("switch n1 to be " + (expected.empty() ? "gone" : expected), [&]() -> Result<void> {
            const auto found = weft.find("n1", "Logical_Switch", "name", "name=n1");
            if (!found) return found.error();
            return *found == expected ? Result<void>() : Result<void>(waiting("it is " + *found));
        });
    };

    edit(node.config_file, "enable = default-network", "enable = default-network\ndisable = default-network");
    node.weftd.signal(SIGHUP);
    WEFT_ASSERT_OK(switch_of_node(""));
    edit(node.config_file, "\ndisable = default-network", "");
    node.weftd.signal(SIGHUP);
    WEFT_ASSERT_OK(switch_of_node("n1"));
    WEFT_ASSERT_OK(wait_reachable(node.ovn->netns(), *pod->address(Family::v4)));
}

TEST(Plugins, ThatAreMissingStopTheStartAndLeaveTheRows) {
    auto started = WeftCluster::start({.nodes = {"n1"}});
    WEFT_ASSERT_OK(started);
    auto& weft = **started;
    auto& node = weft.cluster().node("n1");
    WEFT_ASSERT_OK(weft.pod("red", "a", "n1"));
    const auto before = weft.northbound("n1");
    WEFT_ASSERT_OK(before);
    node.weftd.kill();
    edit(node.config_file, "enable = default-network", "enable = default-network no-such-plugin");
    WEFT_ASSERT_OK(node.weftd.restart());
    const auto status = node.weftd.wait(patience);
    WEFT_ASSERT_OK(status);
    EXPECT_NE(*status, 0);
    EXPECT_NE(read(node.weftd.spec().log).find("no-such-plugin"), std::string::npos);
    const auto after = weft.northbound("n1");
    WEFT_ASSERT_OK(after);
    EXPECT_EQ(*after, *before);
}

}  // namespace
}  // namespace weft::testing
