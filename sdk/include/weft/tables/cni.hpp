#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>
#include <weft/engine/row.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What network plugins tell the CNI server, which itself knows no network.
namespace weft::tables {

/// One interface that a pod should get. The CNI server answers ADD from it: veth, Open vSwitch port, addresses, routes.
struct PodInterface {
    static constexpr std::string_view table_name = "PodInterface";

    struct PodRoute {
        IpPrefix destination;
        std::optional<Ip> gateway;
        static constexpr auto fields() {
            return std::tuple{field("destination", &PodRoute::destination), field("gateway", &PodRoute::gateway)};
        }
        WEFT_FIELDS_EQUAL(PodRoute)
    };

    Key<PodInterface> key;  ///< namespace/pod/nad; nad is "default" for the default network
    std::string pod_uid;
    std::string iface_id;  ///< external_ids:iface-id of the OVS Interface; the switch port's name
    Mac mac;
    std::vector<IpPrefix> addresses;
    std::vector<Ip> gateways;
    std::vector<PodRoute> routes;
    std::uint32_t mtu = 1400;
    std::uint32_t routable_mtu = 0;
    std::string network = "default";

    static constexpr auto fields() {
        return std::tuple{field("key", &PodInterface::key),
                          field("pod_uid", &PodInterface::pod_uid),
                          field("iface_id", &PodInterface::iface_id),
                          field("mac", &PodInterface::mac),
                          field("addresses", &PodInterface::addresses),
                          field("gateways", &PodInterface::gateways),
                          field("routes", &PodInterface::routes),
                          field("mtu", &PodInterface::mtu),
                          field("routable_mtu", &PodInterface::routable_mtu),
                          field("network", &PodInterface::network)};
    }
};

/// Something without which this node can't serve pods. While any row says `ready = false`, or none is there, the CNI
/// configuration file is absent and the node is not Ready.
struct ServingCondition {
    static constexpr std::string_view table_name = "ServingCondition";
    Key<ServingCondition> key;  ///< plugin/what: "default-network/management-port"
    bool ready = false;
    std::string message;  ///< what is missing

    static constexpr auto fields() {
        return std::tuple{field("key", &ServingCondition::key), field("ready", &ServingCondition::ready),
                          field("message", &ServingCondition::message)};
    }
};

}  // namespace weft::tables
