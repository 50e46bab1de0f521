#include <weft/testing/testbed/ovn_node.hpp>

namespace weft::testing {

namespace {

std::string host_device(const std::string& pod) {
    return "h-" + pod.substr(0, 13);
}

}  // namespace

Result<NetworkNamespace> plug_pod(Testbed& testbed, const OvnNode& node, const HandMadePod& pod) {
    auto netns = testbed.make_namespace("pod-" + pod.name);
    if (!netns) return netns.error();
    const auto device = host_device(pod.name);
    if (auto laid = add_veth({node.netns(), device, pod.mtu}, {*netns, "eth0", pod.mtu}); !laid) return laid.error();
    if (auto off = checksum_offload_off(*netns, "eth0"); !off) return off.error();
    if (auto up = node.netns().ip_batch("link set " + device + " arp off up\n"); !up) return up.error();
    std::string commands = "link set eth0 address " + pod.mac.text() + "\nlink set eth0 up\n";
    for (const auto& address : pod.addresses) {
        commands += "addr add " + address.text() + " dev eth0" + (address.is_v6() ? " nodad\n" : "\n");
    }
    for (const auto& gateway : pod.gateways)
        commands += "route add default via " + gateway.text() + "\n";
    if (auto configured = netns->ip_batch(commands); !configured) return configured.error();
    auto plugged =
        node.vsctl({"add-port", "br-int", device, "--", "set", "Interface", device,
                    "external_ids:iface-id=" + pod.iface_id, "external_ids:iface-id-ver=" + pod.iface_id_ver});
    if (!plugged) return plugged.error();
    if (auto installed = node.wait_installed(device); !installed) return installed.error();
    return std::move(*netns);
}

}  // namespace weft::testing
