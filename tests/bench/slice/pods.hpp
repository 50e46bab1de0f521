#pragma once

#include "kube/client.hpp"

#include <weft/ovsdb/nb.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

/// The pods that are measured, and what weft makes of them.
namespace weft::bench {

inline constexpr const char* node_name = "bench";
inline constexpr const char* pod_namespace = "bench";

/// Where a pod is, and what is known of it.
struct PodPlace {
    std::string ns = pod_namespace;
    std::string node = node_name;
    std::string annotations;                        ///< a JSON object; empty: none
    std::string status = R"({"phase":"Pending"})";  ///< a JSON object
    std::string more_metadata = {};                 ///< JSON members, each with a comma behind it
};
/// A pod as a Deployment makes it, with the usual dozen variables and a service account's volume.
std::string pod_json(const std::string& name, const PodPlace& place = {});
/// The same as the API server keeps it, with a UID and a time of creation.
std::string stored_pod_json(const std::string& name);
std::string pod_name(std::size_t number);
std::string pod_ip(std::size_t number);
/// The annotation k8s.ovn.org/pod-networks of pod `number`, the "default" entry with its braces.
std::string pod_networks(std::size_t number);
/// Its switch port.
nb::LogicalSwitchPort pod_port(std::size_t number);

/// Sends `count` requests, at most `in_flight` at a time, and waits for all answers. Returns how many failed.
std::size_t send_all(kube::Client& client, std::size_t count, std::size_t in_flight,
                     const std::function<kube::Request(std::size_t)>& make);
/// A POST of an object, answered with its metadata alone.
kube::Request create_request(const std::string& collection, std::string body);
std::string pods_path(const std::string& ns = pod_namespace);
/// The pods 0 to count - 1.
std::size_t create_pods(kube::Client& client, std::size_t count);

}  // namespace weft::bench
