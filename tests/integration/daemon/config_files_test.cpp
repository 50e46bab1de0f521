// The files that come with weft, and what `weftctl config check` says of good and bad ones.
#include "bed.hpp"

#include <weft/testing/testbed/process.hpp>

#include <sys/stat.h>

namespace weft::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ConfigFiles : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = Testbed::create();
        WEFT_ASSERT_OK(made);
        testbed = *std::move(made);
        dir = testbed->dir() / "etc";
        fs::copy(std::string(WEFT_SOURCE_DIR) + "/conf", dir, fs::copy_options::recursive);
    }
    Output check(const std::vector<std::string>& more = {}) {
        std::vector<std::string> argv{program_path("WEFTCTL"), "config", "check", (dir / "weft.conf").string()};
        argv.insert(argv.end(), more.begin(), more.end());
        // Where the plugins of this build are is no part of the files.
        argv.insert(argv.end(), {"--", "--plugin-dir=" + program_path("WEFT_PLUGINS")});
        auto output = run(argv);
        return output ? *output : Output{-1, "", output.error().text()};
    }
    void add(const std::string& name, const std::string& text) { write_file(dir / "conf.d" / name, text); }

    std::unique_ptr<Testbed> testbed;
    fs::path dir;
};

TEST_F(ConfigFiles, ThoseThatComeWithWeftAreRight) {
    const auto good = check();
    EXPECT_EQ(good.status, 0) << good.err;
    EXPECT_EQ(good.err, "");
    EXPECT_THAT(good.out, AllOf(HasSubstr("weft.conf"), HasSubstr("conf.d/default-network.conf")));
}

TEST_F(ConfigFiles, EveryPluginHasOne) {
    for (const auto& entry : fs::directory_iterator(std::string(WEFT_SOURCE_DIR) + "/plugins")) {
        if (!fs::exists(entry.path() / "CMakeLists.txt")) continue;
        const std::string name = entry.path().filename();
        const std::string text = read_file(dir / "conf.d" / (name + ".conf"));
        EXPECT_THAT(text, HasSubstr("[plugin." + name + "]"));
    }
}

TEST_F(ConfigFiles, BadOnesAreNamedByFileAndLine) {
    struct Case {
        std::string text;
        std::vector<std::string> said;
    };
    const std::vector<Case> cases = {
        {"[plugin.default-network]\n\nmtu = 9\n", {"bad.conf:3", "unknown key \"mtu\"", "[plugin.default-network]"}},
        {"[plugin.defualt-network]\nx = 1\n",
         {"bad.conf:1", "defualt-network", "did you mean [plugin.default-network]?"}},
        {"[weft]\nrun-dri = /x\n", {"bad.conf:2", "run-dri", "did you mean \"run-dir\"?"}},
        {"[default]\nmtu = big\n", {"bad.conf:2", "mtu"}},
        {"[default\n", {"bad.conf", "1"}},
        {"[default]\ncluster-subnets = 10.0.0.0/16/24,fd00::/48/64\n", {"illegal network configuration"}},
        {"[plugins]\nenable = no-such-plugin\n", {"no-such-plugin"}},
    };
    for (const auto& one : cases) {
        add("bad.conf", one.text);
        const auto bad = check();
        EXPECT_EQ(bad.status, 1) << one.text;
        for (const auto& word : one.said)
            EXPECT_THAT(bad.err, HasSubstr(word)) << one.text;
        EXPECT_EQ(bad.out, "") << one.text;
    }
    add("bad.conf", "[default]\nmut = 1400\n[nonsense]\nx = 1\n");
    const auto warned = check();
    EXPECT_EQ(warned.status, 0);
    EXPECT_THAT(warned.err, AllOf(HasSubstr("warning: "), HasSubstr("did you mean \"mtu\"?"), HasSubstr("nonsense")));
}

TEST_F(ConfigFiles, AnInstallationHasThemAndTheCniProgramUnderItsName) {
    const auto root = testbed->dir() / "root";
    const auto installed =
        run({"cmake", "--install", WEFT_BINARY_DIR, "--prefix", root.string(), "--component", "core"});
    WEFT_ASSERT_OK(installed);
    ASSERT_EQ(installed->status, 0) << installed->out << installed->err;
    const auto plugin = run(
        {"cmake", "--install", WEFT_BINARY_DIR, "--prefix", root.string(), "--component", "plugin-default-network"});
    WEFT_ASSERT_OK(plugin);
    ASSERT_EQ(plugin->status, 0) << plugin->out << plugin->err;
    EXPECT_TRUE(fs::exists(root / "etc/weft/weft.conf"));
    EXPECT_TRUE(fs::exists(root / "etc/weft/conf.d/default-network.conf"));
    EXPECT_TRUE(fs::exists(root / "sbin/weftd"));
    EXPECT_TRUE(fs::exists(root / "bin/weftctl"));
    // The name that [cni] plugin has by default, which the CNI configuration file names.
    const auto shim = root / "libexec/cni/ovn-k8s-cni-overlay";
    struct stat facts {};
    ASSERT_EQ(::stat(shim.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, 0755U);
    const auto version = run({shim.string()}, {.environment = {{"CNI_COMMAND", "VERSION"}}, .input = "{}"});
    WEFT_ASSERT_OK(version);
    EXPECT_THAT(version->out, HasSubstr("\"supportedVersions\""));
    const auto plugin_key =
        run({program_path("WEFTCTL"), "config", "show", (root / "etc/weft/weft.conf").string(), "--all", "-o", "json"});
    WEFT_ASSERT_OK(plugin_key);
    EXPECT_THAT(plugin_key->out, HasSubstr("\"key\":\"plugin\",\"value\":\"ovn-k8s-cni-overlay\""));
}

}  // namespace
}  // namespace weft::testing
