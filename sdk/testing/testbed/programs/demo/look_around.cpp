#include "look_around.hpp"

#include "by_kubectl.hpp"

#include <iostream>

namespace weft::demo {

namespace {

/// From the first pod to the farthest one: on another node, if there is one.
std::string ping_command(const std::vector<testing::RunningPod>& pods) {
    for (const auto& to : pods) {
        if (to.node != pods.front().node && !to.addresses.empty()) {
            return "ip netns exec " + pods.front().netns.name() + " ping -c 3 " + to.addresses.front().text();
        }
    }
    return "ip netns exec " + pods.front().netns.name() + " ip addr";
}

}  // namespace

void tell_how_to_look_around(const Steps& steps, testing::Cluster& cluster,
                             const std::vector<testing::RunningPod>& pods) {
    const auto dir = cluster.testbed().dir().string();
    const auto first = cluster.node_names().front();
    const auto& node = cluster.node(first);
    const auto weftctl = (cluster.options().bin_dir / "weftctl").string() + " --config-file ";
    const auto show = [&](const std::string& what, const std::string& command) {
        std::cout << steps.dim("  # " + what) << "\n  " << command << "\n";
    };
    steps.heading("Look around (it stays until tests/demo --down)");
    const auto kubectl = cluster.options().kubelets ? kubectl_command(cluster)
                                                    : "ip netns exec " + cluster.underlay().netns().name() +
                                                          " kubectl --kubeconfig " + cluster.kubeconfig().string();
    show("the API server", kubectl + " get nodes,pods -A -o wide");
    show("weftd on node " + first + "; --help tells more", weftctl + node.config_file.string() + " status");
    show("weftd of the cluster", weftctl + cluster.cluster_config_file().string() + " status");
    show("what weftd wrote for node " + first + ", what OVN made of it, and the switch",
         "ovn-nbctl --db=unix:" + (node.ovn->ovn_dir() / "ovnnb_db.sock").string() + " show");
    std::cout << "  ovn-sbctl --db=unix:" << (node.ovn->ovn_dir() / "ovnsb_db.sock").string() << " show\n"
              << "  ovs-vsctl --db=unix:" << (node.ovn->ovs_dir() / "db.sock").string() << " show\n";
    show("node " + first + " itself, and a pod", "ip netns exec " + node.ovn->netns().name() + " ip addr");
    if (!pods.empty()) std::cout << "  " << ping_command(pods) << "\n";
    show("logs", "tail -n 50 " + dir + "/log/weftd-" + first + ".log");
    std::cout << std::flush;
}

}  // namespace weft::demo
