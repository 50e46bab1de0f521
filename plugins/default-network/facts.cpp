#include "facts.hpp"

#include "annotations.hpp"
#include "subjects.hpp"

#include <weft/ovn/addressing.hpp>
#include <weft/ovn/annotations.hpp>
#include <weft/ovn/object_ids.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>

#include <algorithm>

namespace weft::default_network {

namespace {

/// Reads a node's annotations, once for all rules.
struct ReadNode {
    using Driver = tables::Node;
    using Reads = Tables<>;
    using Writes = Tables<NodeNetwork>;

    static void derive(const Driver& node, const Reader<Reads>&, Desired<Writes>& out) {
        NodeNetwork facts{.key = Key<NodeNetwork>{node.key.text}, .uid = node.uid, .created = node.created};
        std::optional<Error> error;
        const auto read = [&](std::string_view name, auto parse, auto keep) {
            const std::string* text = tables::find_annotation(node.annotations, name);
            if (!text || error) return;
            auto value = parse(*text);
            if (value) {
                keep(*std::move(value));
            } else {
                error = std::move(value).error();
            }
        };
        read(ovn::annotation::node_id, parse_node_id, [&](auto id) { facts.id = id; });
        read(ovn::annotation::node_subnets, parse_subnets, [&](auto subnets) { facts.subnets = std::move(subnets); });
        read(
            ovn::annotation::transit_address,
            [](const std::string& text) { return parse_address_pair(ovn::annotation::transit_address, text); },
            [&](auto addresses) { facts.transit = std::move(addresses); });
        read(ovn::annotation::encap_ips, parse_encap_ips, [&](auto ips) { facts.encap_ips = std::move(ips); });
        read(ovn::annotation::management_macs, parse_management_mac, [&](auto mac) { facts.management_mac = mac; });
        if (error) return out.fail(*std::move(error));
        if (const auto* chassis = tables::find_annotation(node.annotations, ovn::annotation::chassis_id))
            facts.chassis = *chassis;
        const auto* mtu = tables::find_annotation(node.annotations, ovn::annotation::gateway_mtu_support);
        facts.gateway_mtu = !mtu || *mtu != "false";
        out.put(std::move(facts));
    }
};

struct FindOwnChassis {
    using Driver = ovsdb::Replica<ovs::OpenVSwitch>;
    using Reads = Tables<>;
    using Writes = Tables<OwnChassis>;

    static void derive(const ovs::OpenVSwitch& row, const Reader<Reads>&, Desired<Writes>& out) {
        const auto id = ovn::entry_of(row.external_ids, "system-id");
        if (id.empty()) {
            return out.fail({ErrorKind::invalid, "Open vSwitch has no external_ids:system-id", "Open_vSwitch",
                             "start it with ovs-ctl --system-id=random, which gives it one that stays"});
        }
        out.put(OwnChassis{.id = std::string(id)});
    }
};

std::string family_names(const std::vector<Family>& families) {
    std::string names;
    for (const Family family : families) {
        names += (names.empty() ? "" : " and ") + std::string(family == Family::v4 ? "IPv4" : "IPv6");
    }
    return names;
}

struct KnowOwnNode {
    using Driver = tables::LocalNode;
    using Reads = Tables<tables::NetworkConfig, NodeNetwork, OwnChassis>;
    using Writes = Tables<OwnNode>;

    static void derive(const Driver& local, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* config = in.find<tables::NetworkConfig>(only<tables::NetworkConfig>());
        const auto* node = in.find<NodeNetwork>(Key<NodeNetwork>{local.name});
        const auto* chassis = in.find<OwnChassis>(only<OwnChassis>());
        if (!config) return out.wait("the configuration is not known yet");
        if (!node) return out.wait("node " + local.name + " is not known, or its annotations can't be read");
        if (node->subnets.empty()) return out.wait("node " + local.name + " has no subnet yet");

        auto wanted = ovn::families(*config);
        std::vector<Family> there;
        for (const auto& subnet : node->subnets)
            there.push_back(subnet.family());
        std::sort(there.begin(), there.end());
        std::sort(wanted.begin(), wanted.end());
        if (there != wanted) {
            return out.wait("node " + local.name + " has subnets of " + family_names(there) +
                            ", but the cluster uses " + family_names(wanted));
        }
        const Mac derived = Mac::of(ovn::management_address(node->subnets.front()).ip());
        out.put(OwnNode{.name = local.name,
                        .uid = node->uid,
                        .id = node->id,
                        .subnets = node->subnets,
                        .transit = node->transit,
                        // Without an Open vSwitch (weftctl render) the annotation has to do.
                        .chassis = chassis ? chassis->id : node->chassis,
                        .management_mac = node->management_mac.value_or(derived),
                        .gateway_mtu = node->gateway_mtu});
    }
};

}  // namespace

void declare_facts(Declare& d) {
    d.rule<ReadNode>("read-node", Role::both);
    d.rule<FindOwnChassis>("find-own-chassis");
    d.rule<KnowOwnNode>("know-own-node");
    d.watch<tables::Node>(WatchScope::all, Role::both);
    d.watch<tables::Pod>(WatchScope::local_node);
}

}  // namespace weft::default_network
