#include "annotations.hpp"
#include "facts.hpp"
#include "primary_address.hpp"
#include "subjects.hpp"

#include <weft/ovn/addressing.hpp>
#include <weft/ovn/annotations.hpp>
#include <weft/ovn/names.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/net.hpp>
#include <weft/tables/settings.hpp>

namespace weft::default_network {

namespace {

tables::Annotation annotation_of(const std::string& node, std::string_view name, std::string value) {
    return {.kind = "Node", .name = node, .annotation = std::string(name), .value = std::move(value)};
}

/// What other nodes must know to reach this one. Nothing here reads this node's annotations: they are put right by it.
struct AnnotateChassis {
    using Driver = OwnChassis;
    using Reads = Tables<tables::LocalNode>;
    using Writes = Tables<tables::Annotation>;

    static void derive(const Driver& own, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* local = in.find<tables::LocalNode>(only<tables::LocalNode>());
        if (!local) return out.wait("the configuration is not known yet");
        out.put(annotation_of(local->name, ovn::annotation::chassis_id, own.id));
    }
};

/// Which zone this node is: its own. Newer releases of OVN-Kubernetes don't read it, older ones take a node without it
/// for one of theirs.
struct AnnotateZone {
    using Driver = tables::LocalNode;
    using Reads = Tables<>;
    using Writes = Tables<tables::Annotation>;

    static void derive(const Driver& local, const Reader<Reads>&, Desired<Writes>& out) {
        out.put(annotation_of(local.name, ovn::annotation::zone_name, local.name));
    }
};

struct AnnotateTunnel {
    using Driver = tables::LocalNode;
    using Reads = Tables<tables::Node, tables::NetworkConfig>;
    using Writes = Tables<tables::Annotation>;

    static void derive(const Driver& local, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* config = in.find<tables::NetworkConfig>(only<tables::NetworkConfig>());
        const auto* node = in.find<tables::Node>(Key<tables::Node>{local.name});
        if (!config) return out.wait("the configuration is not known yet");
        const auto ips = tunnel_addresses(*config, node);
        if (ips.empty()) return out.wait("node " + local.name + " has no address yet");
        std::vector<std::string> texts;
        texts.reserve(ips.size());
        for (const auto& ip : ips)
            texts.push_back(ip.text());
        out.put(annotation_of(local.name, ovn::annotation::encap_ips, sorted_json_list(std::move(texts))));
    }
};

/// All addresses of this host by which others may know it.
struct AnnotateHost {
    using Driver = tables::LocalNode;
    using Reads = Tables<tables::HostAddress, tables::NetworkConfig>;
    using Writes = Tables<tables::Annotation>;

    static void derive(const Driver& local, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* config = in.find<tables::NetworkConfig>(only<tables::NetworkConfig>());
        if (!config) return out.wait("the configuration is not known yet");
        std::vector<std::string> texts;
        for (const tables::HostAddress& row : in.all<tables::HostAddress>()) {
            const Ip& ip = row.address.ip();
            const bool masquerade = ovn::masquerade_subnet(*config, ip.family()).contains(ip);
            if (ip.is_link_local() || ip.is_loopback() || masquerade || row.link == ovn::management_link) continue;
            texts.push_back(row.address.text());
        }
        if (texts.empty()) return out.wait("this host has no address yet");
        out.put(annotation_of(local.name, ovn::annotation::host_cidrs, sorted_json_list(std::move(texts))));
    }
};

}  // namespace

void declare_node_annotations(Declare& d) {
    d.rule<AnnotateChassis>("annotate-chassis");
    d.rule<AnnotateZone>("annotate-zone");
    d.rule<AnnotateTunnel>("annotate-tunnel");
    d.rule<AnnotateHost>("annotate-host");
    d.access({"", "nodes/status", {"patch"}});
}

}  // namespace weft::default_network
