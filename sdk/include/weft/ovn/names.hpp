#pragma once

#include <weft/ovn/object_ids.hpp>
#include <weft/ovsdb/nb.hpp>

#include <string>
#include <string_view>

/// Names of the default network's rows that several plugins refer to.
namespace weft::ovn {

/// The router between a node's switches and the others.
inline constexpr std::string_view cluster_router_name = "ovn_cluster_router";
inline constexpr std::string_view join_switch_name = "join";  ///< between cluster router and gateway routers
inline constexpr std::string_view transit_switch_name = "transit_switch";  ///< between the nodes
inline constexpr std::string_view copp_name = "ovnkube-default";           ///< control plane protection of all routers
inline constexpr std::string_view acl_meter = "acl-logging";               ///< limits the lines that ACLs log
inline constexpr std::string_view management_link = "ovn-k8s-mp0";         ///< the node's interface into its switch

/// The cluster router.
inline Key<nb::LogicalRouter> cluster_router() {
    return Key<nb::LogicalRouter>{cluster_router_name};
}
/// The join switch.
inline Key<nb::LogicalSwitch> join_switch() {
    return Key<nb::LogicalSwitch>{join_switch_name};
}
/// The transit switch.
inline Key<nb::LogicalSwitch> transit_switch() {
    return Key<nb::LogicalSwitch>{transit_switch_name};
}
/// A node's switch: all its pods are on it.
inline Key<nb::LogicalSwitch> node_switch(std::string_view node) {
    return Key<nb::LogicalSwitch>{node};
}

/// Both texts in one.
inline std::string prefixed(std::string_view prefix, std::string_view name) {
    return std::string(prefix).append(name);
}
/// The port of a node's switch to the cluster router, and its peer.
inline std::string switch_to_router(std::string_view node) {
    return prefixed("stor-", node);
}
/// The cluster router's port to a node's switch.
inline std::string router_to_switch(std::string_view node) {
    return prefixed("rtos-", node);
}
/// The cluster router's port to the transit switch, and its peer (or, of another node, its remote stand-in).
inline std::string router_to_transit(std::string_view node) {
    return prefixed("rtots-", node);
}
/// The transit switch's port to a node's cluster router.
inline std::string transit_to_router(std::string_view node) {
    return prefixed("tstor-", node);
}
/// The switch port of the node's management interface.
inline std::string management_port(std::string_view node) {
    return prefixed("k8s-", node);
}
/// A node's gateway router.
inline std::string gateway_router(std::string_view node) {
    return prefixed("GR_", node);
}
/// The switch port of a pod on the default network.
inline std::string pod_port(std::string_view ns, std::string_view pod) {
    return std::string(ns).append("_").append(pod);
}

/// Load balancer groups: of all, of node switches, of gateway routers.
inline Key<nb::LoadBalancerGroup> cluster_lb_group() {
    return Key<nb::LoadBalancerGroup>{"clusterLBGroup"};
}
/// Of node switches.
inline Key<nb::LoadBalancerGroup> switch_lb_group() {
    return Key<nb::LoadBalancerGroup>{"clusterSwitchLBGroup"};
}
/// Of gateway routers.
inline Key<nb::LoadBalancerGroup> router_lb_group() {
    return Key<nb::LoadBalancerGroup>{"clusterRouterLBGroup"};
}

/// The group of management ports, and the group of switch-to-router ports (members with multicast only).
inline ObjectIds cluster_port_group_ids() {
    return {default_controller, "Cluster", {{name_key, "clusterPortGroup"}}};
}
/// The same of the second.
inline ObjectIds cluster_router_port_group_ids() {
    return {default_controller, "Cluster", {{name_key, "clusterRtrPortGroup"}}};
}
/// The first group's row.
inline Key<nb::PortGroup> cluster_port_group() {
    return Key<nb::PortGroup>{cluster_port_group_ids().hashed_name()};
}
/// The second group's row.
inline Key<nb::PortGroup> cluster_router_port_group() {
    return Key<nb::PortGroup>{cluster_router_port_group_ids().hashed_name()};
}

}  // namespace weft::ovn
