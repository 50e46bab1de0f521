#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/json.hpp>
#include <weft/base/mac.hpp>
#include <weft/base/result.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a pod is told about its interface on the default network, and what its annotations ask for.
namespace weft::default_network {

/// The entry "default" of the annotation k8s.ovn.org/pod-networks.
struct PodNetwork {
    struct Route {
        IpPrefix destination;
        std::optional<Ip> next_hop;
        friend bool operator==(const Route&, const Route&) = default;
    };

    std::vector<IpPrefix> ips;  ///< with the subnet's prefix length
    Mac mac;
    std::vector<Ip> gateways;
    std::vector<Route> routes;
    std::string role = "primary";

    friend bool operator==(const PodNetwork&, const PodNetwork&) = default;
};

/// The entry as OVN-Kubernetes writes it: field for field in its order.
std::string to_json(const PodNetwork& network);

/// An entry that is there already: parsed, and its text, which is kept as it is.
struct AnnotatedNetwork {
    PodNetwork network;
    std::string text;
};
/// Nothing when the pod has no such annotation, or none with an entry for the default network.
Result<std::optional<AnnotatedNetwork>> annotated_network(const tables::Pod& pod);

/// What a pod asks of its networks.
struct Wishes {
    std::optional<Mac> mac;
    bool ips = false;               ///< it asks for addresses, which the default network does not grant
    bool other_default_v4 = false;  ///< its default route leads by way of another network
    bool other_default_v6 = false;

    bool other_default(Family family) const { return family == Family::v4 ? other_default_v4 : other_default_v6; }
};
Result<Wishes> wishes_of(const tables::Pod& pod);

/// The network of a pod that has these addresses; without a MAC it gets that of the first one.
PodNetwork make_network(const std::vector<IpPrefix>& ips, const std::optional<Mac>& mac, const Wishes& wishes,
                        const tables::NetworkConfig& config);

}  // namespace weft::default_network
