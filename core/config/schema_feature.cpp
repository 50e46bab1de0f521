#include "config/schema_rows.hpp"

/// [ovnkubernetesfeature]: switches that also say which plugins run, as long as [plugins] enables none.
namespace weft::config {

namespace {

using F = FeatureSection;
using Features = Rows<&Settings::feature>;

void add_user_defined_networks(Features& f) {
    f.add<&F::enable_multi_network>("enable-multi-network", "false",
                                    "Secondary networks by NetworkAttachmentDefinition.");
    f.add<&F::enable_multi_networkpolicy>("enable-multi-networkpolicy", "false",
                                          "MultiNetworkPolicy; with enable-multi-network.");
    f.add<&F::enable_persistent_ips>("enable-persistent-ips", "false", "IPAMClaim: addresses that outlive a pod.");
    f.add<&F::enable_network_segmentation>("enable-network-segmentation", "false",
                                           "UserDefinedNetwork; with enable-multi-network.");
    f.add<&F::enable_network_connect>("enable-network-connect", "false",
                                      "ClusterNetworkConnect; with enable-network-segmentation.");
    f.add<&F::enable_uplink>("enable-uplink", "false", "Uplink; with enable-network-segmentation.");
    f.add<&F::enable_preconfigured_udn_addresses>("enable-preconfigured-udn-addresses", "false",
                                                  "Addresses that a pod's annotation asks for; with "
                                                  "enable-network-segmentation.");
    f.add<&F::enable_dynamic_udn_allocation>("enable-dynamic-udn-allocation", "false",
                                             "A network exists only on nodes that need it; with "
                                             "enable-network-segmentation.");
    f.add<&F::udn_deletion_grace_period>("udn-deletion-grace-period", "120s",
                                         "How long such a network outlives its last pod on a node. A bare number is "
                                         "nanoseconds.");
    f.add<&F::enable_route_advertisements>("enable-route-advertisements", "false",
                                           "RouteAdvertisements; with enable-multi-network.");
    f.add<&F::advertised_udn_isolation_mode>("advertised-udn-isolation-mode", "strict",
                                             "Between advertised networks: strict or loose.");
    f.add<&F::enable_evpn>("enable-evpn", "false", "EVPN; with enable-route-advertisements and gateway mode local.");
}

}  // namespace

void add_feature_keys(std::vector<KeySpec>& to) {
    Features f(to, "ovnkubernetesfeature");
    f.add<&F::enable_admin_network_policy>("enable-admin-network-policy", "false",
                                           "AdminNetworkPolicy and BaselineAdminNetworkPolicy.");
    f.add<&F::enable_egress_ip>("enable-egress-ip", "false", "EgressIP.");
    f.add<&F::egressip_reachability_total_timeout>(
        "egressip-reachability-total-timeout", "1",
        "Seconds until an egress node counts as unreachable; 0: not checked.");
    f.add<&F::egressip_node_healthcheck_port>("egressip-node-healthcheck-port", "0",
                                              "gRPC port of that check; 0: dial TCP port 9 instead.");
    f.add<&F::enable_egress_firewall>("enable-egress-firewall", "false", "EgressFirewall.");
    f.add<&F::enable_egress_qos>("enable-egress-qos", "false", "EgressQoS.");
    f.add<&F::enable_egress_service>("enable-egress-service", "false", "EgressService.");
    f.add<&F::enable_multi_external_gateway>("enable-multi-external-gateway", "false",
                                             "AdminPolicyBasedExternalRoute.");
    add_user_defined_networks(f);
    f.add<&F::enable_network_qos>("enable-network-qos", "false", "NetworkQoS.");
    f.add<&F::enable_dns_name_resolver>("enable-dns-name-resolver", "false", "DNSNameResolver for egress firewalls.");
    f.add<&F::enable_stateless_netpol>("enable-stateless-netpol", "false",
                                       "Stateless network policies, by annotation.");
    f.add<&F::allow_icmp_network_policy>("allow-icmp-network-policy", "false", "Network policies let ICMP pass.");
    f.add<&F::enable_svc_template_support>("enable-svc-template-support", "false",
                                           "Load balancer templates for NodePort services.");
    f.add<&F::enable_observability>("enable-observability", "false",
                                    "Sampling of policy verdicts; OVN 24.09, OVS 3.4, Linux 6.11 or newer.");
}

}  // namespace weft::config
