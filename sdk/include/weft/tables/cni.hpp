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

    /// A route in the pod.
    struct PodRoute {
        IpPrefix destination;       ///< where to
        std::optional<Ip> gateway;  ///< absent: on the link
        static constexpr auto fields() {
            return std::tuple{field("destination", &PodRoute::destination), field("gateway", &PodRoute::gateway)};
        }
        WEFT_FIELDS_EQUAL(PodRoute)
    };

    Key<PodInterface> key;            ///< namespace/pod/nad; nad is "default" for the default network
    std::string pod_uid;              ///< an ADD for a pod of the same name with another uid waits
    std::string iface_id;             ///< external_ids:iface-id of the OVS Interface; the switch port's name
    Mac mac;                          ///< of eth0
    std::vector<IpPrefix> addresses;  ///< with their prefix lengths
    std::vector<Ip> gateways;         ///< of default routes
    std::vector<PodRoute> routes;     ///< besides the default ones
    std::uint32_t mtu = 1400;         ///< of the interface
    std::uint32_t routable_mtu = 0;   ///< of its routes; 0: none
    std::string network = "default";  ///< name of the network

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
    bool ready = false;         ///< false: pods must wait
    std::string message;        ///< what is missing

    static constexpr auto fields() {
        return std::tuple{field("key", &ServingCondition::key), field("ready", &ServingCondition::ready),
                          field("message", &ServingCondition::message)};
    }
};

}  // namespace weft::tables
