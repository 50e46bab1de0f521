#include "fixture.hpp"

#include <fstream>
#include <sstream>

namespace weft::testing {

namespace {

Result<std::string> status_of(const ClusterNode& node, const Argv& arguments = {}) {
    const auto weftctl = std::filesystem::path(node.weftd.spec().argv.front()).parent_path() / "weftctl";
    Argv argv{weftctl.string(), "--run-dir", (node.ovn->dir() / "weft").string(), "status"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run_ok(argv);
}

/// What a node's weftd says of itself, and its log: for a test that ends before it began.
std::string what_is_with(const ClusterNode& node) {
    const auto status = status_of(node);
    std::ostringstream log;
    log << std::ifstream(node.weftd.spec().log).rdbuf();
    return (status ? *status : status.error().text()) + "\n" + log.str();
}

}  // namespace

Result<std::unique_ptr<WeftCluster>> WeftCluster::start(ClusterOptions options) {
    auto made = std::make_unique<WeftCluster>();
    auto testbed = Testbed::create();
    if (!testbed) return testbed.error();
    made->testbed_ = *std::move(testbed);
    auto cluster = Cluster::start(*made->testbed_, std::move(options));
    if (!cluster) return cluster.error();
    made->cluster_ = *std::move(cluster);
    for (const auto& name : made->cluster_->node_names()) {
        if (auto ready = made->cluster_->wait_node_ready(name); !ready) {
            return waiting(ready.error().text() + "\n" + what_is_with(made->cluster_->node(name)));
        }
    }
    return made;
}

WeftCluster::~WeftCluster() {
    if (!cluster_) return;
    const auto missing = cluster_->missing_rights();
    // A test may end with the API server away.
    if (!missing) return;
    for (const auto& right : *missing)
        ADD_FAILURE() << "weftctl rbac prints no rule for " << right;
}

Result<RunningPod> WeftCluster::pod(const std::string& ns, const std::string& name, const std::string& node,
                                    const std::string& annotations) {
    const std::string yaml = "{apiVersion: v1, kind: Namespace, metadata: {name: " + ns + "}}\n---\n" +
                             "{apiVersion: v1, kind: Pod, metadata: {name: " + name + ", namespace: " + ns +
                             ", annotations: {" + annotations + "}}, spec: {nodeName: " + node +
                             ", containers: [{name: c, image: i}]}}\n";
    if (auto applied = cluster_->apply_text(yaml); !applied) return applied.error();
    return cluster_->wait_pod(ns, name);
}

Result<std::string> WeftCluster::northbound(const std::string& node) {
    std::string all;
    for (const char* table :
         {"ACL", "Copp", "Gateway_Chassis", "Load_Balancer_Group", "Logical_Router", "Logical_Router_Port",
          "Logical_Router_Static_Route", "Logical_Switch", "Meter", "Meter_Band", "Port_Group"}) {
        auto rows = cluster_->node(node).ovn->nbctl({"list", table});
        if (!rows) return rows;
        all += *rows;
    }
    // OVN itself writes `up` of a port.
    auto ports = cluster_->node(node).ovn->nbctl(
        {"--columns=_uuid,name,addresses,port_security,options,external_ids,type", "list", "Logical_Switch_Port"});
    if (!ports) return ports;
    return all + *ports;
}

Result<std::string> WeftCluster::find(const std::string& node, const std::string& table, const std::string& columns,
                                      const std::string& condition) {
    auto found = cluster_->node(node).ovn->nbctl({"--bare", "--columns=" + columns, "find", table, condition});
    while (found && found->ends_with('\n'))
        found->pop_back();
    return found;
}

Result<void> WeftCluster::wait_weftd_ready(const std::string& node) {
    return wait_for("weftd of " + node + " to be ready", [&]() -> Result<void> {
        const auto text = status_of(cluster_->node(node), {"-o", "json"});
        if (!text) return waiting(text.error().text());
        const auto status = JsonDocument::parse(*text);
        if (!status) return status.error();
        return status->root()["ready"].boolean().value_or(false) ? Result<void>() : Result<void>(waiting(*text));
    });
}

Result<void> WeftCluster::wait_followed(const std::string& node) {
    if (auto synced = cluster_->node(node).ovn->nbctl({"--timeout=60", "--wait=hv", "sync"}); !synced)
        return synced.error();
    return {};
}

void expect_reach(const RunningPod& from, const RunningPod& to) {
    for (const Family family : {Family::v4, Family::v6}) {
        const auto address = to.address(family);
        if (!address || !from.address(family)) continue;
        SCOPED_TRACE(from.name + " to " + to.name + " at " + address->text());
        WEFT_ASSERT_OK(wait_reachable(from.netns, *address));
        // The switch may drop one while ovn-controller lays the flows of other pods, also without weft.
        WEFT_ASSERT_OK(wait_for("pings without a loss", [&]() -> Result<void> {
            const auto result = ping(from.netns, *address);
            if (!result) return result.error();
            return result->lost() == 0 ? Result<void>()
                                       : Result<void>(waiting(std::to_string(result->lost()) + " lost"));
        }));
        WEFT_ASSERT_OK(tcp_stream(from.netns, *address, {.segments = 50}));
    }
}

}  // namespace weft::testing
