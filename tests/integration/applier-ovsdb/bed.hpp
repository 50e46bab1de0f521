#pragma once

#include "appliers/ovsdb/applier.hpp"
#include "appliers/ovsdb/departures.hpp"
#include "appliers/ovsdb/port_witness.hpp"
#include "engine/engine.hpp"
#include "integration/ovsdb/harness.hpp"
#include "ovsdb/client.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/ovsdb/sb.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

/// An applier with all that it needs, against real ovsdb-servers; the tests are the rules, the other clients, northd
/// and ovn-controller.
namespace weft::test {

using appliers::ovsdb::Applier;
using appliers::ovsdb::Order;

/// One database: its server, the applier with its connection, and another client, the spy, that sees what is committed.
class Far final : public appliers::ovsdb::Channel {
  public:
    struct Options {
        std::string schema;
        const ovsdb::DatabaseInfo* database = nullptr;
        appliers::ovsdb::ExtraTables extra;
        std::size_t most_operations = 1000;
        std::size_t least_ahead = 100;
        bool proxied = false;
    };
    explicit Far(Options options);

    /// The applier connects; once.
    void start(engine::Engine& engine, std::shared_ptr<Order> order, const Clock& clock);
    /// The applier's process stops; start() makes another.
    void stop();
    void step();
    bool connected() const { return connected_ && loaded_; }
    /// While deaf it hears nothing from its database: answers and updates come late.
    void set_deaf(bool deaf) { deaf_ = deaf; }

    Applier& applier() { return *applier_; }
    appliers::Status status() const { return applier_->status(); }
    const ovsdb::DatabaseReplica& replica() const { return *replica_; }
    void observe(std::function<void(const ovsdb::Changes&)> observer) { observers_.push_back(std::move(observer)); }
    Server& server() { return *server_; }
    Proxy& proxy() { return *proxy_; }
    Owner& spy() { return *spy_; }
    const ovsdb::TableInfo& table(std::string_view name) const { return *options_.database->table(name); }
    void set_unsettled(appliers::ovsdb::Unsettled unsettled) { unsettled_ = std::move(unsettled); }

    // What others write.

    template <class T>
    Uuid insert(const T& row, const Uuid& uuid = Uuid::random()) {
        ovsdb::Transaction t;
        add_insert(t, row, uuid);
        write(std::move(t));
        return uuid;
    }
    template <class T>
    void add_insert(ovsdb::Transaction& t, const T& row, const Uuid& uuid) {
        const auto& info = table(T::ovsdb_table);
        ASSERT_TRUE(
            t.insert(info, uuid, &row, info.all_columns() & spy_->capabilities->columns(info), no_references()));
    }
    template <class T>
    void update(const Uuid& uuid, const T& row) {
        ovsdb::Transaction t;
        const auto& info = table(T::ovsdb_table);
        ASSERT_TRUE(t.update(info, uuid, &row, info.declared(&row), no_references()));
        write(std::move(t));
    }
    template <class T>
    void erase(const Uuid& uuid) {
        ovsdb::Transaction t;
        t.erase(table(T::ovsdb_table), uuid);
        write(std::move(t));
    }
    void write(ovsdb::Transaction t);

    /// The row that the spy sees under a natural key, or nothing.
    template <class T>
    std::optional<T> see(const std::string& key) const {
        return spy_->replica.find_by_key<T>(key);
    }
    template <class T>
    std::size_t count() const {
        return spy_->replica.size(table(T::ovsdb_table));
    }
    /// Position of the first change in which the spy saw a row of this key come (or go); -1 when it has not.
    template <class T>
    int came(const std::string& key) const {
        return moment(table(T::ovsdb_table), key, true);
    }
    template <class T>
    int went(const std::string& key) const {
        return moment(table(T::ovsdb_table), key, false);
    }

  private:
    bool writable(std::string& why) const override;
    ovsdb::ColumnSet columns(const ovsdb::TableInfo& info) const override;
    const ovsdb::Capabilities* capabilities() const override { return capabilities_.get(); }
    std::uint64_t commit(ovsdb::Transaction transaction) override { return client_->transact(std::move(transaction)); }
    void on(ovsdb::Event& event);
    int moment(const ovsdb::TableInfo& info, const std::string& key, bool came) const;

    Options options_;
    TempDir dir_;
    std::unique_ptr<Server> server_;
    std::unique_ptr<Proxy> proxy_;
    std::unique_ptr<Owner> spy_;
    std::unique_ptr<ovsdb::DatabaseReplica> replica_;
    std::unique_ptr<Applier> applier_;
    std::vector<std::function<void(const ovsdb::Changes&)>> observers_;
    appliers::ovsdb::Unsettled unsettled_ = [](const auto&, auto) { return false; };
    std::shared_ptr<const ovsdb::Capabilities> capabilities_;
    std::unique_ptr<ovsdb::Client> client_;
    bool deaf_ = false;
    bool connected_ = false;
    bool loaded_ = false;
    bool ever_loaded_ = false;
};

/// Tests derive from it. Desired tables are inputs here: put() and erase() are what rules would do.
class ApplierBed : public testing::Test {
  protected:
    ApplierBed();

    static Far::Options northbound(std::string schema = "ovn-nb-23.03.ovsschema") {
        return {std::move(schema), &ovsdb::nb_database(), appliers::ovsdb::extra_tables<nb::Northbound>()};
    }
    static Far::Options southbound() {
        return {"ovn-sb-23.03.ovsschema", &ovsdb::sb_database(), appliers::ovsdb::extra_tables<sb::Southbound>()};
    }
    static Far::Options vswitch() {
        return {"vswitch-8.3.1.ovsschema", &ovsdb::ovs_database(), appliers::ovsdb::extra_tables<ovs::Vswitch>()};
    }

    /// Rules may put rows of these tables; call before start().
    template <TableTag... T>
    void wants() {
        for (const TableSpec& spec : {table_spec<T>()...}) {
            ASSERT_TRUE(engine->add_input(spec));
            tables_.push_back(spec);
        }
    }
    template <TableTag T>
    Key<T> put(T row) {
        if constexpr (requires { row.settle_key(); }) row.settle_key();
        const Key<T> key = row.key;
        engine::ChangeSet news;
        news.put<T>(std::move(row));
        engine->post(std::move(news));
        return key;
    }
    template <TableTag T>
    void withdraw(const Key<T>& key) {
        engine::ChangeSet news;
        news.erase<T>(key);
        engine->post(std::move(news));
    }
    /// The first set of rows is complete; the appliers connect.
    void start();
    /// Another process: a new engine whose rules say the same, no appliers; start() makes them.
    void restart();
    void step();
    /// Steps until it holds.
    bool until(const std::function<bool()>& holds);
    /// Everything is as it should be, and stays so.
    bool until_synced();
    Far& add(Far::Options options);

    ManualClock clock;
    std::shared_ptr<Order> order;
    std::unique_ptr<engine::Engine> engine;
    std::vector<std::unique_ptr<Far>> fars;
    std::function<void()> each_step;

  private:
    std::vector<TableSpec> tables_;
};

/// A claim on all rows of a table whose external_ids say owner=weft.
template <class T>
ovsdb::ClaimSpec owned() {
    return {"owned", &row_type<T>(),
            [](const void* row) {
                const auto& ids = static_cast<const T*>(row)->external_ids;
                const std::string* owner = ids.declared() ? ids->find("owner") : nullptr;
                return owner && *owner == "weft";
            },
            [](const void* row) { return static_cast<const T*>(row)->natural_key(); }, nullptr};
}

}  // namespace weft::test
