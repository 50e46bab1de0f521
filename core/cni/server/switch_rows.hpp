#pragma once

#include "cni/server/switch_ports.hpp"
#include "cni/spec.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

/// Which rows a pod's port is made of, and which ports have to go: pure functions over what is on br-int.
namespace weft::cni {

/// A pod's port, as it should be.
struct PodPort {
    std::string host_if;
    std::string iface_id;
    std::string pod_uid;
    std::string mac;
    std::vector<std::string> addresses;  ///< with prefix length
    std::string sandbox;                 ///< container id
    std::string pod_if;
    std::string network;  ///< empty for the default network
    std::string nad;

    std::map<std::string, std::string> external_ids() const;
};

/// Name of the host's end: the container id's first 15 characters.
std::string host_interface(const std::string& container_id);

/// Removes every other port of the same iface-id, then adds ours or brings its external_ids up to date. A port of our
/// name that belongs to another pod is an error: two container ids may begin alike.
Outcome<std::vector<PortOperation>> plan_add(const PodPort& port, const SwitchInterfaces& there);

/// Ports of one attachment; those that don't say for which interface of the pod they are count as well.
std::vector<std::string> ports_of(const Attachment& attachment, const SwitchInterfaces& there);

/// Ports of the default network whose attachment is not among `valid` and whose sandbox is not `busy`.
std::vector<std::string> ports_to_collect(const std::vector<Attachment>& valid, const std::set<std::string>& busy,
                                          const SwitchInterfaces& there);

/// Pods' ports that nobody will ask us to remove: of pods that are not on this node (any more), or whose link is gone.
/// Sandboxes that are `busy` are left alone.
std::vector<std::string> ports_to_scrub(const std::set<std::string>& local_uids, const std::set<std::string>& busy,
                                        const SwitchInterfaces& there);

/// How far a port of ours has come.
struct Binding {
    enum class State { absent, waiting, installed, failed };
    State state = State::absent;
    CniError error;  ///< when failed
};
Binding binding_of(const PodPort& port, const SwitchInterfaces& there);

}  // namespace weft::cni
