#pragma once

#include "appliers/netlink/desired.hpp"
#include "appliers/netlink/handle.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What to do to a link so that it is as desired: a pure function, and how its steps are carried out.
namespace weft::netlink {

/// A link as it is.
struct LinkActual {
    Link link;
    std::vector<Address> addresses;
    std::vector<RouteEntry> routes;
    std::vector<NeighbourEntry> neighbours;
};

Result<std::optional<LinkActual>> read_link(Handle& handle, const std::string& name);

/// One thing to do, for one row; `table` and `key` are those of the row it is for, or of the row it would have been.
struct Step {
    struct ChangeState {
        LinkChange change;
    };
    struct PutAddress {
        AddressSpec address;
    };
    struct DeleteAddress {
        IpPrefix address;
    };
    struct AddRoute {
        RouteEntry route;
    };
    struct DeleteRoute {
        RouteEntry route;
    };
    struct PutNeighbour {
        Ip ip;
        Mac mac;
    };
    struct DeleteNeighbour {
        Ip ip;
    };
    std::variant<ChangeState, PutAddress, DeleteAddress, AddRoute, DeleteRoute, PutNeighbour, DeleteNeighbour> what;
    std::string_view table;
    std::string key;
    /// Takes away what no row wants, rather than making a row so.
    bool removal = false;

    std::string text() const;
};

/// `applied` is what this process found or made so earlier: of that, what is no longer desired is removed. With `prune`
/// (all desired rows are known), a link whose LinkState has sole_addresses also loses every global address, every route
/// that is not the kernel's own, and every permanent neighbour that no row wants. Everything else is somebody else's.
/// Removals come first, then state, addresses, routes, neighbours. Nothing to do gives no steps.
std::vector<Step> plan(const LinkActual& actual, const LinkDesire& desired, const LinkDesire& applied, bool prune);

Result<void> carry_out(Handle& handle, const Link& link, const Step& step);

}  // namespace weft::netlink
