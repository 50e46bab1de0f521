#include "support.hpp"

namespace weft::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReloadTest : public LoadTest {
  protected:
    void start(const std::string& text, std::vector<std::string> args = {}) {
        auto config = load(text, std::move(args));
        ASSERT_TRUE(config) << config.error().text();
        config_.emplace(std::move(*config));
    }
    Result<Reload> change(const std::string& text) {
        dir_.write("weft.conf", text);
        return config_->reload();
    }
    std::vector<std::string> names(const Reload& reload) {
        std::vector<std::string> out;
        for (const auto& c : reload.changed)
            out.push_back(c.name + ": " + c.before + " -> " + c.after + (c.needs_restart ? " (restart)" : ""));
        return out;
    }
    std::optional<Config> config_;
};

TEST_F(ReloadTest, NothingChanged) {
    start("[default]\nmtu=1500\n");
    auto reload = change("# a comment\n[default]\nmtu=1500\n");
    ASSERT_TRUE(reload);
    EXPECT_THAT(reload->changed, IsEmpty());
    EXPECT_FALSE(reload->needs_restart());
    EXPECT_EQ(config_->origin("default", "mtu").line, 3) << "origins follow the file";
}

TEST_F(ReloadTest, LiveKeysApplyOthersAreReported) {
    start("[default]\nmtu=1500\n");
    auto reload = change("[default]\nmtu=1300\ncluster-subnets=10.0.0.0/8/18\n[logging]\nloglevel=5\n");
    ASSERT_TRUE(reload) << reload.error().text();
    EXPECT_THAT(names(*reload), ElementsAre("[default] mtu: 1500 -> 1300",
                                            "[default] cluster-subnets: 10.128.0.0/14/23 -> 10.0.0.0/8/18 (restart)",
                                            "[logging] loglevel: 4 -> 5"));
    EXPECT_TRUE(reload->needs_restart());
    EXPECT_EQ(config_->settings().base.mtu, 1300u);
    EXPECT_EQ(config_->settings().base.cluster_subnets, "10.128.0.0/14/23");
    EXPECT_EQ(config_->settings().cluster_subnets[0].host_length, 23);
    // It is told again until the restart, and no more once the file is back.
    reload = change("[default]\nmtu=1300\ncluster-subnets=10.0.0.0/8/18\n[logging]\nloglevel=5\n");
    ASSERT_TRUE(reload);
    EXPECT_EQ(reload->changed.size(), 1u);
    reload = change("[default]\nmtu=1300\n[logging]\nloglevel=5\n");
    ASSERT_TRUE(reload);
    EXPECT_THAT(reload->changed, IsEmpty());
}

TEST_F(ReloadTest, FlagsGoOnWinning) {
    start("[default]\nmtu=1500\n", {"--mtu=1400"});
    auto reload = change("[default]\nmtu=1300\n");
    ASSERT_TRUE(reload);
    EXPECT_THAT(reload->changed, IsEmpty());
    EXPECT_EQ(config_->settings().base.mtu, 1400u);
}

TEST_F(ReloadTest, AnythingWrongChangesNothing) {
    start("[default]\nmtu=1500\n");
    for (const char* bad :
         {"[default]\nmtu=x\n", "[default\n", "[weft]\nrol=x\n", "[default]\nmtu=1300\n[gateway]\nmode=x\n",
          "[default]\nmtu=1300\ncluster-subnets=100.64.0.0/16\n"}) {
        auto reload = change(bad);
        EXPECT_FALSE(reload) << bad;
        EXPECT_EQ(config_->settings().base.mtu, 1500u);
    }
    dir_.write("weft.conf", "");
    auto reload = config_->reload();
    ASSERT_TRUE(reload);
    EXPECT_THAT(names(*reload), ElementsAre("[default] mtu: 1500 -> 1400"));
}

TEST_F(ReloadTest, PluginsAndTheirSettings) {
    start("[plugins]\nenable=a\n[plugin.a]\nk=1\nl=2\n");
    auto reload = change("[plugins]\nenable=a,b\n[plugin.a]\nk=3\n");
    ASSERT_TRUE(reload);
    EXPECT_THAT(names(*reload),
                ElementsAre("[plugins] enable: a -> a,b", "[plugin.a] k: 1 -> 3", "[plugin.a] l: 2 -> "));
    EXPECT_FALSE(reload->needs_restart());
    EXPECT_THAT(config_->settings().plugins.enable, ElementsAre("a", "b"));
}

TEST_F(ReloadTest, TheCallerMayRefuse) {
    start("[plugin.services]\nmode=a\n");
    const std::vector<PluginSchema> installed = {{"services", true, {{"mode", "a", "Mode.", nullptr}}}};
    const auto accept = [&](const Config& next) -> Result<void> {
        auto rows = next.plugin_settings(installed);
        return rows ? Result<void>() : Result<void>(rows.error());
    };
    dir_.write("weft.conf", "[default]\nmtu=1300\n[plugin.services]\nmod=b\n");
    auto refused = config_->reload(accept);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().what, HasSubstr("unknown key \"mod\""));
    EXPECT_EQ(config_->settings().base.mtu, 1400u);
    EXPECT_EQ(config_->plugin_settings(installed)->at(0).value, "a");
    dir_.write("weft.conf", "[default]\nmtu=1300\n[plugin.services]\nmode=b\n");
    ASSERT_TRUE(config_->reload(accept));
    EXPECT_EQ(config_->settings().base.mtu, 1300u);
    EXPECT_EQ(config_->plugin_settings(installed)->at(0).value, "b");
}

TEST_F(ReloadTest, SecretsAreNotShown) {
    start("[kubernetes]\ntoken=one\n");
    auto reload = change("[kubernetes]\ntoken=two\n");
    ASSERT_TRUE(reload);
    EXPECT_THAT(names(*reload), ElementsAre("[kubernetes] token: (hidden) -> (hidden) (restart)"));
}

TEST_F(ReloadTest, WarningsAreNotDoubled) {
    start("");
    auto reload = change("[gateway]\nmode=shared\n[default]\nmut=1\n");
    ASSERT_TRUE(reload);
    EXPECT_EQ(reload->warnings.size(), 2u);
    EXPECT_EQ(config_->warnings().size(), 2u);
}

}  // namespace
}  // namespace weft::config
