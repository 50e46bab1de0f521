#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace weft::testing {

/// What the runner reads of a Pod.
struct PodObject {
    struct Container {
        std::string name;
        std::string image;
    };
    std::string pod_namespace;
    std::string name;
    std::string uid;
    std::string version;  ///< metadata.resourceVersion
    bool host_network = false;
    bool deleting = false;
    std::string phase;
    bool ready = false;
    std::vector<std::string> addresses;  ///< status.podIPs
    std::vector<Container> containers;
    std::uint16_t port = 8080;  ///< the first containerPort: where the echo server listens

    static PodObject parse(JsonView pod);
    std::string path() const { return "/api/v1/namespaces/" + pod_namespace + "/pods/" + name; }
    std::string title() const { return pod_namespace + "/" + name; }
    bool finished() const { return phase == "Succeeded" || phase == "Failed"; }
};

/// The status that a kubelet writes for a pod whose containers run: a strategic merge patch, refused when the pod has
/// changed meanwhile (it may have been completed by hand).
std::string running_status(const PodObject& pod, const std::vector<Ip>& host, const std::vector<Ip>& addresses,
                           const std::string& now);
/// An Event about the pod.
std::string pod_event(const PodObject& pod, const std::string& node, const std::string& reason,
                      const std::string& message, const std::string& now);

struct NodeObject {
    std::string name;
    std::vector<Ip> addresses;
    bool ready = false;
    std::string message;  ///< why it isn't
};
std::string node_object(const NodeObject& node);
/// Addresses and conditions: a strategic merge patch of the status.
std::string node_status(const NodeObject& node, const std::string& now);

/// Now, as Kubernetes writes times.
std::string timestamp();

}  // namespace weft::testing
