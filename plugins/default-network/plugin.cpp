#include "subjects.hpp"

#include <weft/plugin/fingerprint.hpp>
#include <weft/plugin/plugin.hpp>

namespace weft::default_network {

/// The cluster's default network: README.md says what belongs to it.
class DefaultNetwork final : public Plugin {
    void declare(Declare& d) override {
        declare_facts(d);
        declare_allocations(d);
        declare_cluster_topology(d);
        declare_node_topology(d);
        declare_interconnect(d);
        declare_chassis(d);
        declare_pods(d);
        declare_management_port(d);
        declare_node_annotations(d);
        declare_ovs_settings(d);
        declare_serving(d);
    }
};

}  // namespace weft::default_network

WEFT_PLUGIN(weft::default_network::DefaultNetwork, .name = "default-network", .version = "0.1.0", .switches = "always")
