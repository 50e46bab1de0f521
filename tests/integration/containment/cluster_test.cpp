// What a plugin can do wrong, each in a weftd of role cluster with a steady plugin beside it.
#include "bed.hpp"

#include <csignal>
#include <cstdlib>

namespace weft::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Contained : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = Bed::make();
        WEFT_ASSERT_OK(made);
        bed = *std::move(made);
        folder = put_plugins(*bed, {"one/hostile", "one/steady", "one/dependent"});
    }
    void start(const std::string& plugins = "hostile,steady", const std::string& weft = {},
               Environment environment = {}) {
        options.plugins = plugins;
        options.environment = std::move(environment);
        options.config = "[weft]\nplugin-dir = " + folder + "\nthreads = 1\n" + weft;
        auto started = bed->start(options);
        WEFT_ASSERT_OK(started);
        weftd = *std::move(started);
    }
    void start_and_wait(const std::string& plugins = "hostile,steady", const std::string& weft = {}) {
        start(plugins, weft);
        WEFT_ASSERT_OK(weftd.wait_ready());
    }
    void apply(const std::string& node, int number, const std::string& labels = {}) {
        WEFT_ASSERT_OK(bed->api().apply_yaml(labelled_node(node, number, labels)));
    }
    /// The plugin's annotation on a node comes to be `value`.
    bool did(const std::string& plugin, const std::string& node, const std::string& value = "nothing") {
        return bed->api().wait_for("node", "", node, [&](JsonView object) {
            return object["metadata"]["annotations"]["k8s.ovn.org/" + plugin + "-did"].string_or("-") == value;
        });
    }
    Result<void> wait_problem(const std::string& rule, const std::string& object, const std::string& what) {
        return weftd.wait_status("problem " + what, [&](JsonView s) {
            bool found = false;
            s["problems"].each([&](JsonView p) {
                found |= p["rule"].string_or("") == rule && p["object"].string_or("") == object &&
                         std::string(p["what"].string_or("")).find(what) != std::string::npos &&
                         !p["mend"].string_or("").empty() && p["plugin"].string_or("") == "hostile";
            });
            return found;
        });
    }

    std::unique_ptr<Bed> bed;
    std::string folder;
    WeftdOptions options;
    Weftd weftd;
};

TEST_F(Contained, ARuleThatThrowsIsAProblemOfItsObjectAlone) {
    start_and_wait();
    apply("n1", 2);
    ASSERT_TRUE(did("hostile", "n1"));
    apply("n1", 2, "hostile: throw");
    WEFT_ASSERT_OK(wait_problem("act", "Node n1", "the rule threw: no such luck"));
    apply("n2", 3, "hostile: throw-int");
    WEFT_ASSERT_OK(wait_problem("act", "Node n2", "no std::exception"));
    apply("n3", 4);
    EXPECT_TRUE(did("hostile", "n3"));
    EXPECT_TRUE(did("steady", "n1") && did("steady", "n2"));
    EXPECT_TRUE(did("hostile", "n1")) << "its last good rows stay";
    apply("n2", 3);
    EXPECT_TRUE(did("hostile", "n2"));
}

TEST_F(Contained, AnAdapterThatThrowsGoesOn) {
    start_and_wait();
    apply("n1", 2, "hostile: adapter-throw");
    WEFT_ASSERT_OK(weftd.wait_log("an adapter threw"));
    EXPECT_THAT(weftd.log(), HasSubstr("hostile/echo"));
    apply("n2", 3);
    EXPECT_TRUE(did("hostile", "n2") && did("steady", "n2"));
    EXPECT_TRUE(weftd.process.running());
}

TEST_F(Contained, ASettingsCheckThatThrowsRefusesTheReload) {
    start_and_wait();
    auto bad = options;
    bad.config += "[plugin.hostile]\nmood = throw\n";
    write_file(weftd.config_file, bed->config_text(bad));
    weftd.process.signal(SIGHUP);
    WEFT_ASSERT_OK(weftd.wait_log("reload failed"));
    EXPECT_THAT(weftd.log(), AllOf(HasSubstr("[plugin.hostile] mood"), HasSubstr("no std::exception")));
    apply("n1", 2);
    EXPECT_TRUE(did("hostile", "n1"));
}

TEST_F(Contained, ARuleThatDoesNotReturnIsFrozenAndWeftdGoesOn) {
    start_and_wait("hostile,steady,dependent", "rule-timeout = 1s\n");
    apply("n1", 2);
    ASSERT_TRUE(did("hostile", "n1") && did("dependent", "n1"));
    const auto pid = weftd.process.pid();
    apply("n2", 3, "hostile: hang");
    WEFT_ASSERT_OK(wait_plugin(weftd, "hostile", "frozen"));
    EXPECT_EQ(weftd.process.pid(), pid);
    EXPECT_TRUE(weftd.process.running()) << "the same process, started anew";
    EXPECT_THAT(plugin_member(weftd, "hostile", "reason"), AllOf(StartsWith("rule act on n2 did not return for 1 s"),
                                                                 HasSubstr("weftctl plugins enable hostile")));
    EXPECT_EQ(plugin_member(weftd, "dependent", "state"), "frozen");
    EXPECT_THAT(plugin_member(weftd, "dependent", "reason"), StartsWith("needs hostile, which is frozen"));
    EXPECT_EQ(plugin_member(weftd, "steady", "state"), "running");
    apply("n3", 4);
    EXPECT_TRUE(did("steady", "n3") && did("steady", "n2"));
    EXPECT_TRUE(did("hostile", "n1")) << "what it had put stays";
    WEFT_ASSERT_OK(weftd.wait_ready());
    WEFT_ASSERT_OK(weftd.wait_status("the frozen plugin", [](JsonView s) {
        bool frozen = false;
        s["plugins"].each([&](JsonView p) {
            frozen |= p["name"].string_or("") == "hostile" && p["state"].string_or("") == "frozen" &&
                      !p["reason"].string_or("").empty();
        });
        return frozen;
    }));
    const auto text = bed->weftctl(weftd, {"status"});
    WEFT_ASSERT_OK(text);
    EXPECT_THAT(text->out, AllOf(HasSubstr("frozen"), HasSubstr("did not return")));

    // Mended, and given another chance.
    apply("n2", 3);
    const auto enabled = bed->weftctl(weftd, {"plugins", "enable", "hostile"});
    WEFT_ASSERT_OK(enabled);
    EXPECT_EQ(enabled->status, 0) << enabled->err;
    EXPECT_EQ(plugin_member(weftd, "hostile", "state"), "running");
    EXPECT_EQ(plugin_member(weftd, "dependent", "state"), "running");
    EXPECT_TRUE(did("hostile", "n2") && did("hostile", "n3") && did("dependent", "n3"));
}

TEST_F(Contained, AnAdapterThatDoesNotReturnIsFrozenToo) {
    start_and_wait("hostile,steady", "rule-timeout = 1s\n");
    apply("n1", 2, "hostile: adapter-hang");
    WEFT_ASSERT_OK(wait_plugin(weftd, "hostile", "frozen"));
    EXPECT_THAT(plugin_member(weftd, "hostile", "reason"), StartsWith("adapter echo on n1 did not return"));
    EXPECT_TRUE(did("steady", "n1"));
}

TEST_F(Contained, WhoHangsWhileWeftdStopsDoesNotStartItAnew) {
    start_and_wait("hostile,steady", "rule-timeout = 1s\n");
    weftd.process.signal(SIGSTOP);  // both at once when it goes on
    apply("n1", 2, "hostile: adapter-hang");
    weftd.process.signal(SIGTERM);
    weftd.process.signal(SIGCONT);
    WEFT_ASSERT_OK(wait_end(weftd));
}

TEST_F(Contained, ARuleThatEatsMemoryIsFrozen) {
    start_and_wait("hostile,steady", "memory-limit = 400M\n");
    apply("n1", 2, "hostile: eat");
    WEFT_ASSERT_OK(wait_plugin(weftd, "hostile", "frozen"));
    EXPECT_THAT(
        plugin_member(weftd, "hostile", "reason"),
        AllOf(StartsWith("rule act on n1 was running while memory grew by"), HasSubstr("memory-limit (400 MiB)")));
    EXPECT_TRUE(did("steady", "n1"));
}

TEST_F(Contained, ASecondCrashInARowFreezes) {
    start_and_wait();
    apply("n1", 2);
    ASSERT_TRUE(did("hostile", "n1"));
    apply("n2", 3, "hostile: segv");
    WEFT_ASSERT_OK(wait_end(weftd));
    // One crash may be anything: the plugin runs again, and crashes again.
    start();
    WEFT_ASSERT_OK(wait_end(weftd));
    EXPECT_THAT(weftd.log(), AllOf(HasSubstr("hostile/rule act on n2 crashed weftd"), HasSubstr("signal 11")));
    start_and_wait();
    EXPECT_THAT(weftd.log(), HasSubstr("the plugin is frozen from now on"));
    EXPECT_EQ(plugin_member(weftd, "hostile", "state"), "frozen");
    EXPECT_THAT(plugin_member(weftd, "hostile", "reason"),
                StartsWith("rule act on n2 crashed weftd 2 times in a row: signal 11 (Segmentation fault)"));
    apply("n3", 4);
    EXPECT_TRUE(did("steady", "n3"));
    EXPECT_TRUE(did("hostile", "n1"));

    // It stays so over a clean restart, and a reload; another file is another chance.
    weftd.process.signal(SIGTERM);
    WEFT_ASSERT_OK(wait_end(weftd));
    start_and_wait();
    EXPECT_EQ(plugin_member(weftd, "hostile", "state"), "frozen");
    apply("n2", 3);
    put_plugins(*bed, {"two/hostile"});
    weftd.process.signal(SIGHUP);
    WEFT_ASSERT_OK(wait_plugin(weftd, "hostile", "running"));
    EXPECT_TRUE(did("hostile", "n2") && did("hostile", "n3"));
    EXPECT_EQ(plugin_member(weftd, "hostile", "version"), "2.0.0");
}

TEST_F(Contained, ACleanEndBetweenTwoCrashesForgives) {
    start_and_wait();
    apply("n2", 3, "hostile: abort");
    WEFT_ASSERT_OK(wait_end(weftd));
    WEFT_ASSERT_OK(bed->api().apply_yaml(labelled_node("n2", 3)));
    start_and_wait();
    weftd.process.signal(SIGTERM);
    WEFT_ASSERT_OK(wait_end(weftd));
    start_and_wait();
    apply("n2", 3, "hostile: abort");
    WEFT_ASSERT_OK(wait_end(weftd));
    WEFT_ASSERT_OK(bed->api().apply_yaml(labelled_node("n2", 3)));
    start_and_wait();
    EXPECT_EQ(plugin_member(weftd, "hostile", "state"), "running");
}

TEST_F(Contained, EndlessRecursionIsACrashAsWell) {
    start_and_wait();
    apply("n1", 2, "hostile: recurse");
    for (int i = 0; i < 2; ++i) {
        WEFT_ASSERT_OK(wait_end(weftd));
        start();
    }
    WEFT_ASSERT_OK(wait_plugin(weftd, "hostile", "frozen"));
    EXPECT_TRUE(did("steady", "n1"));
}

TEST_F(Contained, ACrashWhileLoadingFreezesToo) {
    for (int i = 0; i < 2; ++i) {
        start("hostile,steady", {}, {{"HOSTILE_DECLARE", "1"}});
        WEFT_ASSERT_OK(wait_end(weftd));
    }
    start("hostile,steady", {}, {{"HOSTILE_DECLARE", "1"}});
    WEFT_ASSERT_OK(wait_plugin(weftd, "hostile", "frozen"));
    EXPECT_THAT(plugin_member(weftd, "hostile", "reason"), StartsWith("load crashed weftd 2 times"));
    // Nor is it loaded for being switched off.
    const auto off = bed->weftctl(weftd, {"plugins", "disable", "hostile"});
    WEFT_ASSERT_OK(off);
    EXPECT_EQ(off->status, 0) << off->err;
    EXPECT_EQ(plugin_member(weftd, "hostile", "state"), "disabled");
    apply("n1", 2);
    EXPECT_TRUE(did("steady", "n1"));
}

TEST_F(Contained, ARuleThatFeedsOnItselfIsNamedAndSlowed) {
    start_and_wait("hostile,steady", "flap-limit = 1\n");
    apply("n1", 2, "hostile: flap");
    WEFT_ASSERT_OK(wait_problem("act", "Node n1", "change without end"));
    EXPECT_THAT(weftd.log(), HasSubstr("instance=hostile/act/n1"));
    apply("n2", 3);
    EXPECT_TRUE(did("steady", "n2") && did("hostile", "n2"));
    apply("n1", 2);
    EXPECT_TRUE(did("hostile", "n1"));
}

}  // namespace
}  // namespace weft::testing
