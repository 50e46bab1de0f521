#include "conflicts.hpp"
#include "facts.hpp"
#include "primary_address.hpp"
#include "subjects.hpp"

#include <weft/ovn/names.hpp>
#include <weft/ovsdb/sb.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>

#include <algorithm>

namespace weft::default_network {

namespace {

using sb::Chassis;
using sb::Encap;
using sb::PortBinding;

constexpr std::uint16_t default_geneve_port = 6081;
constexpr std::string_view is_remote = "is-remote";

/// ovn-controller of this node tunnels to what the southbound database calls a remote chassis. Upstream's northd binds
/// the other node's transit port to it since OVN 23.09; before, that is ours to do, and no schema tells: weft always
/// does.
struct RemoteChassis {
    using Driver = NodeNetwork;
    using Reads =
        Tables<tables::LocalNode, tables::NetworkConfig, tables::Node, OwnChassis, NodesByChassis, NodesByEncap>;
    using Writes = Tables<Chassis, Encap, sb::ForeignColumn>;

    static void derive(const Driver& node, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* local = in.find<tables::LocalNode>(only<tables::LocalNode>());
        const auto* config = in.find<tables::NetworkConfig>(only<tables::NetworkConfig>());
        if (!local || !config) return out.wait("the configuration is not known yet");
        const std::string& name = node.key.text;
        if (name == local->name) return;
        if (node.chassis.empty()) return out.wait("node " + name + " has no chassis id yet");
        if (node.encap_ips.empty()) return out.wait("node " + name + " has no tunnel address yet");
        if (auto error = conflict_of(node, *local, *config, in)) return out.fail(*std::move(error));

        const Key<Chassis> chassis{node.chassis};
        ovsdb::Set<ovsdb::Ref<Encap>> encaps;
        for (const auto& ip : node.encap_ips) {
            Encap encap{.chassis_name = node.chassis,
                        .ip = ip.text(),
                        .options = {{"csum", "true"}},
                        .type = config->encap_type};
            if (config->encap_port != default_geneve_port) {
                encap.options->set("dst_port", std::to_string(config->encap_port));
            }
            encaps.insert(out.put(std::move(encap)));
        }
        out.put(Chassis{.encaps = std::move(encaps),
                        .hostname = name,
                        .name = node.chassis,
                        .other_config = {{std::string(is_remote), "true"}}});
        auto binding =
            ovsdb::set_column(Key<PortBinding>{ovn::transit_to_router(name)}, &PortBinding::chassis, chassis);
        binding.after.push_back({Chassis::table_name, chassis.text, ovsdb::Level::committed});
        out.put(std::move(binding));
    }

    static std::optional<Error> conflict_of(const NodeNetwork& node, const tables::LocalNode& local,
                                            const tables::NetworkConfig& config, const Reader<Reads>& in) {
        if (const auto* own = in.find<OwnChassis>(only<OwnChassis>()); own && own->id == node.chassis) {
            return same_chassis("this node", node);
        }
        if (const auto* other = older_with_same(in.bucket<NodesByChassis>(node.chassis), node)) {
            return same_chassis("node " + other->key.text, node);
        }
        // The database has one row for a tunnel's end: taking it over would cut the other's tunnels.
        const auto ours = tunnel_addresses(config, in.find<tables::Node>(Key<tables::Node>{local.name}));
        for (const auto& ip : node.encap_ips) {
            if (std::find(ours.begin(), ours.end(), ip) != ours.end()) return same_encap("this node", ip);
        }
        const Ip& first = node.encap_ips.front();
        if (const auto* other = older_with_same(in.bucket<NodesByEncap>(first.text()), node)) {
            return same_encap("node " + other->key.text, first);
        }
        return std::nullopt;
    }

    static Error same_encap(const std::string& who, const Ip& ip) {
        return {ErrorKind::conflict, who + " has tunnel address " + ip.text() + " too",
                annotation_field(ovn::annotation::encap_ips),
                "give each node an address of its own, or set encap-ip in its configuration"};
    }
};

/// The own row is ovn-controller's: it gets a mark while it is there.
struct MarkOwnChassis {
    using Driver = OwnChassis;
    using Reads = Tables<>;
    using Writes = Tables<sb::Member>;

    static void derive(const Driver& own, const Reader<Reads>&, Desired<Writes>& out) {
        out.put(ovsdb::set_entry(Key<Chassis>{own.id}, &Chassis::other_config, std::string(is_remote), "false"));
    }
};

}  // namespace

void declare_chassis(Declare& d) {
    d.rule<RemoteChassis>("remote-chassis");
    d.rule<MarkOwnChassis>("mark-own-chassis");

    d.claim<Chassis>(
        "remote-chassis", [](const Chassis& r) { return ovn::entry_of(r.other_config, is_remote) == "true"; }, by_name,
        [](const Chassis& r) { return r.hostname.get(); });
    // A row that lost its mark is still the one to put right.
    d.adopt<Chassis>("chassis", by_name);
    // The own chassis has encaps too, which look the same. They go with the chassis that refers to them.
    d.adopt<Encap>("encaps", [](const Encap& r) { return Key<Encap>{r.type.get(), r.ip.get()}.text; });
}

}  // namespace weft::default_network
