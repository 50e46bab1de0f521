#include "appliers/netlink/reconcile.hpp"

#include <weft/base/overloaded.hpp>

#include <algorithm>

#include <linux/rtnetlink.h>

namespace weft::netlink {

Result<std::optional<LinkActual>> read_link(Handle& handle, const std::string& name) {
    auto link = handle.find_link(name);
    if (!link) return std::move(link).error();
    if (!*link) return std::optional<LinkActual>();
    LinkActual actual;
    actual.link = **link;
    auto addresses = handle.addresses(actual.link.index);
    if (!addresses) return std::move(addresses).error();
    auto routes = handle.routes(actual.link.index);
    if (!routes) return std::move(routes).error();
    auto neighbours = handle.neighbours(actual.link.index);
    if (!neighbours) return std::move(neighbours).error();
    actual.addresses = *std::move(addresses);
    actual.routes = *std::move(routes);
    actual.neighbours = *std::move(neighbours);
    return std::optional<LinkActual>(std::move(actual));
}

namespace {

constexpr std::uint32_t default_v6_priority = 1024;
constexpr std::uint32_t local_table = 255;

bool default_priority(const RouteEntry& route) {
    return route.destination.is_v4() ? route.priority == 0 : route.priority == default_v6_priority;
}

/// The same place in the routing tables: table, destination, priority that a row without one gets.
bool same_place(const RouteEntry& entry, const tables::Route& row) {
    return entry.table == row.table && entry.destination == row.destination.network() && default_priority(entry) &&
           !entry.multipath;
}

bool as_wanted(const RouteEntry& entry, const tables::Route& row) {
    return same_place(entry, row) && entry.gateway == row.gateway && entry.source == row.source &&
           entry.mtu == row.mtu && entry.type == RTN_UNICAST;
}

RouteEntry entry_of(const tables::Route& row) {
    RouteEntry entry;
    entry.table = row.table;
    entry.destination = row.destination.network();
    entry.gateway = row.gateway;
    entry.source = row.source;
    entry.mtu = row.mtu;
    return entry;
}

bool kernels_own(const RouteEntry& entry) {
    return entry.protocol == RTPROT_KERNEL || entry.protocol == RTPROT_RA || entry.protocol == RTPROT_REDIRECT ||
           entry.table == local_table || entry.type != RTN_UNICAST || entry.destination.ip().is_multicast();
}

/// Collects the steps for one link.
class Planner {
  public:
    Planner(const LinkActual& actual, const LinkDesire& desired, const LinkDesire& applied, bool prune)
        : actual_(actual),
          desired_(desired),
          applied_(applied),
          prune_(prune && desired.sole()) {}

    std::vector<Step> run() {
        remove_neighbours();
        remove_routes();
        remove_addresses();
        state();
        addresses();
        routes();
        neighbours();
        return std::move(steps_);
    }

  private:
    template <class What>
    void add(What what, std::string_view table, std::string key, bool removal = false) {
        steps_.push_back({std::move(what), table, std::move(key), removal});
    }

    void state() {
        if (!desired_.state) return;
        LinkChange change;
        if (desired_.state->up != actual_.link.up) change.up = desired_.state->up;
        if (desired_.state->mtu != 0 && desired_.state->mtu != actual_.link.mtu) change.mtu = desired_.state->mtu;
        if (change.up || change.mtu) {
            add(Step::ChangeState{change}, tables::LinkState::table_name, actual_.link.name);
        }
    }

    void remove_addresses() {
        for (const auto& address : actual_.addresses) {
            const std::string key = Key<tables::LinkAddress>{actual_.link.name, address.text()}.text;
            if (desired_.addresses.contains(key)) continue;
            if (applied_.addresses.contains(key) || (prune_ && address.global)) {
                add(Step::DeleteAddress{address.address}, tables::LinkAddress::table_name, key, true);
            }
        }
    }

    void addresses() {
        for (const auto& [key, row] : desired_.addresses) {
            const auto there = std::find_if(actual_.addresses.begin(), actual_.addresses.end(),
                                            [&row = row](const Address& a) { return a.address == row.address; });
            if (there != actual_.addresses.end() && there->permanent && !there->duplicate &&
                (row.address.is_v4() || there->deprecated == row.deprecated)) {
                continue;
            }
            add(Step::PutAddress{{row.address, row.no_dad, row.deprecated}}, tables::LinkAddress::table_name, key);
        }
    }

    bool wanted(const RouteEntry& entry) const {
        return std::any_of(desired_.routes.begin(), desired_.routes.end(),
                           [&](const auto& row) { return as_wanted(entry, row.second); });
    }

    bool was_applied(const RouteEntry& entry) const {
        return std::any_of(applied_.routes.begin(), applied_.routes.end(),
                           [&](const auto& row) { return as_wanted(entry, row.second); });
    }

    /// On a link that is ours alone, a route in the place of a desired one is an older version of it.
    bool in_the_way(const RouteEntry& entry) const {
        return desired_.sole() && std::any_of(desired_.routes.begin(), desired_.routes.end(),
                                              [&](const auto& row) { return same_place(entry, row.second); });
    }

    void remove_routes() {
        for (const auto& entry : actual_.routes) {
            if (kernels_own(entry) || wanted(entry)) continue;
            if (!prune_ && !was_applied(entry) && !in_the_way(entry)) continue;
            const Key<tables::Route> key{std::to_string(entry.table), entry.destination.text(), actual_.link.name};
            add(Step::DeleteRoute{entry}, tables::Route::table_name, key.text, true);
        }
    }

    void routes() {
        for (const auto& [key, row] : desired_.routes) {
            const bool there = std::any_of(actual_.routes.begin(), actual_.routes.end(),
                                           [&row = row](const RouteEntry& e) { return as_wanted(e, row); });
            if (!there) add(Step::AddRoute{entry_of(row)}, tables::Route::table_name, key);
        }
    }

    void remove_neighbours() {
        for (const auto& entry : actual_.neighbours) {
            if (!entry.permanent) continue;
            const std::string key = Key<tables::Neighbour>{actual_.link.name, entry.ip.text()}.text;
            if (desired_.neighbours.contains(key)) continue;
            const auto ours = applied_.neighbours.find(key);
            if (prune_ || (ours != applied_.neighbours.end() && ours->second.mac == entry.mac)) {
                add(Step::DeleteNeighbour{entry.ip}, tables::Neighbour::table_name, key, true);
            }
        }
    }

    void neighbours() {
        for (const auto& [key, row] : desired_.neighbours) {
            const bool there = std::any_of(
                actual_.neighbours.begin(), actual_.neighbours.end(),
                [&row = row](const NeighbourEntry& e) { return e.permanent && e.ip == row.ip && e.mac == row.mac; });
            if (!there) add(Step::PutNeighbour{row.ip, row.mac}, tables::Neighbour::table_name, key);
        }
    }

    const LinkActual& actual_;
    const LinkDesire& desired_;
    const LinkDesire& applied_;
    bool prune_;
    std::vector<Step> steps_;
};

}  // namespace

std::string Step::text() const {
    return std::visit(Overloaded{
                          [](const ChangeState& s) {
                              std::string out = "set";
                              if (s.change.up) out += *s.change.up ? " up" : " down";
                              if (s.change.mtu) out += " mtu " + std::to_string(*s.change.mtu);
                              return out;
                          },
                          [](const PutAddress& s) { return "add address " + s.address.address.text(); },
                          [](const DeleteAddress& s) { return "remove address " + s.address.text(); },
                          [](const AddRoute& s) { return "add route " + s.route.text(); },
                          [](const DeleteRoute& s) { return "remove route " + s.route.text(); },
                          [](const PutNeighbour& s) { return "set neighbour " + s.ip.text() + " to " + s.mac.text(); },
                          [](const DeleteNeighbour& s) { return "remove neighbour " + s.ip.text(); },
                      },
                      what);
}

std::vector<Step> plan(const LinkActual& actual, const LinkDesire& desired, const LinkDesire& applied, bool prune) {
    return Planner(actual, desired, applied, prune).run();
}

Result<void> carry_out(Handle& handle, const Link& link, const Step& step) {
    return std::visit(Overloaded{
                          [&](const Step::ChangeState& s) { return handle.change_link(link, s.change); },
                          [&](const Step::PutAddress& s) { return handle.put_address(link, s.address); },
                          [&](const Step::DeleteAddress& s) { return handle.delete_address(link, s.address); },
                          [&](const Step::AddRoute& s) -> Result<void> {
                              auto added = handle.add_route(link, s.route);
                              if (!added && added.error().kind == ErrorKind::conflict) {
                                  Error error = std::move(added).error();
                                  error.mend = "another route to " + s.route.destination.text() +
                                               " is there; see `ip route show table " + std::to_string(s.route.table) +
                                               " " + s.route.destination.text() + "` and remove it if it should not be";
                                  return error;
                              }
                              return added;
                          },
                          [&](const Step::DeleteRoute& s) { return handle.delete_route(link, s.route); },
                          [&](const Step::PutNeighbour& s) { return handle.put_neighbour(link, s.ip, s.mac); },
                          [&](const Step::DeleteNeighbour& s) { return handle.delete_neighbour(link, s.ip); },
                      },
                      step.what);
}

}  // namespace weft::netlink
