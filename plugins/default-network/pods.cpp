#include "annotations.hpp"
#include "facts.hpp"
#include "pod_network.hpp"
#include "subjects.hpp"

#include <weft/ovn/addressing.hpp>
#include <weft/ovn/annotations.hpp>
#include <weft/ovn/names.hpp>
#include <weft/ovsdb/nb.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/ipam.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>

#include <algorithm>

namespace weft::default_network {

namespace {

using nb::LogicalSwitchPort;

Key<tables::AddressRequest> address_request(const tables::Pod& pod) {
    return Key<tables::AddressRequest>{pod.uid, ovn::annotation::default_network_key};
}

/// Does this node give the pod an interface?
bool is_served(const tables::Pod& pod, const OwnNode& node) {
    return pod.node == node.name && !pod.host_network;
}

/// Asks for the pod's addresses: those of its annotation if it has one.
struct RequestAddresses {
    using Driver = tables::Pod;
    using Reads = Tables<OwnNode>;
    using Writes = Tables<tables::AddressRequest>;

    static void derive(const Driver& pod, const Reader<Reads>& in, Desired<Writes>& out) {
        if (pod.node.empty() || pod.host_network || pod.completed()) return;
        const auto* node = in.find<OwnNode>(only<OwnNode>());
        if (!node) return out.wait("this node has no subnet yet");
        if (!is_served(pod, *node)) return;
        tables::AddressRequest request{.key = address_request(pod),
                                       .pool = address_pool(node->name).text,
                                       .carrier = ovn::pod_port(pod.ns, pod.name),
                                       .precedence = pod.created};
        const auto annotated = annotated_network(pod);
        if (!annotated) return out.fail(annotated.error());
        if (*annotated) {
            for (const auto& ip : (*annotated)->network.ips) {
                if (auto error = conflict_of(ip.ip(), *node)) return out.fail(*std::move(error));
                request.fixed.push_back(ip.ip());
            }
            request.mac = (*annotated)->network.mac;
        } else {
            const auto wishes = wishes_of(pod);
            if (!wishes) return out.fail(wishes.error());
            request.mac = wishes->mac;
            request.preferred = reported_ips(pod, *node);
        }
        out.put(std::move(request));
    }

    /// What a pod without an annotation has all the same, as after the plugin was off: it runs with these addresses.
    static std::vector<Ip> reported_ips(const tables::Pod& pod, const OwnNode& node) {
        std::vector<Ip> ips;
        for (const Ip& ip : pod.ips) {
            const auto has = [&](const IpPrefix& subnet) { return subnet.contains(ip); };
            if (std::any_of(node.subnets.begin(), node.subnets.end(), has)) ips.push_back(ip);
        }
        return ips;
    }

    static std::optional<Error> conflict_of(const Ip& ip, const OwnNode& node) {
        const auto taken = [&](const std::string& by) {
            return Error{ErrorKind::conflict, ip.text() + " is the address of " + by,
                         annotation_field(ovn::annotation::pod_networks), "delete the pod: it gets another address"};
        };
        for (const auto& subnet : node.subnets) {
            if (ip == ovn::gateway_address(subnet).ip()) return taken("the cluster router");
            if (ip == ovn::management_address(subnet).ip()) return taken("this node's management port");
        }
        return std::nullopt;
    }
};

/// The pod's switch port, what the pod is told in its annotation, and what the CNI server makes.
struct ConnectPod {
    using Driver = tables::Pod;
    using Reads = Tables<OwnNode, tables::NetworkConfig, tables::AddressLease>;
    using Writes = Tables<LogicalSwitchPort, tables::Annotation, tables::PodInterface>;

    static void derive(const Driver& pod, const Reader<Reads>& in, Desired<Writes>& out) {
        if (pod.node.empty() || pod.host_network) return;
        const auto* node = in.find<OwnNode>(only<OwnNode>());
        const auto* config = in.find<tables::NetworkConfig>(only<tables::NetworkConfig>());
        if (!node || !config) return out.wait("this node has no subnet yet");
        if (!is_served(pod, *node)) return;
        if (pod.completed()) return keep_annotation(pod, *node, *config, out);

        const auto* lease = in.find<tables::AddressLease>(Key<tables::AddressLease>{address_request(pod).text});
        if (!lease) return out.wait("no addresses are allocated yet");
        if (!lease->problem.empty()) return out.fail(problem_of(*lease));
        if (node->chassis.empty()) return out.wait("this node's chassis is not known yet");
        const auto wishes = wishes_of(pod);
        if (!wishes) return out.fail(wishes.error());
        if (wishes->ips) {
            out.warn({ErrorKind::invalid, "ips are not granted on the default network",
                      annotation_field(ovn::annotation::default_network),
                      "remove them: the pod gets addresses of its node"});
        }
        const auto annotated = annotated_network(pod);
        if (!annotated) return out.fail(annotated.error());
        // An annotation that was there before us is used as it is; over ours nobody else writes.
        const bool keeps = lease->fixed && *annotated && (*annotated)->network.ips == lease->ips &&
                           (*annotated)->network.mac == lease->mac;
        const PodNetwork network =
            keeps ? (*annotated)->network : make_network(lease->ips, lease->mac, *wishes, *config);

        put_port(pod, *node, *config, network, out);
        put_annotation(pod, keeps ? (*annotated)->text : to_json(network), out);
        put_interface(pod, *config, network, out);
    }

    static Error problem_of(const tables::AddressLease& lease) {
        const bool exhausted = lease.problem.starts_with("subnet address pool exhausted");
        return {ErrorKind::conflict, lease.problem,
                exhausted ? std::string() : annotation_field(ovn::annotation::pod_networks),
                exhausted ? "delete pods of this node, or give nodes larger subnets; the pod goes on by itself"
                          : "delete the pod: it gets another address"};
    }

    /// A completed pod gives its addresses back; what it was told stays, as upstream leaves it too.
    static void keep_annotation(const tables::Pod& pod, const OwnNode& node, const tables::NetworkConfig& config,
                                Desired<Writes>& out) {
        if (const auto annotated = annotated_network(pod); annotated && *annotated) {
            return put_annotation(pod, (*annotated)->text, out);
        }
        std::vector<IpPrefix> ips;
        for (const auto& subnet : node.subnets) {
            const auto ip =
                std::find_if(pod.ips.begin(), pod.ips.end(), [&](const Ip& i) { return subnet.contains(i); });
            if (ip != pod.ips.end()) ips.emplace_back(*ip, subnet.length());
        }
        const auto wishes = wishes_of(pod);
        if (ips.empty() || !wishes) return;
        put_annotation(pod, to_json(make_network(ips, wishes->mac, *wishes, config)), out);
    }

    static void put_port(const tables::Pod& pod, const OwnNode& node, const tables::NetworkConfig& config,
                         const PodNetwork& network, Desired<Writes>& out) {
        const std::string addresses = ovn::port_addresses(network.mac, network.ips);
        ovsdb::Map<std::string, std::string> options{{"iface-id-ver", pod.uid}};
        if (!config.disable_requested_chassis) options.set("requested-chassis", node.chassis);
        out.put(LogicalSwitchPort{.parent = ovsdb::child_of(ovn::node_switch(node.name), &nb::LogicalSwitch::ports),
                                  .addresses = {addresses},
                                  .external_ids = {{"namespace", pod.ns}, {"pod", "true"}},
                                  .name = ovn::pod_port(pod.ns, pod.name),
                                  .options = std::move(options),
                                  .port_security = {addresses},
                                  .type = ""});
    }

    static void put_annotation(const tables::Pod& pod, std::string value, Desired<Writes>& out) {
        out.put(tables::Annotation{.kind = "Pod",
                                   .ns = pod.ns,
                                   .name = pod.name,
                                   .uid = pod.uid,
                                   .annotation = std::string(ovn::annotation::pod_networks),
                                   .sub_key = std::string(ovn::annotation::default_network_key),
                                   .value = std::move(value)});
    }

    static void put_interface(const tables::Pod& pod, const tables::NetworkConfig& config, const PodNetwork& network,
                              Desired<Writes>& out) {
        tables::PodInterface interface {
            .key = Key<tables::PodInterface>{pod.ns, pod.name, ovn::annotation::default_network_key},
            .pod_uid = pod.uid, .iface_id = ovn::pod_port(pod.ns, pod.name), .mac = network.mac,
            .addresses = network.ips, .gateways = network.gateways, .mtu = config.mtu,
            .routable_mtu = config.routable_mtu
        };
        for (const auto& route : network.routes)
            interface.routes.push_back({route.destination, route.next_hop});
        out.put(std::move(interface));
    }
};

/// A pod's port on a node's switch of the default network; ports of other networks say which.
bool is_pod_port(const LogicalSwitchPort& port) {
    return ovn::entry_of(port.external_ids, "pod") == "true" && !port.external_ids->contains(ovn::network_key) &&
           !port.external_ids->contains("k8s.ovn.org/nad");
}

/// "namespace/pod" of the port's pod.
std::string pod_of(const LogicalSwitchPort& port) {
    const std::string ns(ovn::entry_of(port.external_ids, "namespace"));
    const std::string name = port.name.get();
    return name.starts_with(ns + "_") ? ns + "/" + name.substr(ns.size() + 1) : std::string();
}

}  // namespace

void declare_pods(Declare& d) {
    d.rule<RequestAddresses>("request-addresses");
    d.rule<ConnectPod>("connect-pod");
    d.access({"", "pods/status", {"patch"}});
    d.claim<LogicalSwitchPort>(
        "pod-ports", [](const LogicalSwitchPort& r) { return is_pod_port(r); }, by_name,
        [](const LogicalSwitchPort& r) { return pod_of(r); });
}

}  // namespace weft::default_network
