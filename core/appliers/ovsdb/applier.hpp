#pragma once

#include "appliers/ovsdb/channel.hpp"
#include "appliers/ovsdb/ledger.hpp"
#include "appliers/ovsdb/plan.hpp"
#include "appliers/status.hpp"
#include "engine/engine.hpp"
#include "ovsdb/replica.hpp"

#include <weft/base/clock.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

/// Makes one OVSDB database hold the rows that rules put, and nothing more of what is claimed. README.md has the story.
namespace weft::appliers::ovsdb {

/// A Member or ForeignColumn row, whichever database it is for.
struct MemberView {
    std::string_view table, row, column, map_key, value, ref_table;
    std::span<const weft::ovsdb::After> after;
};

/// The desired tables of one database that are not OVSDB tables themselves.
struct ExtraTables {
    TableSpec members;
    MemberView (*member)(const void* row) = nullptr;
    TableSpec foreign_columns;
    MemberView (*foreign_column)(const void* row) = nullptr;
};

template <class Db>
ExtraTables extra_tables() {
    using Member = weft::ovsdb::Member<Db>;
    using Foreign = weft::ovsdb::ForeignColumn<Db>;
    return {table_spec<Member>(),
            [](const void* row) -> MemberView {
                const auto& m = *static_cast<const Member*>(row);
                return {m.table, m.row, m.column, m.map_key, m.value, m.ref_table, m.after};
            },
            table_spec<Foreign>(),
            [](const void* row) -> MemberView {
                const auto& f = *static_cast<const Foreign*>(row);
                return {f.table, f.row, f.column, {}, f.value, f.ref_table, f.after};
            }};
}

/// Asked about rows that were there before this process: might a rule instance that waits or failed still want them?
/// `driver` is empty when the claim can't tell.
using Unsettled = std::function<bool(const weft::ovsdb::TableInfo& table, std::string_view driver)>;

class Applier final : public engine::Subscriber {
  public:
    struct Options {
        std::string name;                    ///< "ovn-nb"
        std::size_t most_operations = 1000;  ///< in one transaction, but for groups that are larger
        Duration first_retry = std::chrono::seconds(1);
        Duration most_retry = std::chrono::seconds(60);
    };

    /// The replica is read, on the engine thread; somebody else applies updates to it and tells what they changed.
    Applier(Options options, engine::Engine& engine, const weft::ovsdb::DatabaseReplica& replica, Channel& channel,
            ExtraTables extra, const Clock& clock, Unsettled unsettled);
    ~Applier();

    /// Subscribes to the engine; once, before its first tick.
    Result<void> start();
    void add_claim(const weft::ovsdb::ClaimSpec& claim);
    /// The claim's plugin is gone and what it had put has been withdrawn.
    void remove_claim(const weft::ovsdb::ClaimSpec& claim);

    // Engine thread, told by the engine:
    void changed(std::span<const Change> changes) override;
    void first_round_done() override;

    // Engine thread, told by whoever drives the database:
    /// The database has (again) told all its rows; learns them and looks at everything anew.
    void loaded();
    void database_changed(const weft::ovsdb::Changes& changes);
    void outcome(std::uint64_t transaction, const weft::ovsdb::Outcome& outcome);
    /// Some status of a rule has changed: rows that were held back may go now.
    void statuses_changed();
    /// Sends what is to be sent; after each tick and whenever something above was called.
    void flush();
    /// When flush() wants to be called though nothing happens (retries).
    std::optional<TimePoint> next_deadline() const;

    Status status() const;
    /// The row of a desired table is in the database as it should be.
    bool applied(std::string_view table, std::string_view key) const;

  private:
    class Round;
    friend class Round;

    struct Failure {
        std::string what;
        unsigned attempts = 0;
        TimePoint next{};
        WallTime since{};
    };
    struct Flight {
        std::vector<Group> groups;
    };

    Ledger* ledger(std::string_view table);
    const Ledger* ledger(std::string_view table) const;
    void mark(const Item& item);
    void mark_rows_of(const Item& row, const std::unordered_map<Item, std::vector<Item>, ItemHash>& index);
    void wake_blocked(const Item& item);
    void index_extra(const Item& item, const MemberView& view, bool add);
    void index_after(const Item& item, std::span<const weft::ovsdb::After> after, bool add);
    void row_changed(const weft::ovsdb::RowChange& change);
    void member_changed(const weft::ovsdb::MemberChange& change);
    std::vector<std::string> keys_of(const weft::ovsdb::TableInfo& table, const RowPtr& row) const;
    void send(std::vector<Group> groups);
    void commit(std::vector<Group> groups);
    void settle(const Group& group);
    void fail(const Group& group, const std::string& error);
    Item row_item(std::string_view ovsdb_table, std::string_view key) const;

    Options options_;
    engine::Engine& engine_;
    const weft::ovsdb::DatabaseReplica& replica_;
    Channel& channel_;
    ExtraTables extra_;
    const Clock& clock_;
    Unsettled unsettled_;

    std::unordered_map<std::string_view, std::unique_ptr<Ledger>> ledgers_;  ///< by table_name
    std::vector<TableSpec> subscribed_;
    bool first_round_ = false;
    bool loaded_ = false;

    std::unordered_set<Item, ItemHash> dirty_;
    std::unordered_set<Item, ItemHash> planning_;           ///< what the round that is being planned looks at
    std::unordered_map<Item, RowPtr, ItemHash> withdrawn_;  ///< members and foreign columns to take back
    std::unordered_set<Item, ItemHash> definite_;  ///< withdrawn by a rule in this process: no need to ask `unsettled`
    std::unordered_set<Item, ItemHash> held_;      ///< not deleted because an unsettled instance may want them
    std::unordered_map<Item, std::vector<Item>, ItemHash> blocked_;     ///< by what they wait for
    std::unordered_map<Item, std::vector<Item>, ItemHash> members_of_;  ///< members and foreign columns by their row
    std::unordered_map<Item, std::vector<Item>, ItemHash> refers_to_;   ///< the same by the row their value refers to
    std::unordered_map<Item, std::vector<Item>, ItemHash> dependents_;  ///< items by what they come `after`
    std::unordered_map<Item, Failure, ItemHash> failures_;
    std::unordered_set<Item, ItemHash> expected_;  ///< changed by the engine since the last flush: no drift
    std::map<std::uint64_t, Flight> flights_;
    std::unordered_set<Item, ItemHash> flying_;

    std::uint64_t applied_count_ = 0;
    std::uint64_t transactions_ = 0;
    std::uint64_t repaired_ = 0;
};

}  // namespace weft::appliers::ovsdb
