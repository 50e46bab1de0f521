#pragma once

#include "appliers/ovsdb/applier.hpp"
#include "ovsdb/client.hpp"
#include "ovsdb/replica.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace weft::daemon {

/// One database: its connection, its replica on the engine thread, and its applier. Rows of tables that rules read go
/// to the engine as input tables "replica/…".
class OvsdbLink final : public appliers::ovsdb::Channel {
  public:
    struct Options {
        std::string name;  ///< "ovn-nb", for logs and status
        weft::ovsdb::ClientSettings client;
        weft::ovsdb::MonitorRequest monitor;
        std::set<std::string> read_tables;  ///< "replica/…" that rules or operators read
        /// Tells which optional tables and columns the server has, as tables::OvnFeature rows.
        bool tells_features = false;
        /// Shared by the links of a node; none: rows of other databases can't be waited for.
        std::shared_ptr<appliers::ovsdb::Order> order = nullptr;
    };
    /// Follows what happens to the replica, after the applier.
    using Observer = std::function<void(const weft::ovsdb::Changes&)>;

    OvsdbLink(Options options, engine::Engine& engine, appliers::ovsdb::ExtraTables extra, const Clock& clock,
              appliers::ovsdb::Unsettled unsettled, std::function<void()> wake);

    Result<void> start();
    void observe(Observer observer) { observers_.push_back(std::move(observer)); }
    /// Told when the connection is lost.
    void observe_trouble(std::function<void(const std::string&)> observer) {
        trouble_observers_.push_back(std::move(observer));
    }
    /// Takes what the connection has brought; before each tick.
    void drain();
    void give_back_memory() {
        if (client_) client_->give_back_memory();
    }

    appliers::ovsdb::Applier& applier() { return *applier_; }
    const appliers::ovsdb::Applier& applier() const { return *applier_; }
    const weft::ovsdb::DatabaseReplica& replica() const { return replica_; }
    /// For transactions that are no desired rows (the CNI server's ports); the answer comes to `answered`.
    void transact(weft::ovsdb::Transaction transaction, std::function<void(const weft::ovsdb::Outcome&)> answered);
    const std::string& name() const { return options_.name; }
    std::string address() const;
    bool ready() const;
    /// What keeps the link from being ready; empty when it is.
    std::string trouble() const;
    /// Since when it is not ready; nothing while it is.
    std::optional<TimePoint> down_since() const { return down_since_; }

  private:
    bool writable(std::string& why) const override;
    weft::ovsdb::ColumnSet columns(const weft::ovsdb::TableInfo& table) const override;
    const weft::ovsdb::Capabilities* capabilities() const override { return capabilities_.get(); }
    std::uint64_t commit(weft::ovsdb::Transaction transaction) override;

    void on(weft::ovsdb::Connected& event);
    void on(weft::ovsdb::Update& event);
    void on(weft::ovsdb::Reply& event);
    void on(weft::ovsdb::LockChanged& event);
    void on(weft::ovsdb::Disconnected& event);
    void on(weft::ovsdb::Refused& event);
    void note_readiness();
    void post(const weft::ovsdb::Changes& changes);
    void post_features();

    Options options_;
    engine::Engine& engine_;
    weft::ovsdb::DatabaseReplica replica_;
    std::unique_ptr<appliers::ovsdb::Applier> applier_;
    std::vector<Observer> observers_;
    std::vector<std::function<void(const std::string&)>> trouble_observers_;
    std::map<std::uint64_t, std::function<void(const weft::ovsdb::Outcome&)>> answers_;
    std::shared_ptr<const weft::ovsdb::Capabilities> capabilities_;
    bool connected_ = false;
    bool loaded_ = false;  ///< this connection's contents are in
    bool ever_loaded_ = false;
    bool locked_ = false;
    std::optional<TimePoint> down_since_;
    std::string trouble_ = "not connected yet";
    std::function<void()> wake_;
    std::unique_ptr<weft::ovsdb::Client> client_;  ///< last: its thread calls wake_
};

}  // namespace weft::daemon
