// The real programs beside real databases, and the rows that OVN-Kubernetes made of the same objects. There is no
// northd and no ovs-vswitchd: the management port never comes, which must hold up no row.
#include "database.hpp"
#include "golden/east_west.hpp"

#include <weft/testing/api_server.hpp>
#include <weft/testing/testbed/assert.hpp>
#include <weft/testing/testbed/testbed.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

namespace weft::golden {
namespace {

using testing::wait_for;

const std::string folder = std::string(WEFT_SOURCE_DIR) + "/tests/golden/two-nodes-dual-stack";
const std::string schemas = std::string(WEFT_SOURCE_DIR) + "/core/ovsdb/schemas";
const std::filesystem::path programs = std::string(WEFT_BINARY_DIR) + "/bin";

std::string text_of(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
}

/// weftd on one node with its three databases.
struct GoldenNode {
    std::string name;
    std::string system_id;
    std::filesystem::path dir;
    std::map<std::string, testing::Process> databases;
    testing::Process weftd;

    std::filesystem::path north() const { return dir / "ovn" / "ovnnb_db.sock"; }
    std::filesystem::path south() const { return dir / "ovn" / "ovnsb_db.sock"; }
    std::filesystem::path open_vswitch() const { return dir / "ovs" / "db.sock"; }
};

class LiveGolden : public ::testing::Test {
  protected:
    void SetUp() override {
        auto testbed = testing::Testbed::create();
        WEFT_ASSERT_OK(testbed);
        testbed_ = *std::move(testbed);
        auto netns = testbed_->make_namespace("net");
        WEFT_ASSERT_OK(netns);
        netns_ = *std::move(netns);
        WEFT_ASSERT_OK(start_api_server());
        WEFT_ASSERT_OK(start_weftd("cluster", "", "[weft]\n"));
        add_node("n1", "00000000-0000-4000-8000-000000000002");
        add_node("n2", "00000000-0000-4000-8000-000000000003");
    }
    void TearDown() override {
        if (!HasFailure()) return;
        for (const char* name : {"weftd-cluster", "weftd-n1", "weftd-n2"}) {
            std::cerr << "--- log of " << name << "\n"
                      << text_of((testbed_->dir() / "log" / (std::string(name) + ".log")).string());
        }
    }

    Result<void> start_api_server() {
        // Its socket belongs to the namespace that weftd is in.
        auto started = netns_.inside([this]() -> Result<void> {
            auto server = testing::ApiServer::start();
            if (!server) return server.error();
            api_ = *std::move(server);
            return {};
        });
        if (!started) return started;
        if (auto made = api_->apply_yaml("{apiVersion: v1, kind: Namespace, metadata: {name: ovn-kubernetes}}"); !made)
            return made;
        return api_->restore(text_of(folder + "/objects.json"));
    }

    Result<void> start_weftd(const std::string& name, const std::string& node, const std::string& more) {
        const auto dir = testbed_->dir() / name;
        std::filesystem::create_directories(dir);
        const auto file = dir / "weft.conf";
        std::ofstream(file) << more << "run-dir = " << (dir / "weft").string()
                            << "\nplugin-dir = " << (std::filesystem::path(WEFT_BINARY_DIR) / "plugins").string()
                            << "\n\n[kubernetes]\napiserver = " << api_->url()
                            << "\nservice-cidrs = 10.96.0.0/16,fd00:10:96::/112"
                               "\n\n[default]\ncluster-subnets = 10.244.0.0/16/24,fd00:10:244::/48/64"
                               "\n\n[plugins]\nenable = default-network\n";
        testing::Argv argv{(programs / "weftd").string(), "--config-file", file.string(), "--role"};
        if (node.empty()) {
            argv.emplace_back("cluster");
        } else {
            argv.insert(argv.end(), {"node", "--node", node});
        }
        auto process = testbed_->start({.name = "weftd-" + name, .argv = std::move(argv), .netns = netns_.name()});
        if (!process) return process.error();
        (node.empty() ? cluster_ : nodes_[node].weftd) = *std::move(process);
        return {};
    }

    void add_node(const std::string& name, const std::string& system_id) {
        auto& node = nodes_[name];
        node.name = name;
        node.system_id = system_id;
        node.dir = testbed_->dir() / name;
        std::filesystem::create_directories(node.dir / "ovn");
        std::filesystem::create_directories(node.dir / "ovs");
        WEFT_ASSERT_OK(start_database(node, "ovn-nb-26.03.2", node.north()));
        WEFT_ASSERT_OK(start_database(node, "ovn-sb-26.03.2", node.south()));
        WEFT_ASSERT_OK(start_database(node, "vswitch-8.3.1", node.open_vswitch()));
        WEFT_ASSERT_OK(testing::run_ok(
            {"ovs-vsctl", "--no-wait", "--timeout=30", "--db=unix:" + node.open_vswitch().string(), "init", "--", "set",
             "Open_vSwitch", ".", "external_ids:system-id=" + system_id, "--", "add-br", "br-int"}));
        WEFT_ASSERT_OK(start_weftd(name, name,
                                   "[ovspaths]\nrun-dir = " + (node.dir / "ovs").string() +
                                       "\n\n[ovnnorth]\nrun-dir = " + (node.dir / "ovn").string() +
                                       "\n\n[ovnsouth]\nrun-dir = " + (node.dir / "ovn").string() +
                                       "\n\n[cni]\nconf-dir = " + (node.dir / "cni").string() + "\n\n[weft]\n"));
    }

    Result<void> start_database(GoldenNode& node, const std::string& schema, const std::filesystem::path& socket) {
        const auto file = socket.string() + ".db";
        if (auto made = testing::run_ok({"ovsdb-tool", "create", file, schemas + "/" + schema + ".ovsschema"}); !made) {
            return made.error();
        }
        auto process = testbed_->start(
            {.name = node.name + "-" + schema,
             .argv = {"ovsdb-server", "--no-chdir", "-vconsole:off", "-vsyslog:off",
                      "--remote=punix:" + socket.string(), "--unixctl=" + socket.string() + ".ctl", file}});
        if (!process) return process.error();
        node.databases.emplace(schema, *std::move(process));
        return wait_for(schema + " that answers", [&]() -> Result<void> {
            auto answer = testing::run_ok({"ovsdb-client", "list-dbs", "unix:" + socket.string()});
            return answer ? Result<void>() : Result<void>(answer.error());
        });
    }

    static Rows golden_north(const std::string& node) { return east_west(lines_of(folder + "/" + node + "-nb.rows")); }

    /// Waits until the node's northbound database holds the golden rows and nothing else.
    Result<void> wait_golden(GoldenNode& node) {
        const auto expected = golden_north(node.name);
        return wait_for("the golden rows in " + node.name + "'s northbound database", [&]() -> Result<void> {
            const auto lines = rows_of(node.north(), "OVN_Northbound");
            if (!lines) return lines.error();
            const auto found = east_west(*lines);
            if (found.left_out != 0) return waiting("rows of a half that is not there yet");
            const auto wrong = difference(expected.rows, found.rows);
            return wrong.empty() ? Result<void>() : Result<void>(waiting("they differ:\n" + wrong));
        });
    }
    /// Waits until the node's weftd has served a new pod, annotation included, and seen its end: until it is done with
    /// what was before.
    Result<void> wait_pod_served(GoldenNode& node) {
        const std::string yaml =
            "{apiVersion: v1, kind: Pod, metadata: {name: probe, namespace: red}, "
            "spec: {nodeName: " +
            node.name + ", containers: [{name: c, image: i}]}}";
        if (auto made = api_->apply_yaml(yaml); !made) return made;
        const auto port = [&](bool wanted) {
            return wait_for(wanted ? "a port for pod red/probe" : "its end", [&]() -> Result<void> {
                const auto lines = rows_of(node.north(), "OVN_Northbound");
                if (!lines) return lines.error();
                bool there = false;
                for (const auto& line : *lines)
                    there |= line.find("\"name\":\"red_probe\"") != std::string::npos;
                return there == wanted ? Result<void>() : Result<void>(waiting(there ? "it is there" : "it isn't"));
            });
        };
        if (auto done = port(true); !done) return done;
        const bool annotated = api_->wait_for("pods", "red", "probe", [](JsonView pod) {
            return pod["metadata"]["annotations"]["k8s.ovn.org/pod-networks"].present();
        });
        if (!annotated) return waiting("pod red/probe has no annotation");
        if (auto removed = api_->remove("pods", "red", "probe"); !removed) return removed;
        return port(false);
    }

    std::unique_ptr<testing::Testbed> testbed_;
    testing::NetworkNamespace netns_;
    std::unique_ptr<testing::ApiServer> api_;
    testing::Process cluster_;
    std::map<std::string, GoldenNode> nodes_;
};

TEST_F(LiveGolden, BothNodesDatabasesHoldThePeersRows) {
    for (auto& [name, node] : nodes_) {
        SCOPED_TRACE(name);
        EXPECT_EQ(golden_north(name).rows.size(), 42U);
        EXPECT_EQ(golden_north(name).left_out, 26U);
        WEFT_ASSERT_OK(wait_golden(node));

        // Of the southbound rows weft's are those of the other node: the own chassis is ovn-controller's.
        std::vector<std::string> expected;
        for (const auto& line : lines_of(folder + "/" + name + "-sb.rows")) {
            const bool own = line.find(node.system_id) != std::string::npos;
            if (!own && line.find("SB_Global") == std::string::npos) expected.push_back(line);
        }
        ASSERT_EQ(expected.size(), 2U) << "a chassis and its encapsulation";
        const auto south = rows_of(node.south(), "OVN_Southbound");
        WEFT_ASSERT_OK(south);
        EXPECT_EQ(difference(east_west(expected).rows, east_west(*south).rows), "");
    }
}

TEST_F(LiveGolden, NodesAndPodsKeepTheirAnnotations) {
    for (auto& [name, node] : nodes_) {
        WEFT_ASSERT_OK(wait_golden(node));
        WEFT_ASSERT_OK(wait_pod_served(node));
    }
    const auto before = JsonDocument::parse(text_of(folder + "/objects.json"));
    WEFT_ASSERT_OK(before);
    std::size_t compared = 0;
    before->root()["items"].each([&](JsonView object) {
        const std::string kind(object["kind"].string_or(""));
        if (kind != "Node" && kind != "Pod") return;
        const JsonView metadata = object["metadata"];
        const std::string name(metadata["name"].string_or(""));
        const auto text = api_->get(kind, metadata["namespace"].string_or(""), name);
        ASSERT_TRUE(text) << name;
        const auto now = JsonDocument::parse(*text);
        WEFT_ASSERT_OK(now);
        metadata["annotations"].members([&](std::string_view annotation, JsonView value) {
            ++compared;
            EXPECT_EQ(now->root()["metadata"]["annotations"][annotation].string_or("(none)"), value.string_or(""))
                << name << " " << annotation;
        });
    });
    EXPECT_GT(compared, 20U);
}

TEST_F(LiveGolden, ARestartWritesNothing) {
    for (auto& [name, node] : nodes_)
        WEFT_ASSERT_OK(wait_golden(node));
    auto& node = nodes_["n1"];
    WEFT_ASSERT_OK(wait_pod_served(node));
    const auto north = exact_rows_of(node.north(), "OVN_Northbound");
    const auto south = exact_rows_of(node.south(), "OVN_Southbound");
    const auto open_vswitch = exact_rows_of(node.open_vswitch(), "Open_vSwitch");
    WEFT_ASSERT_OK(north);
    WEFT_ASSERT_OK(south);
    WEFT_ASSERT_OK(open_vswitch);
    WEFT_ASSERT_OK(node.weftd.restart());
    // It is done when it serves pods, on another node's rows as well: the pod's own change is the only one.
    WEFT_ASSERT_OK(wait_pod_served(node));
    const auto changed = [](const std::vector<std::string>& before, const Result<std::vector<std::string>>& after) {
        return after ? difference(before, *after) : after.error().text();
    };
    EXPECT_EQ(changed(*south, exact_rows_of(node.south(), "OVN_Southbound")), "");
    EXPECT_EQ(changed(*open_vswitch, exact_rows_of(node.open_vswitch(), "Open_vSwitch")), "");
    // Only the switch, of which the pod's port was a member for a while, has another version.
    const auto lines = changed(*north, exact_rows_of(node.north(), "OVN_Northbound"));
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) {
        EXPECT_EQ(line.substr(2, 15), "Logical_Switch ") << line;
        EXPECT_NE(line.find("\"name\":\"n1\""), std::string::npos) << line;
    }
}

TEST_F(LiveGolden, RowsThatOthersMadeStayAndRowsThatGoComeBack) {
    for (auto& [name, node] : nodes_)
        WEFT_ASSERT_OK(wait_golden(node));
    auto& node = nodes_["n2"];
    const auto nbctl = [&](testing::Argv arguments) {
        testing::Argv argv{"ovn-nbctl", "--timeout=30", "--no-leader-only", "--db=unix:" + node.north().string()};
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        return testing::run_ok(argv);
    };
    WEFT_ASSERT_OK(nbctl({"lr-del", "ovn_cluster_router", "--", "ls-del", "n2", "--", "ls-del", "transit_switch"}));
    WEFT_ASSERT_OK(wait_golden(node));
    // A pod's port on another switch is moved; the switch stays.
    WEFT_ASSERT_OK(nbctl({"lsp-del", "red_p3", "--", "ls-add", "wrong", "--", "lsp-add", "wrong", "red_p3", "--", "set",
                          "Logical_Switch_Port", "red_p3", "external_ids:namespace=red", "external_ids:pod=true"}));
    WEFT_ASSERT_OK(wait_pod_served(node));
    const auto left = nbctl({"lsp-list", "wrong"});
    WEFT_ASSERT_OK(left);
    EXPECT_EQ(*left, "");
    WEFT_ASSERT_OK(nbctl({"ls-del", "wrong"}));
    WEFT_ASSERT_OK(wait_golden(node));
    WEFT_ASSERT_OK(nbctl({"ls-add", "somebody-elses", "--", "lsp-add", "somebody-elses", "port"}));
    WEFT_ASSERT_OK(wait_pod_served(node));
    WEFT_ASSERT_OK(nbctl({"lsp-del", "port", "--", "ls-del", "somebody-elses"}));  // fails if weft had touched them
    WEFT_ASSERT_OK(wait_golden(node));
}

}  // namespace
}  // namespace weft::golden
