#include "ctl/plugin_new.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace weft::ctl {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PluginNew : public ::testing::Test {
  protected:
    PluginNew() {
        std::string name = (fs::temp_directory_path() / "weft-new-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
        dir_ = name;
        write(templates() / "CMakeLists.txt", "weft_add_plugin(my-feature SOURCES my_feature.cpp)");
        write(templates() / "sub/my_feature.cpp", "class MyFeature; // myfeatures my_features");
    }
    ~PluginNew() override { fs::remove_all(dir_); }

    fs::path templates() const { return dir_ / "template"; }
    static void write(const fs::path& path, const std::string& text) {
        fs::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }
    static std::string read(const fs::path& path) {
        std::ostringstream text;
        text << std::ifstream(path).rdbuf();
        return text.str();
    }
    Result<std::vector<std::string>> make(const std::string& name, const fs::path& folder) const {
        return write_plugin({name, folder.string(), templates().string()});
    }

    fs::path dir_;
};

TEST_F(PluginNew, NamesAreReplacedInFilesAndTheirNames) {
    const auto to = dir_ / "made";
    const auto written = make("rate-limit2", to);
    ASSERT_TRUE(written.ok()) << written.error().text();
    EXPECT_THAT(*written, ElementsAre((to / "CMakeLists.txt").string(), (to / "sub/rate_limit2.cpp").string()));
    EXPECT_EQ(read(to / "CMakeLists.txt"), "weft_add_plugin(rate-limit2 SOURCES rate_limit2.cpp)");
    EXPECT_EQ(read(to / "sub/rate_limit2.cpp"), "class RateLimit2; // ratelimit2s rate_limit2s");
}

TEST_F(PluginNew, ResourcesAreNamedAsKubernetesNamesThem) {
    for (const auto& [name, resource] : std::map<std::string, std::string>{
             {"port-marks", "portmarkses"}, {"proxy-cy", "proxycies"}, {"x-box", "xboxes"}}) {
        const auto to = dir_ / name;
        ASSERT_TRUE(make(name, to).ok());
        EXPECT_THAT(read(to / "sub" / (std::string(name).replace(name.find('-'), 1, "_") + ".cpp")),
                    HasSubstr("// " + resource + " "));
    }
}

TEST_F(PluginNew, AnEmptyFolderWillDoAFullOneNot) {
    fs::create_directories(dir_ / "empty");
    EXPECT_TRUE(make("a", dir_ / "empty").ok());
    const auto again = make("a", dir_ / "empty");
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error().where, (dir_ / "empty").string());
    write(dir_ / "file", "");
    EXPECT_FALSE(make("a", dir_ / "file").ok());
    EXPECT_EQ(read(dir_ / "file"), "");
}

TEST_F(PluginNew, AFolderThatCantBeWrittenIsSaid) {
    write(dir_ / "file", "");
    const auto made = make("a", dir_ / "file/below");
    ASSERT_FALSE(made.ok());
    EXPECT_THAT(made.error().where, HasSubstr("below"));
}

TEST_F(PluginNew, WithoutATemplateNothingIsWritten) {
    const auto made = write_plugin({"a", (dir_ / "a").string(), (dir_ / "nowhere").string()});
    ASSERT_FALSE(made.ok());
    EXPECT_THAT(made.error().mend, HasSubstr("--template"));
    EXPECT_FALSE(fs::exists(dir_ / "a"));
}

TEST(PluginNames, BadOnesAreRefusedWithAReason) {
    for (const auto* name : {"a", "my-feature", "rate2-limit", "x1"})
        EXPECT_TRUE(check_plugin_name(name).ok()) << name;
    for (const auto* name : {"", "-a", "a-", "a--b", "1a", "A", "a_b", "a.b", "a/b", "../a", "a b", "int", "class",
                             "weft", "default-network", "ä"})
        EXPECT_FALSE(check_plugin_name(name).ok()) << name;
    EXPECT_FALSE(check_plugin_name(std::string(41, 'a')).ok());
    EXPECT_THAT(check_plugin_name("a_b").error().text(), HasSubstr("no lower case letter, digit or dash"));
}

TEST(PluginNames, ForCode) {
    EXPECT_EQ(pascal_case("egress-ip2x"), "EgressIp2x");
    EXPECT_EQ(snake_case("egress-ip2x"), "egress_ip2x");
}

}  // namespace
}  // namespace weft::ctl
