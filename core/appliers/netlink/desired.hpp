#pragma once

#include <weft/engine/operator.hpp>
#include <weft/tables/net.hpp>

#include <map>
#include <optional>
#include <string>

namespace weft::netlink {

/// What should be on one link; or, under the empty name, the sysctls that belong to no link.
struct LinkDesire {
    std::optional<tables::LinkState> state;
    std::map<std::string, tables::LinkAddress> addresses;
    std::map<std::string, tables::Route> routes;
    std::map<std::string, tables::Neighbour> neighbours;
    std::map<std::string, tables::Sysctl> sysctls;

    bool empty() const;
    std::size_t size() const;
    bool sole() const { return state && state->sole_addresses; }
};

/// The desired rows, by link.
class DesiredRows {
  public:
    /// Takes one change of LinkState, LinkAddress, Route, Neighbour or Sysctl; other tables are ignored. Returns the
    /// links that have to be looked at: one, or two when a row moved between links.
    std::vector<std::string> apply(const Change& change);

    /// Null when nothing is wanted there.
    const LinkDesire* find(const std::string& link) const;
    const std::map<std::string, LinkDesire>& links() const { return links_; }
    std::size_t size() const;

  private:
    std::map<std::string, LinkDesire> links_;
};

}  // namespace weft::netlink
