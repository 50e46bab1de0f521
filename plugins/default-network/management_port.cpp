#include "facts.hpp"
#include "subjects.hpp"

#include <weft/ovn/addressing.hpp>
#include <weft/ovn/names.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/tables/net.hpp>
#include <weft/tables/settings.hpp>

#include <algorithm>

namespace weft::default_network {

namespace {

using ovs::Bridge;
using ovs::Interface;
using ovs::Port;

constexpr std::string_view integration_bridge = "br-int";

std::string lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); });
    return text;
}

/// The interface by which the host itself is on the node's switch.
struct Plug {
    using Driver = OwnNode;
    using Reads = Tables<tables::NetworkConfig>;
    using Writes = Tables<Port, Interface, ovs::Member>;

    static void derive(const Driver& node, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* config = in.find<tables::NetworkConfig>(only<tables::NetworkConfig>());
        if (!config) return out.wait("the configuration is not known yet");
        const std::string name(ovn::management_link);
        const auto interface = out.put(Interface{.mac = node.management_mac.text(),
                                                 .mtu_request = std::int64_t{config->mtu},
                                                 .name = name,
                                                 .type = "internal"});
        // ovn-controller writes into external_ids as well.
        out.put(ovsdb::set_entry(interface, &Interface::external_ids, "iface-id",
                                 ovn::management_port(lower_case(node.name))));
        out.put(Port{.parent = ovsdb::child_of(Key<Bridge>{integration_bridge}, &Bridge::ports),
                     .interfaces = {ovsdb::Ref<Interface>(interface)},
                     .name = name});
    }
};

/// Its addresses, and what the host's kernel must know to reach pods by it.
struct Configure {
    using Driver = OwnNode;
    using Reads = Tables<tables::NetworkConfig>;
    using Writes = Tables<tables::LinkState, tables::LinkAddress, tables::Route, tables::Neighbour, tables::Sysctl>;

    static void derive(const Driver& node, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* config = in.find<tables::NetworkConfig>(only<tables::NetworkConfig>());
        if (!config) return out.wait("the configuration is not known yet");
        const std::string link(ovn::management_link);
        out.put(tables::LinkState{.key = Key<tables::LinkState>{link}, .sole_addresses = true});
        const auto v4 = std::find_if(node.subnets.begin(), node.subnets.end(), [](const auto& s) { return s.is_v4(); });
        const Mac router = Mac::of(ovn::gateway_address(v4 == node.subnets.end() ? node.subnets.front() : *v4).ip());
        for (const auto& subnet : node.subnets) {
            const Ip gateway = ovn::gateway_address(subnet).ip();
            out.put(tables::LinkAddress{.link = link, .address = ovn::management_address(subnet)});
            for (const auto& range : config->cluster_subnets) {
                if (range.range.family() != subnet.family()) continue;
                out.put(tables::Route{
                    .destination = range.range, .link = link, .gateway = gateway, .mtu = config->routable_mtu});
            }
            out.put(tables::Neighbour{.link = link, .ip = gateway, .mac = router});
        }
        const auto sysctl = [&](const std::string& path, const char* value, bool optional) {
            out.put(
                tables::Sysctl{.key = Key<tables::Sysctl>{path}, .value = value, .link = link, .optional = optional});
        };
        if (config->ipv4) sysctl("net/ipv4/conf/" + link + "/forwarding", "1", false);
        if (config->ipv6) sysctl("net/ipv6/conf/" + link + "/force_forwarding", "1", true);
        // Replies of node ports come back another way than requests went.
        if (config->nodeport && config->ipv4) sysctl("net/ipv4/conf/" + link + "/rp_filter", "2", false);
    }
};

/// What management ports were called years ago, cut to what a link's name can hold.
bool is_legacy_name(std::string_view name) {
    return name.starts_with("k8s-");
}

}  // namespace

void declare_management_port(Declare& d) {
    d.rule<Plug>("plug-management-port");
    d.rule<Configure>("configure-management-port");
    d.claim<Port>(
        "management-port",
        [](const Port& r) {
            const auto name = r.name.get();
            return name == ovn::management_link || (is_legacy_name(name) && r.parent.key == integration_bridge);
        },
        by_name);
    d.claim<Interface>(
        "management-port",
        [](const Interface& r) {
            const auto name = r.name.get();
            return name == ovn::management_link || (is_legacy_name(name) && r.type.get() == "internal" &&
                                                    ovn::entry_of(r.external_ids, "iface-id").starts_with("k8s-"));
        },
        by_name);
}

}  // namespace weft::default_network
