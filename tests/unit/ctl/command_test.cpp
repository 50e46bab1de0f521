#include "ctl/command.hpp"

#include "ctl/views.hpp"
#include "services/admin_server.hpp"
#include "services/report.hpp"

#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace weft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

services::StatusReport sample_status() {
    services::StatusReport r;
    r.version = "9.9.9";
    r.revision = "v9-3-gabc";
    r.role = "node";
    r.node = "n1";
    r.started = WallTime(std::chrono::seconds(0));
    r.ready = false;
    r.awaiting = {"ovn-nb"};
    r.leader = services::StatusReport::Leader{"m1", false, "the Lease is gone"};
    r.cni = services::StatusReport::Cni{false, "no lease yet", 3};
    r.counts = {{"nodes", 2}, {"pods", 10}};
    r.connections = {{"ovn-nb", "unix:/x", false, "no socket at /x"}, {"kubernetes", "https://k", true, ""}};
    r.plugins = {
        {.name = "default-network", .version = "1.0", .state = "running", .rules = 3, .instances = 12, .failed = 1}};
    r.appliers = {
        {.name = "ovn-nb", .state = appliers::State::syncing, .detail = "the first answer", .behind = 4, .applied = 7}};
    r.appliers[0].faults = {{"NB/ACL x", "refused", "shorten it", WallTime(std::chrono::seconds(60))}};
    RuleStatus problem;
    problem.state = RuleState::failed;
    problem.module = "default-network";
    problem.rule = "pod-port";
    problem.what = "\"x\" is no MAC";
    problem.where = "annotation k8s.ovn.org/pod-networks";
    problem.mend = "remove it";
    problem.on = {"Pod", "web", "p1", "u"};
    r.problems = {problem};
    return r;
}

class CommandTest : public ::testing::Test {
  protected:
    CommandTest() {
        std::string name = (std::filesystem::temp_directory_path() / "weft-ctl-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
        dir_ = name;
        std::ofstream(dir_ + "/weft.conf") << "[weft]\nrun-dir=" << dir_ << "\n";
    }
    ~CommandTest() override {
        server_.reset();
        std::filesystem::remove_all(dir_);
    }

    /// A weftd that answers as `sample_status` and remembers what it was told.
    void start_weftd(const std::string& socket = "admin-node.sock") {
        server_.emplace(services::AdminOptions{.socket = dir_ + "/" + socket},
                        [](const std::function<void()>& task) { task(); });
        server_->on("status",
                    [](const JsonView&) -> Result<std::string> { return services::to_json(sample_status()); });
        server_->on("plugins", [](const JsonView&) -> Result<std::string> {
            return services::to_json(std::vector<services::PluginReport>{
                {"default-network", "1.0", "/p/default-network.so", true, "running", "always on", {}},
                {"odd", "", "/p/odd.so", false, "broken", "the file is writable by everybody", {}}});
        });
        server_->on("rbac", [](const JsonView&) -> Result<std::string> {
            return services::to_json(std::vector<services::Right>{services::watch_right(Role::node, "", "pods")});
        });
        server_->on("log-level", [this](const JsonView& args) -> Result<std::string> {
            const std::scoped_lock lock(mutex_);
            told_ = args.dump();
            if (args["level"].string() == "loud")
                return invalid("unknown log level \"loud\"", "use trace, debug, info, warn or error");
            return std::string(R"({"level":"info","parts":[
                {"name":"cni","level":"info"},{"name":"kube","level":"debug"}]})");
        });
        server_->on("metrics", [](const JsonView&) -> Result<std::string> { return std::string("\"a 1\\nb 2\\n\""); });
        ASSERT_TRUE(server_->start());
    }

    int ctl(std::vector<std::string> args) {
        out_.str("");
        err_.str("");
        const auto end = std::ranges::find(args, "--");
        args.insert(end, {"--config-file", dir_ + "/weft.conf"});
        return run(args, backends_, {out_, err_, false});
    }
    std::string out() const { return out_.str(); }
    std::string err() const { return err_.str(); }
    void write(const std::string& name, const std::string& text) { std::ofstream(dir_ + "/" + name) << text; }

    std::string dir_;
    Backends backends_;
    std::optional<services::AdminServer> server_;
    std::mutex mutex_;
    std::string told_;
    std::ostringstream out_, err_;
};

TEST_F(CommandTest, Status) {
    start_weftd();
    ASSERT_EQ(ctl({"status"}), 0) << err();
    EXPECT_THAT(out(), StartsWith("weftd 9.9.9 (v9-3-gabc), role node, node n1, up "));
    for (auto line :
         {": not ready\n", "  waits for ovn-nb\n", "leader: m1; this one is standby\n", "  the Lease is gone\n",
          "pods: not served: no lease yet; CNI requests under way: 3\n", "2 nodes, 10 pods\n",
          "\nConnections\n  NAME        STATE  ADDRESS\n  ovn-nb      down   unix:/x\n      no socket at /x\n",
          "  default-network  1.0      running  3      12         1       0          0        0\n",
          "  ovn-nb  syncing  4          7        0         0         the first answer\n",
          "      NB/ACL x: refused (shorten it), for ", "Pod web/p1  default-network/pod-port\n",
          "      annotation k8s.ovn.org/pod-networks: \"x\" is no MAC (remove it)\n"}) {
        EXPECT_THAT(out(), HasSubstr(line));
    }
    EXPECT_THAT(out(), Not(HasSubstr("\x1b")));
}

TEST_F(CommandTest, StatusAsJson) {
    start_weftd();
    for (auto args : std::vector<std::vector<std::string>>{
             {"status", "-o", "json"}, {"-o", "json", "status"}, {"status", "--output=json"}, {"status", "-ojson"}}) {
        ASSERT_EQ(ctl(args), 0) << err();
        EXPECT_EQ(out(), services::to_json(sample_status()) + "\n");
    }
}

TEST_F(CommandTest, ColoursOnlyWhenAsked) {
    auto document = JsonDocument::parse(services::to_json(sample_status()));
    ASSERT_TRUE(document);
    const WallTime now(std::chrono::seconds(3700));
    const auto coloured = status_text(document->root(), now, true);
    EXPECT_THAT(coloured, HasSubstr("\x1b[31mnot ready\x1b[0m"));
    EXPECT_THAT(coloured, HasSubstr("\x1b[32mrunning\x1b[0m"));
    EXPECT_THAT(status_text(document->root(), now, false), HasSubstr("up 1h1m: not ready"));
}

TEST_F(CommandTest, NotReadyNamesWhatIsMissing) {
    auto report = sample_status();
    report.awaiting.clear();
    const auto later = JsonDocument::parse(services::to_json(report));
    ASSERT_TRUE(later);
    EXPECT_THAT(status_text(later->root(), {}, false), HasSubstr("not ready\n  no connection to ovn-nb\n"));
}

TEST_F(CommandTest, ViewsTakeAnythingAnOlderOrNewerWeftdSays) {
    for (const char* json :
         {"{}", "[]", "null", "{\"plugins\":{},\"appliers\":[1,null],\"problems\":[{}],\"counts\":[],\"leader\":5}"}) {
        auto document = JsonDocument::parse(json);
        ASSERT_TRUE(document);
        EXPECT_THAT(status_text(document->root(), {}, false), StartsWith("weftd "));
        EXPECT_FALSE(plugins_text(document->root(), false).empty());
    }
}

TEST_F(CommandTest, Plugins) {
    start_weftd();
    ASSERT_EQ(ctl({"plugins"}), 0);
    EXPECT_EQ(out(),
              "NAME             VERSION  ENABLED  STATE    FILE                   REASON\n"
              "default-network  1.0      yes      running  /p/default-network.so  always on\n"
              "odd                       no       broken   /p/odd.so              the file is writable by everybody\n");
    ASSERT_EQ(ctl({"plugins", "-o", "json"}), 0);
    EXPECT_THAT(out(), StartsWith("[{\"name\":\"default-network\""));
}

TEST_F(CommandTest, LogLevel) {
    start_weftd();
    ASSERT_EQ(ctl({"log-level", "debug"}), 0) << err();
    EXPECT_EQ(told_, "{\"level\":\"debug\"}");
    ASSERT_EQ(ctl({"log-level", "ovsdb", "trace"}), 0);
    EXPECT_EQ(told_, "{\"part\":\"ovsdb\",\"level\":\"trace\"}");
    EXPECT_EQ(out(), "ovsdb logs at level trace until weftd restarts or reloads\n");
    EXPECT_EQ(ctl({"log-level", "loud"}), 1);
    EXPECT_EQ(err(), "weftctl: unknown log level \"loud\"\n  use trace, debug, info, warn or error\n");
    ASSERT_EQ(ctl({"log-level"}), 0) << err();
    EXPECT_EQ(told_, "{}");
    EXPECT_EQ(out(),
              "weftd logs at level info; the parts that have logged so far:\n"
              "  PART  LEVEL\n"
              "  cni   info\n"
              "  kube  debug\n");
    EXPECT_EQ(ctl({"log-level", "a", "b", "c"}), 2);
    EXPECT_EQ(err(), "weftctl: unexpected argument \"c\"\nweftctl log-level --help tells more\n");
}

TEST_F(CommandTest, MetricsAndVersion) {
    start_weftd();
    ASSERT_EQ(ctl({"metrics"}), 0);
    EXPECT_EQ(out(), "a 1\nb 2\n");
    ASSERT_EQ(ctl({"version"}), 0);
    EXPECT_THAT(out(), AllOf(StartsWith("weftctl "), HasSubstr("\nweftd 9.9.9 (v9-3-gabc)\n")));
    ASSERT_EQ(ctl({"version", "-o", "json"}), 0);
    EXPECT_THAT(out(), HasSubstr("\"weftd\":{\"version\":\"9.9.9\",\"revision\":\"v9-3-gabc\"}"));
    server_.reset();
    ASSERT_EQ(ctl({"version"}), 0) << "its own version needs no weftd";
    EXPECT_THAT(out(), HasSubstr("weftd: is weftd running? no socket at "));
    ASSERT_EQ(ctl({"version", "-o", "json"}), 0);
    EXPECT_THAT(out(), HasSubstr("\"weftd\":null"));
}

TEST_F(CommandTest, WithoutWeftd) {
    for (auto command : {"status", "plugins", "metrics", "rbac"}) {
        EXPECT_EQ(ctl({command}), 1) << command;
        EXPECT_THAT(err(), HasSubstr("is weftd running? no socket at " + dir_ + "/admin-node.sock\n  start weftd"))
            << command;
        EXPECT_EQ(out(), "");
    }
}

TEST_F(CommandTest, TheSocketIsFoundByConfigurationAndFlags) {
    start_weftd("admin-cluster.sock");
    EXPECT_EQ(ctl({"status"}), 0) << "only the cluster's runs here";
    EXPECT_EQ(ctl({"status", "--role", "node"}), 1);
    EXPECT_EQ(ctl({"status", "--role", "cluster"}), 0);
    EXPECT_EQ(ctl({"status", "--socket", dir_ + "/admin-cluster.sock"}), 0);
    EXPECT_EQ(ctl({"status", "--run-dir", "/nowhere"}), 1);
    EXPECT_THAT(err(), HasSubstr("/nowhere/admin-node.sock"));
    write("weft.conf", "[weft]\nadmin-socket=" + dir_ + "/own.sock\n");
    EXPECT_EQ(ctl({"status"}), 1);
    EXPECT_THAT(err(), HasSubstr("/own.sock"));
    server_.reset();
    start_weftd("own.sock");
    EXPECT_EQ(ctl({"status"}), 0) << err();
}

TEST_F(CommandTest, ConfigCheck) {
    ASSERT_EQ(ctl({"config", "check"}), 0) << err();
    EXPECT_EQ(out(), "the configuration is right: " + dir_ + "/weft.conf\n");
    write("other.conf", "[default]\nmut=1\n");
    ASSERT_EQ(ctl({"config", "check", dir_ + "/other.conf"}), 0);
    EXPECT_EQ(err(), "warning: " + dir_ +
                         "/other.conf:2:1: unknown key \"mut\" in [default] is ignored (did you mean \"mtu\"?)\n");
    write("other.conf", "[weft]\nrun_dir=/x\n");
    EXPECT_EQ(ctl({"config", "check", dir_ + "/other.conf"}), 1);
    EXPECT_EQ(err(),
              "weftctl: " + dir_ + "/other.conf:2:1: unknown key \"run_dir\" in [weft]\n  did you mean \"run-dir\"?\n");
    EXPECT_EQ(ctl({"config", "check", dir_ + "/absent.conf"}), 1);
    EXPECT_THAT(err(), HasSubstr("failed to open config file"));
    EXPECT_EQ(ctl({"config", "check", "a", "b"}), 2);
    EXPECT_EQ(ctl({"config"}), 2);
    EXPECT_EQ(ctl({"config", "chek"}), 2);
}

TEST_F(CommandTest, ConfigCheckKnowsThePlugins) {
    backends_.plugin_schemas = [](const config::Config&) -> Result<std::vector<config::PluginSchema>> {
        return std::vector<config::PluginSchema>{{"services", true, {{"mode", "a", "Mode.", nullptr}}}};
    };
    write("weft.conf", "[plugin.services]\nmode=b\n");
    EXPECT_EQ(ctl({"config", "check"}), 0) << err();
    write("weft.conf", "[plugin.services]\nmod=b\n");
    EXPECT_EQ(ctl({"config", "check"}), 1);
    EXPECT_THAT(err(), HasSubstr(":2:1: unknown key \"mod\" in [plugin.services]\n  did you mean \"mode\"?\n"));
}

TEST_F(CommandTest, ConfigShow) {
    write("weft.conf", "[default]\nmtu=9000\n[kubernetes]\ntoken=secret\n");
    ASSERT_EQ(ctl({"config", "show", "--", "--encap-port=7"}), 0) << err();
    EXPECT_THAT(out(), HasSubstr("[default]\n  KEY         VALUE  FROM\n  mtu         9000   " + dir_ +
                                 "/weft.conf:2\n  encap-port  7      --encap-port\n"));
    EXPECT_THAT(out(), AllOf(HasSubstr("(hidden)"), Not(HasSubstr("secret")), Not(HasSubstr("conntrack-zone"))));
    ASSERT_EQ(ctl({"config", "show", "--all"}), 0);
    EXPECT_THAT(out(), HasSubstr("conntrack-zone"));
    ASSERT_EQ(ctl({"config", "show", "-o", "json"}), 0);
    EXPECT_THAT(out(), HasSubstr("{\"section\":\"default\",\"key\":\"mtu\",\"value\":\"9000\",\"from\":\"" + dir_ +
                                 "/weft.conf:2\""));
    write("weft.conf", "");
    ASSERT_EQ(ctl({"config", "show"}), 0);
    EXPECT_EQ(out(), "everything is at its default\n");
}

TEST_F(CommandTest, ConfigReference) {
    ASSERT_EQ(ctl({"config", "reference"}), 0);
    EXPECT_EQ(out(), config::reference_config());
}

TEST_F(CommandTest, Rbac) {
    start_weftd();
    ASSERT_EQ(ctl({"rbac"}), 0) << err();
    EXPECT_THAT(out(),
                AllOf(HasSubstr("kind: ClusterRole\n"), HasSubstr("resources: [\"pods\"]"), Not(HasSubstr("Binding"))));
    write("weft.conf", "[weft]\nrun-dir=" + dir_ + "\n[kubernetes]\novn-config-namespace=own\n");
    ASSERT_EQ(ctl({"rbac", "--bind"}), 0);
    EXPECT_THAT(out(), AllOf(HasSubstr("kind: ClusterRoleBinding\n"), HasSubstr("namespace: own\n")));
    server_.reset();
    backends_.rights = [](const config::Config&) -> Result<std::vector<services::Right>> {
        return std::vector<services::Right>{services::watch_right(Role::node, "", "computed")};
    };
    ASSERT_EQ(ctl({"rbac"}), 0) << "without a weftd they are computed";
    EXPECT_THAT(out(), HasSubstr("\"computed\""));
}

TEST_F(CommandTest, Render) {
    EXPECT_EQ(ctl({"render", "--manifests", "/m", "--node", "n1"}), 1);
    EXPECT_THAT(err(), HasSubstr("built without the engine"));
    RenderRequest asked;
    backends_.render = [&](const RenderRequest& request) -> Result<std::vector<RenderedRows>> {
        asked = request;
        if (request.node == "bad")
            return Error{ErrorKind::invalid, "no such node", "/m/nodes.yaml", "name one of n1, n2"};
        return std::vector<RenderedRows>{{"ovn-nb", {R"({"table":"ACL"})", R"({"table":"Copp"})"}},
                                         {"host", {R"({"table":"Route"})"}}};
    };
    ASSERT_EQ(ctl({"render", "--manifests", "/m", "--node=n1"}), 0) << err();
    EXPECT_EQ(asked.manifests, "/m");
    EXPECT_EQ(asked.node, "n1");
    EXPECT_NE(asked.config, nullptr);
    EXPECT_EQ(out(), "# ovn-nb\n{\"table\":\"ACL\"}\n{\"table\":\"Copp\"}\n# host\n{\"table\":\"Route\"}\n");
    ASSERT_EQ(ctl({"render", "--manifests", "/m", "--node", "n1", "--only", "host"}), 0);
    EXPECT_EQ(out(), "{\"table\":\"Route\"}\n");
    ASSERT_EQ(ctl({"render", "--manifests", "/m", "--node", "n1", "-o", "json"}), 0);
    EXPECT_EQ(out(), "{\"ovn-nb\":[{\"table\":\"ACL\"},{\"table\":\"Copp\"}],\"host\":[{\"table\":\"Route\"}]}\n");
    EXPECT_EQ(ctl({"render", "--manifests", "/m", "--node", "bad"}), 1);
    EXPECT_EQ(err(), "weftctl: /m/nodes.yaml: no such node\n  name one of n1, n2\n");
    EXPECT_EQ(ctl({"render", "--node", "n1"}), 2);
    EXPECT_EQ(ctl({"render", "--manifests", "/m", "--node", "n1", "--only", "x"}), 2);
    EXPECT_THAT(err(), HasSubstr("there are ovn-nb,host"));
}

TEST_F(CommandTest, EveryCommandHasItsOwnHelp) {
    ASSERT_EQ(ctl({"help"}), 0);
    const std::string all = out();
    for (const char* words : {"status", "plugins", "config check", "config show", "config reference", "rbac",
                              "log-level", "render", "metrics", "version"}) {
        const std::string name = words;
        std::vector<std::string> args{name.substr(0, name.find(' '))};
        if (name.find(' ') != std::string::npos) args.push_back(name.substr(name.find(' ') + 1));
        EXPECT_THAT(all, HasSubstr("\n  " + name + " ")) << "in the list";
        auto asked = args;
        asked.emplace_back("--help");
        ASSERT_EQ(ctl(asked), 0) << err();
        EXPECT_THAT(out(), StartsWith("usage: weftctl [OPTION…] " + name));
        const std::string text = out();
        args.insert(args.begin(), "help");
        ASSERT_EQ(ctl(args), 0) << err();
        EXPECT_EQ(out(), text);
    }
    ASSERT_EQ(ctl({"config", "-h"}), 0);
    EXPECT_THAT(out(), AllOf(HasSubstr("config check"), HasSubstr("config show"), HasSubstr("config reference")));
    EXPECT_EQ(ctl({"statsu", "--help"}), 2);
    EXPECT_THAT(err(), HasSubstr("did you mean status?"));
}

TEST_F(CommandTest, LogLevelIsCheckedWithoutAWeftd) {
    EXPECT_EQ(ctl({"log-level", "loud"}), 1);
    EXPECT_THAT(err(), HasSubstr("unknown log level \"loud\""));
}

TEST_F(CommandTest, WrongUsage) {
    EXPECT_EQ(ctl({}), 2);
    EXPECT_THAT(err(), HasSubstr("which command?"));
    EXPECT_EQ(ctl({"statsu"}), 2);
    EXPECT_EQ(err(), "weftctl: unknown command \"statsu\"; did you mean status?\nweftctl --help lists the commands\n");
    EXPECT_EQ(ctl({"status", "more"}), 2);
    EXPECT_EQ(ctl({"status", "--what"}), 2);
    EXPECT_EQ(ctl({"--what", "status"}), 2);
    EXPECT_THAT(err(), HasSubstr("unknown option --what"));
    EXPECT_EQ(ctl({"status", "-o", "yaml"}), 2);
    EXPECT_EQ(ctl({"--help"}), 0);
    for (auto name :
         {"status", "plugins", "config check", "config show", "rbac", "log-level", "render", "metrics", "version"}) {
        EXPECT_THAT(out(), HasSubstr(std::string("\n  ") + name));
    }
}

TEST_F(CommandTest, ABrokenFileDoesNotHideARunningWeftd) {
    start_weftd();
    write("weft.conf", "[weft\n");
    out_.str("");
    err_.str("");
    EXPECT_EQ(run({"status", "--socket", dir_ + "/admin-node.sock"}, backends_, {out_, err_, false}), 0) << err();
    EXPECT_EQ(ctl({"status"}), 1);
    EXPECT_THAT(err(), AllOf(HasSubstr("failed to parse config file"), Not(HasSubstr("--help"))));
}

}  // namespace
}  // namespace weft::ctl
