#include "annotations.hpp"
#include "facts.hpp"
#include "subjects.hpp"

#include <weft/ovn/addressing.hpp>
#include <weft/ovn/annotations.hpp>
#include <weft/tables/ipam.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>

#include <algorithm>

// Role cluster: every node gets a number and subnets that no other node has, and finds them in its annotations.
namespace weft::default_network {

namespace {

constexpr std::string_view range_name = "default";
constexpr std::string_view id_range_name = "node";
/// 0 and 1 are taken by the transit switch and the cluster router.
constexpr std::uint32_t first_node_id = 2;
constexpr std::uint32_t last_node_id = 5000;
constexpr const char* cant_be_read = "the node's annotation can't be read";

Key<tables::SubnetRequest> subnet_request(std::string_view node) {
    return Key<tables::SubnetRequest>{range_name, node};
}
Key<tables::IdRequest> id_request(std::string_view node) {
    return Key<tables::IdRequest>{id_range_name, node};
}

struct Ranges {
    using Driver = tables::NetworkConfig;
    using Reads = Tables<>;
    using Writes = Tables<tables::SubnetRange, tables::IdRange>;

    static void derive(const Driver& config, const Reader<Reads>&, Desired<Writes>& out) {
        tables::SubnetRange range{.key = Key<tables::SubnetRange>{range_name}};
        for (const auto& subnet : config.cluster_subnets)
            range.cuts.push_back({subnet.range, subnet.host_length});
        out.put(std::move(range));
        out.put(tables::IdRange{Key<tables::IdRange>{id_range_name}, first_node_id, last_node_id});
    }
};

// What a node holds is held whatever its other annotations say: nobody else may get it.

struct RequestSubnets {
    using Driver = tables::Node;
    using Reads = Tables<>;
    using Writes = Tables<tables::SubnetRequest>;

    static void derive(const Driver& node, const Reader<Reads>&, Desired<Writes>& out) {
        tables::SubnetRequest request{
            .key = subnet_request(node.key.text), .range = std::string(range_name), .precedence = node.created};
        if (const auto* text = tables::find_annotation(node.annotations, ovn::annotation::node_subnets)) {
            auto held = parse_subnets(*text);
            if (!held) return out.wait(cant_be_read);  // read-node says what is wrong
            request.held = *std::move(held);
        }
        out.put(std::move(request));
    }
};

struct RequestId {
    using Driver = tables::Node;
    using Reads = Tables<>;
    using Writes = Tables<tables::IdRequest>;

    static void derive(const Driver& node, const Reader<Reads>&, Desired<Writes>& out) {
        tables::IdRequest request{
            .key = id_request(node.key.text), .range = std::string(id_range_name), .precedence = node.created};
        if (const auto* text = tables::find_annotation(node.annotations, ovn::annotation::node_id)) {
            const auto held = parse_node_id(*text);
            if (!held) return out.wait(cant_be_read);
            request.held.push_back(*held);
        }
        out.put(std::move(request));
    }
};

struct AnnotateSubnets {
    using Driver = NodeNetwork;
    using Reads = Tables<tables::SubnetLease, tables::Node>;
    using Writes = Tables<tables::Annotation, tables::NodeCondition>;

    static void derive(const Driver& node, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* lease = in.find<tables::SubnetLease>(Key<tables::SubnetLease>{subnet_request(node.key.text).text});
        if (!lease) return out.wait("no subnets are allocated yet");
        const std::string field = annotation_field(ovn::annotation::node_subnets);
        if (!lease->problem.empty()) {
            return out.fail({ErrorKind::conflict, lease->problem, "node " + node.key.text,
                             "add a range to cluster-subnets, or delete nodes that are gone"});
        }
        if (!lease->warning.empty()) {
            out.warn({ErrorKind::conflict, lease->warning, field,
                      "the node has other subnets now; pods that it runs must be made anew"});
        }
        out.put(tables::Annotation{.kind = "Node",
                                   .name = node.key.text,
                                   .uid = node.uid,
                                   .annotation = std::string(ovn::annotation::node_subnets),
                                   .sub_key = std::string(ovn::annotation::default_network_key),
                                   .value = json_list(lease->subnets)});
        const auto* object = in.find<tables::Node>(Key<tables::Node>{node.key.text});
        if (object && !object->provider_id.empty()) {
            // The kubelet of a cloud's node says so until somebody has made routes: the overlay needs none.
            out.put(tables::NodeCondition{.node = node.key.text,
                                          .type = "NetworkUnavailable",
                                          .status = "False",
                                          .reason = "RouteCreated",
                                          .message = "the overlay network needs no routes of the cloud"});
        }
    }
};

struct AnnotateId {
    using Driver = NodeNetwork;
    using Reads = Tables<tables::IdLease, tables::NetworkConfig>;
    using Writes = Tables<tables::Annotation>;

    static void derive(const Driver& node, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* lease = in.find<tables::IdLease>(Key<tables::IdLease>{id_request(node.key.text).text});
        const auto* config = in.find<tables::NetworkConfig>(only<tables::NetworkConfig>());
        if (!lease || !config) return out.wait("no node id is allocated yet");
        if (!lease->problem.empty()) {
            return out.fail(
                {ErrorKind::conflict, lease->problem, "node " + node.key.text, "delete nodes that are gone"});
        }
        if (!lease->warning.empty()) {
            out.warn({ErrorKind::conflict, lease->warning, annotation_field(ovn::annotation::node_id),
                      "the node has number " + std::to_string(lease->id) + " now"});
        }
        std::vector<IpPrefix> transit;
        for (const Family family : ovn::families(*config)) {
            const auto address = ovn::nth_address(ovn::transit_subnet(*config, family), lease->id);
            if (!address) {
                return out.fail({ErrorKind::invalid,
                                 "the transit subnet " + ovn::transit_subnet(*config, family).text() +
                                     " has no address for node number " + std::to_string(lease->id),
                                 "node " + node.key.text, "configure a larger cluster-manager transit switch subnet"});
            }
            transit.push_back(*address);
        }
        const auto annotate = [&](std::string_view name, std::string value) {
            out.put(tables::Annotation{.kind = "Node",
                                       .name = node.key.text,
                                       .uid = node.uid,
                                       .annotation = std::string(name),
                                       .value = std::move(value)});
        };
        annotate(ovn::annotation::node_id, std::to_string(lease->id));
        annotate(ovn::annotation::transit_address, address_pair(transit));
    }
};

}  // namespace

void declare_allocations(Declare& d) {
    d.rule<Ranges>("ranges", Role::cluster);
    d.rule<RequestSubnets>("request-subnets", Role::cluster);
    d.rule<RequestId>("request-id", Role::cluster);
    d.rule<AnnotateSubnets>("annotate-subnets", Role::cluster);
    d.rule<AnnotateId>("annotate-id", Role::cluster);
    d.access({"", "nodes/status", {"patch"}}, Role::cluster);
}

}  // namespace weft::default_network
