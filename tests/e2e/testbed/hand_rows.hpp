#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>
#include <weft/base/result.hpp>
#include <weft/testing/testbed/ovn_node.hpp>

#include <string>

/// The rows of two joined nodes, written with ovn-nbctl and ovn-sbctl: the testbed must work before weft does.
namespace weft::testing {

struct NodeNumbers {
    int id;  ///< 2 or 3: gives the node's subnets and transit addresses

    IpPrefix subnet(Family family) const {
        return family == Family::v4 ? IpPrefix(Ip::v4({10, 244, static_cast<std::uint8_t>(id), 0}), 24)
                                    : IpPrefix(*Ip::parse("fd00:10:244:" + std::to_string(id) + "::"), 64);
    }
    Ip host(Family family, int n) const { return *subnet(family).first().plus(n); }
    IpPrefix host_prefix(Family family, int n) const { return {host(family, n), subnet(family).length()}; }
    Ip transit(Family family) const {
        return *(family == Family::v4 ? Ip::v4({100, 88, 0, 0}) : *Ip::parse("fd97::")).plus(id);
    }
    /// What a switch port's `addresses` holds for the n-th host.
    std::string port_addresses(int n) const {
        return Mac::of(host(Family::v4, n)).text() + " " + host(Family::v4, n).text() + " " +
               host(Family::v6, n).text();
    }
};

struct HandNode {
    OvnNode& node;
    NodeNumbers numbers;
};

/// The local half: cluster router, the node's switch, the transit switch.
Result<void> write_local_rows(const HandNode& local);
/// What `local` must know of `remote`.
Result<void> write_remote_rows(const HandNode& local, const HandNode& remote);
/// A pod with its switch port; its addresses end in `n`.
Result<NetworkNamespace> add_pod(Testbed& testbed, const HandNode& where, const std::string& name, int n);
/// ovn-k8s-mp0, the node's own way into the cluster network.
Result<void> add_management_port(const HandNode& where);

}  // namespace weft::testing
