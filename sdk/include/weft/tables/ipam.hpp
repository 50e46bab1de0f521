#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>
#include <weft/engine/row.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Requests for what must be unique, and the leases that answer them. Rules put requests and read leases; the
/// allocators of core/ipam answer inside the tick. A lease that exists is never changed by a recompute: requests carry
/// what the cluster already holds (annotations, switch ports), and the allocators honour that first. A request that
/// can't be met gets a lease row with `problem` set, and is tried again when something is freed.
namespace weft::tables {

/// The addresses that a pool hands out: one prefix a family.
struct AddressPool {
    static constexpr std::string_view table_name = "AddressPool";
    Key<AddressPool> key;            ///< by convention network/node: "default/n1"
    std::vector<IpPrefix> prefixes;  ///< what is handed out of
    std::vector<Ip> reserved;        ///< never handed out unless asked for by name
    /// The logical switch whose ports carry these addresses. Addresses on its ports are taken, even those that nobody
    /// asked for (a port left behind); empty: those of every port count.
    std::string on_switch;

    static constexpr auto fields() {
        return std::tuple{field("key", &AddressPool::key), field("prefixes", &AddressPool::prefixes),
                          field("reserved", &AddressPool::reserved), field("on_switch", &AddressPool::on_switch)};
    }
};

/// A switch port that has left the northbound database while flows of this node may still know its addresses (or one
/// that has changed them). The host puts it, and takes it away once the flows are gone; until then the addresses count
/// as carried.
struct DepartedPort {
    static constexpr std::string_view table_name = "replica/NB/departed-ports";
    Key<DepartedPort> key;  ///< a number
    std::string name;       ///< of the port
    std::string on_switch;  ///< empty when that is not known
    std::vector<Ip> ips;    ///< what it carried

    static constexpr auto fields() {
        return std::tuple{field("key", &DepartedPort::key), field("name", &DepartedPort::name),
                          field("on_switch", &DepartedPort::on_switch), field("ips", &DepartedPort::ips)};
    }
};

/// Addresses that something should have.
struct AddressRequest {
    static constexpr std::string_view table_name = "AddressRequest";
    Key<AddressRequest> key;  ///< pod uid/network
    std::string pool;         ///< key of the AddressPool
    std::vector<Ip> fixed;  ///< exactly these (an annotation that is there); a conflict is a problem, not a new choice
    std::vector<Ip> preferred;  ///< these if they are free
    /// Name of the switch port that carries the addresses: they stay taken until it is gone from the database, and
    /// until the node's flows have forgotten it (DepartedPort). A port of this name that is there before the request is
    /// asked for its addresses, after `preferred`.
    std::string carrier;
    std::int64_t precedence = 0;  ///< who keeps an address that two claim at start: the smaller, then the smaller key
    /// Asked for, or there already; without one it is derived from the first address. Not checked for uniqueness.
    std::optional<Mac> mac;

    static constexpr auto fields() {
        return std::tuple{field("key", &AddressRequest::key),         field("pool", &AddressRequest::pool),
                          field("fixed", &AddressRequest::fixed),     field("preferred", &AddressRequest::preferred),
                          field("carrier", &AddressRequest::carrier), field("precedence", &AddressRequest::precedence),
                          field("mac", &AddressRequest::mac)};
    }
};

/// The addresses that it has.
struct AddressLease {
    static constexpr std::string_view table_name = "AddressLease";
    Key<AddressLease> key;  ///< of its request
    /// One a family of the pool, in its order, with the pool's prefix length; for `fixed` ones, exactly those.
    std::vector<IpPrefix> ips;
    std::string problem;     ///< why there are no addresses; empty when there are
    std::optional<Mac> mac;  ///< as the request wished when the addresses were given, and for good
    bool fixed = false;      ///< the addresses are the request's `fixed` ones: who asked had them already

    static constexpr auto fields() {
        return std::tuple{field("key", &AddressLease::key), field("ips", &AddressLease::ips),
                          field("problem", &AddressLease::problem), field("mac", &AddressLease::mac),
                          field("fixed", &AddressLease::fixed)};
    }
};

/// Ranges that are cut into subnets, tried in order; one row a purpose.
struct SubnetRange {
    static constexpr std::string_view table_name = "SubnetRange";
    /// A range, and how long its subnets are.
    struct Cut {
        IpPrefix range;   ///< what is cut
        int length = 24;  ///< prefix length of a piece
        static constexpr auto fields() {
            return std::tuple{field("range", &Cut::range), field("length", &Cut::length)};
        }
        WEFT_FIELDS_EQUAL(Cut)
    };
    Key<SubnetRange> key;   ///< network: "default"
    std::vector<Cut> cuts;  ///< tried in this order

    static constexpr auto fields() {
        return std::tuple{field("key", &SubnetRange::key), field("cuts", &SubnetRange::cuts)};
    }
};

/// Subnets that a node should have.
struct SubnetRequest {
    static constexpr std::string_view table_name = "SubnetRequest";
    Key<SubnetRequest> key;       ///< network/node
    std::string range;            ///< key of the SubnetRange
    std::vector<IpPrefix> held;   ///< what the object's annotation says it has; kept if valid and not another's
    std::int64_t precedence = 0;  ///< creationTimestamp: the older keeps a subnet that two claim

    static constexpr auto fields() {
        return std::tuple{field("key", &SubnetRequest::key), field("range", &SubnetRequest::range),
                          field("held", &SubnetRequest::held), field("precedence", &SubnetRequest::precedence)};
    }
};

/// The subnets that it has.
struct SubnetLease {
    static constexpr std::string_view table_name = "SubnetLease";
    Key<SubnetLease> key;
    std::vector<IpPrefix> subnets;  ///< one a family, v4 first
    std::string problem;            ///< why there are none; empty when there are
    std::string warning;            ///< which of the held subnets could not be kept, and why

    static constexpr auto fields() {
        return std::tuple{field("key", &SubnetLease::key), field("subnets", &SubnetLease::subnets),
                          field("problem", &SubnetLease::problem), field("warning", &SubnetLease::warning)};
    }
};

/// Numbers first..last, handed out round-robin.
struct IdRange {
    static constexpr std::string_view table_name = "IdRange";
    Key<IdRange> key;
    std::uint32_t first = 0;  ///< the smallest
    std::uint32_t last = 0;   ///< the largest

    static constexpr auto fields() {
        return std::tuple{field("key", &IdRange::key), field("first", &IdRange::first), field("last", &IdRange::last)};
    }
};

/// A number that something should have for its own.
struct IdRequest {
    static constexpr std::string_view table_name = "IdRequest";
    Key<IdRequest> key;               ///< range/name
    std::string range;                ///< key of the IdRange
    std::vector<std::uint32_t> held;  ///< zero or one: what the annotation says
    std::int64_t precedence = 0;

    static constexpr auto fields() {
        return std::tuple{field("key", &IdRequest::key), field("range", &IdRequest::range),
                          field("held", &IdRequest::held), field("precedence", &IdRequest::precedence)};
    }
};

/// The number that it has.
struct IdLease {
    static constexpr std::string_view table_name = "IdLease";
    Key<IdLease> key;
    std::uint32_t id = 0;  ///< 0 while there is a problem
    std::string problem;   ///< why there is none; empty when there is
    std::string warning;   ///< why the held number could not be kept

    static constexpr auto fields() {
        return std::tuple{field("key", &IdLease::key), field("id", &IdLease::id), field("problem", &IdLease::problem),
                          field("warning", &IdLease::warning)};
    }
};

}  // namespace weft::tables
