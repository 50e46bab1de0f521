#pragma once

#include "appliers/ovsdb/applier.hpp"
#include "engine/engine.hpp"
#include "ovsdb/replica.hpp"

#include <weft/base/clock.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace weft::appliers::ovsdb {

/// Remembers switch ports that have left the northbound database until the node's flows have forgotten them, as rows
/// DepartedPort: their addresses are not given out before. The transaction that takes such a port away raises nb_cfg;
/// the row goes when hv_cfg has followed.
///
/// That needs a witness: the southbound database can be reached, an ovn-controller of this zone has registered its
/// chassis there, and OVN has not left a raise unanswered for too long (Levels::silent). Without one the port is
/// forgotten with its northbound row: a node without OVN must not run out of addresses. When OVN falls silent, what is
/// being remembered is let go.
class Departures {
  public:
    Departures(engine::Engine& engine, Applier& north, const weft::ovsdb::DatabaseReplica& south,
               std::function<bool()> south_ready, const Clock& clock);
    Departures(const Departures&) = delete;
    Departures& operator=(const Departures&) = delete;

    void north_changed(const weft::ovsdb::Changes& changes);
    void south_changed(const weft::ovsdb::Changes& changes);
    /// Looks whether OVN has fallen silent; when Levels::next_deadline has come.
    void check();
    std::size_t size() const { return departed_.size(); }

  private:
    bool witnessed() const;
    void remember(const RowPtr& before, const RowPtr& after);
    void let_go(Levels::Mark up_to);

    engine::Engine& engine_;
    Applier& north_;
    const weft::ovsdb::DatabaseReplica& south_;
    std::function<bool()> south_ready_;
    const Clock& clock_;
    bool own_chassis_ = false;
    std::uint64_t next_key_ = 1;
    std::multimap<Levels::Mark, std::string> departed_;  ///< keys of rows, by what they wait for
};

}  // namespace weft::appliers::ovsdb
