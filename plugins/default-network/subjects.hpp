#pragma once

#include <weft/plugin/plugin.hpp>

#include <string>

/// Each subject is a file of rules with the claims on what they put.
namespace weft::default_network {

/// Identity of rows that have a name, for claims.
inline constexpr auto by_name = [](const auto& row) { return row.name.get(); };
/// The driver of rows that come from the one row of OwnNode, OwnChassis, LocalNode or NetworkConfig.
inline constexpr auto of_the_one = [](const auto&) { return std::string("."); };

void declare_facts(Declare& d);             ///< what annotations say, parsed once
void declare_allocations(Declare& d);       ///< role cluster: node ids and subnets
void declare_cluster_topology(Declare& d);  ///< what every node's databases hold
void declare_node_topology(Declare& d);     ///< this node's switch
void declare_interconnect(Declare& d);      ///< the transit switch and the way to other nodes
void declare_chassis(Declare& d);           ///< tunnels to other nodes
void declare_pods(Declare& d);
void declare_management_port(Declare& d);   ///< the host's own interface on the node's switch
void declare_node_annotations(Declare& d);  ///< what this node tells others
void declare_ovs_settings(Declare& d);      ///< what ovn-controller is told
void declare_serving(Declare& d);           ///< when this node can serve pods

}  // namespace weft::default_network
