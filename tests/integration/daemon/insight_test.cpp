// What an operator asks a weftd that runs: explain, verify, graph, top, plan, plugins enable and disable.
#include "node_bed.hpp"

#include <sstream>

namespace weft::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string pod_yaml(const std::string& name, const std::string& more = "") {
    return "{apiVersion: v1, kind: Pod, metadata: {name: " + name + ", namespace: web" + more +
           "}, spec: {nodeName: n1, containers: [{name: c, image: i}]}}\n";
}

/// Both roles, a node and a pod that has its port in the database.
class Insight : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = NodeBed::make();
        WEFT_ASSERT_OK(made);
        node = *std::move(made);
        WEFT_ASSERT_OK(node->start_database("nb"));
        WEFT_ASSERT_OK(node->start_database("sb"));
        auto& api = node->bed().api();
        WEFT_ASSERT_OK(api.apply_yaml("{apiVersion: v1, kind: Namespace, metadata: {name: web}}"));
        WEFT_ASSERT_OK(api.apply_yaml(node_yaml("n1", 2)));
        auto started_cluster = node->bed().start({.name = "cluster", .role = "cluster"});
        WEFT_ASSERT_OK(started_cluster);
        cluster = *std::move(started_cluster);
        auto started = node->start_weftd("[debug]\nrecord = " + (node->bed().dir() / "rec").string() + "\n");
        WEFT_ASSERT_OK(started);
        weftd = *std::move(started);
        WEFT_ASSERT_OK(api.apply_yaml(pod_yaml("p1")));
        wait_port("web_p1", true);
    }
    /// Waits until the northbound database has the port, or has it no more; and weftd knows that.
    void wait_port(const std::string& name, bool there) {
        WEFT_ASSERT_OK(wait_for("port " + name, [&]() -> Result<void> {
            const auto ports = nbctl({"--bare", "--columns=_uuid", "find", "Logical_Switch_Port", "name=" + name});
            if (!ports) return ports.error();
            const bool found = ports->size() > 1;
            if (found) uuid = ports->substr(0, 36);
            const auto status = weftd.call("status");
            if (!status) return status.error();
            std::uint64_t behind = 0;
            status->root()["result"]["appliers"].each([&](JsonView applier) {
                if (applier["name"].string_or("") == "ovn-nb")
                    behind = applier["behind"].unsigned_integer().value_or(1);
            });
            return found == there && behind == 0 ? Result<void>() : Result<void>(waiting("log:\n" + weftd.log()));
        }));
    }
    Result<std::string> nbctl(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(),
                         {"ovn-nbctl", "--db=unix:" + (node->bed().dir() / "ovnnb_db.sock").string()});
        return run_ok(arguments);
    }
    Output ctl(std::vector<std::string> arguments, Environment environment = {}) {
        auto output = node->bed().weftctl(weftd, std::move(arguments), std::move(environment));
        return output ? *output : Output{-1, "", output.error().text()};
    }
    std::string file(const std::string& name, const std::string& text) {
        const auto path = node->bed().dir() / name;
        write_file(path, text);
        return path.string();
    }

    std::unique_ptr<NodeBed> node;
    Weftd cluster, weftd;
    std::string uuid;
};

TEST_F(Insight, ExplainTellsWhatBecomesOfAPodAndWhereARowComesFrom) {
    const auto pod = ctl({"explain", "pod/web/p1"});
    ASSERT_EQ(pod.status, 0) << pod.err;
    EXPECT_THAT(pod.out, StartsWith("Pod web/p1\n  a fact, as it is since "));
    EXPECT_THAT(pod.out, HasSubstr("What rules make of it\n"));
    EXPECT_THAT(pod.out, HasSubstr("    default-network/connect-pod\n"));
    EXPECT_THAT(pod.out, HasSubstr("      NB/Logical_Switch_Port web_p1\n"));
    EXPECT_THAT(pod.out, HasSubstr("      Annotation Pod/web/p1/k8s.ovn.org/pod-networks/default\n"));

    const auto port = ctl({"explain", "nb/Logical_Switch_Port/web_p1"});
    ASSERT_EQ(port.status, 0) << port.err;
    EXPECT_THAT(port.out, StartsWith("NB/Logical_Switch_Port web_p1\n  in ovn-nb\n  as it is since "));
    EXPECT_THAT(port.out, HasSubstr(" ago\n  made by   default-network/connect-pod\n  for       Pod web/p1"));
    EXPECT_THAT(port.out, HasSubstr("  from      "));
    EXPECT_THAT(port.out, HasSubstr("default-network/OwnNode . (Node n1)"));
    EXPECT_THAT(port.out, HasSubstr("\nBehind it\n"));
    EXPECT_THAT(port.out, HasSubstr("    by ipam/addresses\n    from AddressRequest "));
    EXPECT_THAT(port.out, HasSubstr("    by default-network/request-addresses for Pod web/p1\n"));

    // The same row by its UUID, by the address in it, and its contents.
    EXPECT_THAT(ctl({"explain", uuid}).out, StartsWith("NB/Logical_Switch_Port web_p1\n  in ovn-nb\n"));
    const auto with_row = ctl({"explain", "nb/Logical_Switch_Port/web_p1", "--row"});
    EXPECT_THAT(with_row.out, HasSubstr("iface-id-ver"));
    const auto addresses = nbctl({"--bare", "--columns=addresses", "find", "Logical_Switch_Port", "name=web_p1"});
    WEFT_ASSERT_OK(addresses);
    std::istringstream words(*addresses);
    std::string mac, ip;
    words >> mac >> ip;
    for (const auto& address : {mac, ip}) {
        const auto holders = ctl({"explain", address});
        ASSERT_EQ(holders.status, 0) << holders.err;
        EXPECT_THAT(holders.out, AllOf(HasSubstr("NB/Logical_Switch_Port web_p1\n"), HasSubstr("PodInterface web/p1"),
                                       HasSubstr("AddressLease ")))
            << address;
    }
    const auto json = ctl({"explain", "node/n1", "-o", "json"});
    ASSERT_EQ(json.status, 0) << json.err;
    const auto document = JsonDocument::parse(json.out);
    WEFT_ASSERT_OK(document);
    EXPECT_EQ(document->root()["asked"].string_or(""), "node/n1");
    EXPECT_GT(document->root()["rows"].size(), 1u);
}

TEST_F(Insight, ExplainTellsWhyNot) {
    const auto nobody = ctl({"explain", "pod/web/p2"});
    EXPECT_EQ(nobody.status, 1);
    EXPECT_THAT(nobody.out, AllOf(StartsWith("there is no Pod web/p2\n"), HasSubstr("just the node's own pods"),
                                  HasSubstr("  Did you mean\n    Pod/web/p1\n")));
    EXPECT_THAT(ctl({"explain", "nothing/at/all"}).out, StartsWith("nothing is called nothing/at/all\n"));

    WEFT_ASSERT_OK(
        node->bed().api().apply_yaml(pod_yaml("bad", ", annotations: {k8s.ovn.org/pod-networks: nonsense}")));
    WEFT_ASSERT_OK(weftd.wait_status("a problem", [](JsonView s) {
        bool found = false;
        s["problems"].each([&](JsonView p) { found |= p["object"].string_or("") == "Pod web/bad"; });
        return found;
    }));
    const auto bad = ctl({"explain", "pod/web/bad"});
    ASSERT_EQ(bad.status, 0);
    EXPECT_THAT(bad.out, AllOf(HasSubstr("failed"), HasSubstr("pod-networks")));
    const auto port = ctl({"explain", "nb/Logical_Switch_Port/web_bad"});
    EXPECT_EQ(port.status, 1);
    EXPECT_THAT(port.out, StartsWith("there is no NB/Logical_Switch_Port web_bad\n"));
    EXPECT_THAT(port.out, HasSubstr("  it would be made by default-network/connect-pod, which runs for each Pod"));
    EXPECT_THAT(port.out, HasSubstr("  Why\n    default-network/connect-pod for Pod web/bad\n"));

    ASSERT_EQ(ctl({"plugins", "disable", "default-network"}).status, 0);
    wait_port("web_p1", false);
    const auto off = ctl({"explain", "nb/Logical_Switch_Port/web_p1"});
    EXPECT_EQ(off.status, 1);
    EXPECT_THAT(off.out, HasSubstr("  plugin default-network is disabled (by hand, until weftd restarts or reloads)"));
    EXPECT_THAT(off.out, HasSubstr("connect-pod"));
}

TEST_F(Insight, VerifyFindsNoDifferenceAndSaysHowLongItPaused) {
    for (const auto* which : {&cluster, &weftd}) {
        const auto verified = node->bed().weftctl(*which, {"verify"});
        WEFT_ASSERT_OK(verified);
        EXPECT_EQ(verified->status, 0) << verified->out;
        EXPECT_THAT(verified->out, StartsWith("no difference: "));
        EXPECT_THAT(verified->out, HasSubstr(" rule instances run anew, "));
        EXPECT_THAT(verified->out, HasSubstr("weftd paused "));
    }
}

TEST_F(Insight, GraphAsTextDotAndSvg) {
    const auto text = ctl({"graph"});
    ASSERT_EQ(text.status, 0) << text.err;
    EXPECT_THAT(text.out, AllOf(HasSubstr("default-network\n  RULE"), HasSubstr("connect-pod"), HasSubstr("\nTables\n"),
                                HasSubstr("NB/Logical_Switch_Port"), HasSubstr("(operator)")));
    EXPECT_THAT(ctl({"graph", "--plugin", "ipam"}).out, Not(HasSubstr("connect-pod")));
    EXPECT_EQ(ctl({"graph", "--plugin", "nobody"}).status, 1);
    EXPECT_EQ(ctl({"graph", "--dot", "--svg"}).status, 2);
    const auto dot = ctl({"graph", "--dot"});
    EXPECT_THAT(dot.out, AllOf(StartsWith("digraph weft {\n"), HasSubstr("label=\"default-network\""),
                               HasSubstr("\"t:Pod\" -> \"r:default-network/connect-pod\" [penwidth=2, color=black];"),
                               HasSubstr("\"r:default-network/connect-pod\" -> \"t:NB/Logical_Switch_Port\";")));
    const auto none = ctl({"graph", "--svg"}, {{"PATH", "/nonexistent"}});
    EXPECT_EQ(none.status, 1);
    EXPECT_THAT(none.err, AllOf(HasSubstr("there is no program dot"), HasSubstr("install the package graphviz")));
    // Whatever is called dot gets the graph and is believed.
    const auto fake = file("bin/dot", "#!/bin/sh\necho \"$1\"\nhead -n 1\n");
    std::filesystem::permissions(fake, std::filesystem::perms::owner_all);
    const auto drawn =
        ctl({"graph", "--svg"}, {{"PATH", std::filesystem::path(fake).parent_path().string() + ":/usr/bin:/bin"}});
    EXPECT_EQ(drawn.status, 0) << drawn.err;
    EXPECT_EQ(drawn.out, "-Tsvg\ndigraph weft {\n");
}

TEST_F(Insight, TopTellsWhichRulesRunAndBecauseOfWhat) {
    const auto once = ctl({"top", "--once"});
    ASSERT_EQ(once.status, 0) << once.err;
    EXPECT_THAT(once.out, AllOf(StartsWith("in "), HasSubstr("the engine was busy "), HasSubstr("SLOWEST KEYS")));
    EXPECT_EQ(ctl({"top", "--interval", "soon"}).status, 2);
    const auto json = ctl({"top", "--once", "-o", "json"});
    const auto document = JsonDocument::parse(json.out);
    WEFT_ASSERT_OK(document);
    bool found = false;
    document->root()["rules"].each([&](JsonView rule) {
        if (rule["rule"].string_or("") != "connect-pod") return;
        found = true;
        EXPECT_GE(rule["runs"].unsigned_integer().value_or(0), 1u);
        EXPECT_GE(rule["times"].size(), 1u);
        EXPECT_GE(rule["causes"].size(), 1u);
    });
    EXPECT_TRUE(found) << json.out;
}

TEST_F(Insight, PlanShowsWhatWouldChangeAndTouchesNothing) {
    const auto none = ctl({"plan"});
    ASSERT_EQ(none.status, 0) << none.err;
    EXPECT_THAT(none.out, StartsWith("no row would change\n"));

    const auto deleted = ctl({"plan", "--delete", "pod/web/p1"});
    ASSERT_EQ(deleted.status, 0) << deleted.err;
    EXPECT_THAT(deleted.out, AllOf(HasSubstr("rows would change\n"), HasSubstr("OVN northbound: 1 removed\n"),
                                   HasSubstr("  - NB/Logical_Switch_Port web_p1\n")));
    const auto added = ctl({"plan", "--apply", file("new.yaml", pod_yaml("new"))});
    ASSERT_EQ(added.status, 0) << added.err;
    EXPECT_THAT(added.out,
                HasSubstr("  + NB/Logical_Switch_Port web_new  by default-network/connect-pod for Pod web/new\n"));
    EXPECT_THAT(added.out, Not(HasSubstr("web_p1")));
    // Replaced by what it is already: what the cluster has added to it since stays.
    EXPECT_THAT(ctl({"plan", "--apply", file("same.yaml", pod_yaml("p1"))}).out, StartsWith("no row would change\n"));
    const auto bad = ctl(
        {"plan", "--apply", file("bad.yaml", pod_yaml("bad", ", annotations: {k8s.ovn.org/pod-networks: nonsense}"))});
    EXPECT_THAT(bad.out, AllOf(HasSubstr("Rules that would wait or fail\n"), HasSubstr("for Pod web/bad\n")));
    const auto odd = ctl({"plan", "--apply", file("odd.yaml", "{apiVersion: v1, kind: Secret, metadata: {name: s}}")});
    EXPECT_THAT(odd.out, HasSubstr("note: Secret s is no fact for the enabled plugins: passed over\n"));

    const auto without = ctl({"plan", "--disable", "default-network", "--summary"});
    ASSERT_EQ(without.status, 0) << without.err;
    EXPECT_THAT(without.out, AllOf(HasSubstr(" removed\n"), Not(HasSubstr("web_p1"))));
    EXPECT_EQ(ctl({"plan", "--enable", "nobody"}).status, 1);

    const auto other = file("other.conf", read_file(weftd.config_file) + "[default]\nmtu = 1300\n");
    const auto mtu = ctl({"plan", "--config", other});
    ASSERT_EQ(mtu.status, 0) << mtu.err;
    EXPECT_THAT(mtu.out, AllOf(HasSubstr("configuration: [default] mtu: 1400 → 1300"),
                               HasSubstr("~ PodInterface web/p1"), HasSubstr("mtu: 1400 → 1300")));
    const auto broken = ctl({"plan", "--config", file("broken.conf", "[default]\nmtu = many\n")});
    EXPECT_EQ(broken.status, 1);
    EXPECT_THAT(broken.err, HasSubstr("broken.conf:2"));

    // It was just talk.
    WEFT_ASSERT_OK(nbctl({"lsp-get-addresses", "web_p1"}));
    EXPECT_THAT(ctl({"plan"}).out, StartsWith("no row would change\n"));
    EXPECT_EQ(ctl({"verify"}).status, 0);
}

TEST_F(Insight, SupportHasEverythingButSecrets) {
    const std::string web_token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJlLXNpZw";
    const std::string key =
        "-----BEGIN " + std::string("PRIVATE KEY-----") + "\\nplantedkey\\n-----END PRIVATE KEY-----";
    WEFT_ASSERT_OK(node->bed().api().apply_yaml(
        pod_yaml("p1", ", annotations: {k8s.ovn.org/note: \"" + web_token + "\", k8s.ovn.org/other: \"" + key +
                           "\", k8s.ovn.org/third: \"password=planted-word\"}")));
    WEFT_ASSERT_OK(wait_for("the annotations", [&]() -> Result<void> {
        const auto seen = ctl({"explain", "pod/web/p1", "--row"});
        return seen.out.find("planted-word") != std::string::npos ? Result<void>() : Result<void>(waiting(seen.out));
    }));
    // Tokens in the configuration, and one in a file that weftd does not log to but weftctl is told it does.
    const auto log = file("planted.log", "request with Authorization: Bearer planted-bearer\nlast line\n");
    write_file(weftd.config_file, read_file(weftd.config_file) +
                                      "[kubernetes]\ntoken = planted-token\n[logging]\nlogfile = " + log + "\n");
    // What stands in for the journal: tests don't depend on whether this machine has one.
    const auto program = file("bin/journalctl", "#!/bin/sh\necho \"$@\"\necho planted line, token=planted-journal\n");
    using std::filesystem::perms;
    std::filesystem::permissions(program, perms::owner_all);
    const std::string path = ::getenv("PATH");
    ::setenv("PATH", (std::filesystem::path(program).parent_path().string() + ":" + path).c_str(), 1);
    const auto archive = (node->bed().dir() / "support.tar.gz").string();
    const auto made = ctl({"support", "--file", archive});
    ::setenv("PATH", path.c_str(), 1);
    ASSERT_EQ(made.status, 0) << made.err;
    EXPECT_THAT(made.out, StartsWith(archive + ": "));
    EXPECT_EQ(made.err, "");
    EXPECT_EQ(std::filesystem::status(archive).permissions() & (perms::group_all | perms::others_all), perms::none);
    const auto names = run_ok({"tar", "-tzf", archive});
    WEFT_ASSERT_OK(names);
    for (const char* name :
         {"/status.txt\n", "/status.json\n", "/config.txt\n", "/metrics.txt\n", "/top.json\n", "/verify.json\n",
          "/graph.json\n", "/plugins.json\n", "/log/weftd.log\n", "/log/journal.log\n",
          "/rows/NB_Logical_Switch_Port.jsonl\n", "/rows/Pod.jsonl\n", "/recording.weftrec\n"}) {
        EXPECT_THAT(*names, HasSubstr(name));
    }
    const auto all = run_ok({"tar", "-xzOf", archive});
    WEFT_ASSERT_OK(all);
    EXPECT_THAT(*all, AllOf(HasSubstr("web_p1"), HasSubstr("last line"), HasSubstr("--identifier=weftd"),
                            HasSubstr("planted line"), HasSubstr("k8s.ovn.org/note"), HasSubstr("(removed)")));
    for (const char* planted :
         {"planted-token", "plantedkey", "planted-word", "planted-bearer", "planted-journal", "eyJhbGci"})
        EXPECT_THAT(*all, Not(HasSubstr(planted)));
    // What the copy of the recording has lost is secrets only: it can be replayed, and the rows are there.
    const auto folder = file("unpacked/here", "");
    WEFT_ASSERT_OK(run_ok(
        {"tar", "-xzf", archive, "--strip-components=1", "-C", std::filesystem::path(folder).parent_path().string()}));
    const auto recording = std::filesystem::path(folder).parent_path() / "recording.weftrec";
    const auto replayed = ctl({"replay", recording.string(), "--explain", "pod/web/p1", "--row"});
    EXPECT_EQ(replayed.status, 0) << replayed.err;
    EXPECT_THAT(replayed.out, AllOf(HasSubstr("Logical_Switch_Port web_p1"), HasSubstr("password=xxxxxxxxxxxx")));
    EXPECT_EQ(ctl({"support", "--file", archive}).status, 1) << "nothing is overwritten";

    WEFT_ASSERT_OK(weftd.process.stop());
    const auto without = ctl({"support", "--file", archive + "2"});
    EXPECT_EQ(without.status, 0);
    EXPECT_THAT(without.err, HasSubstr("not in it: status: is weftd running?"));
    write_file(weftd.config_file, "[default]\nmtu = many\n");
    EXPECT_EQ(ctl({"support", "--file", archive + "3"}).status, 0);
    const auto broken = run_ok({"tar", "-tzf", archive + "3"});
    WEFT_ASSERT_OK(broken);
    EXPECT_THAT(*broken, AllOf(HasSubstr("/config.error\n"), HasSubstr("/log/journal.log\n")));
}

TEST_F(Insight, PluginsAreSwitchedByHand) {
    const auto off = ctl({"plugins", "disable", "default-network"});
    ASSERT_EQ(off.status, 0) << off.err;
    EXPECT_THAT(off.out,
                AllOf(StartsWith("plugin default-network is now disabled\nuntil weftd restarts or reloads; "),
                      HasSubstr(weftd.config_file.string() + ":\n  [plugins]\n  disable = default-network\n")));
    wait_port("web_p1", false);
    EXPECT_THAT(ctl({"plugins"}).out, HasSubstr("by hand, until weftd restarts or reloads"));
    EXPECT_THAT(ctl({"plan", "--enable", "default-network"}).out, HasSubstr("+ NB/Logical_Switch_Port web_p1"));
    const auto on = ctl({"plugins", "enable", "default-network"});
    ASSERT_EQ(on.status, 0) << on.err;
    EXPECT_THAT(on.out,
                AllOf(StartsWith("plugin default-network is now enabled\n"), HasSubstr("stays so after a restart")));
    wait_port("web_p1", true);
    EXPECT_THAT(ctl({"plugins", "enable", "default-network"}).out,
                StartsWith("plugin default-network was already enabled"));
    const auto nobody = ctl({"plugins", "enable", "nobody"});
    EXPECT_EQ(nobody.status, 1);
    EXPECT_THAT(nobody.err, HasSubstr("no plugin \"nobody\" is installed"));
    EXPECT_EQ(ctl({"plugins", "enable"}).status, 2);
    EXPECT_EQ(ctl({"verify"}).status, 0);
}

}  // namespace
}  // namespace weft::testing
