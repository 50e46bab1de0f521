#pragma once

#include <string_view>

/// Names of the annotations through which nodes, old and new, tell each other what they must know.
namespace weft::ovn::annotation {

// Of nodes.
inline constexpr std::string_view node_id = "k8s.ovn.org/node-id";
inline constexpr std::string_view node_subnets = "k8s.ovn.org/node-subnets";
inline constexpr std::string_view transit_address = "k8s.ovn.org/node-transit-switch-port-ifaddr";
inline constexpr std::string_view chassis_id = "k8s.ovn.org/node-chassis-id";
inline constexpr std::string_view encap_ips = "k8s.ovn.org/node-encap-ips";
inline constexpr std::string_view host_cidrs = "k8s.ovn.org/host-cidrs";
inline constexpr std::string_view zone_name = "k8s.ovn.org/zone-name";
inline constexpr std::string_view gateway_mtu_support = "k8s.ovn.org/gateway-mtu-support";
/// Nobody writes it any more, but a MAC that is there counts.
inline constexpr std::string_view management_macs = "k8s.ovn.org/node-mgmt-port-mac-addresses";

// Of pods.
inline constexpr std::string_view pod_networks = "k8s.ovn.org/pod-networks";
inline constexpr std::string_view networks = "k8s.v1.cni.cncf.io/networks";
inline constexpr std::string_view default_network = "v1.multus-cni.io/default-network";

/// The sub-key of the default network in annotations that hold a JSON object.
inline constexpr std::string_view default_network_key = "default";

}  // namespace weft::ovn::annotation
