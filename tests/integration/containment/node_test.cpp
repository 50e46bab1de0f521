// Role node: rows in a database that are somebody else's, rows that a frozen plugin leaves, and pods without it.
#include "bed.hpp"

#include <csignal>

namespace weft::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ContainedNode : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = NodeBed::make();
        WEFT_ASSERT_OK(made);
        node = *std::move(made);
        WEFT_ASSERT_OK(node->start_database("nb"));
        WEFT_ASSERT_OK(node->start_database("sb"));
        folder = put_plugins(node->bed(), {"node/victim", "node/thief", "node/careless", "node/guard"});
    }
    void start(const std::string& plugins, const std::string& more = {}) {
        auto started =
            node->bed().start({.role = "node",
                               .config = node->sockets() + "[weft]\nplugin-dir = " + folder + "\nthreads = 1\n" + more,
                               .plugins = plugins});
        WEFT_ASSERT_OK(started);
        weftd = *std::move(started);
    }
    void apply(const std::string& name, int number, const std::string& labels = {}) {
        WEFT_ASSERT_OK(node->bed().api().apply_yaml(labelled_node(name, number, labels)));
    }
    std::string switches() {
        auto out = run_ok({"ovn-nbctl", "--db=unix:" + (node->bed().dir() / "ovnnb_db.sock").string(), "--bare",
                           "--columns=name", "list", "Logical_Switch"});
        return out ? *out : out.error().text();
    }
    Result<void> wait_switch(const std::string& name, bool there) {
        return wait_for("switch " + name, [&]() -> Result<void> {
            const auto now = switches();
            if ((now.find(name) != std::string::npos) == there) return {};
            return waiting("there are: " + now);
        });
    }
    std::string cni_reason() {
        const auto answer = weftd.call("status");
        return answer ? std::string(answer->root()["result"]["cni"]["reason"].string_or("")) : answer.error().text();
    }

    std::unique_ptr<NodeBed> node;
    std::string folder;
    Weftd weftd;
};

TEST_F(ContainedNode, RowsThatAnotherPluginClaimsAreRefused) {
    start("victim,thief");
    apply("n1", 2, "thief: steal");
    apply("n2", 3);
    WEFT_ASSERT_OK(wait_switch("victim-n1", true));
    WEFT_ASSERT_OK(wait_switch("thief-n2", true));
    WEFT_ASSERT_OK(weftd.wait_status("the fault", [](JsonView s) {
        bool told = false;
        s["appliers"].each([&](JsonView a) {
            a["faults"].each([&](JsonView f) {
                const std::string what(f["what"].string_or(""));
                told |= what.find("plugin thief puts a row into NB/Logical_Switch that plugin victim claims") == 0;
            });
        });
        return told;
    }));
    EXPECT_THAT(switches(), Not(HasSubstr("thief-n1")));
    apply("n1", 2);
    WEFT_ASSERT_OK(wait_switch("thief-n1", true));
}

TEST_F(ContainedNode, APluginThatClaimsNothingOfWhatItWritesIsNotTaken) {
    start("victim,careless");
    WEFT_ASSERT_OK(wait_end(weftd));
    EXPECT_THAT(weftd.log(), AllOf(HasSubstr("plugin \\\"careless\\\": rule switch writes NB/Logical_Switch"),
                                   HasSubstr("claims no row")));
    EXPECT_EQ(switches(), "");
}

TEST_F(ContainedNode, RowsOfAFrozenPluginStayUntilItIsSwitchedOff) {
    start("victim,thief", "rule-timeout = 1s\n");
    apply("n1", 2);
    WEFT_ASSERT_OK(wait_switch("victim-n1", true));
    WEFT_ASSERT_OK(wait_switch("thief-n1", true));
    apply("n2", 3, "thief: hang");
    WEFT_ASSERT_OK(wait_plugin(weftd, "thief", "frozen"));
    // Those of others go and come; its own neither.
    WEFT_ASSERT_OK(node->bed().api().remove("node", "", "n1"));
    WEFT_ASSERT_OK(wait_switch("victim-n1", false));
    WEFT_ASSERT_OK(wait_switch("victim-n2", true));
    EXPECT_THAT(switches(), HasSubstr("thief-n1"));
    const auto off = node->bed().weftctl(weftd, {"plugins", "disable", "thief"});
    WEFT_ASSERT_OK(off);
    EXPECT_EQ(off->status, 0) << off->err;
    WEFT_ASSERT_OK(wait_switch("thief-n1", false));
    EXPECT_THAT(switches(), HasSubstr("victim-n2"));
}

TEST_F(ContainedNode, APluginThatGatesPodsHoldsThemUpWhileItIsFrozen) {
    const std::string config = "rule-timeout = 1s\n";
    start("victim,guard", config);
    apply("n1", 2, "guard: hang");
    WEFT_ASSERT_OK(wait_plugin(weftd, "guard", "frozen"));
    WEFT_ASSERT_OK(weftd.wait_status("the reason", [](JsonView s) {
        return std::string(s["cni"]["reason"].string_or("")).starts_with("plugin guard: rule act on n1 did not return");
    }));
    const auto reload = [&](const std::string& gates) {
        write_file(
            weftd.config_file,
            node->bed().config_text({.role = "node",
                                     .config = node->sockets() + "[weft]\nplugin-dir = " + folder + "\nthreads = 1\n" +
                                               config + "[plugin.guard]\ngates = " + gates + "\n",
                                     .plugins = "victim,guard"}));
        weftd.process.signal(SIGHUP);
    };
    // The operator has the last word.
    reload("");
    WEFT_ASSERT_OK(weftd.wait_status("another reason", [](JsonView s) {
        const std::string reason(s["cni"]["reason"].string_or(""));
        return !reason.empty() && !reason.starts_with("plugin guard");
    }));
    EXPECT_THAT(cni_reason(), HasSubstr("no plugin has said yet"));
    reload("everything");
    WEFT_ASSERT_OK(weftd.wait_log("nothing is called"));
    reload("pods");
    WEFT_ASSERT_OK(weftd.wait_status("the reason again", [](JsonView s) {
        return std::string(s["cni"]["reason"].string_or("")).starts_with("plugin guard: ");
    }));
    apply("n1", 2);
    const auto on = node->bed().weftctl(weftd, {"plugins", "enable", "guard"});
    WEFT_ASSERT_OK(on);
    EXPECT_EQ(on->status, 0) << on->err;
    WEFT_ASSERT_OK(weftd.wait_status("no such reason", [](JsonView s) {
        return !std::string(s["cni"]["reason"].string_or("")).starts_with("plugin guard");
    }));
    WEFT_ASSERT_OK(wait_switch("guard-n1", true));
}

TEST_F(ContainedNode, WithoutGatesPodsGoOn) {
    start("victim,thief", "rule-timeout = 1s\n");
    apply("n1", 2, "thief: hang");
    WEFT_ASSERT_OK(wait_plugin(weftd, "thief", "frozen"));
    WEFT_ASSERT_OK(wait_switch("victim-n1", true));
    EXPECT_THAT(cni_reason(), Not(StartsWith("plugin thief")));
}

}  // namespace
}  // namespace weft::testing
