// SIGHUP: what is wrong is refused as a whole, what is right takes effect.
#include "bed.hpp"
#include "prometheus.hpp"

#include <algorithm>
#include <csignal>

namespace weft::testing {
namespace {

using ::testing::HasSubstr;

class Reload : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = Bed::make();
        WEFT_ASSERT_OK(made);
        bed = *std::move(made);
        auto started = bed->start(options);
        WEFT_ASSERT_OK(started);
        weftd = *std::move(started);
        WEFT_ASSERT_OK(weftd.wait_ready());
    }
    /// Another configuration, and SIGHUP; returns when weftd has dealt with it.
    void reload(const WeftdOptions& now) {
        write_file(weftd.config_file, bed->config_text(now));
        weftd.process.signal(SIGHUP);
        ++reloads;
        WEFT_ASSERT_OK(wait_for("reload", [&]() -> Result<void> {
            if (number("weft_config_reloads_total") == reloads) return {};
            return waiting("it is not counted yet");
        }));
    }
    double number(const std::string& name) {
        const auto answer = weftd.call("metrics");
        if (!answer) return -1;
        const auto scrape = parse_scrape(std::string(answer->root()["result"].string_or("")));
        return scrape && scrape->has(name) ? scrape->value(name) : -1;
    }
    std::string state_of(const std::string& plugin) {
        std::string state = "(not there)";
        const auto answer = weftd.call("plugins");
        if (!answer) return answer.error().text();
        answer->root()["result"].each([&](JsonView p) {
            if (p["name"].string_or("") == plugin) state = p["state"].string_or("");
        });
        return state;
    }

    std::unique_ptr<Bed> bed;
    WeftdOptions options;
    Weftd weftd;
    int reloads = 0;
};

TEST_F(Reload, AnUnknownPluginKeyRefusesItAll) {
    auto bad = options;
    bad.config = "[plugin.default-network]\nno-such-key = 1\n[weft]\nlog-level = debug\n";
    reload(bad);
    EXPECT_EQ(number("weft_config_last_reload_successful"), 0);
    const std::string log = weftd.log();
    const std::string text = bed->config_text(bad);
    const auto key_at = text.begin() + static_cast<std::ptrdiff_t>(text.find("no-such-key"));
    const auto line = 1 + std::count(text.begin(), key_at, '\n');
    EXPECT_THAT(log, HasSubstr(weftd.config_file.string() + ":" + std::to_string(line)));
    EXPECT_THAT(log, HasSubstr("no-such-key"));
    EXPECT_EQ(state_of("default-network"), "running");

    // Nothing of that file counts: the level, which would apply, is what it was; the next right file applies.
    EXPECT_EQ(log.find("[weft] log-level"), std::string::npos) << log;
    auto good = options;
    good.config = "[weft]\nlog-level = debug\n";
    reload(good);
    EXPECT_EQ(number("weft_config_last_reload_successful"), 1);
    EXPECT_THAT(weftd.log(), HasSubstr("[weft] log-level"));
}

TEST_F(Reload, APluginThatIsNotThereRefusesItAll) {
    auto bad = options;
    bad.plugins = "default-network no-such-plugin";
    bad.config = "[weft]\nlog-level = debug\n";
    reload(bad);
    EXPECT_EQ(number("weft_config_last_reload_successful"), 0);
    EXPECT_THAT(weftd.log(), HasSubstr("no-such-plugin"));
    EXPECT_EQ(weftd.log().find("[weft] log-level"), std::string::npos) << weftd.log();
    EXPECT_EQ(state_of("default-network"), "running");
    EXPECT_TRUE(weftd.process.running());
}

TEST_F(Reload, PluginsGoAndCome) {
    auto none = options;
    none.config = "disable = default-network\n";  // goes on in [plugins]
    reload(none);
    EXPECT_EQ(number("weft_config_last_reload_successful"), 1);
    EXPECT_EQ(state_of("default-network"), "disabled");
    reload(options);
    EXPECT_EQ(state_of("default-network"), "running");
    WEFT_ASSERT_OK(bed->api().apply_yaml(node_yaml("n1", 2)));
    EXPECT_TRUE(bed->api().wait_for("node", "", "n1", [](JsonView node) {
        return node["metadata"]["annotations"]["k8s.ovn.org/node-subnets"].string().has_value();
    }));
}

TEST_F(Reload, LogLevelsOfTheFileReplaceThoseByHand) {
    WEFT_ASSERT_OK(weftd.call("log-level", R"({"level":"error"})"));
    auto now = options;
    now.config = "[weft]\nlog-levels = config=debug\n";
    reload(now);
    // The second one is logged again: at level error it would not be.
    now.config = "[default]\nmonitor-all = false\n";
    reload(now);
    EXPECT_THAT(weftd.log(), HasSubstr("[weft] log-levels"));
}

}  // namespace
}  // namespace weft::testing
