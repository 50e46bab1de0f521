#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weft/base/ip.hpp>
#include <weft/engine/row.hpp>

/// Requests for what must be unique, and the leases that answer them. Rules put requests and read leases; the allocators
/// of core/ipam answer inside the tick. A lease that exists is never changed by a recompute: requests carry what the
/// cluster already holds (annotations, switch ports), and the allocators honour that first.
/// A request that can't be met gets a lease row with `problem` set, and is tried again when something is freed.
namespace weft::tables {

/// The addresses that a pool hands out: one prefix a family.
struct AddressPool {
    static constexpr std::string_view table_name = "AddressPool";
    Key<AddressPool> key;  ///< by convention network/node: "default/n1"
    std::vector<IpPrefix> prefixes;
    std::vector<Ip> reserved;  ///< never handed out unless asked for by name

    static constexpr auto fields() {
        return std::tuple{field("key", &AddressPool::key), field("prefixes", &AddressPool::prefixes),
                          field("reserved", &AddressPool::reserved)};
    }
};

struct AddressRequest {
    static constexpr std::string_view table_name = "AddressRequest";
    Key<AddressRequest> key;  ///< pod uid/network
    std::string pool;
    std::vector<Ip> fixed;      ///< exactly these (an annotation that is there); a conflict is a problem, not a new choice
    std::vector<Ip> preferred;  ///< these if they are free
    /// Name of the switch port that carries the addresses: they stay taken until it is gone from the database.
    std::string carrier;
    std::int64_t precedence = 0;  ///< who keeps an address that two claim at start: the smaller, then the smaller key

    static constexpr auto fields() {
        return std::tuple{field("key", &AddressRequest::key),           field("pool", &AddressRequest::pool),
                          field("fixed", &AddressRequest::fixed),       field("preferred", &AddressRequest::preferred),
                          field("carrier", &AddressRequest::carrier),   field("precedence", &AddressRequest::precedence)};
    }
};

struct AddressLease {
    static constexpr std::string_view table_name = "AddressLease";
    Key<AddressLease> key;       ///< of its request
    std::vector<IpPrefix> ips;   ///< one a family of the pool, in its order, with the pool's prefix length
    std::string problem;         ///< why there are no addresses; empty when there are

    static constexpr auto fields() {
        return std::tuple{field("key", &AddressLease::key), field("ips", &AddressLease::ips),
                          field("problem", &AddressLease::problem)};
    }
};

/// Ranges that are cut into subnets, tried in order; one row a purpose.
struct SubnetRange {
    static constexpr std::string_view table_name = "SubnetRange";
    struct Cut {
        IpPrefix range;
        int length = 24;
        static constexpr auto fields() { return std::tuple{field("range", &Cut::range), field("length", &Cut::length)}; }
        WEFT_FIELDS_EQUAL(Cut)
    };
    Key<SubnetRange> key;  ///< network: "default"
    std::vector<Cut> cuts;

    static constexpr auto fields() {
        return std::tuple{field("key", &SubnetRange::key), field("cuts", &SubnetRange::cuts)};
    }
};

struct SubnetRequest {
    static constexpr std::string_view table_name = "SubnetRequest";
    Key<SubnetRequest> key;  ///< network/node
    std::string range;
    std::vector<IpPrefix> held;    ///< what the object's annotation says it has; kept if valid and not another's
    std::int64_t precedence = 0;   ///< creationTimestamp: the older keeps a subnet that two claim

    static constexpr auto fields() {
        return std::tuple{field("key", &SubnetRequest::key), field("range", &SubnetRequest::range),
                          field("held", &SubnetRequest::held), field("precedence", &SubnetRequest::precedence)};
    }
};

struct SubnetLease {
    static constexpr std::string_view table_name = "SubnetLease";
    Key<SubnetLease> key;
    std::vector<IpPrefix> subnets;  ///< one a family, v4 first
    std::string problem;

    static constexpr auto fields() {
        return std::tuple{field("key", &SubnetLease::key), field("subnets", &SubnetLease::subnets),
                          field("problem", &SubnetLease::problem)};
    }
};

/// Numbers first..last, handed out round-robin.
struct IdRange {
    static constexpr std::string_view table_name = "IdRange";
    Key<IdRange> key;
    std::uint32_t first = 0;
    std::uint32_t last = 0;

    static constexpr auto fields() {
        return std::tuple{field("key", &IdRange::key), field("first", &IdRange::first), field("last", &IdRange::last)};
    }
};

struct IdRequest {
    static constexpr std::string_view table_name = "IdRequest";
    Key<IdRequest> key;  ///< range/name
    std::string range;
    std::vector<std::uint32_t> held;  ///< zero or one: what the annotation says
    std::int64_t precedence = 0;

    static constexpr auto fields() {
        return std::tuple{field("key", &IdRequest::key), field("range", &IdRequest::range),
                          field("held", &IdRequest::held), field("precedence", &IdRequest::precedence)};
    }
};

struct IdLease {
    static constexpr std::string_view table_name = "IdLease";
    Key<IdLease> key;
    std::uint32_t id = 0;
    std::string problem;

    static constexpr auto fields() {
        return std::tuple{field("key", &IdLease::key), field("id", &IdLease::id), field("problem", &IdLease::problem)};
    }
};

}  // namespace weft::tables
