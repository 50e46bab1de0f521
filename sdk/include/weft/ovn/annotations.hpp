#pragma once

#include <string_view>

/// Names of the annotations through which nodes, old and new, tell each other what they must know.
namespace weft::ovn::annotation {

// Of nodes.
inline constexpr std::string_view node_id = "k8s.ovn.org/node-id";            ///< the number that addresses follow from
inline constexpr std::string_view node_subnets = "k8s.ovn.org/node-subnets";  ///< JSON: subnets by network
/// JSON: addresses on the transit switch.
inline constexpr std::string_view transit_address = "k8s.ovn.org/node-transit-switch-port-ifaddr";
inline constexpr std::string_view chassis_id = "k8s.ovn.org/node-chassis-id";  ///< system-id of its Open vSwitch
inline constexpr std::string_view encap_ips = "k8s.ovn.org/node-encap-ips";    ///< JSON: where tunnels end
inline constexpr std::string_view host_cidrs = "k8s.ovn.org/host-cidrs";       ///< JSON: addresses of the host
inline constexpr std::string_view zone_name = "k8s.ovn.org/zone-name";  ///< the OVN zone; with weft the node's name
/// "false": no gateway_mtu on its router port.
inline constexpr std::string_view gateway_mtu_support = "k8s.ovn.org/gateway-mtu-support";
/// Nobody writes it any more, but a MAC that is there counts.
inline constexpr std::string_view management_macs = "k8s.ovn.org/node-mgmt-port-mac-addresses";

// Of pods.
/// JSON: what a pod has been given, by network.
inline constexpr std::string_view pod_networks = "k8s.ovn.org/pod-networks";
/// Multus: more networks that a pod asks for.
inline constexpr std::string_view networks = "k8s.v1.cni.cncf.io/networks";
/// Multus: wishes for the default network.
inline constexpr std::string_view default_network = "v1.multus-cni.io/default-network";

/// The sub-key of the default network in annotations that hold a JSON object.
inline constexpr std::string_view default_network_key = "default";

}  // namespace weft::ovn::annotation
