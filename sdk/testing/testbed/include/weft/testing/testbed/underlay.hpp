#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>
#include <weft/base/result.hpp>
#include <weft/testing/testbed/testbed.hpp>

#include <memory>
#include <string>

namespace weft::testing {

/// The wire between nodes: a Linux bridge in a namespace of its own, with an address of both families, where the API
/// server listens too. Every testbed has its own, so all use the same addresses.
class Underlay {
  public:
    static Result<Underlay> create(Testbed& testbed);

    const NetworkNamespace& netns() const { return netns_; }
    Ip gateway(Family family) const;
    /// Of a machine that is no node: a real API server's.
    IpPrefix server_address(Family family) const;
    /// Address of the n-th node, counted from 0, with the subnet's length.
    IpPrefix node_address(Family family, int number) const;
    /// Lays a cable from a namespace to the bridge; in the namespace it is called `device` and is down.
    Result<void> attach(const NetworkNamespace& where, const std::string& node, const std::string& device) const;
    /// Pulls the node's cable out, and plugs it in again.
    Result<void> set_cable(const std::string& node, bool plugged) const;

  private:
    NetworkNamespace netns_;
};

}  // namespace weft::testing
