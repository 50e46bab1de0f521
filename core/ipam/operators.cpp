#include "ipam/address_allocator.hpp"
#include "ipam/id_allocator.hpp"
#include "ipam/ipam.hpp"
#include "ipam/subnet_allocator.hpp"

namespace weft::ipam {

OperatorSpec address_allocator() {
    return {{table_spec<tables::AddressPool>(), table_spec<tables::AddressRequest>(),
             table_spec<ovsdb::Replica<nb::LogicalSwitchPort>>(), table_spec<tables::DepartedPort>()},
            {table_spec<tables::AddressLease>()},
            [] { return std::make_unique<AddressAllocator>(); }};
}

OperatorSpec subnet_allocator() {
    return {{table_spec<tables::SubnetRange>(), table_spec<tables::SubnetRequest>()},
            {table_spec<tables::SubnetLease>()},
            [] { return std::make_unique<SubnetAllocator>(); }};
}

OperatorSpec id_allocator() {
    return {{table_spec<tables::IdRange>(), table_spec<tables::IdRequest>()}, {table_spec<tables::IdLease>()}, [] {
                return std::make_unique<IdAllocator>();
            }};
}

}  // namespace weft::ipam
