#pragma once

#include <weft/engine/operator.hpp>

/// The allocators, as operators of the graph; tables and their contract are in weft/tables/ipam.hpp.
namespace weft::ipam {

/// AddressPool, AddressRequest, ovsdb::Replica<nb::LogicalSwitchPort> -> AddressLease; in role node.
OperatorSpec address_allocator();
/// SubnetRange, SubnetRequest -> SubnetLease; in role cluster.
OperatorSpec subnet_allocator();
/// IdRange, IdRequest -> IdLease; in role cluster.
OperatorSpec id_allocator();

}  // namespace weft::ipam
