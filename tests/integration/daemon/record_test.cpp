// A node that is recorded, and the same again by weftctl replay, without weftd and its world.
#include "node_bed.hpp"

#include <csignal>

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

class Record : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = NodeBed::make();
        WEFT_ASSERT_OK(made);
        node = *std::move(made);
        WEFT_ASSERT_OK(node->start_database("nb"));
        WEFT_ASSERT_OK(node->start_database("sb"));
        WEFT_ASSERT_OK(node->bed().api().apply_yaml("{apiVersion: v1, kind: Namespace, metadata: {name: web}}"));
        WEFT_ASSERT_OK(node->bed().api().apply_yaml(node_yaml("n1", 2)));
        auto started_cluster = node->bed().start(
            {.name = "cluster", .role = "cluster", .config = "[debug]\nrecord = " + file("cluster.rec") + "\n"});
        WEFT_ASSERT_OK(started_cluster);
        cluster = *std::move(started_cluster);
    }
    std::string file(const std::string& name) const { return (node->bed().dir() / name).string(); }
    void start(const std::string& config) {
        auto started = node->start_weftd(config);
        WEFT_ASSERT_OK(started);
        weftd = *std::move(started);
    }
    void apply(const std::string& yaml) { WEFT_ASSERT_OK(node->bed().api().apply_yaml(yaml)); }
    /// Waits until the northbound database has the port, or has it no more; and weftd knows that.
    void wait_port(const std::string& name, bool there) {
        WEFT_ASSERT_OK(wait_for("port " + name, [&]() -> Result<void> {
            const auto ports = run_ok({"ovn-nbctl", "--db=unix:" + file("ovnnb_db.sock"), "--bare", "--columns=_uuid",
                                       "find", "Logical_Switch_Port", "name=" + name});
            if (!ports) return ports.error();
            const auto status = weftd.call("status");
            if (!status) return status.error();
            std::uint64_t behind = 1;
            status->root()["result"]["appliers"].each([&](JsonView applier) {
                if (applier["name"].string_or("") == "ovn-nb")
                    behind = applier["behind"].unsigned_integer().value_or(1);
            });
            const bool found = ports->size() > 1;
            return found == there && behind == 0 ? Result<void>() : Result<void>(waiting("log:\n" + weftd.log()));
        }));
    }
    Output ctl(const Weftd& which, std::vector<std::string> arguments) {
        auto output = node->bed().weftctl(which, std::move(arguments));
        return output ? *output : Output{-1, "", output.error().text()};
    }
    /// What happens to a node in its life.
    void live() {
        apply(pod_yaml("p1"));
        apply(pod_yaml("p2"));
        wait_port("web_p1", true);
        wait_port("web_p2", true);
        WEFT_ASSERT_OK(run_ok({"ovn-nbctl", "--db=unix:" + file("ovnnb_db.sock"), "lsp-del", "web_p2"}));
        wait_port("web_p2", true);  // it comes back
        WEFT_ASSERT_OK(node->bed().api().remove("pods", "web", "p2"));
        wait_port("web_p2", false);
        apply(pod_yaml("bad", ", annotations: {k8s.ovn.org/pod-networks: nonsense}"));
        WEFT_ASSERT_OK(weftd.wait_status("a problem", [](JsonView s) {
            bool found = false;
            s["problems"].each([&](JsonView p) { found |= p["object"].string_or("") == "Pod web/bad"; });
            return found;
        }));
        ASSERT_EQ(ctl(weftd, {"plugins", "disable", "default-network"}).status, 0);
        wait_port("web_p1", false);
        ASSERT_EQ(ctl(weftd, {"plugins", "enable", "default-network"}).status, 0);
        wait_port("web_p1", true);
        node->kill_database("nb");
        WEFT_ASSERT_OK(weftd.wait_status("the loss", [](JsonView s) { return !NodeBed::is_up(s, "ovn-nb"); }));
        apply(pod_yaml("p3"));
        WEFT_ASSERT_OK(node->start_database("nb"));
        wait_port("web_p3", true);
        write_file(weftd.config_file, read_file(weftd.config_file) + "[default]\nmtu = 1300\n");
        weftd.process.signal(SIGHUP);
        WEFT_ASSERT_OK(weftd.wait_log("key=\"[default] mtu\""));
        apply(pod_yaml("p4"));
        wait_port("web_p4", true);
    }

    std::unique_ptr<NodeBed> node;
    Weftd cluster, weftd;
};

TEST_F(Record, ANodesLifeIsReplayedToTheSameTransactions) {
    const auto rec = file("rec");
    start("[debug]\nrecord = " + rec + "\n");
    live();
    EXPECT_THAT(ctl(weftd, {"status"}).out, HasSubstr("\nrecording: " + rec + "\n"));
    EXPECT_EQ(ctl(weftd, {"verify"}).status, 0);
    WEFT_ASSERT_OK(weftd.process.stop());
    WEFT_ASSERT_OK(cluster.process.stop());

    const auto verified = ctl(weftd, {"replay", rec, "--verify"});
    EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
    EXPECT_THAT(verified.out, AllOf(StartsWith("recorded by weftd "), HasSubstr(", role node, node n1\n"),
                                    HasSubstr("the recording ends: weftd was stopped\n"),
                                    HasSubstr("\n  OVN northbound: "), HasSubstr("\n  Kubernetes: "),
                                    HasSubstr("what came of them is what was recorded\n"), Not(HasSubstr("note: "))));
    const auto of_cluster = ctl(cluster, {"replay", file("cluster.rec"), "--verify"});
    EXPECT_EQ(of_cluster.status, 0) << of_cluster.out << of_cluster.err;
    EXPECT_THAT(of_cluster.out, HasSubstr(", role cluster\n"));

    const auto ticks = ctl(weftd, {"replay", rec, "--ticks"});
    EXPECT_THAT(ticks.out, AllOf(HasSubstr("  + NB/Logical_Switch_Port web_p1\n"),
                                 HasSubstr("  - NB/Logical_Switch_Port web_p2\n"),
                                 HasSubstr("  + RuleStatus default-network/connect-pod/web/bad\n")));
    const auto why = ctl(weftd, {"replay", rec, "--explain", "nb/Logical_Switch_Port/web_p3"});
    EXPECT_EQ(why.status, 0) << why.err;
    EXPECT_THAT(why.out, AllOf(HasSubstr("  made by   default-network/connect-pod\n"), HasSubstr("Pod web/p3")));

    // At the end of the tick that made the first port p3 is still to come.
    const auto json = ctl(weftd, {"replay", rec, "--verify", "-o", "json"});
    const auto document = JsonDocument::parse(json.out);
    WEFT_ASSERT_OK(document);
    EXPECT_EQ(document->root()["allDifferences"].unsigned_integer(), 0u);
    EXPECT_GE(document->root()["ticks"].unsigned_integer().value_or(0), 10u) << "each step of live() is one at least";
    const auto text = "\n" + ticks.out;  // a weftd that knew all before its first tick makes the port on the first line
    const auto head = text.rfind("\ntick ", text.find("+ NB/Logical_Switch_Port web_p1"));
    ASSERT_NE(head, std::string::npos) << text;
    const auto tick = text.substr(head + 6, text.find(' ', head + 6) - head - 6);
    const auto early = ctl(weftd, {"replay", rec, "--until", tick, "--explain", "nb/Logical_Switch_Port/web_p1"});
    EXPECT_EQ(early.status, 0) << early.err;
    EXPECT_EQ(ctl(weftd, {"replay", rec, "--until", tick, "--explain", "nb/Logical_Switch_Port/web_p3"}).status, 1);
    EXPECT_EQ(ctl(weftd, {"replay", rec, "--until", "tomorrow"}).status, 2);
}

TEST_F(Record, ANodeThatIsKilledLeavesARecording) {
    const auto rec = file("rec");
    start("[debug]\nrecord = " + rec + "\n");
    apply(pod_yaml("p1"));
    wait_port("web_p1", true);
    WEFT_ASSERT_OK(wait_for("the port in the recording", [&]() -> Result<void> {
        const auto some = ctl(weftd, {"replay", rec, "--ticks"});
        if (some.out.find("+ NB/Logical_Switch_Port web_p1") != std::string::npos) return {};
        return waiting(some.out + some.err);
    }));
    weftd.process.kill();
    const auto verified = ctl(weftd, {"replay", rec, "--verify"});
    EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
    EXPECT_THAT(verified.out, HasSubstr("the recording ends: it was not closed: weftd was killed"));

    // Cut off in the middle of a write.
    const std::string bytes = read_file(rec);
    write_file(file("torn"), bytes.substr(0, bytes.size() - 5));
    const auto torn = ctl(weftd, {"replay", file("torn"), "--verify"});
    EXPECT_EQ(torn.status, 0) << torn.out << torn.err;
    EXPECT_THAT(torn.out, HasSubstr("in the middle of a write"));

    // The next weftd keeps what the last one left.
    start("[debug]\nrecord = " + rec + "\n");
    WEFT_ASSERT_OK(wait_for("the older piece", [&]() -> Result<void> {
        return std::filesystem::exists(rec + ".1") ? Result<void>() : Result<void>(waiting("not yet"));
    }));
    EXPECT_EQ(read_file(rec + ".1"), bytes);
}

TEST_F(Record, AFileThatCantBeWrittenIsRefused) {
    start("[debug]\nrecord = " + file("no/such/folder/rec") + "\n");
    WEFT_ASSERT_OK(weftd.wait_log("[debug] record: "));
    EXPECT_THAT(weftd.log(), AllOf(HasSubstr("No such file or directory"), HasSubstr("set [debug] record to a file")));
    const auto relative = node->bed().dir() / "relative.conf";
    write_file(relative, "[debug]\nrecord = rec\n");
    const auto checked = run({program_path("WEFTCTL"), "config", "check", relative.string()});
    WEFT_ASSERT_OK(checked);
    EXPECT_EQ(checked->status, 1);
    EXPECT_THAT(checked->err, HasSubstr("is no absolute path"));
}

}  // namespace
}  // namespace weft::testing
