#pragma once

#include <weft/base/result.hpp>
#include <weft/tables/cni.hpp>

#include <string>
#include <vector>

/// The pod's link in the kernel. These block and run on a worker; each enters the pod's namespace on a thread of its
/// own. All can be repeated: what is there already is kept or brought up to date.
namespace weft::cni {

struct PodLinkSpec {
    std::string netns;         ///< path of the pod's network namespace
    std::string container_if;  ///< name inside it
    std::string host_if;       ///< name of the other end, in weftd's namespace
    tables::PodInterface interface;
    /// The bridge is a userspace datapath: it forwards packets as they are, so checksums must be whole, and leaves them
    /// to the kernel as well, which must not answer them.
    bool whole_checksums = false;
};

struct PodLink {
    std::string host_mac;
    bool made = false;  ///< it was not there before
};

/// Makes the veth pair, born with its names, MAC and MTU, and sets the host's end up.
Result<PodLink> make_pod_link(const PodLinkSpec& spec);
/// Addresses, routes and settings of the container's end; waits until its IPv6 addresses can be used.
Result<void> configure_pod_link(const PodLinkSpec& spec);
/// What is not as it should be, one sentence each.
Result<std::vector<std::string>> check_pod_link(const PodLinkSpec& spec);
/// Removes the pair by its host end; fine when it is gone. Refuses anything that is no veth.
Result<void> delete_host_link(const std::string& host_if);

}  // namespace weft::cni
