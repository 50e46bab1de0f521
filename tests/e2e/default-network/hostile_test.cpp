// What people and programs may write into objects: each mistake is told on its object, everything else goes on.
#include "fixture.hpp"

#include <weft/base/json.hpp>

#include <fstream>
#include <functional>
#include <sstream>

namespace weft::testing {
namespace {

/// A mistake as it must be told.
struct Told {
    std::string kind;
    std::string ns;  ///< of the object; empty for nodes
    std::string name;
    std::string field;
    std::string reason;  ///< part of it

    std::string object() const { return kind + " " + (ns.empty() ? "" : ns + "/") + name; }
};

std::string annotation(const std::string& name) {
    return "metadata.annotations[k8s.ovn.org/" + name + "]";
}

/// Where a weftd can be asked.
struct Weftd {
    std::filesystem::path run_dir;
    std::filesystem::path log;
};

class Hostile : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        auto started = WeftCluster::start();
        ASSERT_TRUE(started.ok()) << started.error().text();
        weft = started->release();
    }
    static void TearDownTestSuite() {
        delete weft;
        weft = nullptr;
    }
    void SetUp() override { ASSERT_NE(weft, nullptr); }

    static Cluster& cluster() { return weft->cluster(); }
    static Weftd node_weftd(const std::string& node) {
        auto& n = cluster().node(node);
        return {n.ovn->dir() / "weft", n.weftd.spec().log};
    }
    static Weftd cluster_weftd() {
        return {cluster().testbed().dir() / "cluster", cluster().weftd_cluster().spec().log};
    }

    /// Calls `visit` with every problem that `weftctl status -o json` lists.
    static Result<void> each_problem(const Weftd& weftd, const std::function<void(JsonView)>& visit) {
        auto text = run_ok({(cluster().options().bin_dir / "weftctl").string(), "--run-dir", weftd.run_dir.string(),
                            "status", "-o", "json"});
        if (!text) return text.error();
        const auto status = JsonDocument::parse(*text);
        if (!status) return status.error();
        if (!status->root()["problems"]) return broken("no problems are listed: " + *text);
        status->root()["problems"].each(visit);
        return {};
    }
    static Result<void> in_status(const Weftd& weftd, const Told& told) {
        std::string all;
        bool found = false;
        auto asked = each_problem(weftd, [&](JsonView problem) {
            all += problem.dump() + "\n";
            const bool meant = problem["object"].string_or("") == told.object() &&
                               problem["where"].string_or("") == told.field &&
                               problem["what"].string_or("").find(told.reason) != std::string_view::npos;
            found |= meant && problem["state"].string_or("") != "waiting" && !problem["mend"].string_or("").empty();
        });
        if (!asked) return asked;
        return found ? Result<void>() : Result<void>(waiting("the status lists\n" + all));
    }
    static Result<void> in_events(const Told& told) {
        auto events = cluster().api().get("/api/v1/events");
        if (!events) return events.error();
        std::string all;
        bool found = false;
        events->root()["items"].each([&](JsonView event) {
            const auto object = event["involvedObject"];
            if (object["kind"].string_or("") != told.kind || object["name"].string_or("") != told.name) return;
            const std::string message(event["message"].string_or(""));
            all += message + "\n";
            found |= event["type"].string_or("") == "Warning" && message.starts_with(told.field + ": ") &&
                     message.find(told.reason) != std::string::npos && message.ends_with(")");
        });
        return found ? Result<void>() : Result<void>(waiting("its Events are\n" + all));
    }
    static Result<void> in_log(const Weftd& weftd, const Told& told) {
        std::ifstream file(weftd.log);
        for (std::string line; std::getline(file, line);) {
            bool all = line.find(" mend=\"") != std::string::npos;
            for (const auto& part : {" object=\"" + told.object() + "\"", " field=" + told.field + " ", told.reason})
                all = all && line.find(part) != std::string::npos;
            if (all) return {};
        }
        return waiting("the log has no such line");
    }
    /// It was told, whether or not it still is so.
    static void expect_noted(const Weftd& weftd, const Told& told) {
        SCOPED_TRACE(told.object() + ": " + told.reason);
        WEFT_EXPECT_OK(wait_for("an Event to say it", [&] { return in_events(told); }));
        WEFT_EXPECT_OK(wait_for("the log to say it", [&] { return in_log(weftd, told); }));
    }
    /// It is told wherever people look.
    static void expect_told(const Weftd& weftd, const Told& told) {
        SCOPED_TRACE(told.object() + ": " + told.reason);
        WEFT_EXPECT_OK(wait_for("weftctl status to say it", [&] { return in_status(weftd, told); }));
        expect_noted(weftd, told);
    }
    /// Nothing is wrong with the object any more.
    static void expect_well(const Weftd& weftd, const std::string& object) {
        WEFT_EXPECT_OK(wait_for(object + " to be well", [&]() -> Result<void> {
            std::string left;
            auto asked = each_problem(weftd, [&](JsonView problem) {
                if (problem["object"].string_or("") == object) left += problem.dump() + "\n";
            });
            if (!asked) return asked;
            return left.empty() ? Result<void>() : Result<void>(waiting(left));
        }));
    }

    static Result<void> add_pod(const std::string& name, const std::string& annotation_name, const std::string& value) {
        return cluster().apply_text(
            "{apiVersion: v1, kind: Namespace, metadata: {name: web}}\n---\n"
            "{apiVersion: v1, kind: Pod, metadata: {name: " +
            name + ", namespace: web, annotations: {\"" + annotation_name + "\": " + json_quote(value) +
            "}}, spec: {nodeName: n1, containers: [{name: c, image: i}]}}\n");
    }
    static std::string annotation_of_node(const std::string& node, const std::string& name) {
        const auto object = cluster().api().get("/api/v1/nodes/" + node);
        if (!object) return {};
        return std::string(object->root()["metadata"]["annotations"]["k8s.ovn.org/" + name].string_or(""));
    }
    struct FakeNode {
        std::string name;
        std::string id;
        std::string subnets;  ///< JSON
        std::string transit;  ///< JSON
        std::string chassis;
        std::string encap;  ///< JSON
    };
    /// A Node object without a machine, as if weft had annotated it.
    static Result<void> add_node_object(const FakeNode& node) {
        JsonWriter w;
        w.object([&] {
            w.member("apiVersion", "v1").member("kind", "Node");
            w.key("metadata").object([&] {
                w.member("name", node.name).key("annotations").object([&] {
                    w.member("k8s.ovn.org/node-id", node.id).member("k8s.ovn.org/node-subnets", node.subnets);
                    w.member("k8s.ovn.org/node-transit-switch-port-ifaddr", node.transit);
                    w.member("k8s.ovn.org/node-chassis-id", node.chassis);
                    w.member("k8s.ovn.org/node-encap-ips", node.encap);
                });
            });
        });
        auto made = cluster().api().create("/api/v1/nodes", w.text());
        return made ? Result<void>() : Result<void>(made.error());
    }

    static WeftCluster* weft;
};

WeftCluster* Hostile::weft = nullptr;

TEST_F(Hostile, PodsWithMistakesAreToldAndHoldUpNobody) {
    const auto before = weft->pod("web", "before", "n1");
    WEFT_ASSERT_OK(before);
    const std::string taken = before->address(Family::v4)->text();
    const auto entry = [](const std::string& ip, const std::string& mac) {
        return R"({"default":{"ip_addresses":[")" + ip + R"(/24"],"mac_address":")" + mac + R"("}})";
    };
    const std::string mac = "0a:58:0a:f4:00:63";
    const std::string pod_networks = "k8s.ovn.org/pod-networks";
    const std::string default_network = "v1.multus-cni.io/default-network";
    struct Mistake {
        std::string name;
        std::string annotation;
        std::string value;
        std::string reason;
    };
    const std::vector<Mistake> mistakes{
        {"broken-json", pod_networks, R"({"default":)", "no JSON object"},
        {"nested", pod_networks, std::string(5000, '['), "no JSON object"},
        {"broken-mac", pod_networks, entry("10.244.0.99", "0a:58:zz"), "mac_address is no MAC of an interface"},
        {"asks-broken-mac", default_network, R"([{"name":"default","mac":"zz"}])", "mac is no MAC of an interface"},
        {"broken-list", default_network, "[{", "no JSON list of network selections"},
        {"outside", pod_networks, entry("10.9.9.9", mac), "10.9.9.9 is none of the addresses of this pool"},
        {"thief", pod_networks, entry(taken, mac), taken + " is the address of web_before"},
        {"router", pod_networks, entry("10.244.0.1", mac), "10.244.0.1 is the address of the cluster router"},
        {"broken-route", "k8s.v1.cni.cncf.io/networks", R"([{"name":"a","default-route":["x"]}])",
         "default-route is no IP address"},
    };
    for (const auto& m : mistakes)
        WEFT_ASSERT_OK(add_pod(m.name, m.annotation, m.value));
    for (const auto& m : mistakes) {
        expect_told(node_weftd("n1"), {"Pod", "web", m.name, "metadata.annotations[" + m.annotation + "]", m.reason});
        const auto port = weft->find("n1", "Logical_Switch_Port", "name", "name=web_" + m.name);
        WEFT_ASSERT_OK(port);
        EXPECT_EQ(*port, "") << "a pod in error has no port";
    }

    const auto after = weft->pod("web", "after", "n1");
    WEFT_ASSERT_OK(after);
    const auto far = weft->pod("web", "far", "n2");
    WEFT_ASSERT_OK(far);
    expect_reach(*after, *before);
    expect_reach(*after, *far);

    // One that is mended goes on by itself.
    WEFT_ASSERT_OK(cluster().api().merge_patch("/api/v1/namespaces/web/pods/broken-json",
                                               R"({"metadata":{"annotations":{"k8s.ovn.org/pod-networks":null}}})"));
    const auto mended = cluster().wait_pod("web", "broken-json");
    WEFT_ASSERT_OK(mended);
    expect_reach(*mended, *far);
    expect_well(node_weftd("n1"), "Pod web/broken-json");
}

TEST_F(Hostile, LongNamesAndLargeObjectsAreNoHarm) {
    const std::string ns(63, 'n');
    WEFT_ASSERT_OK(cluster().apply_text("{apiVersion: v1, kind: Namespace, metadata: {name: " + ns + "}}"));
    const auto create = [&](const std::string& name, const std::function<void(JsonWriter&)>& metadata) {
        JsonWriter w;
        w.object([&] {
            w.member("apiVersion", "v1").member("kind", "Pod");
            w.key("metadata").object([&] {
                w.member("name", name).member("namespace", ns);
                metadata(w);
            });
            w.key("spec").object([&] {
                w.member("nodeName", "n1").key("containers").array([&] {
                    w.object([&] { w.member("name", "c").member("image", "i"); });
                });
            });
        });
        return cluster().api().create("/api/v1/namespaces/" + ns + "/pods", w.text());
    };
    const std::string long_name = std::string(250, 'p') + "-99";
    WEFT_ASSERT_OK(create(long_name, [](JsonWriter&) {}));
    WEFT_ASSERT_OK(create("labels", [](JsonWriter& w) {
        w.key("labels").object([&] {
            for (int i = 0; i < 10'000; ++i)
                w.member("label-" + std::to_string(i), "value-" + std::to_string(i));
        });
    }));
    WEFT_ASSERT_OK(create("annotations", [](JsonWriter& w) {
        w.key("annotations").object([&] { w.member("example.org/huge", std::string(250'000, 'x')); });
    }));
    const auto far = weft->pod("web", "far-from-large", "n2");
    WEFT_ASSERT_OK(far);
    for (const auto& name : {long_name, std::string("labels"), std::string("annotations")}) {
        const auto pod = cluster().wait_pod(ns, name);
        WEFT_ASSERT_OK(pod);
        expect_reach(*pod, *far);
        expect_well(node_weftd("n1"), "Pod " + ns + "/" + name);
    }
    const auto port = weft->find("n1", "Logical_Switch_Port", "name", "name=" + ns + "_" + long_name);
    WEFT_ASSERT_OK(port);
    EXPECT_EQ(*port, ns + "_" + long_name);
}

TEST_F(Hostile, NodesThatClaimWhatOthersHaveAreToldAndPutRight) {
    const auto a = weft->pod("web", "a", "n1");
    WEFT_ASSERT_OK(a);
    const auto b = weft->pod("web", "b", "n2");
    WEFT_ASSERT_OK(b);
    expect_reach(*a, *b);
    const std::string id = annotation_of_node("n1", "node-id");
    const std::string subnets = annotation_of_node("n2", "node-subnets");
    ASSERT_NE(id, "");
    ASSERT_NE(subnets, "");

    // Without a weftd that allocates, nodes must defend themselves.
    WEFT_ASSERT_OK(cluster().weftd_cluster().stop());
    const std::string long_name = "n." + std::string(250, 'x') + "9";
    WEFT_ASSERT_OK(
        add_node_object({"twin-id", id, R"({"default":["10.244.40.0/24","fd00:10:244:40::/64"]})",
                         R"({"ipv4":"100.88.0.40/16","ipv6":"fd97::40/64"})", "chassis-twin-id", R"(["192.0.2.40"])"}));
    WEFT_ASSERT_OK(add_node_object({"twin-subnet", "41", subnets, R"({"ipv4":"100.88.0.41/16","ipv6":"fd97::29/64"})",
                                    "chassis-twin-subnet", R"(["192.0.2.41"])"}));
    WEFT_ASSERT_OK(
        add_node_object({"twin-chassis", "42", R"({"default":["10.244.42.0/24","fd00:10:244:42::/64"]})",
                         R"({"ipv4":"100.88.0.42/16","ipv6":"fd97::2a/64"})", "chassis-n2", R"(["192.0.2.42"])"}));
    WEFT_ASSERT_OK(
        add_node_object({"broken", "43", R"({"default":["10.244.43.0/24",)",
                         R"({"ipv4":"100.88.0.43/16","ipv6":"fd97::2b/64"})", "chassis-broken", R"(["192.0.2.43"])"}));
    WEFT_ASSERT_OK(
        add_node_object({long_name, "44", R"({"default":["10.244.44.0/24","fd00:10:244:44::/64"]})",
                         R"({"ipv4":"100.88.0.44/16","ipv6":"fd97::2c/64"})", "chassis-long", R"(["192.0.2.44"])"}));
    WEFT_ASSERT_OK(add_node_object({"twin-encap", "45", R"({"default":["10.244.45.0/24","fd00:10:244:45::/64"]})",
                                    R"({"ipv4":"100.88.0.45/16","ipv6":"fd97::2d/64"})", "chassis-twin-encap",
                                    annotation_of_node("n1", "node-encap-ips")}));
    const auto n1 = node_weftd("n1");
    const auto n2 = node_weftd("n2");
    expect_told(n1, {"Node", "", "twin-id", annotation("node-id"), "this node has node id " + id + " too"});
    expect_told(n2, {"Node", "", "twin-id", annotation("node-id"), "node n1 has node id " + id + " too"});
    expect_told(n1, {"Node", "", "twin-subnet", annotation("node-subnets"), "node n2 has subnet 10.244.1.0/24 too"});
    expect_told(n2, {"Node", "", "twin-subnet", annotation("node-subnets"), "subnet 10.244.1.0/24 overlaps this node"});
    expect_told(n1, {"Node", "", "twin-chassis", annotation("node-chassis-id"), "node n2 has chassis id"});
    expect_told(n2, {"Node", "", "twin-chassis", annotation("node-chassis-id"), "this node has chassis id"});
    expect_told(n1, {"Node", "", "twin-encap", annotation("node-encap-ips"), "this node has tunnel address"});
    expect_told(n2, {"Node", "", "twin-encap", annotation("node-encap-ips"), "node n1 has tunnel address"});
    expect_told(n1, {"Node", "", "broken", annotation("node-subnets"), "not valid JSON"});
    WEFT_ASSERT_OK(wait_for("the way to the node with a long name", [&]() -> Result<void> {
        const auto route = weft->find("n1", "Logical_Router_Static_Route", "nexthop", "ip_prefix=10.244.44.0/24");
        if (!route) return route.error();
        return *route == "100.88.0.44" ? Result<void>() : Result<void>(waiting("it leads to \"" + *route + "\""));
    }));
    const auto later = weft->pod("web", "later", "n1");
    WEFT_ASSERT_OK(later);
    expect_reach(*later, *b);
    expect_reach(*a, *b);

    // With one, the younger ones get something else, and that is the end of it.
    WEFT_ASSERT_OK(cluster().weftd_cluster().restart());
    expect_noted(cluster_weftd(), {"Node", "", "twin-id", annotation("node-id"), id + " belongs to node/n1"});
    expect_noted(cluster_weftd(), {"Node", "", "twin-subnet", annotation("node-subnets"), "overlaps 10.244.1.0/24"});
    expect_told(cluster_weftd(), {"Node", "", "broken", annotation("node-subnets"), "not valid JSON"});
    for (const auto* name : {"twin-id", "twin-subnet"}) {
        expect_well(n1, "Node " + std::string(name));
        expect_well(n2, "Node " + std::string(name));
        expect_well(cluster_weftd(), "Node " + std::string(name));
    }
    EXPECT_NE(annotation_of_node("twin-id", "node-id"), id);
    EXPECT_NE(annotation_of_node("twin-subnet", "node-subnets"), subnets);
    EXPECT_EQ(annotation_of_node("n1", "node-id"), id);
    EXPECT_EQ(annotation_of_node("n2", "node-subnets"), subnets);
    expect_reach(*later, *b);

    for (const auto& name : {std::string("twin-id"), std::string("twin-subnet"), std::string("twin-chassis"),
                             std::string("twin-encap"), std::string("broken"), long_name}) {
        WEFT_ASSERT_OK(cluster().api().remove("/api/v1/nodes/" + name));
    }
    expect_well(n1, "Node twin-chassis");
    expect_well(n1, "Node broken");
    expect_reach(*a, *b);
    const auto last = weft->pod("web", "last", "n2");
    WEFT_ASSERT_OK(last);
    expect_reach(*a, *last);
}

}  // namespace
}  // namespace weft::testing
